"""Half precision: the converted network is one that ONNX Runtime runs, and gives nearly the same."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from perception_core.errors import ModelError
from perception_core.inference.precision import convert, is_quantized, to_half

IMAGE = np.linspace(0, 1, 3 * 8 * 8, dtype=np.float32).reshape(1, 3, 8, 8)


def run(model: bytes | str, inputs=None) -> list[np.ndarray]:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: IMAGE} if inputs is None else inputs)


def types(model: bytes) -> dict[str, int]:
    return {tensor.name: tensor.data_type for tensor in onnx.load_from_string(model).graph.initializer}


@pytest.fixture
def save(networks, tmp_path):
    def write(nodes, constants, output_shape, input_shape=(1, 3, 8, 8)):
        tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
        return networks.save(tmp_path / "net.onnx", nodes, tensors, input_shape, output_shape)

    return write


def test_weights_are_half_and_inputs_and_outputs_are_not(save):
    weights = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["images", "weights"], ["features"], pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["features"], ["gate"]),
        helper.make_node("Mul", ["features", "gate"], ["output"]),
    ]
    path = save(nodes, {"weights": weights}, [1, 4, 8, 8])
    model = convert(path, "fp16")
    assert types(model) == {"weights/half": TensorProto.FLOAT16}
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    (exact,), (half,) = run(str(path)), run(model)
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, exact, atol=1e-2)
    assert len(model) < path.stat().st_size


def test_an_output_that_is_used_inside_too_is_there_twice(save, tmp_path):
    nodes = [
        helper.make_node("Relu", ["images"], ["output"]),
        helper.make_node("Neg", ["output"], ["more"]),
    ]
    path = save(nodes, {}, [1, 3, 8, 8])
    model = onnx.load(path)
    model.graph.output.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1, 3, 8, 8]))
    onnx.save(model, path)
    output, more = run(convert(path, "fp16"))
    np.testing.assert_allclose(output, IMAGE, atol=1e-3)
    np.testing.assert_allclose(more, -IMAGE, atol=1e-3)


def test_scales_of_a_resize_stay_float(save):
    scales = {"scales": np.array([1, 1, 2, 2], np.float32)}
    nodes = [helper.make_node("Resize", ["images", "", "scales"], ["output"], mode="nearest")]
    path = save(nodes, scales, [1, 3, 16, 16])
    model = convert(path, "fp16")
    assert types(model) == {"scales/float": TensorProto.FLOAT}
    np.testing.assert_allclose(run(model)[0], run(str(path))[0], atol=1e-3)


def test_scales_that_are_computed_are_cast(save):
    constants = {"one": np.array([1, 1, 1, 1], np.float32), "rest": np.array([0, 0, 1, 1], np.float32)}
    nodes = [
        helper.make_node("Add", ["one", "rest"], ["scales"]),
        helper.make_node("Resize", ["images", "", "scales"], ["output"], mode="nearest"),
    ]
    path = save(nodes, constants, [1, 3, 16, 16])
    np.testing.assert_allclose(run(convert(path, "fp16"))[0], run(str(path))[0], atol=1e-3)


def test_constants_casts_and_shapes_follow(save):
    nodes = [
        helper.make_node("Constant", [], ["two"], value=numpy_helper.from_array(np.array(2.0, np.float32))),
        helper.make_node("Constant", [], ["three"], value_float=3.0),
        helper.make_node("Constant", [], ["axes"], value=numpy_helper.from_array(np.array([1, 3, 8, 8]))),
        helper.make_node("ConstantOfShape", ["axes"], ["zeros"]),
        helper.make_node("Cast", ["images"], ["whole"], to=TensorProto.INT32),
        helper.make_node("Cast", ["whole"], ["rounded"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["images", "two"], ["doubled"]),
        helper.make_node("Sum", ["doubled", "three", "zeros", "rounded"], ["output"]),
    ]
    path = save(nodes, {}, [1, 3, 8, 8])
    model = convert(path, "fp16")
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    np.testing.assert_allclose(run(model)[0], run(str(path))[0], atol=1e-2)


def test_operators_that_know_float_only_get_it(save):
    nodes = [
        helper.make_node("Range", ["zero", "eight", "one"], ["columns"]),
        helper.make_node("Add", ["images", "columns"], ["output"]),
    ]
    constants = {"zero": 0.0, "eight": 8.0, "one": 1.0}
    path = save(nodes, {name: np.array(value, np.float32) for name, value in constants.items()}, [1, 3, 8, 8])
    np.testing.assert_allclose(run(convert(path, "fp16"))[0], run(str(path))[0], atol=1e-2)


def test_integers_stay_integers(save):
    constants = {"first": np.array([0], np.int64)}
    nodes = [helper.make_node("Gather", ["images", "first"], ["output"], axis=1)]
    path = save(nodes, constants, [1, 1, 8, 8])
    assert types(convert(path, "fp16")) == {"first": TensorProto.INT64}


def test_bfloat16_has_its_type_and_its_bits(save):
    nodes = [helper.make_node("Add", ["images", "weights"], ["output"])]
    path = save(nodes, {"weights": np.full((1,), 1.0, np.float32)}, [1, 3, 8, 8])
    model = onnx.load_from_string(convert(path, "bf16"))
    (weights,) = model.graph.initializer
    assert weights.data_type == TensorProto.BFLOAT16
    assert np.frombuffer(weights.raw_data, np.uint16)[0] == 0x3F80
    onnx.checker.check_model(model, full_check=True)


def test_numbers_beyond_half_become_the_largest():
    values = np.array([1e6, -1e6, np.inf, -np.inf, np.nan, 1.0], np.float32)
    expected = np.array([65504, -65504, np.inf, -np.inf, np.nan, 1.0], np.float16)
    np.testing.assert_array_equal(to_half(values, "fp16"), expected)


@given(st.floats(width=32))
def test_bfloat16_is_the_nearest_of_both_neighbours(value):
    bits = int(to_half(np.array([value], np.float32), "bf16")[0])
    result = np.array([bits << 16], np.uint32).view(np.float32)[0]
    if np.isnan(value):
        assert np.isnan(result)
    elif np.isinf(result):
        assert abs(value) > 3.38e38
    else:
        assert abs(float(result) - value) <= max(abs(value) * 2**-8, 2**-134)  # half of the last bit


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ([helper.make_node("Foo", ["images"], ["output"], domain="own.domain")], "operator own.domain.Foo"),
        (
            [
                helper.make_node("QuantizeLinear", ["images", "s", "z"], ["q"]),
                helper.make_node("DequantizeLinear", ["q", "s", "z"], ["output"]),
            ],
            "the network is quantised",
        ),
    ],
)
def test_what_cannot_be_converted_is_named(save, tmp_path, nodes, reason):
    constants = [
        numpy_helper.from_array(np.array(0.1, np.float32), "s"),
        numpy_helper.from_array(np.array(0, np.uint8), "z"),
    ]
    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 8, 8]) for n in ("images", "output")]
    graph = helper.make_graph(nodes, "g", value[:1], value[1:], constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own.domain", 1)]
    path = tmp_path / "odd.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    with pytest.raises(ModelError, match=rf"odd\.onnx: .*{reason}"):
        convert(path, "fp16")
    assert is_quantized(path) == ("quantised" in reason)


def test_branches_are_refused(tmp_path):
    value = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1])
    branch = helper.make_graph([helper.make_node("Identity", ["x"], ["output"])], "branch", [], [value])
    node = helper.make_node("If", ["flag"], ["output"], then_branch=branch, else_branch=branch)
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1]),
        helper.make_tensor_value_info("flag", TensorProto.BOOL, []),
    ]
    path = tmp_path / "if.onnx"
    graph = helper.make_graph([node], "g", inputs, [value])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    with pytest.raises(ModelError, match="If with a graph inside"):
        convert(path, "fp16")


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x0a\xff\xff\xff\xff\x07" + b"x" * 64])
def test_what_is_no_network_is_named(tmp_path, content):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"bad\.onnx: "):
        convert(path, "fp16")


def test_yolox_in_half_precision_sees_the_same(perception_models):
    path = perception_models / "yolox_nano.onnx"
    image = {"images": np.random.default_rng(0).uniform(0, 255, (1, 3, 416, 416)).astype(np.float32)}
    (exact,), (half,) = run(str(path), image), run(convert(path, "fp16"), image)
    np.testing.assert_allclose(half[..., 4:], exact[..., 4:], atol=2e-2)  # scores
    np.testing.assert_allclose(half[..., :4], exact[..., :4], atol=0.2)  # a fifth of a cell
