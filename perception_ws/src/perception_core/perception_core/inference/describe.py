"""Which network is in a file, inferred from shapes, names and metadata, with how sure each answer is.

Shapes tell the family mostly: how many numbers an anchor has, and how many anchors a pyramid of grids over the input
makes. They never tell the order of colours or the scale: those are certain only where an exporter that has one
convention signed the file, else they are the habit of the family and somebody has to look.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perception_core.errors import ModelError
from perception_core.inference.backend import Backend, TensorInfo
from perception_core.inference.description import (
    Finding,
    ModelDescription,
    Sureness,
    card_from_description,
    card_template,
    certain,
    likely,
    unknown,
)
from perception_core.inference.exporter_notes import ExporterNotes, read_notes
from perception_core.inference.grids import count_cells, whole_strides
from perception_core.inference.heads.detr import FINISHED
from perception_core.inference.heads.nanodet import OLD_STRIDES, PLUS_STRIDES, SIDES
from perception_core.inference.onnx_file import read_header

__all__ = ["card_from_description", "card_template", "describe"]

_BOX, _BOX_AND_OBJECTNESS, _FINISHED_BOX = 4, 5, 6
_MOST_QUERIES = 1000
"""End-to-end networks leave a few hundred boxes; pyramids of grids have thousands of anchors."""

_ANCHORS_A_CELL = 3
_PROTOTYPES = 32
_USUAL_BINS = 8
"""NanoDet's distances are distributions over 0..7 in all its configurations."""

_COCO_CLASSES = 80
_EXPONENTIAL = "Exp"
"""YOLOX takes it of the sizes, and nothing else in its graph does."""

_FASTEST_STRIDE = 16
_TASKS = ("detect", "segment", "semantic")


@dataclass(frozen=True, slots=True)
class _Habit:
    """How a project feeds its networks; the card's words."""

    colour: str
    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    letterbox: str
    pad: float
    source: str


_NO_MEAN, _NO_STD = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
_ULTRALYTICS = _Habit("rgb", 1 / 255, _NO_MEAN, _NO_STD, "centre", 114.0, "Ultralytics' exporters")
_STRETCHED = _Habit("rgb", 1 / 255, _NO_MEAN, _NO_STD, "stretch", 114.0, "RT-DETR")
_HABITS: Mapping[str, _Habit] = {
    "yolox": _Habit("bgr", 1.0, _NO_MEAN, _NO_STD, "top_left", 114.0, "YOLOX since 0.2"),
    "yolov5": _ULTRALYTICS,
    "yolov8": _ULTRALYTICS,
    "yolo_end2end": _ULTRALYTICS,
    "rtdetr": _STRETCHED,
    "rfdetr": _Habit("rgb", 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "stretch", 114.0, "RF-DETR"),
    "nanodet": _Habit("bgr", 1.0, (103.53, 116.28, 123.675), (57.375, 57.12, 58.395), "stretch", 114.0, "NanoDet"),
    "fastestdet": _Habit("bgr", 1 / 255, _NO_MEAN, _NO_STD, "stretch", 114.0, "FastestDet"),
}


@dataclass(frozen=True, slots=True)
class _Clues:
    """What all the rules look at: None for a size that is open."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    notes: ExporterNotes | None
    operators: Mapping[str, int]
    width: int | None
    height: int | None

    @property
    def count(self) -> int | None:
        """Number of classes, where the exporter wrote their names."""
        return None if self.notes is None else len(self.notes.names)


@dataclass(frozen=True, slots=True)
class _Guess:
    """What the outputs are taken for."""

    family: Finding
    task: Finding
    count: int | None = None
    strides: tuple[int, ...] = ()
    end_to_end: bool | None = None
    segmentation_output: str = ""
    segment_count: int | None = None


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
    guess = _guess(_Clues(inputs, outputs, notes, operators, width, height))
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
        **_conventions(notes, guess),
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


def _guess(clues: _Clues) -> _Guess:
    """Return the first rule's answer that applies."""
    notes = clues.notes
    if notes is not None and notes.package and notes.task not in _TASKS:
        nothing = unknown(f"metadata says task {notes.task!r}, which cannot be read here")
        return _Guess(nothing, nothing)
    for rule in (_by_names, _by_notes, _instances, _one_output, _raw_scales, _several_outputs):
        guess = rule(clues)
        if guess is not None:
            return guess
    nothing = unknown("the outputs are of no family known here")
    return _Guess(nothing, nothing)


