"""Average precision of boxes in images, as COCO counts it (Lin et al., "Microsoft COCO", arXiv:1405.0312).

A detection is right when it is the best of its class left for a true box that it overlaps enough. Precision is read
at 101 recalls from the curve without its dips. True boxes that nobody can be asked for (too small, too hidden) are
marked as ignored: they are no misses, and a detection of them is neither right nor wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Overlaps (intersection over union) at which a detection is held to be right: 0.50, 0.55, .. 0.95."""

_RECALLS = np.linspace(0.0, 1.0, 101)
_RIGHT, _WRONG, _IGNORED = 1, 0, -1


@dataclass(frozen=True, slots=True)
class ImageBoxes:
    """N detections and M true boxes of one image.

    Attributes:
        boxes: float64 (N, 4) x_min, y_min, x_max, y_max of the detections.
        scores: float64 (N,).
        class_ids: int (N,).
        truth_boxes: float64 (M, 4).
        truth_class_ids: int (M,).
        ignored: bool (M,).
    """

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    class_ids: NDArray[np.int32]
    truth_boxes: NDArray[np.float64]
    truth_class_ids: NDArray[np.int32]
    ignored: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class DetectionScores:
    """Average precisions of C classes.

    Attributes:
        average_precision: float64 (C, 10) at each of :data:`THRESHOLDS`; NaN for a class without true boxes.
        recall: float64 (C, 10) with every detection counted.
        truths: int64 (C,) true boxes that are not ignored.
    """

    average_precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    truths: NDArray[np.int64]

    @property
    def map50(self) -> float:
        """Mean over the classes at an overlap of 0.5; NaN without any true box."""
        return _mean(self.average_precision[:, 0])

    @property
    def map50_95(self) -> float:
        """Mean over the classes and all overlaps; NaN without any true box."""
        return _mean(self.average_precision)


def detection_scores(images: Sequence[ImageBoxes], classes: Sequence[int]) -> DetectionScores:
    """Return the scores of ``classes``, one row each, over all images."""
    rows = [_class_scores(images, class_id) for class_id in classes]
    empty = np.empty((0, len(THRESHOLDS)))
    return DetectionScores(
        np.array([row[0] for row in rows]).reshape(-1, len(THRESHOLDS)) if rows else empty,
        np.array([row[1] for row in rows]).reshape(-1, len(THRESHOLDS)) if rows else empty,
        np.array([row[2] for row in rows], dtype=np.int64),
    )


def overlaps(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the intersection over union (N, M) of boxes (N, 4) and (M, 4)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0.0), axis=2)
    area_a, area_b = (np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b))
    return np.asarray(shared / np.maximum(area_a[:, None] + area_b[None] - shared, 1e-12))


def _class_scores(images: Sequence[ImageBoxes], class_id: int) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    scores, verdicts, truths = [np.empty(0)], [np.empty((len(THRESHOLDS), 0), dtype=np.int64)], 0
    for image in images:
        mine, true = image.class_ids == class_id, image.truth_class_ids == class_id
        order = np.argsort(-image.scores[mine], kind="stable")
        ignored = image.ignored[true]
        shared = overlaps(image.boxes[mine][order], image.truth_boxes[true])
        scores.append(image.scores[mine][order])
        verdicts.append(np.stack([_verdicts(shared, ignored, threshold) for threshold in THRESHOLDS]))
        truths += int(np.count_nonzero(~ignored))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    verdict = np.concatenate(verdicts, axis=1)[:, order]
    pairs = [_curve(row[row != _IGNORED] == _RIGHT, truths) for row in verdict]
    return np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs]), truths


def _verdicts(shared: NDArray[np.float64], ignored: NDArray[np.bool_], threshold: float) -> NDArray[np.int64]:
    """Judge detections (N,), best first: each takes the free true box it overlaps most, ignored ones at last."""
    free = np.ones(len(ignored), dtype=np.bool_)
    verdicts = np.full(len(shared), _WRONG, dtype=np.int64)
    for i, row in enumerate(shared):
        fits = free & (row >= threshold)
        asked = fits & ~ignored
        chosen = asked if asked.any() else fits
        if chosen.any():
            best = int(np.argmax(np.where(chosen, row, -1.0)))
            free[best] = False
            verdicts[i] = _IGNORED if ignored[best] else _RIGHT
    return verdicts


def _curve(right: NDArray[np.bool_], truths: int) -> tuple[float, float]:
    """Return the average precision and the final recall of detections in order of their scores."""
    if truths == 0:
        return float("nan"), float("nan")
    hits = np.cumsum(right)
    recall, precision = hits / truths, hits / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, _RECALLS, side="left")
    reached = at < len(recall)
    total = float(envelope[at[reached]].sum())
    return total / len(_RECALLS), float(recall[-1]) if len(recall) else 0.0


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
