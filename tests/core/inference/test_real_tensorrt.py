"""Real engines of TensorRT-RTX: built without a GPU, run on one. Left out where the library is not installed.

`python perception_ws/stubs/run_real_tensorrt.py` fetches the library and runs these.
"""

import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from perception_core.errors import ModelError
from perception_core.inference import InferenceConfig, create_backend
from perception_core.inference.engines.key import ShapeRange
from perception_core.inference.factory import choose_backend
from perception_core.inference.model_card import InputSpec
from perception_core.inference.precision import convert
from perception_core.inference.preprocess import BatchPreprocessor
from perception_core.inference.progress import unheard
from perception_core.inference.quantize import calibrated
from perception_core.inference.registry import find_model
from perception_core.inference.tensorrt_api import load_api
from perception_core.inference.tensorrt_builder import BuildOptions, build_engine
from perception_core.inference.tensorrt_engines import shape_ranges

SIZE = (1, 3, 32, 32)
IMAGE = np.random.default_rng(1).uniform(0, 1, SIZE).astype(np.float32)


@pytest.fixture
def write(tmp_path):
    """Write a convolution with SiLU, quantised or not."""

    def make(sizes: tuple = SIZE, quantized: bool = False) -> Path:
        weights = np.random.default_rng(0).normal(size=(8, 3, 3, 3)).astype(np.float32)
        constants = [numpy_helper.from_array(weights, "weights")]
        nodes, data, kernel = [], "images", "weights"
        if quantized:
            numbers = {
                "scale": np.array(0.02, np.float32),
                "zero": np.array(0, np.int8),
                "w8": np.ones_like(weights, np.int8),
            }
            constants = [numpy_helper.from_array(value, name) for name, value in numbers.items()]
            nodes = [
                helper.make_node("QuantizeLinear", ["images", "scale", "zero"], ["i8"]),
                helper.make_node("DequantizeLinear", ["i8", "scale", "zero"], ["data"]),
                helper.make_node("DequantizeLinear", ["w8", "scale", "zero"], ["kernel"]),
            ]
            data, kernel = "data", "kernel"
        nodes += [
            helper.make_node("Conv", [data, kernel], ["features"], pads=[1, 1, 1, 1]),
            helper.make_node("Sigmoid", ["features"], ["gate"]),
            helper.make_node("Mul", ["features", "gate"], ["output"]),
        ]
        values = [
            helper.make_tensor_value_info("images", TensorProto.FLOAT, list(sizes)),
            helper.make_tensor_value_info("output", TensorProto.FLOAT, [sizes[0], 8, *sizes[2:]]),
        ]
        graph = helper.make_graph(nodes, "test", values[:1], values[1:], constants)
        path = tmp_path / "net.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
        return path

    return make


def build(path, model=None, options=None, report=unheard, stop=None):
    api = load_api("tensorrt_rtx")
    return build_engine(api, path, model, options or BuildOptions(), report, stop or threading.Event())


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_a_network_becomes_an_engine_with_progress(tensorrt_rtx, write, precision):
    path = write()
    reports = []
    plan = build(path, None if precision == "fp32" else convert(path, precision), report=reports.append)
    assert len(plan) > 1000
    shares = [report.fraction for report in reports]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert len(set(shares)) > 5


def test_a_quantised_network_becomes_an_engine(tensorrt_rtx, write):
    assert len(build(write(quantized=True))) > 1000


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_what_our_quantizer_writes_becomes_an_engine(tensorrt_rtx, share, tmp_path):
    path, card = find_model("simulated_street")
    shape = (1, 3, card.input.height, card.input.width)
    images = [{"images": np.random.default_rng(2).uniform(0, 255, shape).astype(np.float32)}]
    quantized = tmp_path / "small.onnx"
    quantized.write_bytes(calibrated(path, images).quantized(share))
    ranges = shape_ranges({"images": shape}, 3)
    assert len(build(quantized, options=BuildOptions(ranges))) > 100_000


