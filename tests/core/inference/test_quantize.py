"""INT8: what is rounded, shifted and corrected by hand, what the file looks like, and which layers stay float."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from perception_core.errors import ModelError
from perception_core.inference.quantize import FLOAT_SHARES, calibrated
from perception_core.inference.quantize_graph import Layer, WeightedGraph
from perception_core.inference.quantize_ranges import calibrate

SIZE = 16
RNG = np.random.default_rng(0)
IMAGES = [{"images": RNG.normal(size=(1, 3, SIZE, SIZE)).astype(np.float32)} for _ in range(4)]


def layer(weights, bias=None, shifts=True) -> Layer:
    array = np.array(weights, np.float32)
    return Layer("conv", "x", "y", array, np.zeros(len(array), np.float32) if bias is None else np.array(bias), shifts)


def run(model: bytes | str, image: dict) -> np.ndarray:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"]).run(None, image)[0]


@pytest.fixture
def write(networks, tmp_path):
    def save(nodes, constants, channels, size=SIZE):
        tensors = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()]
        return networks.save(tmp_path / "net.onnx", nodes, tensors, (1, 3, SIZE, SIZE), [1, channels, size, size])

    return save


@pytest.fixture
def network(write):
    """Padded, SiLU, depthwise, pointwise: like the beginning of a detector."""
    nodes = [
        helper.make_node("Conv", ["images", "w0", "b0"], ["a"], name="stem", pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["a"], ["gate"]),
        helper.make_node("Mul", ["a", "gate"], ["c"]),
        helper.make_node("Conv", ["c", "w1"], ["d"], name="deep", pads=[1, 1, 1, 1], group=8),
        helper.make_node("Relu", ["d"], ["e"]),
        helper.make_node("Conv", ["e", "w2", "b2"], ["output"], name="point"),
    ]
    constants = {
        "w0": RNG.normal(size=(8, 3, 3, 3)),
        "b0": RNG.normal(size=8),
        "w1": RNG.normal(size=(8, 1, 3, 3)),
        "w2": RNG.normal(size=(4, 8, 1, 1)),
        "b2": RNG.normal(size=4),
    }
    return write(nodes, constants, 4)


def test_weights_are_rounded_by_output_channel():
    steps, scales = layer([[[[1.0]], [[-2.0]]], [[[0.5]], [[0.25]]], [[[0.0]], [[0.0]]]]).rounded()
    assert steps[:, :, 0, 0].tolist() == [[64, -127], [127, 64], [0, 0]]  # 63.5 goes to the even 64
    np.testing.assert_allclose(scales[:2], [2.0 / 127, 0.5 / 127], rtol=1e-6)


def test_the_bias_gives_back_what_was_taken_from_the_input():
    # Weights 1 and -2 become 64 * 2/127 and -2: a middle of 127 takes 127 * (128/127 - 2) = -126 from the output.
    assert layer([[[[1.0]], [[-2.0]]]], bias=[5.0]).shifted_bias(127.0)[0] == pytest.approx(5.0 - 126.0)


def test_ranges_are_the_extremes_of_each_image_on_average(write):
    path = write([helper.make_node("Conv", ["images", "w"], ["output"])], {"w": np.ones((2, 3, 1, 1))}, 2)
    images = [{"images": np.full((1, 3, SIZE, SIZE), value, np.float32)} for value in (1.0, 3.0)]
    images[0]["images"][0, 0, 0, 0] = -4.0
    assert calibrate(WeightedGraph(path), images, lambda _: None) == {
        "images": (-0.5, 2.0)
    }  # (-4 + 3) / 2, (1 + 3) / 2


def test_the_quantized_network_gives_nearly_the_same(network):
    calibration = calibrated(network, IMAGES)
    model = calibration.quantized(0.0)
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    for image in IMAGES:
        exact, rounded = run(str(network), image), run(model, image)
        assert np.sqrt(np.mean((rounded - exact) ** 2)) < 0.05 * exact.std()
        assert not np.array_equal(rounded, exact)


def test_the_file_is_what_tensorrt_takes(network):
    graph = onnx.load_from_string(calibrated(network, IMAGES).quantized(0.0)).graph
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    quantizers = [node for node in graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert len(quantizers) == 3 * 2 + 3  # each input there and back, each weight back
    for node in quantizers:
        assert values[node.input[2]].dtype == np.int8
        assert not values[node.input[2]].any()
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    makers = {name: node for node in graph.node for name in node.output}
    for node in convolutions:
        assert makers[node.input[0]].op_type == makers[node.input[1]].op_type == "DequantizeLinear"
        weights = makers[node.input[1]]
        assert values[weights.input[0]].dtype == np.int8
        assert values[weights.input[1]].shape == (len(values[weights.input[0]]),)
        assert helper.get_attribute_value(weights.attribute[0]) == 0
        assert values[node.input[2]].dtype == np.float32
    assert not {"w0", "w1", "w2"} & set(values)


def test_only_unpadded_convolutions_are_shifted(network):
    graph = onnx.load_from_string(calibrated(network, IMAGES).quantized(0.0)).graph
    assert [node.input[0] for node in graph.node if node.op_type == "Sub"] == ["e"]


def test_a_shift_is_exact_up_to_the_border(write):
    path = write(
        [helper.make_node("Conv", ["images", "w"], ["output"], name="c")], {"w": RNG.normal(size=(5, 3, 1, 1))}, 5
    )
    images = [{"images": RNG.uniform(3.0, 5.0, (1, 3, SIZE, SIZE)).astype(np.float32)}]
    exact, rounded = run(str(path), images[0]), run(calibrated(path, images).quantized(0.0), images[0])
    np.testing.assert_allclose(rounded, exact, atol=0.1)
    np.testing.assert_allclose(rounded.mean((0, 2, 3)), exact.mean((0, 2, 3)), atol=1e-4)  # by the corrected bias


@pytest.fixture
def unequal(write):
    """A first channel 10,000 times the second, made equal again by the depthwise convolution behind."""
    first = np.array([[10.0, 0, 0], [0, 0.001, 0]]).reshape(2, 3, 1, 1)
    nodes = [
        helper.make_node("Conv", ["images", "w0"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["c"], name="deep", group=2, pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["c", "w2"], ["output"], name="last"),
    ]
    deep = np.zeros((2, 1, 3, 3))
    deep[:, 0, 1, 1] = 0.1, 1000.0
    return write(nodes, {"w0": first, "w1": deep, "w2": RNG.normal(size=(64, 2, 1, 1))}, 64)


def test_the_layer_that_brings_small_channels_back_up_is_noisy_and_stays_float(unequal):
    calibration = calibrated(unequal, IMAGES)
    noise = {found.name: found.noise for found in calibration.layers}
    assert noise["deep"] > 0.3
    assert max(noise["first"], noise["last"]) < 0.01
    assert calibration.kept_float(0.15) == ("deep",)  # 18 of 152 multiplications a pixel
    assert calibration.float_work(0.15) == pytest.approx(18 / (6 + 18 + 128))
    plain, careful = calibration.quantized(0.0), calibration.quantized(0.15)
    exact = run(str(unequal), IMAGES[0])
    errors = [np.sqrt(np.mean((run(model, IMAGES[0]) - exact) ** 2)) / exact.std() for model in (plain, careful)]
    assert errors[0] > 0.2
    assert errors[1] < 0.02


def test_more_float_work_is_more_layers(network):
    calibration = calibrated(network, IMAGES)
    assert calibration.kept_float(0.0) == ()
    assert calibration.float_work(0.0) == 0.0
    shares = [calibration.float_work(share) for share in FLOAT_SHARES]
    assert all(share <= most for share, most in zip(shares, FLOAT_SHARES, strict=True))


def test_one_value_read_twice_is_quantized_once(write):
    nodes = [
        helper.make_node("Relu", ["images"], ["x"]),
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("Conv", ["x", "w"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["c"]),
        helper.make_node("Add", ["c", "skip"], ["output"]),
    ]
    path = write(nodes, {"w": RNG.normal(size=(4, 3, 1, 1)), "skip": np.zeros(1)}, 4)
    model = calibrated(path, IMAGES).quantized(0.0)
    graph = onnx.load_from_string(model).graph
    assert sum(node.op_type == "QuantizeLinear" for node in graph.node) == 1
    exact, rounded = run(str(path), IMAGES[0]), run(model, IMAGES[0])
    assert np.sqrt(np.mean((rounded - exact) ** 2)) < 0.05 * exact.std()


def test_an_old_file_is_brought_to_the_version_that_quantizes_channels(write):
    path = write([helper.make_node("Conv", ["images", "w"], ["output"])], {"w": RNG.normal(size=(4, 3, 1, 1))}, 4)
    model = onnx.load(path)
    model.opset_import[0].version = 11
    onnx.save(model, path)
    quantized = onnx.load_from_string(calibrated(path, IMAGES).quantized(0.0))
    assert quantized.opset_import[0].version == 13


def test_the_same_images_give_the_same_file(network):
    assert calibrated(network, IMAGES).quantized(0.05) == calibrated(network, IMAGES).quantized(0.05)


def test_progress_reaches_the_end_twice(network):
    heard = []
    calibrated(network, IMAGES, heard.append)
    assert [(p.stage, p.fraction) for p in heard if p.fraction == 1.0] == [("ranges", 1.0), ("noise", 1.0)]


def test_what_cannot_be_quantized_is_refused(network, write, tmp_path):
    with pytest.raises(ModelError, match="no images to calibrate with"):
        calibrated(network, [])
    quantized = tmp_path / "int8.onnx"
    quantized.write_bytes(calibrated(network, IMAGES).quantized(0.0))
    with pytest.raises(ModelError, match="quantized already"):
        calibrated(quantized, IMAGES)
    (tmp_path / "text.onnx").write_text("not a network", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot read it"):
        calibrated(tmp_path / "text.onnx", IMAGES)
    infinite = [{"images": np.full((1, 3, SIZE, SIZE), np.nan, np.float32)}]
    with pytest.raises(ModelError, match="is not finite on image 0"):
        calibrated(network, infinite)
    with pytest.raises(ModelError, match="the network failed"):
        calibrated(network, [{"images": np.zeros((1, 3, 4), np.float32)}])
    plain = write([helper.make_node("Relu", ["images"], ["output"])], {}, 3)
    with pytest.raises(ModelError, match="no convolution with constant weights"):
        calibrated(plain, IMAGES)


def test_weights_that_are_computed_or_not_float_stay_as_they_are(write):
    nodes = [
        helper.make_node("Relu", ["w0"], ["computed"]),
        helper.make_node("Conv", ["images", "computed"], ["a"]),
        helper.make_node("Conv", ["a", "w1"], ["output"], name="known"),
    ]
    path = write(nodes, {"w0": RNG.normal(size=(4, 3, 1, 1)), "w1": RNG.normal(size=(4, 4, 1, 1))}, 4)
    assert [found.name for found in calibrated(path, IMAGES).layers] == ["known"]
