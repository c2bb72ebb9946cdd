"""The sizes of a network's inputs where its file leaves them open."""

from collections.abc import Mapping
from pathlib import Path

from perception_core.inference.backend import ANY_INPUT
from perception_core.inference.model_card import InputSpec
from perception_core.inference.onnx_file import read_header

Shapes = Mapping[str, tuple[int, ...]]


def image_shape(spec: InputSpec) -> Shapes:
    """Return the shape of one image as a card has it, for whatever the input's name is."""
    if spec.layout == "nhwc":
        return {ANY_INPUT: (1, spec.height, spec.width, 3)}
    return {ANY_INPUT: (1, 3, spec.height, spec.width)}


def named_shapes(path: Path, shapes: Shapes) -> Shapes:
    """Return ``shapes`` with the names of the ONNX file ``path`` in the place of :data:`ANY_INPUT`.

    Inputs of another number of sizes than it, as one that is told the image's size, have 1 where the file leaves them
    open, for one image.

    Raises:
        ModelError: the file is no ONNX file.
    """
    if ANY_INPUT not in shapes:
        return shapes
    general = shapes[ANY_INPUT]
    named = {}
    for info in read_header(path).inputs:
        if info.name not in shapes:
            same = len(info.shape) == len(general)
            named[info.name] = general if same else tuple(n or 1 for n in info.shape)
    return named | {name: shape for name, shape in shapes.items() if name}
