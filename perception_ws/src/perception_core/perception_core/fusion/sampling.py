"""Loops over points that NumPy would take several passes for."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int32]
Indices = NDArray[np.int64]

MOST_POINTS = 150
"""Points of a cluster that are looked at: shares and bounds are as good with them as with thousands."""


@njit(cache=True)
def sampled(labels: Labels, count: NDArray[np.int32], most: int) -> Indices:
    """Return int64 (K,): rows of at most ``most`` points of each cluster, evenly over their order.

    Args:
        labels: int32 (N,) cluster of each point, -1 for none.
        count: int32 (M,) points of each cluster.
        most: at least 1.
    """
    stride = np.empty(len(count), np.int64)
    for k in range(len(count)):
        stride[k] = max(1, -(-count[k] // most))
    wait = np.zeros(len(count), np.int64)
    out = np.empty(len(labels), np.int64)
    n = 0
    for p in range(len(labels)):
        k = labels[p]
        if k < 0:
            continue
        if wait[k] == 0:
            wait[k] = stride[k]
            out[n] = p
            n += 1
        wait[k] -= 1
    return out[:n].copy()


@njit(cache=True)
def moved(
    points: NDArray[np.float32], labels: Labels, rows: Indices, wanted: NDArray[np.bool_], T: NDArray[np.float32]
) -> tuple[Indices, NDArray[np.float32], Indices]:
    """Move the points of some clusters into another frame.

    Args:
        points: float32 (N, 3).
        labels: int32 (N,).
        rows: int64 (K,) those that are looked at, all of which have a cluster.
        wanted: bool (M,) clusters.
        T: float32 (4, 4) of the move.

    Returns:
        int64 (P,) the rows of the points of wanted clusters, float32 (P, 3) where they come to lie, and int64 (M,) how
        many points of each cluster were looked at.
    """
    looked_at = np.zeros(len(wanted), np.int64)
    index, out = np.empty(len(rows), np.int64), np.empty((len(rows), 3), np.float32)
    n = 0
    for row in rows:
        k = labels[row]
        looked_at[k] += 1
        if wanted[k]:
            x, y, z = points[row]
            for axis in range(3):
                out[n, axis] = T[axis, 0] * x + T[axis, 1] * y + T[axis, 2] * z + T[axis, 3]
            index[n] = row
            n += 1
    return index[:n].copy(), out[:n].copy(), looked_at


@njit(cache=True)
def by_cluster(labels: Labels, pixels: Floats, depth: NDArray[np.float32], clusters: int) -> tuple[Indices, ...]:
    """Return what the P points of each of M clusters have in common, and their order.

    Args:
        labels: int32 (P,).
        pixels: float64 (P, 2).
        depth: float32 (P,).
        clusters: M.

    Returns:
        int64 (P,) the rows cluster by cluster, each one's in their order; int64 (M,) points of each; float64 (M, 4)
        bounds of its pixels and float64 (M,) median depth, NaN where it has no point.
    """
    count = np.zeros(clusters, np.int64)
    for k in labels:
        count[k] += 1
    place = np.cumsum(count) - count
    order, far = np.empty(len(labels), np.int64), np.empty(len(labels), np.float32)
    bounds, middle = np.full((clusters, 4), np.nan), np.full(clusters, np.nan)
    for p in range(len(labels)):
        k, (x, y) = labels[p], pixels[p]
        order[place[k]], far[place[k]] = p, depth[p]
        place[k] += 1
        b = bounds[k]
        if np.isnan(b[0]):
            b[0], b[1], b[2], b[3] = x, y, x, y
        b[0], b[1], b[2], b[3] = min(b[0], x), min(b[1], y), max(b[2], x), max(b[3], y)
    for k in range(clusters):
        n = count[k]
        if n:
            middle[k] = np.partition(far[place[k] - n : place[k]], n // 2)[n // 2]
    return order, count, bounds, middle


@njit(cache=True)
def nearest_by_direction(points: NDArray[np.float32], rows: Indices, bins: int) -> Floats:
    """Return float64 (bins,): metres to the nearest of some points (N, 3) in each direction, inf where none is."""
    square = np.full(bins, np.inf)
    place = np.zeros((bins, 2), np.float32)
    scale = bins / (2.0 * np.pi)
    for i in range(len(rows)):
        x, y = points[rows[i], 0], points[rows[i], 1]
        b = int(np.floor(np.arctan2(y, x) * scale)) % bins
        apart = np.float64(x) * np.float64(x) + np.float64(y) * np.float64(y)
        if apart < square[b]:
            square[b], place[b, 0], place[b, 1] = apart, x, y
    out = np.full(bins, np.inf)
    for b in range(bins):
        if square[b] < np.inf:
            out[b] = np.hypot(place[b, 0], place[b, 1])
    return out


@njit(cache=True)
def fitting_counts(
    pixels: Floats, count: Indices, bounds: Floats, boxes: Floats, shown: NDArray[np.uint8], fits: NDArray[np.bool_]
) -> tuple[Indices, Indices]:
    """Return int64 (M, D) twice: points of each cluster inside each box, and those of them that fit it.

    Args:
        pixels, count, bounds, boxes: as in :func:`inside_counts`.
        shown: uint8 (P,) what the pixel under each point shows, below S.
        fits: bool (D, S) what fits each box.
    """
    inside, fitting = np.zeros((len(count), len(boxes)), np.int64), np.zeros((len(count), len(boxes)), np.int64)
    first = 0
    for k in range(len(count)):
        last = first + count[k]
        for d in range(len(boxes)):
            x0, y0, x1, y1 = boxes[d]
            if count[k] == 0 or bounds[k, 0] > x1 or bounds[k, 1] > y1 or bounds[k, 2] < x0 or bounds[k, 3] < y0:
                continue
            for p in range(first, last):
                x, y = pixels[p]
                if x >= x0 and x <= x1 and y >= y0 and y <= y1:
                    inside[k, d] += 1
                    fitting[k, d] += fits[d, shown[p]]
        first = last
    return inside, fitting


@njit(cache=True)
def inside_counts(pixels: Floats, count: Indices, bounds: Floats, boxes: Floats) -> Indices:
    """Return int64 (M, D): points of each cluster inside each box.

    Args:
        pixels: float64 (P, 2), cluster by cluster.
        count: int64 (M,) points of each.
        bounds: float64 (M, 4) of each one's pixels, as the boxes.
        boxes: float64 (D, 4) x_min, y_min, x_max, y_max.
    """
    nothing, anything = np.zeros(len(pixels), np.uint8), np.ones((len(boxes), 1), np.bool_)
    inside: Indices = fitting_counts(pixels, count, bounds, boxes, nothing, anything)[0]
    return inside


@njit(cache=True)
def closest_boxes(pixels: Floats, boxes: Floats, shown: NDArray[np.uint8], fits: NDArray[np.bool_]) -> Indices:
    """Return int64 (N,): of the boxes that hold a point and that it fits the one whose middle is nearest, -1 of none.

    Args:
        pixels: float64 (N, 2).
        boxes: float64 (K, 4) x_min, y_min, x_max, y_max; across, distances count in their half widths.
        shown: uint8 (N,) what the pixel under each point shows, below S.
        fits: bool (K, S) what fits each box.
    """
    out = np.full(len(pixels), -1)
    for p in range(len(pixels)):
        x, y = pixels[p]
        least = np.inf
        for d in range(len(boxes)):
            x0, y0, x1, y1 = boxes[d]
            if not (x >= x0 and x <= x1 and y >= y0 and y <= y1 and fits[d, shown[p]]):
                continue
            beside = abs(x - (x0 + x1) / 2.0) / max((x1 - x0) / 2.0, 1.0)
            if beside < least:
                least, out[p] = beside, d
    return out


@njit(cache=True)
def labels_under(pixels: Floats, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return uint8 (P,): what an image (H, W) shows at the pixel that each point (P, 2) falls on."""
    out = np.empty(len(pixels), np.uint8)
    for p in range(len(pixels)):
        out[p] = labels[int(np.floor(pixels[p, 1] + 0.5)), int(np.floor(pixels[p, 0] + 0.5))]
    return out


@njit(cache=True)
def shares_shown(labels: NDArray[np.uint8], windows: Indices, shows: NDArray[np.bool_], most: int) -> Floats:
    """Return float64 (D,): the share of an image's pixels in each window that show what is wanted; 0 of no pixels.

    Args:
        labels: uint8 (H, W), below S.
        windows: int64 (D, 4) x_min, y_min, x_max, y_max, not negative; the greater ones are beyond the window.
        shows: bool (D, S) what is wanted in each window.
        most: rows and columns of a window that are looked at, about.
    """
    height, width = labels.shape
    out = np.zeros(len(windows))
    for d in range(len(windows)):
        x0, y0, x1, y1 = windows[d]
        looked_at, found = 0, 0
        for row in range(y0, min(y1, height), max(1, (y1 - y0) // most)):
            for column in range(x0, min(x1, width), max(1, (x1 - x0) // most)):
                looked_at += 1
                found += shows[d, labels[row, column]]
        if looked_at:
            out[d] = found / looked_at
    return out
