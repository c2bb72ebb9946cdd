"""Images prepared on the GPU for TensorRT: memory, order, batches, and what happens where it cannot be.

TensorRT, CUDA, its driver and NVRTC are fake ones on the host's memory here; the kernel is ours, compiled for the host.
"""

import sys
from types import ModuleType

import numpy as np
import pytest
from onnx import TensorProto, helper

from perception_core.camera.encodings import decode_image
from perception_core.errors import ModelError
from perception_core.inference import InferenceConfig, create_backend
from perception_core.inference.input_shapes import image_shape
from perception_core.inference.layout import lay_out
from perception_core.inference.model_card import InputSpec
from perception_core.inference.preprocess import BatchPreprocessor

SPEC = InputSpec(width=16, height=12, scale=1 / 255, colour="rgb", letterbox="centre")
RANDOM = np.random.default_rng(11)


@pytest.fixture
def fakes(fake_tensorrt, host_kernel, monkeypatch):
    """CUDA, NVRTC and the driver."""
    cuda = fake_tensorrt.install(monkeypatch)
    return cuda, *host_kernel.install(monkeypatch, cuda)


@pytest.fixture
def load(networks, tmp_path):
    """Load a network that returns its input."""

    def make(batch: object = 1, **config):
        node = helper.make_node("Identity", ["images"], ["output"])
        shape = (batch, 3, SPEC.height, SPEC.width)
        path = networks.save(tmp_path / f"echo_{batch}.onnx", [node], [], shape, list(shape))
        settings = {
            "backend": "tensorrt",
            "precision": "fp32",
            "engine_folder": str(tmp_path / "engines"),
            "serve_while_building": False,
            "max_batch": 4,
        }
        return create_backend(path, InferenceConfig(**(settings | config)), image_shape(SPEC))

    return make


def picture(width: int, height: int) -> np.ndarray:
    return RANDOM.integers(0, 256, (height, width, 3), np.uint8)


def windows_of(images, split_wide=False):
    return [lay_out(SPEC, image.shape[1], image.shape[0], split_wide) for image in images]


def prepared_on_cpu(images, split_wide=False):
    return BatchPreprocessor(SPEC, split_wide)(images, len(images))[0]


def run(backend, images, split_wide=False):
    backend.images.prepare(SPEC, images, windows_of(images, split_wide), {})
    return backend.images.run()["output"]


def assert_as_on_cpu(output, images, split_wide=False):
    np.testing.assert_allclose(output, prepared_on_cpu(images, split_wide), atol=1.01 / 255)


def test_the_network_sees_what_the_cpu_would_have_prepared(load, fakes):
    backend = load()
    assert str(backend.preprocessing) == "GPU"
    for size in ((16, 12), (40, 30), (9, 25), (200, 100), (1, 1)):
        images = [picture(*size)]
        assert_as_on_cpu(run(backend, images), images)
    wide = [picture(300, 40)]
    assert_as_on_cpu(run(backend, wide, split_wide=True), wide, split_wide=True)


@pytest.mark.parametrize("encoding", ["bgr8", "rgb8", "bgra8", "mono8", "bayer_rggb8", "yuv422_yuy2", "mono16"])
def test_images_of_any_encoding_are_prepared_alike(load, fakes, encoding):
    each = {"bgra8": 4, "mono8": 1, "bayer_rggb8": 1, "yuv422_yuy2": 2, "mono16": 2}.get(encoding, 3)
    data = RANDOM.integers(0, 256, 40 * 30 * each, np.uint8).tobytes()
    images = [decode_image(data, 40, 30, 40 * each, encoding)]
    assert_as_on_cpu(run(load(), images), images)


def test_rows_that_are_not_contiguous_are_uploaded_right(load, fakes):
    images = [picture(60, 50)[5:45:2, 10:50]]
    assert_as_on_cpu(run(load(), images), images)


def test_several_sizes_share_a_batch_that_is_open(load, fakes):
    backend = load("batch")
    for count in (3, 1, 4):
        images = [picture(20 + 7 * i, 31 - 3 * i) for i in range(count)]
        assert_as_on_cpu(run(backend, images), images)


