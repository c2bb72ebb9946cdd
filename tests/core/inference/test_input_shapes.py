"""Sizes that a file leaves open, from its card."""

import onnx
import pytest
from onnx import TensorProto, helper

from perception_core.errors import ModelError
from perception_core.inference.backend import ANY_INPUT
from perception_core.inference.input_shapes import image_shape, named_shapes
from perception_core.inference.model_card import InputSpec


@pytest.fixture
def two_inputs(tmp_path):
    """A network with an image and with the size of the image, as RT-DETR has."""
    values = [
        helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, "height", "width"]),
        helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, ["batch", 2]),
    ]
    outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["batch", 3, "height", "width"])]
    graph = helper.make_graph([helper.make_node("Identity", ["images"], ["out"])], "g", values, outputs)
    path = tmp_path / "two.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_an_image_has_the_layout_of_its_card():
    assert image_shape(InputSpec(width=640, height=480)) == {ANY_INPUT: (1, 3, 480, 640)}
    assert image_shape(InputSpec(width=640, height=480, layout="nhwc")) == {ANY_INPUT: (1, 480, 640, 3)}


def test_every_input_gets_a_shape(two_inputs):
    shapes = named_shapes(two_inputs, image_shape(InputSpec(width=640, height=480)))
    assert shapes == {"images": (1, 3, 480, 640), "orig_target_sizes": (1, 2)}


def test_names_come_first(two_inputs):
    shapes = named_shapes(two_inputs, {ANY_INPUT: (1, 3, 8, 8), "images": (4, 3, 16, 16)})
    assert shapes == {"images": (4, 3, 16, 16), "orig_target_sizes": (1, 2)}
    assert named_shapes(two_inputs, {"images": (4, 3, 16, 16)}) == {"images": (4, 3, 16, 16)}


def test_what_is_no_network_is_named(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"bad\.onnx"):
        named_shapes(tmp_path / "bad.onnx", {ANY_INPUT: (1, 3, 8, 8)})
