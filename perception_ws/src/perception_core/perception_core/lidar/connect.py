"""Connected components of bird's-eye cells with a connecting distance that grows with range.

Cells are joined by union-find (Tarjan 1975) when the boxes around their points lie nearer than the distance, which
is single-linkage clustering up to a fraction of a cell. Along the line of sight the distance grows faster than across
it: neighbouring beams meet a surface at angles that differ by a fixed step, and the more a surface leans away from
the sensor (a rear window, a bonnet) the farther apart in range.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.lidar.jit import F32, F64, I32, Mask, kernel


@kernel
def find(parent: I32, a: int) -> int:
    """Root of ``a`` with path halving."""
    while parent[a] != a:
        parent[a] = parent[parent[a]]
        a = parent[a]
    return a


@kernel
def union(parent: I32, a: int, b: int) -> int:
    """Join the sets of ``a`` and ``b`` under the smaller root and return it."""
    a, b = find(parent, a), find(parent, b)
    if a < b:
        parent[b] = a
        return a
    parent[a] = b
    return b


@kernel
def _components(
    index: I32,
    bounds: F32,
    alone: Mask,
    cell_size: float,
    sensor: F64,
    gap: float,
    gap_per_range: float,
    max_gap: float,
    depth: float,
) -> tuple[I32, int]:
    n = len(index)
    first_row = index[0, 0]
    rows = index[n - 1, 0] - first_row + 1
    starts = _rows(index, first_row, rows)
    columns = index[:, 1].copy()
    widest = int(max_gap / cell_size) + 1
    ahead = np.empty(widest + 1, np.int32)
    parent = np.arange(n).astype(np.int32)
    for c in range(n):
        row, column = index[c, 0] - first_row, index[c, 1]
        if c == starts[row]:
            for k in range(min(widest + 1, rows - row)):
                ahead[k] = starts[row + k]
        if alone[c]:
            continue
        x = (bounds[c, 0] + bounds[c, 2]) * 0.5 - sensor[0]
        y = (bounds[c, 1] + bounds[c, 3]) * 0.5 - sensor[1]
        r = max(np.sqrt(x * x + y * y), 1e-6)
        across = min(gap + gap_per_range * r, max_gap)
        along = min(gap + depth * gap_per_range * r, max_gap)
        ux, uy, inverse_along, inverse_across = x / r, y / r, 1.0 / along, 1.0 / across
        rows_ahead = int(np.sqrt((along * ux) ** 2 + (across * uy) ** 2) / cell_size) + 1
        aside = int(np.sqrt((along * uy) ** 2 + (across * ux) ** 2) / cell_size) + 1
        ahead[0] = c + 1
        root = find(parent, c)
        for k in range(min(rows_ahead + 1, rows - row)):
            end = starts[row + k + 1]
            i = ahead[k]
            while i < end and columns[i] < column - widest:
                i += 1
            ahead[k] = i
            while i < end and columns[i] < column - aside:
                i += 1
            while i < end and columns[i] <= column + aside:
                if parent[i] != root and not alone[i] and _near(bounds, c, i, ux, uy, inverse_along, inverse_across):
                    root = union(parent, root, i)
                    parent[i] = root
                i += 1
    return _numbered(parent)


@kernel
def _rows(index: I32, first: int, rows: int) -> I32:
    """Where the cells of each row (the same x) begin, int32 (rows + 1,)."""
    starts = np.zeros(rows + 1, np.int32)
    for c in range(len(index)):
        starts[index[c, 0] - first + 1] += 1
    for k in range(rows):
        starts[k + 1] += starts[k]
    return starts


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
    index: NDArray[np.int32],
    bounds: NDArray[np.float32],
    alone: NDArray[np.bool_],
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
        index: int32 (C, 2) place of each cell; cells are sorted by x, then y.
        bounds: float32 (C, 4) of the points in each cell.
        alone: bool (C,) cells that connect to nothing.
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
    labels, count = _components(index, bounds, alone, cell_size, sensor, gap, gap_per_range, max_gap, depth)
    return labels, int(count)
