"""Running engines: memory, streams, graphs and shapes. TensorRT and CUDA are fake ones on the host's memory here."""

import threading

import numpy as np
import pytest
from onnx import TensorProto, helper

from perception_core.errors import ModelError
from perception_core.inference.engines.key import ShapeRange
from perception_core.inference.progress import unheard
from perception_core.inference.tensorrt_api import load_api
from perception_core.inference.tensorrt_backend import EngineRefusedError, TensorRtBackend
from perception_core.inference.tensorrt_builder import BuildOptions, build_engine
from perception_core.inference.tensorrt_cuda import CudaError, load_cuda


@pytest.fixture
def fake(fake_tensorrt, monkeypatch):
    fake_tensorrt.install(monkeypatch)
    return fake_tensorrt


@pytest.fixture
def cuda(fake):
    return fake.Engine.cuda


def load(path, options=None, engine=None):
    api = load_api("tensorrt")
    plan = engine or build_engine(api, path, None, options or BuildOptions(), unheard, threading.Event())
    return TensorRtBackend(api, load_cuda(), plan, str(path), "fp32")


def echo(networks, tmp_path, batch: object = 1):
    nodes = [helper.make_node("Add", ["images", "images"], ["output"])]
    return networks.save(tmp_path / "twice.onnx", nodes, [], (batch, 3, 8, 8), [batch, 3, 8, 8])


IMAGE = np.arange(192, dtype=np.float32).reshape(1, 3, 8, 8)


def test_a_run_gives_what_the_network_says_and_the_arrays_are_the_callers(networks, tmp_path, cuda):
    backend = load(echo(networks, tmp_path))
    first = backend.run({"images": IMAGE})["output"]
    np.testing.assert_array_equal(first, 2 * IMAGE)
    second = backend.run({"images": IMAGE + 1})["output"]
    np.testing.assert_array_equal(first, 2 * IMAGE)
    np.testing.assert_array_equal(second, 2 * IMAGE + 2)
    assert backend.name == "tensorrt 10.16.1.11 (Fake GPU, fp32)"
    assert str(backend.inputs[0]) == "images float32 [1, 3, 8, 8]"
    assert backend.reason == ""


def test_fixed_shapes_run_as_one_graph(networks, tmp_path, cuda):
    backend = load(echo(networks, tmp_path))
    assert "launch" not in cuda.calls
    backend.run({"images": IMAGE})
    backend.run({"images": IMAGE})
    assert cuda.calls.count("launch") == 2


def test_what_cannot_be_captured_runs_without_and_says_so(networks, tmp_path, cuda):
    cuda.can_capture = False
    backend = load(echo(networks, tmp_path))
    np.testing.assert_array_equal(backend.run({"images": IMAGE})["output"], 2 * IMAGE)
    assert "launch" not in cuda.calls
    assert backend.reason == "without CUDA graph: cudaStreamEndCapture: cudaErrorStreamCaptureUnsupported"


def test_open_batches_are_a_graph_once_the_same_comes_again(networks, tmp_path, cuda):
    shapes = (("images", ShapeRange((1, 3, 8, 8), (4, 3, 8, 8), (4, 3, 8, 8))),)
    backend = load(echo(networks, tmp_path, "batch"), BuildOptions(shapes))
    expected = {"images of a run": [2, 2, 2, 3, 2, 2], "graphs launched so far": [0, 1, 2, 2, 2, 3]}
    for count, launched in zip(*expected.values(), strict=True):
        images = np.random.default_rng(count).normal(size=(count, 3, 8, 8)).astype(np.float32)
        np.testing.assert_array_equal(backend.run({"images": images})["output"], 2 * images)
        assert cuda.calls.count("launch") == launched
    backend.close()
    assert cuda.calls.count("destroy graph") == 2


