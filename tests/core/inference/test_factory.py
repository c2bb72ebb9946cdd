"""Choosing an engine, and what happens to files that are no networks."""

import numpy as np
import pytest

from perception_core.errors import ConfigError, ModelError
from perception_core.inference import InferenceConfig, available_backends, create_backend
from perception_core.inference.backend import single_image_input
from perception_core.inference.factory import choose_backend


def test_auto_takes_onnxruntime_where_it_is_the_best_installed():
    assert available_backends() == ("onnxruntime",)
    assert choose_backend("auto") == "onnxruntime"


def test_an_engine_that_is_not_here_is_named_with_what_is_available(tmp_path):
    with pytest.raises(ModelError, match=r"'tensorrt' is not available; available here: auto, onnxruntime"):
        create_backend(tmp_path / "x.onnx", InferenceConfig(backend="tensorrt"))


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


@pytest.mark.parametrize("shape", [(3, 64, 64), (2, 3, 64, 64), (1, 4, 64, 64), (1, 3, 64, 64, 1)])
def test_an_input_of_the_wrong_rank_or_size_is_named(tmp_path, networks, shape):
    path = networks.constant_network(tmp_path / "odd.onnx", networks.empty_output(), input_shape=shape)
    backend = create_backend(path)
    with pytest.raises(ModelError, match=rf"expected an input float32 .* got images .*{shape[1]}"):
        single_image_input(backend)


def test_open_dimensions_are_none(tmp_path, networks):
    shape = ("batch", 3, "height", "width")
    path = networks.constant_network(tmp_path / "open.onnx", networks.empty_output(), input_shape=shape)
    assert single_image_input(create_backend(path)).shape == (None, 3, None, None)