def _by_names(clues: _Clues) -> _Guess | None:
    """Tell the transformers, whose exports name their outputs."""
    shapes = {o.name: o.shape for o in clues.outputs}
    names = set(shapes)
    detection = certain("detection", "the outputs are boxes")
    if names == set(FINISHED):
        return _Guess(certain("rtdetr", "outputs labels, boxes, scores"), detection, end_to_end=True)
    if _is_rfdetr(shapes):
        count = _last(shapes["labels"])
        family = certain("rfdetr", f"outputs {', '.join(sorted(names))}")
        task = certain("instances", "a mask for each query") if "masks" in names else detection
        return _Guess(family, task, None if count is None else count - 1, end_to_end=True)
    if names == {"logits", "pred_boxes"}:
        family = likely("rtdetr", "outputs logits and pred_boxes; DETR has the same, but with a softmax")
        return _Guess(family, detection, _last(shapes["logits"]), end_to_end=True)
    return None


def _is_rfdetr(shapes: Mapping[str, tuple[int | None, ...]]) -> bool:
    """Return whether these are RF-DETR's outputs; mmdeploy has the names too, for boxes of five numbers."""
    if set(shapes) not in ({"dets", "labels"}, {"dets", "labels", "masks"}):
        return False
    return _last(shapes["dets"]) in (_BOX, None) and len(shapes["labels"]) == 3


def _by_notes(clues: _Clues) -> _Guess | None:
    """Tell what the ultralytics package says of its own files, where the shapes tell nothing or not enough."""
    notes = clues.notes
    if notes is None or not notes.package:
        return None
    if notes.task == "semantic":
        said = "metadata says task semantic"
        count = len(notes.names)
        return _Guess(certain("class_map", said), certain("segmentation", said), segment_count=count)
    if any(n is not None for output in clues.outputs for n in output.shape[1:]):
        return None
    said = "metadata says what it is; the outputs are open"
    finished = notes.end2end or notes.suppressed
    family = "rtdetr" if notes.transformer else "yolo_end2end" if finished else "yolov8"
    task = certain("instances" if notes.task == "segment" else "detection", f"metadata says task {notes.task}")
    return _Guess(certain(family, said), task, clues.count, end_to_end=finished or notes.transformer)


def _instances(clues: _Clues) -> _Guess | None:
    """Tell boxes with prototypes of masks."""
    by_rank = {len(o.shape): o for o in clues.outputs}
    if len(clues.outputs) != 2 or set(by_rank) != {3, 4}:
        return None
    planes = by_rank[4].shape
    prototypes = planes[1]
    said = clues.notes is not None and clues.notes.task == "segment"
    if prototypes is None or not (said or prototypes == _PROTOTYPES):
        return None
    boxes = _boxes(clues, by_rank[3], prototypes)
    if boxes is None:
        return None
    reason = "metadata says task segment" if said else f"{prototypes} prototypes of masks beside the boxes"
    sure = said or boxes.family.sureness is Sureness.CERTAIN
    task = certain("instances", reason) if sure else likely("instances", reason)
    return _Guess(boxes.family, task, boxes.count, boxes.strides, boxes.end_to_end)


def _one_output(clues: _Clues) -> _Guess | None:
    """Tell everything that has a single output."""
    if len(clues.outputs) != 1:
        return None
    output = clues.outputs[0]
    return _class_map(clues, output) or _boxes(clues, output, 0) or _fastestdet(clues, output)


def _several_outputs(clues: _Clues) -> _Guess | None:
    """Tell boxes beside a class for each pixel."""
    maps = [(o, g) for o in clues.outputs for g in [_class_map(clues, o)] if g is not None]
    if len(clues.outputs) != 2 or len(maps) != 1:
        return None
    output, segmented = maps[0]
    rest = next(o for o in clues.outputs if o is not output)
    boxes = _boxes(clues, rest, 0)
    if boxes is None:
        return None
    task = likely("multitask", f"boxes, and in {output.name} a class for each pixel")
    return _Guess(
        boxes.family, task, boxes.count, boxes.strides, boxes.end_to_end, output.name, segmented.segment_count
    )