def test_fewer_images_than_a_fixed_batch_are_taken_and_more_are_refused(load, fakes):
    backend = load(2)
    images = [picture(20, 20)]
    assert_as_on_cpu(run(backend, images)[:1], images)
    with pytest.raises(ModelError, match="3 images for a batch of 2"):
        backend.images.prepare(SPEC, [picture(4, 4)] * 3, windows_of([picture(4, 4)] * 3), {})


def test_a_card_of_another_size_than_the_engine_is_refused(load, fakes):
    other = InputSpec(width=20, height=12)
    with pytest.raises(ModelError, match=r"input images of shape \[1, 3, 12, 20\] is refused"):
        load().images.prepare(other, [picture(4, 4)], [lay_out(other, 4, 4)], {})


def test_other_conventions_take_effect_at_the_next_image(load, fakes):
    backend, images = load(), [picture(16, 12)]
    run(backend, images)
    raw = InputSpec(width=16, height=12)
    backend.images.prepare(raw, images, windows_of(images), {})
    np.testing.assert_array_equal(backend.images.run()["output"][0], images[0].transpose(2, 0, 1))


def test_the_run_is_a_graph_and_prepared_tensors_are_taken_still(load, fakes):
    cuda = fakes[0]
    backend, images = load(), [picture(30, 30)]
    assert_as_on_cpu(run(backend, images), images)
    assert_as_on_cpu(run(backend, images), images)
    assert cuda.calls.count("launch") == 2
    tensor = RANDOM.uniform(size=(1, 3, 12, 16)).astype(np.float32)
    np.testing.assert_array_equal(backend.run({"images": tensor})["output"], tensor)
    assert_as_on_cpu(run(backend, images), images)


def test_nothing_prepared_is_an_error_and_what_is_prepared_twice_is_the_last(load, fakes):
    backend, images = load(), [picture(30, 30)]
    with pytest.raises(ModelError, match="no images were prepared"):
        backend.images.run()
    backend.images.prepare(SPEC, [picture(50, 50)], windows_of([picture(50, 50)]), {})
    assert_as_on_cpu(run(backend, images), images)
    with pytest.raises(ModelError, match="no images were prepared"):
        backend.images.run()


def test_networks_that_are_told_the_size_are_told(networks, tmp_path, fakes):
    nodes = [
        helper.make_node("Cast", ["orig_target_sizes"], ["sizes"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["images"], ["sum"], keepdims=0),
        helper.make_node("Add", ["sizes", "sum"], ["output"]),
    ]
    values = [
        helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 12, 16]),
        helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, [1, 2]),
        helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 2]),
    ]
    graph = helper.make_graph(nodes, "test", values[:2], values[2:])
    path = tmp_path / "sized.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    config = InferenceConfig(precision="fp32", engine_folder=str(tmp_path / "engines"), serve_while_building=False)
    backend = create_backend(path, config)
    black = [np.zeros((12, 16, 3), np.uint8)]
    backend.images.prepare(SPEC, black, windows_of(black), {"orig_target_sizes": np.array([[16, 12]])})
    assert backend.images.run()["output"].tolist() == [[16, 12]]
    with pytest.raises(ModelError, match=r"expected the inputs orig_target_sizes, got none"):
        backend.images.prepare(SPEC, black, windows_of(black), {})


def test_closing_gives_all_memory_and_the_code_back(load, fakes):
    cuda, _, driver = fakes
    backend = load()
    run(backend, [picture(30, 30)])
    assert driver.modules == 1
    images = backend.images
    backend.close()
    assert cuda.memory == {}
    assert driver.modules == 0
    assert backend.images is None
    with pytest.raises(ModelError, match="the network is closed"):
        images.prepare(SPEC, [picture(4, 4)], windows_of([picture(4, 4)]), {})


def test_the_kernel_is_compiled_once_for_all_and_kept_beside_the_engines(load, fakes, tmp_path):
    _, nvrtc, _ = fakes
    load().close()
    assert nvrtc.compiled == [["--gpu-architecture=sm_87", "--std=c++17", "--define-macro=ELEMENT=unsigned int"]]
    assert nvrtc.alive == 0
    load(2).close()
    assert len(nvrtc.compiled) == 1
    (stored,) = (tmp_path / "engines").glob("*.image_kernel")
    stored.write_bytes(stored.read_bytes()[:-9])
    images = [picture(30, 30)]
    assert_as_on_cpu(run(load(), images), images)
    assert len(nvrtc.compiled) == 2


