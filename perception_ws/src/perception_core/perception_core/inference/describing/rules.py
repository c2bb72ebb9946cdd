"""The rules in the order in which they are tried; the first that applies answers."""

from collections.abc import Mapping

from perception_core.inference.backend import TensorInfo
from perception_core.inference.describing.boxes import tell_boxes
from perception_core.inference.describing.clues import BOX, BOX_AND_OBJECTNESS, Clues, Guess
from perception_core.inference.describing.maps import tell_class_map
from perception_core.inference.description import Sureness, certain, likely, unknown
from perception_core.inference.heads.detr import FINISHED

_PROTOTYPES = 32
_FASTEST_STRIDE = 16
_TASKS = ("detect", "segment", "semantic")


def guess_network(clues: Clues) -> Guess:
    """Return the first rule's answer that applies."""
    notes = clues.notes
    if notes is not None and notes.package and notes.task not in _TASKS:
        nothing = unknown(f"metadata says task {notes.task!r}, which cannot be read here")
        return Guess(nothing, nothing)
    for rule in (_by_names, _by_notes, _instances, _one_output, _raw_scales, _several_outputs):
        guess = rule(clues)
        if guess is not None:
            return guess
    nothing = unknown("the outputs are of no family known here")
    return Guess(nothing, nothing)


def _by_names(clues: Clues) -> Guess | None:
    """Tell the transformers, whose exports name their outputs."""
    shapes = {o.name: o.shape for o in clues.outputs}
    names = set(shapes)
    detection = certain("detection", "the outputs are boxes")
    if names == set(FINISHED):
        return Guess(certain("rtdetr", "outputs labels, boxes, scores"), detection, end_to_end=True)
    if _is_rfdetr(shapes):
        count = _last(shapes["labels"])
        family = certain("rfdetr", f"outputs {', '.join(sorted(names))}")
        task = certain("instances", "a mask for each query") if "masks" in names else detection
        return Guess(family, task, None if count is None else count - 1, end_to_end=True)
    if names == {"logits", "pred_boxes"}:
        family = likely("rtdetr", "outputs logits and pred_boxes; DETR has the same, but with a softmax")
        return Guess(family, detection, _last(shapes["logits"]), end_to_end=True)
    return None


def _is_rfdetr(shapes: Mapping[str, tuple[int | None, ...]]) -> bool:
    """Return whether these are RF-DETR's outputs; mmdeploy has the names too, for boxes of five numbers."""
    if set(shapes) not in ({"dets", "labels"}, {"dets", "labels", "masks"}):
        return False
    return _last(shapes["dets"]) in (BOX, None) and len(shapes["labels"]) == 3


def _by_notes(clues: Clues) -> Guess | None:
    """Tell what the ultralytics package says of its own files, where the shapes tell nothing or not enough."""
    notes = clues.notes
    if notes is None or not notes.package:
        return None
    if notes.task == "semantic":
        said = "metadata says task semantic"
        count = len(notes.names)
        return Guess(certain("class_map", said), certain("segmentation", said), segment_count=count)
    if any(n is not None for output in clues.outputs for n in output.shape[1:]):
        return None
    said = "metadata says what it is; the outputs are open"
    finished = notes.end2end or notes.suppressed
    family = "rtdetr" if notes.transformer else "yolo_end2end" if finished else "yolov8"
    task = certain("instances" if notes.task == "segment" else "detection", f"metadata says task {notes.task}")
    return Guess(certain(family, said), task, clues.count, end_to_end=finished or notes.transformer)


def _instances(clues: Clues) -> Guess | None:
    """Tell boxes with prototypes of masks."""
    by_rank = {len(o.shape): o for o in clues.outputs}
    if len(clues.outputs) != 2 or set(by_rank) != {3, 4}:
        return None
    planes = by_rank[4].shape
    prototypes = planes[1]
    said = clues.notes is not None and clues.notes.task == "segment"
    if prototypes is None or not (said or prototypes == _PROTOTYPES):
        return None
    boxes = tell_boxes(clues, by_rank[3], prototypes)
    if boxes is None:
        return None
    reason = "metadata says task segment" if said else f"{prototypes} prototypes of masks beside the boxes"
    sure = said or boxes.family.sureness is Sureness.CERTAIN
    task = certain("instances", reason) if sure else likely("instances", reason)
    return Guess(boxes.family, task, boxes.count, boxes.strides, boxes.end_to_end)


def _one_output(clues: Clues) -> Guess | None:
    """Tell everything that has a single output."""
    if len(clues.outputs) != 1:
        return None
    output = clues.outputs[0]
    return tell_class_map(clues, output) or tell_boxes(clues, output, 0) or _fastestdet(clues, output)


def _several_outputs(clues: Clues) -> Guess | None:
    """Tell boxes beside a class for each pixel."""
    maps = [(o, g) for o in clues.outputs for g in [tell_class_map(clues, o)] if g is not None]
    if len(clues.outputs) != 2 or len(maps) != 1:
        return None
    output, segmented = maps[0]
    rest = next(o for o in clues.outputs if o is not output)
    boxes = tell_boxes(clues, rest, 0)
    if boxes is None:
        return None
    task = likely("multitask", f"boxes, and in {output.name} a class for each pixel")
    return Guess(boxes.family, task, boxes.count, boxes.strides, boxes.end_to_end, output.name, segmented.segment_count)


def _fastestdet(clues: Clues, output: TensorInfo) -> Guess | None:
    """Tell (5 + classes, rows, columns) on one coarse grid."""
    if len(output.shape) != 4 or clues.width is None or clues.height is None:
        return None
    _, numbers, rows, columns = output.shape
    grid = (clues.height // _FASTEST_STRIDE, clues.width // _FASTEST_STRIDE)
    if numbers is None or numbers <= BOX_AND_OBJECTNESS or (rows, columns) != grid:
        return None
    family = likely("fastestdet", f"{numbers} numbers for each cell of one grid of stride {_FASTEST_STRIDE}")
    task = likely("detection", "the output is boxes")
    return Guess(family, task, numbers - BOX_AND_OBJECTNESS, (_FASTEST_STRIDE,), False)


def _raw_scales(clues: Clues) -> Guess | None:
    """Tell YOLOv5's and v7's outputs that are not decoded."""
    shapes = [o.shape for o in clues.outputs]
    if len(shapes) < 2 or any(len(s) != 5 or s[1] != shapes[0][1] or s[4] != shapes[0][4] for s in shapes):
        return None
    columns = shapes[0][4]
    count = None if columns is None else columns - BOX_AND_OBJECTNESS
    reason = f"{len(shapes)} scales that are not decoded; the card has to give the anchors, which the file does not"
    return Guess(likely("yolov5", reason), certain("detection", "the outputs are boxes"), count, (), False)


def _last(shape: tuple[int | None, ...]) -> int | None:
    return shape[-1] if shape else None
