"""RT-DETR, its successors of the same outputs, and RF-DETR: one box a query, no suppression needed.

Zhao et al., "DETRs Beat YOLOs on Real-time Object Detection", arXiv:2304.08069. Boxes are centre and size in shares of
the image. Several exports of RT-DETR (and D-FINE, DEIM) are about: Ultralytics' single output, (B, Q, 4 + classes) with
probabilities until 2025 and (B, Q, 6) with the best class's score and number since; ``logits`` and ``pred_boxes`` of
Hugging Face, with logits; the authors' ``labels``, ``boxes`` and ``scores``, whose boxes are corners in pixels of the
``orig_target_sizes`` they are given. Roboflow's RF-DETR has
``dets`` and ``labels``, the latter logits with one class more than the data set had (COCO's 90 numbers make 91).
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.candidates import Candidates
from perception_core.inference.heads import scan
from perception_core.inference.heads.box_head import BoxHead
from perception_core.inference.heads.outputs import (
    BOX,
    Outputs,
    Shape,
    entry_of,
    first_output,
    infos,
    listed,
    shape_fits,
)
from perception_core.inference.heads.yolo_end2end import named_classes
from perception_core.inference.heads.yolov5 import box_unit, centred_boxes
from perception_core.inference.model_card import ModelCard

FINISHED = ("labels", "boxes", "scores")
"""Outputs of the authors' export."""

_NUMBER = 5
_FINISHED_NUMBERS = 6
"""Box, score, number of the class."""


class RtDetrHead(BoxHead):
    """Reads any of the exports; which one follows from the outputs."""

    def __init__(self, card: ModelCard) -> None:
        """Keep the card."""
        super().__init__(card)
        self._share = box_unit(card, "share")
        self._pixels = box_unit(card, "pixels")

    def check(self, outputs: tuple[TensorInfo, ...]) -> None:
        """Check the shapes of the outputs as far as the file states them; raises ModelError."""
        classes = len(self._card.classes)
        shapes = {output.name: output.shape for output in outputs}
        if len(outputs) == 1:
            fits = any(shape_fits(outputs[0].shape, (None, None, n)) for n in (BOX + classes, _FINISHED_NUMBERS))
        elif len(outputs) == 2:
            fits = _boxes_and_logits(shapes, classes, classes) is not None
        else:
            fits = set(shapes) == set(FINISHED) and shape_fits(shapes["boxes"], (None, None, BOX))
        if not fits:
            raise ModelError(
                f"{self._card.name}: expected [1, queries, {BOX + classes} or {_FINISHED_NUMBERS}], or [1, queries, 4] "
                f"and [1, queries, {classes}], or labels, boxes and scores, for {classes} classes, "
                f"got {listed(outputs)}"
            )

    def _candidates(
        self, outputs: Outputs, score_threshold: float, class_table: NDArray[np.int32], entry: int
    ) -> Candidates:
        if len(outputs) == 1:
            name, output = first_output(outputs)
            raw = entry_of(self._card.name, name, output, entry)
            return self._decode_single(name, raw, score_threshold, class_table)
        if len(outputs) == 2:
            return _decode_logits(self._card, outputs, score_threshold, class_table, entry)
        return self._decode_finished(outputs, score_threshold, class_table, entry)

    def _decode_single(
        self, name: str, raw: NDArray[np.float32], score_threshold: float, class_table: NDArray[np.int32]
    ) -> Candidates:
        model = self._card.name
        if self._has_numbers(raw):
            passed = scan.scan_rows(raw[:, :_NUMBER].copy(), BOX, score_threshold, np.zeros(1, np.int32))
            class_ids = named_classes(model, name, raw[passed.rows, _NUMBER], class_table)
        else:
            passed = scan.scan_rows(raw, BOX, score_threshold, class_table)
            class_ids = passed.class_ids
        scores = scan.checked_scores(model, name, passed)
        kept = class_ids >= 0
        boxes = centred_boxes(raw[passed.rows[kept], :BOX], self._share)
        return scan.finite_candidates(boxes, scores[kept], class_ids[kept], passed.rows[kept])

    def _has_numbers(self, raw: NDArray[np.float32]) -> bool:
        """Return whether the last of six columns is the number of a class.

        With two classes it may be a probability too: numbers are whole, and come with falling scores.
        """
        if raw.shape[1] != _FINISHED_NUMBERS or len(self._card.classes) != 2:
            return bool(raw.shape[1] == _FINISHED_NUMBERS)
        falling = bool((np.diff(raw[:, BOX]) <= 0).all())
        return falling and bool(np.isin(raw[:, _NUMBER], (0.0, 1.0)).all())

    def _decode_finished(
        self, outputs: Outputs, score_threshold: float, class_table: NDArray[np.int32], entry: int
    ) -> Candidates:
        model = self._card.name
        labels, boxes, scores = (entry_of(model, name, outputs[name], entry) for name in FINISHED)
        if not len(labels) == len(boxes) == len(scores) or scores.ndim != 1 or labels.ndim != 1:
            raise ModelError(f"{model}: labels, boxes and scores do not fit together: {listed(infos(outputs))}")
        passed = scan.scan_rows(scores[:, np.newaxis].copy(), 0, score_threshold, np.zeros(1, np.int32))
        good = scan.checked_scores(model, "scores", passed)
        class_ids = named_classes(model, "labels", labels[passed.rows], class_table)
        kept = class_ids >= 0
        with np.errstate(over="ignore", invalid="ignore"):
            found = boxes[passed.rows][kept] * self._pixels
        return scan.finite_candidates(found, good[kept], class_ids[kept], passed.rows[kept])


