"""Objects that lie across the seam between two windows of one image come out once and whole.

Neighbouring windows overlap, so most objects at a seam are seen whole by one of them and cut by the other; suppression
by overlap alone would keep both. An object wider than the overlap is cut in both.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.camera.riders import Columns
from perception_core.inference.layout import Placement

_MARGIN = 0.02
"""A box that ends nearer than this share of the window to its edge is taken as cut by it."""

_COVERED = 0.6
"""A cut box of which another window's box covers this share is a part of it."""

_SAME_ROWS = 0.6
"""Two cut boxes are parts of one object when their rows overlap this much (intersection over union)."""


def mend_seams(
    boxes: NDArray[np.float64],
    scores: NDArray[np.float64],
    class_ids: NDArray[np.int32],
    tiles: NDArray[np.int64],
    windows: tuple[Placement, ...],
) -> Columns:
    """Join and drop what seams have cut.

    1. A box cut by the right edge of its window and one cut by the left edge of the next, both across the whole
       overlap and in the same rows, become one box with the class and score of the better.
    2. A cut box mostly covered by a box of another window is dropped.

    Args:
        boxes: float64 (N, 4) in source pixels, best score first, after suppression.
        scores: float64 (N,).
        class_ids: int32 (N,).
        tiles: int64 (N,) index of the window that each box was seen in.
        windows: the image's windows, left to right.

    Returns:
        The columns of M <= N boxes, best score first.
    """
    if len(windows) == 1:
        return boxes, scores, class_ids
    boxes, tiles = boxes.copy(), tiles.copy()
    kept = np.ones(len(boxes), bool)
    cut_left, cut_right = _cuts(boxes, tiles, windows)
    for seam in range(len(windows) - 1):
        left_halves = np.flatnonzero(kept & cut_right & (tiles == seam))
        right_halves = np.flatnonzero(kept & cut_left & (tiles == seam + 1))
        for left, right in _pairs(boxes, left_halves, right_halves, windows[seam], windows[seam + 1]):
            better, worse = min(left, right), max(left, right)
            boxes[better] = _union(boxes[left], boxes[right])
            cut_left[better], cut_right[better] = cut_left[left], cut_right[right]
            tiles[better] = seam + 1
            kept[worse] = False
    for i in np.flatnonzero(kept & (cut_left | cut_right)):
        others = kept & (tiles != tiles[i])
        kept[i] = not (_covered(boxes[i], boxes[others]) >= _COVERED).any()
    return boxes[kept], scores[kept], class_ids[kept]


def cut_by_seam(
    boxes: NDArray[np.float64], tiles: NDArray[np.int64], windows: tuple[Placement, ...]
) -> NDArray[np.bool_]:
    """Return bool (N,): the box ends at an edge of its window that is no edge of the image."""
    if len(windows) == 1:
        return np.zeros(len(boxes), bool)
    cut_left, cut_right = _cuts(boxes, tiles, windows)
    cut: NDArray[np.bool_] = cut_left | cut_right
    return cut


def _cuts(
    boxes: NDArray[np.float64], tiles: NDArray[np.int64], windows: tuple[Placement, ...]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return bool (N,) twice: cut by the left edge, cut by the right edge of the window; image edges do not cut."""
    left = np.array([w.left for w in windows], np.float64)[tiles]
    columns = np.array([w.columns for w in windows], np.float64)[tiles]
    cut_left = (tiles > 0) & (boxes[:, 0] <= left + _MARGIN * columns)
    cut_right = (tiles < len(windows) - 1) & (boxes[:, 2] >= left + (1.0 - _MARGIN) * columns)
    return cut_left, cut_right


def _pairs(
    boxes: NDArray[np.float64],
    left_halves: NDArray[np.intp],
    right_halves: NDArray[np.intp],
    before: Placement,
    after: Placement,
) -> list[tuple[int, int]]:
    """Return pairs (left half, right half) that span the overlap in the same rows, each box in at most one."""
    margin = _MARGIN * after.columns
    start, end = after.left + margin, before.left + before.columns - margin
    free = [int(j) for j in right_halves if boxes[j, 2] >= end]
    pairs = []
    for i in left_halves[boxes[left_halves, 0] <= start]:
        partner = next((j for j in free if _row_overlap(boxes[i], boxes[j]) >= _SAME_ROWS), None)
        if partner is not None:
            free.remove(partner)
            pairs.append((int(i), partner))
    return pairs


def _row_overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    shared = min(a[3], b[3]) - max(a[1], b[1])
    return float(shared / (max(a[3], b[3]) - min(a[1], b[1])))


def _covered(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 (K,): the share of ``box`` that each of ``others`` (K, 4) covers."""
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    share: NDArray[np.float64] = np.maximum(width, 0.0) * np.maximum(height, 0.0) / area
    return share


def _union(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([np.minimum(a[:2], b[:2]), np.maximum(a[2:], b[2:])])