def missing(name: str):
    """Return a module whose every function fails as cuda-python's does without the library."""

    def absent(*_arguments):
        raise RuntimeError(f'Failure finding "lib{name}.so"')

    module = ModuleType(f"cuda.bindings.{name}")
    module.nvrtcResult = type("Result", (), {"NVRTC_SUCCESS": 0})
    module.nvrtcGetSupportedArchs = absent
    return module


def test_without_nvrtc_images_come_prepared_and_the_reason_is_said(load, fakes, monkeypatch):
    monkeypatch.setitem(sys.modules, "cuda.bindings.nvrtc", missing("nvrtc"))
    backend = load()
    assert backend.images is None
    fault = 'NVRTC is missing (pip install nvidia-cuda-nvrtc): Failure finding "libnvrtc.so"'
    assert (backend.preprocessing.device, backend.preprocessing.fault) == ("CPU", fault)
    assert str(backend.preprocessing) == f"CPU, because {fault}"
    tensor = RANDOM.uniform(size=(1, 3, 12, 16)).astype(np.float32)
    np.testing.assert_array_equal(backend.run({"images": tensor})["output"], tensor)
    with pytest.raises(ModelError, match=r"echo_1\.onnx: images cannot be prepared on the GPU: NVRTC is missing"):
        load(preprocessing="gpu")


def test_a_kernel_that_the_driver_refuses_is_left(load, fakes, monkeypatch, host_kernel):
    refused = host_kernel.Result.ERROR_INVALID_IMAGE
    monkeypatch.setattr(fakes[2], "cuModuleLoadData", lambda code: (refused, None))
    backend = load()
    assert backend.images is None
    assert "because <lambda>: ERROR_INVALID_IMAGE" in str(backend.preprocessing)


def test_a_kept_kernel_that_the_driver_refuses_is_compiled_anew(load, fakes, monkeypatch, host_kernel):
    """The driver was put back to an older one; the NVRTC of today fits it."""
    load().close()
    _, nvrtc, driver = fakes
    real, asked = driver.cuModuleLoadData, []

    def older(code):
        asked.append(bytes(code))
        return (host_kernel.Result.ERROR_INVALID_IMAGE, None) if len(asked) == 1 else real(code)

    monkeypatch.setattr(driver, "cuModuleLoadData", older)
    images = [picture(30, 30)]
    assert_as_on_cpu(run(load(), images), images)
    assert (len(asked), len(nvrtc.compiled)) == (2, 2)


@pytest.mark.parametrize("failing", range(3))
def test_what_did_not_reach_the_gpu_is_sent_again(load, fakes, monkeypatch, failing):
    """Pixels, plan or table: a copy fails once, and the same image afterwards is prepared whole."""
    cuda = fakes[0]
    backend, images = load(), [picture(30, 30)]
    real, copies = cuda.cudaMemcpyAsync, []

    def copy(to, source, size, kind, stream):
        copies.append(size)
        if len(copies) == failing + 1:
            return (cuda.cudaError_t.cudaErrorInvalidValue,)
        return real(to, source, size, kind, stream)

    monkeypatch.setattr(cuda, "cudaMemcpyAsync", copy)
    with pytest.raises(ModelError, match="cudaErrorInvalidValue"):
        run(backend, images)
    with pytest.raises(ModelError, match="no images were prepared"):
        backend.images.run()
    assert_as_on_cpu(run(backend, images), images)


def test_it_can_be_switched_off(load, fakes):
    backend = load(preprocessing="cpu")
    assert backend.images is None
    assert str(backend.preprocessing) == "CPU"
    assert fakes[1].compiled == []


def test_the_gpu_without_tensorrt_is_refused(load):
    with pytest.raises(ModelError, match="preprocessing on the GPU needs TensorRT, and the engine is onnxruntime"):
        load(backend="onnxruntime", preprocessing="gpu")


def test_onnx_runtime_gets_prepared_images_until_the_engine_takes_over(load, fakes):
    backend = load(serve_while_building=True)
    assert str(backend.preprocessing) == "CPU"
    assert backend.wait(30)
    images = [picture(30, 30)]
    assert_as_on_cpu(run(backend, images), images)
    assert str(backend.preprocessing) == "GPU"
    assert backend.name == "tensorrt 10.16.1.11 (Fake GPU, fp32)"
