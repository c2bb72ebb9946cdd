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
    met = np.zeros(len(count), np.int64)
    out = np.empty(len(labels), np.int64)
    n = 0
    for p in range(len(labels)):
        k = labels[p]
        if k < 0:
            continue
        if met[k] % stride[k] == 0:
            out[n] = p
            n += 1
        met[k] += 1
    return out[:n].copy()


@njit(cache=True)
def nearest_by_direction(points: NDArray[np.float32], rows: Indices, bins: int) -> Floats:
    """Return float64 (bins,): metres to the nearest of some points (N, 3) in each direction, inf where none is."""
    out = np.full(bins, np.inf)
    scale = bins / (2.0 * np.pi)
    for i in range(len(rows)):
        x, y = points[rows[i], 0], points[rows[i], 1]
        b = int(np.floor(np.arctan2(y, x) * scale)) % bins
        out[b] = min(out[b], np.hypot(x, y))
    return out


@njit(cache=True)
def inside_counts(pixels: Floats, labels: Labels, boxes: Floats, counted: NDArray[np.bool_], clusters: int) -> Indices:
    """Return int64 (M, D): points of each cluster inside each box (D, 4).

    Args:
        pixels: float64 (P, 2).
        labels: int32 (P,).
        boxes: float64 (D, 4) x_min, y_min, x_max, y_max.
        counted: bool (D, P) which points count, or (D, 0) for all.
        clusters: M.
    """
    out = np.zeros((clusters, len(boxes)), np.int64)
    every = counted.shape[1] == 0
    for d in range(len(boxes)):
        x0, y0, x1, y1 = boxes[d]
        for p in range(len(labels)):
            x, y = pixels[p]
            if x >= x0 and x <= x1 and y >= y0 and y <= y1 and (every or counted[d, p]):
                out[labels[p], d] += 1
    return out
