"""Which network is in a file, inferred from shapes, names and metadata, with how sure each answer is.

Shapes tell the family mostly: how many numbers an anchor has, and how many anchors a pyramid of grids over the input
makes. They never tell the order of colours or the scale: those are certain only where an exporter that has one
convention signed the file, else they are the habit of the family and somebody has to look.
"""

from collections.abc import Mapping
from pathlib import Path

from perception_core.errors import ModelError
from perception_core.inference.backend import Backend, TensorInfo
from perception_core.inference.describing.clues import Clues, Guess
from perception_core.inference.describing.habits import conventions
from perception_core.inference.describing.rules import guess_network
from perception_core.inference.description import (
    Finding,
    ModelDescription,
    card_from_description,
    card_template,
    certain,
    likely,
    unknown,
)
from perception_core.inference.exporter_notes import ExporterNotes, read_notes
from perception_core.inference.onnx_file import read_header

__all__ = ["card_from_description", "card_template", "describe"]


def describe(source: Path | str | Backend) -> ModelDescription:
    """Say what network a file, or a loaded backend, holds.

    A file is not loaded: only its outside is read. Of a backend the inputs and outputs are the engine's; metadata are
    read from its file where that is ONNX.

    Raises:
        ModelError: not an ONNX file, no image input, or metadata that cannot be read.
    """
    path = str(source) if isinstance(source, Path | str) else source.path
    is_onnx = isinstance(source, Path | str) or path.endswith(".onnx")
    header = read_header(path) if is_onnx else None
    if isinstance(source, Path | str):
        assert header is not None
        inputs, outputs = header.inputs, header.outputs
    else:
        inputs, outputs = source.inputs, source.outputs
    try:
        notes = read_notes(header.metadata) if header else None
        return _described(path, inputs, outputs, notes, header.operators if header else {})
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def _described(
    path: str,
    inputs: tuple[TensorInfo, ...],
    outputs: tuple[TensorInfo, ...],
    notes: ExporterNotes | None,
    operators: Mapping[str, int],
) -> ModelDescription:
    image, layout = _image_input(inputs)
    height, width = image.shape[1:3] if layout.value == "nhwc" else image.shape[2:4]
    stated = "the input's shape"
    height_found, width_found = (certain(n, stated) if n else None for n in (height, width))
    if notes is not None and notes.image_size is not None:
        height, width = height or notes.image_size[0], width or notes.image_size[1]
        height_found = height_found or certain(height, "metadata imgsz")
        width_found = width_found or certain(width, "metadata imgsz")
    open_size = unknown("the input is open; any multiple of the coarsest stride will do")
    guess = guess_network(Clues(inputs, outputs, notes, operators, width, height))
    batch = image.shape[0]
    return ModelDescription(
        path=path,
        inputs=inputs,
        outputs=outputs,
        task=guess.task,
        family=guess.family,
        width=width_found or open_size,
        height=height_found or open_size,
        batch=certain(batch or "any", stated),
        layout=layout,
        dtype=certain(str(image.dtype), "the input's type"),
        classes=_classes(notes, guess),
        class_count=_class_count(notes, guess),
        segments=_segments(notes, guess),
        segmentation_output=_segmentation_output(guess),
        strides=_strides(notes, guess),
        end_to_end=_end_to_end(guess),
        **conventions(notes, guess),
    )


def _image_input(inputs: tuple[TensorInfo, ...]) -> tuple[TensorInfo, Finding]:
    images = [i for i in inputs if len(i.shape) == 4]
    if len(images) != 1:
        listed = "; ".join(str(i) for i in inputs) or "none"
        raise ModelError(f"expected one image input of four dimensions, got {listed}")
    shape = images[0].shape
    if shape[1] == 3:
        return images[0], certain("nchw", "three channels come first")
    if shape[3] == 3:
        return images[0], certain("nhwc", "three channels come last")
    if shape[1] is None:
        return images[0], likely("nchw", "no dimension of the input says 3; exports of PyTorch put channels first")
    raise ModelError(f"expected an image of three colours, got {images[0]}")


def _classes(notes: ExporterNotes | None, guess: Guess) -> Finding:
    if guess.task.value == "segmentation":
        return unknown("the network gives no boxes")
    if notes is None:
        count = f"{guess.count} names are needed, " if guess.count else ""
        return unknown(f"{count}the file has none")
    if guess.count not in (None, len(notes.names)):
        return unknown(f"metadata has {len(notes.names)} names, the outputs have {guess.count} classes")
    return certain(notes.names, "metadata names")


def _class_count(notes: ExporterNotes | None, guess: Guess) -> Finding:
    if guess.task.value == "segmentation":
        return unknown("the network gives no boxes")
    if notes is not None and guess.count in (None, len(notes.names)):
        return certain(len(notes.names), "metadata names")
    if guess.count is None:
        return unknown("neither the shapes nor metadata tell")
    return Finding(guess.count, guess.family.sureness, f"the shapes, if it is {guess.family.value}")


def _segments(notes: ExporterNotes | None, guess: Guess) -> Finding:
    if guess.task.value not in ("segmentation", "multitask"):
        return unknown("the network gives no classes of pixels")
    if notes is not None and guess.task.value == "segmentation":
        return certain(notes.names, "metadata names")
    count = f"{guess.segment_count} names are needed, " if guess.segment_count else ""
    return unknown(f"{count}the file has none")


def _segmentation_output(guess: Guess) -> Finding:
    if not guess.segmentation_output:
        return unknown("not a network of several tasks")
    return likely(guess.segmentation_output, "its shape")


def _strides(notes: ExporterNotes | None, guess: Guess) -> Finding:
    if not guess.strides and notes is not None and notes.stride is not None and not guess.end_to_end:
        three = tuple(s for s in (notes.stride // 4, notes.stride // 2, notes.stride) if s)
        return likely(three, "metadata stride is the coarsest; three scales are the habit")
    if not guess.strides:
        return unknown("the head does not need them, or the shapes do not tell")
    return certain(guess.strides, "the number of cells over the input")


def _end_to_end(guess: Guess) -> Finding:
    if guess.end_to_end is None:
        return unknown("not a network for boxes, or of no known family")
    return Finding(guess.end_to_end, guess.family.sureness, f"the family {guess.family.value}")