def test_open_sizes_are_built_for_a_range(tensorrt_rtx, write):
    shapes = (("images", ShapeRange((1, 3, 32, 32), (4, 3, 32, 32), (4, 3, 64, 32))),)
    path = write(("batch", 3, "height", 32))
    assert len(build(path, options=BuildOptions(shapes, exact=True, level=1, workspace_bytes=1 << 28))) > 1000
    with pytest.raises(ModelError, match="has open sizes, and none was given"):
        build(path)


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x0a\xff\xff\xff\xff\x07" + b"x" * 64])
def test_what_is_no_network_is_named(tensorrt_rtx, tmp_path, content):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"bad\.onnx: tensorrt_rtx .* cannot "):
        build(path)


def test_an_operator_nobody_knows_is_named(tensorrt_rtx, write):
    path = write()
    model = onnx.load(path)
    model.graph.node[1].op_type, model.graph.node[1].domain = "Foo", "own"
    onnx.save(model, path)
    with pytest.raises(ModelError, match=r"net\.onnx: tensorrt_rtx .* cannot read it: Foo: "):
        build(path)


def test_a_build_is_stopped_between_two_steps(tensorrt_rtx, write):
    stop = threading.Event()

    def report(progress):
        if progress.fraction > 0.1:
            stop.set()

    with pytest.raises(ModelError, match="the build was stopped"):
        build(write(), report=report, stop=stop)


def test_an_error_while_reporting_does_not_end_the_process(tensorrt_rtx, write):
    def report(progress):
        if progress.fraction:
            raise RuntimeError("nobody listens")

    with pytest.raises(ModelError, match=r"cannot build it: .*[Cc]anceled"):
        build(write(), report=report)


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("fp16", 1e-2)])
def test_on_a_gpu_an_engine_gives_what_onnx_runtime_gives(
    tensorrt_rtx, nvidia_gpu, write, tmp_path, precision, tolerance
):
    path = write()
    config = InferenceConfig(
        backend="tensorrt_rtx", precision=precision, engine_folder=str(tmp_path / "engines"), serve_while_building=False
    )
    reference = create_backend(path, InferenceConfig(backend="onnxruntime", provider="cpu")).run({"images": IMAGE})
    for _ in range(2):  # built, then read
        backend = create_backend(path, config)
        np.testing.assert_allclose(backend.run({"images": IMAGE})["output"], reference["output"], atol=tolerance)
        assert "without CUDA graph" not in backend.reason
        backend.close()


def test_on_a_gpu_auto_takes_it(tensorrt_rtx, nvidia_gpu):
    assert choose_backend("auto").name.startswith("tensorrt")


def test_on_a_gpu_images_are_prepared_as_on_the_cpu(tensorrt_rtx, nvidia_gpu, networks, tmp_path):
    spec = InputSpec(width=64, height=48, scale=1 / 255, colour="rgb", letterbox="centre")
    ones = numpy_helper.from_array(np.ones((1, 3, 1, 1), np.float32), "ones")
    node = helper.make_node("Mul", ["images", "ones"], ["output"])
    path = networks.save(tmp_path / "same.onnx", [node], [ones], (1, 3, 48, 64), [1, 3, 48, 64])
    folder = str(tmp_path / "engines")
    backend = create_backend(
        path,
        InferenceConfig(
            backend="tensorrt_rtx",
            precision="fp32",
            preprocessing="gpu",
            engine_folder=folder,
            serve_while_building=False,
        ),
    )
    for width, height in ((64, 48), (1242, 375), (30, 200)):
        image = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
        tensor, windows = BatchPreprocessor(spec)([image], 1)
        backend.images.prepare(spec, [image], windows, {})
        np.testing.assert_allclose(backend.images.run()["output"], tensor, atol=1.01 / 255)
    backend.close()
    assert len(list((tmp_path / "engines").glob("*.kernels"))) == 1
