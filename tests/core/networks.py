"""Small real ONNX files for the tests: graphs whose outputs are known by construction."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from perception_core.inference import create_backend
from perception_core.inference.candidates import Candidates
from perception_core.inference.heads import create_head
from perception_core.inference.model_card import InputSpec, ModelCard

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


def model_card(family: str, classes: int = 3, size: tuple[int, int] = (64, 64), **keys) -> ModelCard:
    """Return a card for a network of ``size`` (width, height) whose classes are called c0, c1, ..."""
    names = tuple(f"c{i}" for i in range(classes))
    spec = InputSpec(width=size[0], height=size[1])
    return ModelCard(
        **{
            "name": "tiny",
            "file": "tiny.onnx",
            "family": family,
            "input": spec,
            "classes": names,
            "labels": ("car",) * classes,
        }
        | keys
    )


def write(
    path: Path,
    outputs: dict[str, np.ndarray],
    input_shape: tuple = (1, 3, 64, 64),
    metadata: dict[str, object] | None = None,
    declared: dict[str, list] | None = None,
    extra_inputs: dict[str, tuple] | None = None,
    input_dtype: int = TensorProto.FLOAT,
) -> Path:
    """Write a network that looks at its image and returns ``outputs`` as they are.

    ``metadata`` goes into the file as text, ``declared`` are shapes the file states instead of the true ones, and
    ``extra_inputs`` (int64, by shape) are looked at too.
    """
    extra_inputs = extra_inputs or {}
    nodes = [
        helper.make_node("Cast", ["images"], ["image"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing_0"]),
    ]
    for i, name in enumerate(extra_inputs):
        nodes += [
            helper.make_node("Cast", [name], [f"{name}_float"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", [f"{name}_float"], [f"{name}_mean"], keepdims=0),
            helper.make_node("Mul", [f"{name}_mean", f"nothing_{i}"], [f"nothing_{i + 1}"]),
        ]
    constants = [numpy_helper.from_array(np.zeros((), np.float32), "zero")]
    infos = []
    for name, array in outputs.items():
        element = helper.np_dtype_to_tensor_dtype(array.dtype)
        nodes.append(helper.make_node("Cast", [f"nothing_{len(extra_inputs)}"], [f"{name}_nothing"], to=element))
        nodes.append(helper.make_node("Add", [f"{name}_known", f"{name}_nothing"], [name]))
        constants.append(numpy_helper.from_array(array, f"{name}_known"))
        infos.append(helper.make_tensor_value_info(name, element, (declared or {}).get(name, list(array.shape))))
    inputs = [helper.make_tensor_value_info("images", input_dtype, list(input_shape))]
    inputs += [helper.make_tensor_value_info(n, TensorProto.INT64, list(s)) for n, s in extra_inputs.items()]
    graph = helper.make_graph(nodes, "test", inputs, infos, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {key: str(value) for key, value in (metadata or {}).items()})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def decode(
    folder: Path,
    card: ModelCard,
    outputs: dict[str, np.ndarray],
    score_threshold: float = 0.3,
    entry: int = 0,
    **keys,
) -> Candidates:
    """Write a network of ``outputs``, run it with ONNX Runtime, and return what the card's head reads.

    Classes keep their numbers.
    """
    path = write(folder / "tiny.onnx", outputs, (1, 3, card.input.height, card.input.width), **keys)
    backend = create_backend(path)
    head = create_head(card)
    head.check(backend.outputs)
    feeds = {i.name: np.ones([n or 1 for n in i.shape], i.dtype) for i in backend.inputs}
    table = np.arange(len(card.classes), dtype=np.int32)
    return head.decode(backend.run(feeds), score_threshold, table, entry)
