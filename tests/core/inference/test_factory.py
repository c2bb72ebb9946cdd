"""Choosing an engine, and what happens to files that are no networks."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from onnx import helper

from perception_core.errors import ConfigError, ModelError
from perception_core.inference import InferenceConfig, available_backends, create_backend
from perception_core.inference.factory import choose_backend, engine_folder
from perception_core.inference.input_shapes import image_shape
from perception_core.inference.model_card import InputSpec
from perception_core.inference.onnxruntime_backend import OnnxRuntimeBackend
from perception_core.inference.switching import SwitchingBackend


@pytest.fixture
def without_tensorrt(monkeypatch):
    """A machine without TensorRT and torch, whatever there is."""
    from perception_core.inference import factory

    monkeypatch.setattr(factory, "find_spec", lambda name: name == "onnxruntime" or None)


def test_auto_takes_onnxruntime_where_it_is_the_best_installed(without_tensorrt):
    assert available_backends() == ("onnxruntime",)
    choice = choose_backend("auto")
    assert choice.name == "onnxruntime"
    assert choice.reason == (
        "onnxruntime is the best that works here; tensorrt is not installed; tensorrt_rtx is not installed"
    )


def test_what_was_asked_for_by_name_needs_no_reason(without_tensorrt):
    assert choose_backend("onnxruntime").reason == ""


def test_an_engine_that_is_not_here_is_named_with_what_is_available(tmp_path, without_tensorrt):
    with pytest.raises(
        ModelError, match=r"'tensorrt' is not available; available here: auto, onnxruntime \(tensorrt is"
    ):
        create_backend(tmp_path / "x.onnx", InferenceConfig(backend="tensorrt"))


def test_an_engine_nobody_knows_is_a_config_error():
    with pytest.raises(ConfigError, match="backend: 'openvino' is none of auto, tensorrt, tensorrt_rtx, onnxruntime"):
        InferenceConfig(backend="openvino")


def test_tensorrt_without_a_gpu_is_left_and_said(fake_tensorrt, monkeypatch):
    cuda = fake_tensorrt.install(monkeypatch)
    monkeypatch.setattr(cuda, "cudaGetDeviceCount", lambda: (cuda.cudaError_t.cudaErrorInvalidValue, None))
    choice = choose_backend("auto")
    assert choice.name == "onnxruntime"
    assert "tensorrt does not work: <lambda>: cudaErrorInvalidValue" in choice.reason
    with pytest.raises(ModelError, match=r"'tensorrt' is not available; .* \(tensorrt does not work"):
        choose_backend("tensorrt")


def test_programs_of_torch_are_for_torch_alone(tmp_path, without_tensorrt):
    with pytest.raises(ModelError, match="no inference backend works here: torch is not installed"):
        create_backend(tmp_path / "x.pt2")
    with pytest.raises(
        ModelError, match=r"x\.pt2: inference backend 'onnxruntime' does not take such a file, torch does"
    ):
        create_backend(tmp_path / "x.pt2", InferenceConfig(backend="onnxruntime"))


def test_onnxruntime_serves_until_the_engine_is_built_which_is_loaded_at_once_the_next_time(
    tmp_path, networks, fake_tensorrt, monkeypatch
):
    fake_tensorrt.install(monkeypatch)
    path = networks.echo_network(tmp_path / "echo.onnx", size=8)
    config = InferenceConfig(engine_folder=str(tmp_path / "engines"), precision="fp32")
    image = np.arange(192, dtype=np.float32).reshape(1, 3, 8, 8)
    backend = create_backend(path, config)
    assert isinstance(backend, SwitchingBackend)
    assert backend.name == "onnxruntime (CPU, 1 thread)"
    assert backend.reason.startswith("until the engine of tensorrt is built")
    assert backend.wait(30)
    np.testing.assert_array_equal(backend.run({"images": image})["output"], image)
    assert backend.name == "tensorrt 10.16.1.11 (Fake GPU, fp32)"
    assert backend.reason == "tensorrt is the best for this kind of file"
    backend.close()
    again = create_backend(path, config)
    assert again.name == "tensorrt 10.16.1.11 (Fake GPU, fp32)"
    assert fake_tensorrt.Builder.built == 1


def test_a_build_can_be_waited_for_with_its_progress(tmp_path, networks, fake_tensorrt, monkeypatch):
    fake_tensorrt.install(monkeypatch, "tensorrt_rtx")
    path = networks.echo_network(tmp_path / "echo.onnx", size=8)
    reports = []
    config = InferenceConfig(
        backend="tensorrt_rtx", engine_folder=str(tmp_path / "engines"), serve_while_building=False
    )
    backend = create_backend(path, config, report=reports.append)
    assert backend.name == "tensorrt_rtx 10.16.1.11 (Fake GPU, fp16)"
    assert backend.reason == "fp16 because the network is not quantised"
    assert [report.stage for report in reports][-1] == "load"
    assert 0.5 in [report.fraction for report in reports]


def test_open_sizes_are_the_cards_and_batches_up_to_the_largest(tmp_path, networks, fake_tensorrt, monkeypatch):
    fake_tensorrt.install(monkeypatch)
    node = helper.make_node("Identity", ["images"], ["output"])
    path = networks.save(tmp_path / "open.onnx", [node], [], ("b", 3, "h", 8), ["b", 3, "h", 8])
    folder = str(tmp_path / "engines")
    config = InferenceConfig(backend="tensorrt", engine_folder=folder, max_batch=4, serve_while_building=False)
    backend = create_backend(path, config, image_shape(InputSpec(width=8, height=16)))
    assert fake_tensorrt.Builder.last_config.profiles == [{"images": ((1, 3, 16, 8), (4, 3, 16, 8))}]
    assert backend.run({"images": np.zeros((3, 3, 16, 8), np.float32)})["output"].shape == (3, 3, 16, 8)


def test_where_engines_are_kept():
    assert engine_folder(InferenceConfig(), {"XDG_CACHE_HOME": "/x"}) == Path("/x/perception/engines")
    assert engine_folder(InferenceConfig(engine_folder="~/e")) == Path.home() / "e"


def test_a_gpu_of_onnxruntime_that_is_not_there_is_said_or_an_error(tmp_path, networks):
    path = networks.echo_network(tmp_path / "echo.onnx")
    available = ort.get_available_providers()
    if "CUDAExecutionProvider" in available:
        pytest.skip("an ONNX Runtime with CUDA")
    backend = create_backend(path, InferenceConfig(backend="onnxruntime"))
    assert (backend.name, backend.reason) == ("onnxruntime (CPU, 1 thread)", "this ONNX Runtime has no CUDA")
    with pytest.raises(ModelError, match="provider 'cuda' is not available; available here: cpu"):
        create_backend(path, InferenceConfig(backend="onnxruntime", provider="cuda"))


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_gpu_of_onnxruntime_that_does_not_start_is_left_and_said(tmp_path, networks, monkeypatch):
    path = networks.echo_network(tmp_path / "echo.onnx")
    available = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(ort, "get_available_providers", lambda: available)
    backend = OnnxRuntimeBackend(path, provider="auto")
    assert backend.name == "onnxruntime (CPU, 1 thread)"
    assert "CUDA" in backend.reason
    for provider in ("cuda", "tensorrt"):
        with pytest.raises(ModelError, match=rf"echo\.onnx: ONNX Runtime.*{provider.upper()}"):
            OnnxRuntimeBackend(path, provider=provider)


def test_zero_threads_is_out_of_range():
    with pytest.raises(ConfigError, match="threads: 0 is out of range"):
        InferenceConfig(threads=0)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("spinning", [False, True])
def test_a_network_returns_what_its_graph_says(tmp_path, networks, threads, spinning):
    path = networks.echo_network(tmp_path / "echo.onnx")
    backend = create_backend(path, InferenceConfig(threads=threads, spinning=spinning))
    image = np.arange(3 * 64 * 64, dtype=np.float32).reshape(1, 3, 64, 64)
    np.testing.assert_array_equal(backend.run({"images": image})["output"], image)
    assert backend.path == str(path)
    assert f"{threads} thread" in backend.name
    assert str(backend.inputs[0]) == "images float32 [1, 3, 64, 64]"


def test_no_such_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"missing\.onnx: no such file"):
        create_backend(tmp_path / "missing.onnx")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"not a network at all", "cannot load it"),
        (b"\x00" * 4096, "cannot load it"),
        (b"\x0a\xff\xff\xff\xff\x07" + b"x" * 64, "cannot load it"),  # a field that claims 2 GiB
    ],
)
def test_a_file_that_is_no_network_is_named_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=rf"broken\.onnx: .*{reason}"):
        create_backend(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_network_is_named(tmp_path, networks, share):
    whole = networks.constant_network(tmp_path / "whole.onnx", networks.empty_output()).read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelError, match=r"cut\.onnx: ONNX Runtime cannot load it"):
        create_backend(path)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ModelError, match="no such file"):
        create_backend(tmp_path)


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({}, "images"),
        ({"picture": np.zeros((1, 3, 64, 64), np.float32)}, "picture"),
        ({"images": np.zeros((1, 3, 32, 64), np.float32)}, "images"),
        ({"images": np.zeros((1, 3, 64, 64), np.float64)}, "double"),
    ],
)
def test_inputs_that_do_not_fit_are_a_model_error(tmp_path, networks, inputs, reason):
    backend = create_backend(networks.echo_network(tmp_path / "echo.onnx"))
    with pytest.raises(ModelError, match=rf"(?s)echo\.onnx: the network failed: .*{reason}"):
        backend.run(inputs)


def test_a_closed_network_says_so(tmp_path, networks):
    backend = create_backend(networks.echo_network(tmp_path / "echo.onnx"))
    backend.close()
    backend.close()
    with pytest.raises(ModelError, match=r"echo\.onnx: the network is closed"):
        backend.run({"images": np.zeros((1, 3, 64, 64), np.float32)})