def test_open_batches_take_memory_once(networks, tmp_path, cuda):
    shapes = (("images", ShapeRange((1, 3, 8, 8), (4, 3, 8, 8), (4, 3, 8, 8))),)
    backend = load(echo(networks, tmp_path, "batch"), BuildOptions(shapes))
    assert backend.inputs[0].shape == (None, 3, 8, 8)
    for count in (1, 4, 2, 4):
        images = np.random.default_rng(count).normal(size=(count, 3, 8, 8)).astype(np.float32)
        np.testing.assert_array_equal(backend.run({"images": images})["output"], 2 * images)
        if count == 4:
            blocks = set(cuda.memory)
    assert set(cuda.memory) == blocks
    with pytest.raises(ModelError, match=r"input images of shape \[5, 3, 8, 8\] is refused"):
        backend.run({"images": np.zeros((5, 3, 8, 8), np.float32)})
    np.testing.assert_array_equal(backend.run({"images": IMAGE})["output"], 2 * IMAGE)  # and goes on


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"picture": IMAGE},
        {"images": IMAGE[:, :, :7]},
        {"images": IMAGE.astype(np.float64)},
        {"images": IMAGE[0]},
    ],
)
def test_inputs_that_do_not_fit_are_named_before_anything_is_copied(networks, tmp_path, fake, inputs):
    backend = load(echo(networks, tmp_path))
    with pytest.raises(ModelError, match=r"twice\.onnx: expected"):
        backend.run(inputs)


def test_rows_that_are_not_contiguous_are_copied_right(networks, tmp_path, fake):
    backend = load(echo(networks, tmp_path))
    turned = np.ascontiguousarray(IMAGE.transpose(0, 1, 3, 2)).transpose(0, 1, 3, 2)
    np.testing.assert_array_equal(backend.run({"images": turned})["output"], 2 * IMAGE)


def test_closing_gives_everything_back(networks, tmp_path, cuda):
    backend = load(echo(networks, tmp_path))
    assert len(cuda.memory) == 4  # input and output, on the GPU and pinned
    backend.close()
    backend.close()
    assert cuda.memory == {}
    assert cuda.calls[-2:] == ["destroy graph", "destroy stream"]
    with pytest.raises(ModelError, match="the network is closed"):
        backend.run({"images": IMAGE})


def test_another_thread_may_run_it(networks, tmp_path, fake):
    backend = load(echo(networks, tmp_path))
    results = []
    thread = threading.Thread(target=lambda: results.append(backend.run({"images": IMAGE})))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(results[0]["output"], 2 * IMAGE)


def test_an_engine_that_is_refused_says_why(networks, tmp_path, fake):
    with pytest.raises(EngineRefusedError, match="refuses the engine: The engine plan file is not compatible"):
        load(tmp_path / "x.onnx", engine=b"from another GPU")


def test_no_memory_is_an_error_that_leaves_nothing(networks, tmp_path, cuda):
    cuda.room = 700  # an image has 768 bytes
    with pytest.raises(CudaError, match="cudaMalloc: cudaErrorMemoryAllocation"):
        load(echo(networks, tmp_path))
    assert cuda.memory == {}


def test_shapes_that_depend_on_the_data_are_refused(networks, tmp_path, fake, monkeypatch):
    monkeypatch.setattr(fake.Engine, "data_dependent", True)
    with pytest.raises(ModelError, match=r"the shape of output output \[-1, 6\] depends on the data"):
        load(echo(networks, tmp_path))


def test_types_without_numpy_s_are_refused(tmp_path, fake):
    value = [helper.make_tensor_value_info(name, TensorProto.BFLOAT16, [1]) for name in ("a", "b")]
    graph = helper.make_graph([helper.make_node("Identity", ["a"], ["b"])], "g", value[:1], value[1:])
    path = tmp_path / "bf16.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )
    with pytest.raises(ModelError, match=r"bf16\.onnx: a: .*BF16 has no NumPy type"):
        load(path)


def test_a_gpu_that_is_not_there_is_named(fake):
    with pytest.raises(CudaError, match="GPU 3: there are 1"):
        load_cuda(3)