class RfDetrHead(BoxHead):
    """Reads ``dets`` (B, Q, 4) and ``labels`` (B, Q, classes or more), logits."""

    def check(self, outputs: tuple[TensorInfo, ...]) -> None:
        """Check the shapes of the outputs as far as the file states them; raises ModelError."""
        classes = len(self._card.classes)
        shapes = {output.name: output.shape for output in outputs}
        if len(outputs) != 2 or _boxes_and_logits(shapes, classes, classes + 1) is None:
            raise ModelError(
                f"{self._card.name}: expected [1, queries, 4] and [1, queries, {classes} or {classes + 1}] for "
                f"{classes} classes, got {listed(outputs)}"
            )

    def _candidates(
        self, outputs: Outputs, score_threshold: float, class_table: NDArray[np.int32], entry: int
    ) -> Candidates:
        return _decode_logits(self._card, outputs, score_threshold, class_table, entry)


def _decode_logits(
    card: ModelCard, outputs: Outputs, score_threshold: float, class_table: NDArray[np.int32], entry: int
) -> Candidates:
    classes = len(card.classes)
    names = _boxes_and_logits({name: array.shape for name, array in outputs.items()}, classes, classes + 1)
    assert names is not None  # the shapes were checked
    boxes, logits = (entry_of(card.name, name, outputs[name], entry) for name in names)
    passed = scan.scan_rows(logits, 0, scan.logit(score_threshold), class_table, logits=True)
    scores = scan.scores_of_logits(card.name, names[1], passed)
    found = centred_boxes(boxes[passed.rows], box_unit(card, "share"))
    return scan.finite_candidates(found, scores, passed.class_ids, passed.rows)


def _boxes_and_logits(shapes: dict[str, Shape], least: int, most: int) -> tuple[str, str] | None:
    """Return the names of boxes and logits, told by their shapes, or by the words in their names where both fit."""
    boxes = [name for name, shape in shapes.items() if shape_fits(shape, (None, None, BOX))]
    logits = [
        name for name, shape in shapes.items() if len(shape) == 3 and (shape[2] is None or least <= shape[2] <= most)
    ]
    pairs = [(b, c) for b in boxes for c in logits if b != c and shape_fits(shapes[b][:2], shapes[c][:2])]
    named = [pair for pair in pairs if "box" in pair[0] or "det" in pair[0]]
    return next(iter(named or pairs), None)
