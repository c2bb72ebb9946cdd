"""Connected components of bird's-eye cells with a connecting distance that grows with range.

Cells are joined by union-find (Tarjan 1975) when the boxes around their points lie nearer than the distance, which
is single-linkage clustering up to a fraction of a cell. Along the line of sight the distance grows faster than across
it: neighbouring beams meet a surface at angles that differ by a fixed step, and the more a surface leans away from
the sensor (a rear window, a bonnet) the farther apart in range.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.lidar.jit import F32, F64, I32, kernel


@kernel
def find(parent: I32, a: int) -> int:
    """Root of ``a`` with path halving."""
    while parent[a] != a:
        parent[a] = parent[parent[a]]
        a = parent[a]
    return a


@kernel
def union(parent: I32, a: int, b: int) -> None:
    """Join the sets of ``a`` and ``b`` under the smaller root."""
    a, b = find(parent, a), find(parent, b)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b


@kernel
def _components(
    lookup: I32,
    index: I32,
    bounds: F32,
    cell_size: float,
    sensor: F64,
    gap: float,
    gap_per_range: float,
    max_gap: float,
    depth: float,
) -> tuple[I32, int]:
    n = len(index)
    side_x, side_y = lookup.shape
    parent = np.arange(n).astype(np.int32)
    for c in range(n):
        x = (bounds[c, 0] + bounds[c, 2]) * 0.5 - sensor[0]
        y = (bounds[c, 1] + bounds[c, 3]) * 0.5 - sensor[1]
        r = max(np.sqrt(x * x + y * y), 1e-6)
        across = min(gap + gap_per_range * r, max_gap)
        along = min(gap + depth * gap_per_range * r, max_gap)
        ux, uy, inverse_along, inverse_across = x / r, y / r, 1.0 / along, 1.0 / across
        reach = int(max(along, across) / cell_size) + 1
        cx, cy = index[c, 0], index[c, 1]
        for ix in range(cx, min(cx + reach + 1, side_x)):
            first = cy + 1 if ix == cx else max(cy - reach, 0)
            for iy in range(first, min(cy + reach + 1, side_y)):
                k = lookup[ix, iy] - 1
                if k >= 0 and _near(bounds, c, k, ux, uy, inverse_along, inverse_across):
                    union(parent, c, k)
    return _numbered(parent)


@kernel
def _near(bounds: F32, a: int, b: int, ux: float, uy: float, along: float, across: float) -> bool:
    """Does the gap between two cells fit the ellipse with inverse half-axes along and across the line of sight?"""
    dx = max(bounds[b, 0] - bounds[a, 2], 0.0) - max(bounds[a, 0] - bounds[b, 2], 0.0)
    dy = max(bounds[b, 1] - bounds[a, 3], 0.0) - max(bounds[a, 1] - bounds[b, 3], 0.0)
    u, v = (dx * ux + dy * uy) * along, (dy * ux - dx * uy) * across
    return bool(u * u + v * v <= 1.0)


@kernel
def _numbered(parent: I32) -> tuple[I32, int]:
    """Number the sets from 0 in the order of their roots."""
    labels = np.empty(len(parent), np.int32)
    count = 0
    for c in range(len(parent)):
        root = find(parent, c)
        if root == c:
            labels[c] = count
            count += 1
        else:
            labels[c] = labels[root]
    return labels, count


def components(
    lookup: NDArray[np.int32],
    index: NDArray[np.int32],
    bounds: NDArray[np.float32],
    *,
    cell_size: float,
    sensor: NDArray[np.float64],
    gap: float,
    gap_per_range: float,
    max_gap: float,
    depth: float,
) -> tuple[NDArray[np.int32], int]:
    """Label cells by connected component.

    Args:
        lookup: int32 (side, side) cell + 1 at each place, 0 where there is none.
        index: int32 (C, 2) place of each cell.
        bounds: float32 (C, 4) of the points in each cell.
        cell_size: metres.
        sensor: (3,) metres, where ranges are counted from.
        gap, gap_per_range, max_gap: cells connect within ``min(gap + gap_per_range * range, max_gap)`` metres across
            the line of sight.
        depth: how many times faster than that the distance grows along the line of sight.

    Returns:
        int32 (C,) labels and their number.
    """
    if len(index) == 0:
        return np.empty(0, np.int32), 0
    labels, count = _components(lookup, index, bounds, cell_size, sensor, gap, gap_per_range, max_gap, depth)
    return labels, int(count)
