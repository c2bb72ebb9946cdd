"""Which family of detectors an output of three dimensions belongs to."""

from perception_core.inference.backend import TensorInfo
from perception_core.inference.describing.clues import (
    ANCHORS_A_CELL,
    BOX,
    BOX_AND_OBJECTNESS,
    Clues,
    Guess,
    is_pyramid,
    pyramid,
)
from perception_core.inference.description import Finding, certain, likely
from perception_core.inference.grids import count_cells
from perception_core.inference.heads.nanodet import OLD_STRIDES, PLUS_STRIDES, SIDES

_FINISHED_BOX = 6
"""Corners, score, class."""

_MOST_QUERIES = 1000
"""End-to-end networks leave a few hundred boxes; pyramids of grids have thousands of anchors."""

_USUAL_BINS = 8
"""NanoDet's distances are distributions over 0..7 in all its configurations."""

_COCO_CLASSES = 80
_EXPONENTIAL = "Exp"
"""YOLOX takes it of the sizes, and nothing else in its graph does."""


def tell_boxes(clues: Clues, output: TensorInfo, coefficients: int) -> Guess | None:
    """Tell the families by one output of three dimensions, of whose numbers an anchor ``coefficients`` are masks'."""
    if len(output.shape) != 3 or output.dtype.kind != "f":
        return None
    _, first, second = output.shape
    for rule in (_finished_boxes, _queries, _columns_first, _rows_first):
        guess = rule(clues, first, second, coefficients)
        if guess is not None:
            return guess
    return None


def _finished_boxes(clues: Clues, rows: int | None, columns: int | None, coefficients: int) -> Guess | None:
    """Tell (K, 6): corners, score, class."""
    if columns != _FINISHED_BOX + coefficients or (rows is not None and rows > _MOST_QUERIES):
        return None
    notes = clues.notes
    task = certain("detection", "the output is boxes")
    if notes is not None and notes.transformer:
        return Guess(certain("rtdetr", "metadata names RT-DETR"), task, clues.count, end_to_end=True)
    if notes is not None and (notes.end2end or notes.suppressed):
        reason = "metadata says end2end" if notes.end2end else "metadata says nms=True"
        return Guess(certain("yolo_end2end", reason), task, clues.count, end_to_end=True)
    reason = f"{rows or 'some'} rows of six numbers: corners, score, class"
    if notes is not None and notes.package:
        return Guess(certain("yolo_end2end", f"{reason}, of Ultralytics"), task, clues.count, end_to_end=True)
    return Guess(likely("yolo_end2end", reason), task, clues.count, end_to_end=True)


def _queries(clues: Clues, rows: int | None, columns: int | None, coefficients: int) -> Guess | None:
    """Tell (Q, 4 + classes) of RT-DETR."""
    if rows is None or columns is None or coefficients or rows > _MOST_QUERIES or columns <= BOX:
        return None
    count = columns - BOX
    said = clues.notes is not None and clues.notes.transformer
    if not said and (is_pyramid(clues, rows) or columns > rows or clues.count not in (None, count)):
        return None
    reason = "metadata names RT-DETR" if said else f"{rows} rows of {columns} numbers fit no pyramid of grids"
    family = certain("rtdetr", reason) if said else likely("rtdetr", reason)
    return Guess(family, certain("detection", "the output is boxes"), count, end_to_end=True)


def _columns_first(clues: Clues, rows: int | None, columns: int | None, coefficients: int) -> Guess | None:
    """Tell (4 + classes, anchors) of YOLOv8."""
    if rows is None or rows <= BOX + coefficients or (columns is not None and columns <= rows):
        return None
    count = rows - BOX - coefficients
    strides = pyramid(clues, columns)
    task = certain("detection", "the output is boxes")
    if clues.count == count:
        return Guess(certain("yolov8", f"{rows} numbers for {count} names"), task, count, strides, False)
    if clues.count is not None or (columns is not None and not strides and clues.width is not None):
        return None
    return Guess(likely("yolov8", f"{rows} numbers of each of many anchors"), task, count, strides, False)


def _rows_first(clues: Clues, rows: int | None, columns: int | None, coefficients: int) -> Guess | None:
    """Tell (anchors, 5 + classes) of YOLOX and YOLOv5, and NanoDet's distributions."""
    if columns is None or columns <= BOX_AND_OBJECTNESS + coefficients:
        return None
    count = columns - BOX_AND_OBJECTNESS - coefficients
    task = certain("detection", "the output is boxes")
    if clues.count == columns - BOX - coefficients:
        return Guess(certain("yolov8", f"{columns} numbers for {clues.count} names"), task, clues.count, (), False)
    if clues.count == count:
        return Guess(certain("yolov5", f"{columns} numbers for {count} names"), task, count, (), False)
    if clues.count is not None or rows is None or clues.width is None or clues.height is None:
        return None
    if rows % ANCHORS_A_CELL == 0 and pyramid(clues, rows // ANCHORS_A_CELL):
        strides = pyramid(clues, rows // ANCHORS_A_CELL)
        return Guess(likely("yolov5", f"three anchors for each of {rows // 3} cells"), task, count, strides, False)
    distributed = columns - SIDES * _USUAL_BINS
    if distributed > 0 and rows == count_cells(clues.width, clues.height, PLUS_STRIDES):
        reason = f"{rows} cells of strides 8 to 64, with distributions of distances"
        return Guess(likely("nanodet", reason), task, distributed, PLUS_STRIDES, False)
    if not pyramid(clues, rows):
        return None
    return _yolox_or_old_nanodet(clues, rows, count, distributed, task)


def _yolox_or_old_nanodet(clues: Clues, rows: int, count: int, distributed: int, task: Finding) -> Guess:
    """Part the families whose outputs differ in nothing but what the numbers mean."""
    strides = pyramid(clues, rows)
    if strides == OLD_STRIDES and distributed == _COCO_CLASSES:
        reason = f"{rows} cells with COCO's 80 classes and distributions of distances"
        return Guess(likely("nanodet", reason), task, distributed, strides, False)
    reason = f"an anchor for each of {rows} cells, with an objectness"
    if _EXPONENTIAL in clues.operators:
        reason += f", and {_EXPONENTIAL} in the graph: YOLOX with the decoding"
        return Guess(likely("yolov5", reason), task, count, strides, False)
    reason += "; YOLOv6 looks the same and is read as yolov5"
    return Guess(likely("yolox", reason), task, count, strides, False)
