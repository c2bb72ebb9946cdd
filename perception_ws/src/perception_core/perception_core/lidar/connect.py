"""Connected components of bird's-eye cells with a connecting distance that grows with range.

Cells are joined by union-find (Tarjan 1975) when the boxes around their points lie nearer than the distance, which
is single-linkage clustering up to a fraction of a cell.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, inline="always")
def find(parent, a):  # type: ignore[no-untyped-def]
    """Root of ``a`` with path halving."""
    while parent[a] != a:
        parent[a] = parent[parent[a]]
        a = parent[a]
    return a


@numba.njit(cache=True, inline="always")
def union(parent, a, b):  # type: ignore[no-untyped-def]
    """Join the sets of ``a`` and ``b`` under the smaller root, so that the result knows no order of calls."""
    a, b = find(parent, a), find(parent, b)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b


@numba.njit(cache=True)
def _components(index, bounds, cell_size, sensor_x, sensor_y, gap, gap_per_range, max_gap):  # type: ignore[no-untyped-def]
    n = len(index)
    low_x, low_y = index[:, 0].min(), index[:, 1].min()
    width = index[:, 0].max() - low_x + 1
    depth = index[:, 1].max() - low_y + 1
    lookup = np.zeros((width, depth), np.int32)
    for c in range(n):
        lookup[index[c, 0] - low_x, index[c, 1] - low_y] = c + 1
    parent = np.arange(n).astype(np.int32)
    for c in range(n):
        x = (bounds[c, 0] + bounds[c, 2]) * 0.5 - sensor_x
        y = (bounds[c, 1] + bounds[c, 3]) * 0.5 - sensor_y
        limit = min(gap + gap_per_range * np.sqrt(x * x + y * y), max_gap)
        reach = int(limit / cell_size) + 1
        cx, cy = index[c, 0] - low_x, index[c, 1] - low_y
        for ix in range(cx, min(cx + reach + 1, width)):
            first = cy + 1 if ix == cx else max(cy - reach, 0)
            for iy in range(first, min(cy + reach + 1, depth)):
                k = lookup[ix, iy] - 1
                if k < 0:
                    continue
                dx = max(bounds[k, 0] - bounds[c, 2], bounds[c, 0] - bounds[k, 2], 0.0)
                dy = max(bounds[k, 1] - bounds[c, 3], bounds[c, 1] - bounds[k, 3], 0.0)
                if dx * dx + dy * dy <= limit * limit:
                    union(parent, c, k)
    labels = np.empty(n, np.int32)
    count = 0
    for c in range(n):
        root = find(parent, c)
        if root == c:
            labels[c] = count
            count += 1
        else:
            labels[c] = labels[root]
    return labels, count


def components(
    index: NDArray[np.int32],
    bounds: NDArray[np.float32],
    *,
    cell_size: float,
    sensor: NDArray[np.float64],
    gap: float,
    gap_per_range: float,
    max_gap: float,
) -> tuple[NDArray[np.int32], int]:
    """Label cells by connected component.

    Args:
        index: int32 (C, 2) cell coordinates.
        bounds: float32 (C, 4) of the points in each cell.
        cell_size: metres.
        sensor: (3,) metres, where ranges are counted from.
        gap, gap_per_range, max_gap: cells connect within ``min(gap + gap_per_range * range, max_gap)`` metres.

    Returns:
        int32 (C,) labels and their number.
    """
    if len(index) == 0:
        return np.empty(0, np.int32), 0
    out: tuple[Any, Any] = _components(
        index, bounds, cell_size, float(sensor[0]), float(sensor[1]), gap, gap_per_range, max_gap
    )
    return out[0], int(out[1])
