"""Greedy non-maximum suppression, class by class."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.inference.candidates import Candidates

_FEW = 1000
"""Of more candidates than this the best are sorted and tried first: mostly they are all that is needed."""


def suppress(
    candidates: Candidates, iou_threshold: float, limit: int, duplicate_iou: float = 1.0, least_side: float = 0.0
) -> NDArray[np.int64]:
    """Return the indices int64 (K,) of the candidates that stay, best score first, at most ``limit``.

    A candidate goes when a better one of its own class overlaps it with an intersection over union above
    ``iou_threshold``, or one of any class above ``duplicate_iou``: one thing that was given two names. One that is
    narrower or lower than ``least_side`` is not looked at. Equal scores keep the order of the candidates, so the
    result is deterministic.
    """
    thresholds = np.float32(iou_threshold), np.float32(duplicate_iou), np.float32(least_side)
    boxes, class_ids = candidates.boxes, candidates.class_ids
    kept: NDArray[np.int64]
    if len(candidates) > _FEW:
        kept = _greedy(boxes, class_ids, _best_first(candidates.scores, _FEW), thresholds, limit)
        if len(kept) == limit:
            return kept
    kept = _greedy(boxes, class_ids, _best_first(candidates.scores, len(candidates)), thresholds, limit)
    return kept


def _best_first(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return the indices of the best ``count`` scores and of those that are equal to the last of them."""
    if count >= len(scores):
        return np.argsort(-scores, kind="stable")
    chosen = np.flatnonzero(scores >= -np.partition(-scores, count)[count])
    return chosen[np.argsort(-scores[chosen], kind="stable")]


def warm_up() -> None:
    """Compile, or load from the cache, so that no image has to wait."""
    suppress(Candidates(np.zeros((1, 4), np.float32), np.zeros(1, np.float32), np.zeros(1, np.int32)), 0.5, 1)


@njit(cache=True)
def _greedy(
    boxes: NDArray[np.float32],
    class_ids: NDArray[np.int32],
    order: NDArray[np.int64],
    thresholds: tuple[np.float32, np.float32, np.float32],
    limit: int,
) -> NDArray[np.int64]:  # pragma: no cover - compiled
    iou_threshold, duplicate_iou, least_side = thresholds
    kept = np.empty(min(limit, len(order)), np.int64)
    areas = np.empty(len(kept), np.float32)
    count = 0
    for i in order:
        if count == len(kept):
            break
        x0, y0, x1, y1 = boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3]
        if not (x1 - x0 >= least_side and y1 - y0 >= least_side):
            continue
        area = (x1 - x0) * (y1 - y0)
        stays = True
        for k in range(count):
            j = kept[k]
            threshold = iou_threshold if class_ids[j] == class_ids[i] else duplicate_iou
            width = min(x1, boxes[j, 2]) - max(x0, boxes[j, 0])
            height = min(y1, boxes[j, 3]) - max(y0, boxes[j, 1])
            if width <= 0 or height <= 0:
                continue
            intersection = width * height
            if intersection > threshold * (area + areas[k] - intersection):
                stays = False
                break
        if stays:
            kept[count] = i
            areas[count] = area
            count += 1
    return kept[:count]