def _boxes(clues: _Clues, output: TensorInfo, coefficients: int) -> _Guess | None:
    """Tell the families by one output of three dimensions, of whose numbers an anchor ``coefficients`` are masks'."""
    if len(output.shape) != 3 or output.dtype.kind != "f":
        return None
    _, first, second = output.shape
    for rule in (_finished_boxes, _queries, _columns_first, _rows_first):
        guess = rule(clues, first, second, coefficients)
        if guess is not None:
            return guess
    return None


def _finished_boxes(clues: _Clues, rows: int | None, columns: int | None, coefficients: int) -> _Guess | None:
    """Tell (K, 6): corners, score, class."""
    if columns != _FINISHED_BOX + coefficients or (rows is not None and rows > _MOST_QUERIES):
        return None
    notes = clues.notes
    task = certain("detection", "the output is boxes")
    if notes is not None and notes.transformer:
        return _Guess(certain("rtdetr", "metadata names RT-DETR"), task, clues.count, end_to_end=True)
    if notes is not None and (notes.end2end or notes.suppressed):
        reason = "metadata says end2end" if notes.end2end else "metadata says nms=True"
        return _Guess(certain("yolo_end2end", reason), task, clues.count, end_to_end=True)
    reason = f"{rows or 'some'} rows of six numbers: corners, score, class"
    if notes is not None and notes.package:
        return _Guess(certain("yolo_end2end", f"{reason}, of Ultralytics"), task, clues.count, end_to_end=True)
    return _Guess(likely("yolo_end2end", reason), task, clues.count, end_to_end=True)


def _queries(clues: _Clues, rows: int | None, columns: int | None, coefficients: int) -> _Guess | None:
    """Tell (Q, 4 + classes) of RT-DETR."""
    if rows is None or columns is None or coefficients or rows > _MOST_QUERIES or columns <= _BOX:
        return None
    count = columns - _BOX
    said = clues.notes is not None and clues.notes.transformer
    if not said and (_is_pyramid(clues, rows) or columns > rows or clues.count not in (None, count)):
        return None
    reason = "metadata names RT-DETR" if said else f"{rows} rows of {columns} numbers fit no pyramid of grids"
    family = certain("rtdetr", reason) if said else likely("rtdetr", reason)
    return _Guess(family, certain("detection", "the output is boxes"), count, end_to_end=True)


def _columns_first(clues: _Clues, rows: int | None, columns: int | None, coefficients: int) -> _Guess | None:
    """Tell (4 + classes, anchors) of YOLOv8."""
    if rows is None or rows <= _BOX + coefficients or (columns is not None and columns <= rows):
        return None
    count = rows - _BOX - coefficients
    strides = _pyramid(clues, columns)
    task = certain("detection", "the output is boxes")
    if clues.count == count:
        return _Guess(certain("yolov8", f"{rows} numbers for {count} names"), task, count, strides, False)
    if clues.count is not None or (columns is not None and not strides and clues.width is not None):
        return None
    return _Guess(likely("yolov8", f"{rows} numbers of each of many anchors"), task, count, strides, False)


