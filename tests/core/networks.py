"""Small real ONNX files for the tests: graphs whose outputs are known by construction."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CLASSES = ("person", "bicycle", "motorcycle", "car", "traffic light")

CARD = """\
name: tiny
task: detection
family: yolox
file: tiny.onnx
input:
  width: 64
  height: 64
  colour: bgr
  scale: 1.0
  mean: [0.0, 0.0, 0.0]
  std: [1.0, 1.0, 1.0]
  letterbox: top_left
  pad: 114.0
score_threshold: 0.3
nms_iou: 0.45
classes:
  - person: person
  - bicycle: bicycle
  - motorcycle: motorcycle
  - car: car
  - traffic light
"""

ANCHORS = 8 * 8 + 4 * 4 + 2 * 2
"""Cells of strides 8, 16, 32 over 64 x 64: 84."""


def empty_output(anchors: int = ANCHORS, classes: int = len(CLASSES)) -> np.ndarray:
    """Return a YOLOX output float32 (1, anchors, 5 + classes) in which nothing is detected."""
    return np.zeros((1, anchors, 5 + classes), np.float32)


def constant_network(path: Path, output: np.ndarray, input_shape: tuple = (1, 3, 64, 64)) -> Path:
    """Write a network that looks at its image (adds its mean times zero) and returns ``output``."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["known", "nothing"], ["output"]),
    ]
    constants = [
        numpy_helper.from_array(output.astype(np.float32), "known"),
        numpy_helper.from_array(np.zeros((), np.float32), "zero"),
    ]
    return save(path, nodes, constants, input_shape, list(output.shape))


def echo_network(path: Path, size: int = 64) -> Path:
    """Write a network that returns its input as it is."""
    nodes = [helper.make_node("Identity", ["images"], ["output"])]
    return save(path, nodes, [], (1, 3, size, size), [1, 3, size, size])


def save(path: Path, nodes: list, constants: list, input_shape: tuple, output_shape: list) -> Path:
    """Write an ONNX file with one input ``images`` and one output ``output``."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, list(input_shape))],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, output_shape)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