def _rows_first(clues: _Clues, rows: int | None, columns: int | None, coefficients: int) -> _Guess | None:
    """Tell (anchors, 5 + classes) of YOLOX and YOLOv5, and NanoDet's distributions."""
    if columns is None or columns <= _BOX_AND_OBJECTNESS + coefficients:
        return None
    count = columns - _BOX_AND_OBJECTNESS - coefficients
    task = certain("detection", "the output is boxes")
    if clues.count == columns - _BOX - coefficients:
        return _Guess(certain("yolov8", f"{columns} numbers for {clues.count} names"), task, clues.count, (), False)
    if clues.count == count:
        return _Guess(certain("yolov5", f"{columns} numbers for {count} names"), task, count, (), False)
    if clues.count is not None or rows is None or clues.width is None or clues.height is None:
        return None
    if rows % _ANCHORS_A_CELL == 0 and _pyramid(clues, rows // _ANCHORS_A_CELL):
        strides = _pyramid(clues, rows // _ANCHORS_A_CELL)
        return _Guess(likely("yolov5", f"three anchors for each of {rows // 3} cells"), task, count, strides, False)
    distributed = columns - SIDES * _USUAL_BINS
    if distributed > 0 and rows == count_cells(clues.width, clues.height, PLUS_STRIDES):
        reason = f"{rows} cells of strides 8 to 64, with distributions of distances"
        return _Guess(likely("nanodet", reason), task, distributed, PLUS_STRIDES, False)
    if not _pyramid(clues, rows):
        return None
    return _yolox_or_old_nanodet(clues, rows, count, distributed, task)


def _yolox_or_old_nanodet(clues: _Clues, rows: int, count: int, distributed: int, task: Finding) -> _Guess:
    """Part the families whose outputs differ in nothing but what the numbers mean."""
    strides = _pyramid(clues, rows)
    if strides == OLD_STRIDES and distributed == _COCO_CLASSES:
        reason = f"{rows} cells with COCO's 80 classes and distributions of distances"
        return _Guess(likely("nanodet", reason), task, distributed, strides, False)
    reason = f"an anchor for each of {rows} cells, with an objectness"
    if _EXPONENTIAL in clues.operators:
        reason += f", and {_EXPONENTIAL} in the graph: YOLOX with the decoding"
        return _Guess(likely("yolov5", reason), task, count, strides, False)
    reason += "; YOLOv6 looks the same and is read as yolov5"
    return _Guess(likely("yolox", reason), task, count, strides, False)


def _class_map(clues: _Clues, output: TensorInfo) -> _Guess | None:
    """Tell a class, or a score of each class, for every pixel."""
    whole = output.dtype.kind in "iu"
    task = certain if whole else likely
    shape = output.shape[1:]
    if len(shape) == 3 and 1 in (shape[0], shape[2]):
        shape = shape[1:] if shape[0] == 1 else shape[:2]
    if len(shape) == 2 and (whole or _is_grid_of(clues, shape)):
        kind = f"{output.name} has a number for each pixel"
        return _Guess(task("class_map", kind), task("segmentation", kind))
    if len(shape) != 3 or whole or clues.width is None:
        return None
    scores, grid = (shape[0], shape[1:]) if _is_grid_of(clues, shape[1:]) else (shape[2], shape[:2])
    if scores is None or not _is_grid_of(clues, grid):
        return None
    kind = f"{output.name} has {scores} scores for each pixel"
    return _Guess(likely("class_map", kind), likely("segmentation", kind), segment_count=scores)


def _is_grid_of(clues: _Clues, shape: Sequence[int | None]) -> bool:
    """Return whether rows and columns are the input's, or a half, a quarter or an eighth of them."""
    if clues.width is None or clues.height is None:
        return False
    return any(tuple(shape) == (-(-clues.height // k), -(-clues.width // k)) for k in (1, 2, 4, 8))


def _fastestdet(clues: _Clues, output: TensorInfo) -> _Guess | None:
    """Tell (5 + classes, rows, columns) on one coarse grid."""
    if len(output.shape) != 4 or clues.width is None or clues.height is None:
        return None
    _, numbers, rows, columns = output.shape
    grid = (clues.height // _FASTEST_STRIDE, clues.width // _FASTEST_STRIDE)
    if numbers is None or numbers <= _BOX_AND_OBJECTNESS or (rows, columns) != grid:
        return None
    family = likely("fastestdet", f"{numbers} numbers for each cell of one grid of stride {_FASTEST_STRIDE}")
    task = likely("detection", "the output is boxes")
    return _Guess(family, task, numbers - _BOX_AND_OBJECTNESS, (_FASTEST_STRIDE,), False)


def _raw_scales(clues: _Clues) -> _Guess | None:
    """Tell YOLOv5's and v7's outputs that are not decoded."""
    shapes = [o.shape for o in clues.outputs]
    if len(shapes) < 2 or any(len(s) != 5 or s[1] != shapes[0][1] or s[4] != shapes[0][4] for s in shapes):
        return None
    columns = shapes[0][4]
    count = None if columns is None else columns - _BOX_AND_OBJECTNESS
    reason = f"{len(shapes)} scales that are not decoded; the card has to give the anchors, which the file does not"
    return _Guess(likely("yolov5", reason), certain("detection", "the outputs are boxes"), count, (), False)


def _pyramid(clues: _Clues, cells: int | None) -> tuple[int, ...]:
    """Return the strides whose grids over the input have so many cells; empty where unknown or none."""
    if cells is None or clues.width is None or clues.height is None:
        return ()
    return whole_strides(clues.width, clues.height, cells)


def _is_pyramid(clues: _Clues, rows: int) -> bool:
    """Return whether so many rows are the anchors of any family over the input."""
    if clues.width is None or clues.height is None:
        return False
    three_each = rows % _ANCHORS_A_CELL == 0 and bool(_pyramid(clues, rows // _ANCHORS_A_CELL))
    return three_each or bool(_pyramid(clues, rows)) or rows == count_cells(clues.width, clues.height, PLUS_STRIDES)


def _last(shape: tuple[int | None, ...]) -> int | None:
    return shape[-1] if shape else None


def _classes(notes: ExporterNotes | None, guess: _Guess) -> Finding:
    if guess.task.value == "segmentation":
        return unknown("the network gives no boxes")
    if notes is None:
        count = f"{guess.count} names are needed, " if guess.count else ""
        return unknown(f"{count}the file has none")
    if guess.count not in (None, len(notes.names)):
        return unknown(f"metadata has {len(notes.names)} names, the outputs have {guess.count} classes")
    return certain(notes.names, "metadata names")


def _class_count(notes: ExporterNotes | None, guess: _Guess) -> Finding:
    if guess.task.value == "segmentation":
        return unknown("the network gives no boxes")
    if notes is not None and guess.count in (None, len(notes.names)):
        return certain(len(notes.names), "metadata names")
    if guess.count is None:
        return unknown("neither the shapes nor metadata tell")
    return Finding(guess.count, guess.family.sureness, f"the shapes, if it is {guess.family.value}")


def _segments(notes: ExporterNotes | None, guess: _Guess) -> Finding:
    if guess.task.value not in ("segmentation", "multitask"):
        return unknown("the network gives no classes of pixels")
    if notes is not None and guess.task.value == "segmentation":
        return certain(notes.names, "metadata names")
    count = f"{guess.segment_count} names are needed, " if guess.segment_count else ""
    return unknown(f"{count}the file has none")


def _segmentation_output(guess: _Guess) -> Finding:
    if not guess.segmentation_output:
        return unknown("not a network of several tasks")
    return likely(guess.segmentation_output, "its shape")


def _strides(notes: ExporterNotes | None, guess: _Guess) -> Finding:
    if not guess.strides and notes is not None and notes.stride is not None and not guess.end_to_end:
        three = tuple(s for s in (notes.stride // 4, notes.stride // 2, notes.stride) if s)
        return likely(three, "metadata stride is the coarsest; three scales are the habit")
    if not guess.strides:
        return unknown("the head does not need them, or the shapes do not tell")
    return certain(guess.strides, "the number of cells over the input")


def _end_to_end(guess: _Guess) -> Finding:
    if guess.end_to_end is None:
        return unknown("not a network for boxes, or of no known family")
    return Finding(guess.end_to_end, guess.family.sureness, f"the family {guess.family.value}")


def _conventions(notes: ExporterNotes | None, guess: _Guess) -> dict[str, Finding]:
    """Return what is done to pixels: certain where an exporter of one convention signed, else the family's habit."""
    names = ("colour", "scale", "mean", "std", "letterbox", "pad")
    signed = notes is not None and guess.family.sureness is Sureness.CERTAIN
    habit = _HABITS.get(guess.family.value or "", _ULTRALYTICS if signed else None)
    if habit is None:
        return dict.fromkeys(names, unknown("no file tells, and there is no habit to go by"))
    finding = certain if signed else likely
    reason = f"the convention of {habit.source}" + (", which wrote this file" if signed else "; no file tells")
    return {name: finding(getattr(habit, name), reason) for name in names}
