"""Bird's-eye cells of the points above ground, and which of what hangs overhead is an obstacle.

Whether something high above the ground stands or hangs is a question of the column under it: every cell keeps a mask
of its occupied height slices, and points above the clearance stay only while the slices reach down below the
clearance without a hole. A truck keeps its roof, a bridge, branches and a gate's beam do not become obstacles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.lidar.jit import F32, F64, I32, U64, kernel

SLICE = 0.25
"""Metres of height one bit of a column's mask stands for."""
HOLE = 4
"""Slices (1 m) that may be empty inside something that stands."""


@dataclass(frozen=True, slots=True)
class BevCells:
    """C occupied bird's-eye cells and the points in them.

    Attributes:
        points: int32 (N,) indices of obstacle points in the scan.
        xyz: float32 (N, 3) these points, base frame.
        height: float32 (N,) metres above ground of these points.
        cell: int32 (N,) cell of each of these points.
        index: int32 (C, 2) integer x and y of each cell.
        bounds: float32 (C, 4) x_min, y_min, x_max, y_max of the cell's points, base frame.
        mean: float64 (C, 2) x and y, mean of the cell's points.
        count: int32 (C,) points.
        top, bottom: float32 (C,) heights above ground of the highest and lowest obstacle point.
        lookup: int32 (side, side) cell + 1 at each place, 0 where there is none.
        overhead: number of points that hang above the clearance.
    """

    points: NDArray[np.int32]
    xyz: NDArray[np.float32]
    height: NDArray[np.float32]
    cell: NDArray[np.int32]
    index: NDArray[np.int32]
    bounds: NDArray[np.float32]
    mean: NDArray[np.float64]
    count: NDArray[np.int32]
    top: NDArray[np.float32]
    bottom: NDArray[np.float32]
    lookup: NDArray[np.int32]
    overhead: int

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.index)


@kernel
def _collect(
    xyz: F32,
    height: F32,
    reach: F32,
    threshold: float,
    per_range: float,
    clearance: float,
    cell_size: float,
    origin: F32,
    side: int,
) -> tuple[I32, I32, I32, I32, int]:
    """Return (points, cell of each, integer place of each cell, lookup, number of overhead points)."""
    n = len(xyz)
    lookup = np.zeros((side, side), np.int32)
    points = np.empty(n, np.int32)
    cell = np.empty(n, np.int32)
    high = np.empty(n, np.int32)
    scale = np.float32(1.0 / cell_size)
    kept = cells = highs = 0
    index = np.empty((n, 2), np.int32)
    mask = np.empty(n, np.uint64)
    for p in range(n):
        h = height[p]
        if h <= threshold + per_range * reach[p]:
            continue
        if h > clearance:
            high[highs] = p
            highs += 1
            continue
        ix = int((xyz[p, 0] - origin[0]) * scale)
        iy = int((xyz[p, 1] - origin[1]) * scale)
        c = lookup[ix, iy]
        if c == 0:
            index[cells, 0], index[cells, 1] = ix, iy
            mask[cells] = 0
            cells += 1
            c = cells
            lookup[ix, iy] = c
        points[kept] = p
        cell[kept] = c - 1
        kept += 1
        mask[c - 1] |= np.uint64(1) << np.uint64(h / SLICE)
    low_kept = kept
    for q in range(highs):
        p = high[q]
        c = lookup[int((xyz[p, 0] - origin[0]) * scale), int((xyz[p, 1] - origin[1]) * scale)]
        if c > 0 and height[p] < 64 * SLICE:
            points[kept] = p
            cell[kept] = c - 1
            kept += 1
            mask[c - 1] |= np.uint64(1) << np.uint64(height[p] / SLICE)
    kept = _drop_unsupported(points, cell, mask, height, low_kept, kept, cells, clearance)
    return points[:kept].copy(), cell[:kept].copy(), index[:cells].copy(), lookup, highs - (kept - low_kept)


@kernel
def _drop_unsupported(
    points: I32, cell: I32, mask: U64, height: F32, low_kept: int, kept: int, cells: int, clearance: float
) -> int:
    """Keep of the high points those whose column reaches below the clearance; return the new number of points."""
    top = np.empty(cells, np.int32)
    first = int(clearance / SLICE)
    for c in range(cells):
        last = -HOLE - 1
        for b in range(64):
            if (mask[c] >> np.uint64(b)) & np.uint64(1):
                if b > first and b - last > HOLE:
                    break
                last = b
        top[c] = last
    out = low_kept
    for q in range(low_kept, kept):
        if int(height[points[q]] / SLICE) <= top[cell[q]]:
            points[out] = points[q]
            cell[out] = cell[q]
            out += 1
    return out


@kernel
def _summarise(xyz: F32, height: F32, points: I32, cell: I32, cells: int) -> tuple[F32, F32, F32, F64, I32, F32, F32]:
    """Return xyz and height of the points, and bounds, mean, count, top, bottom of the cells."""
    columns = np.empty((len(points), 3), np.float32)
    heights = np.empty(len(points), np.float32)
    bounds = np.empty((cells, 4), np.float32)
    bounds[:, :2] = 1e9
    bounds[:, 2:] = -1e9
    count = np.zeros(cells, np.int32)
    mean = np.zeros((cells, 2))
    top = np.full(cells, -1e9, np.float32)
    bottom = np.full(cells, 1e9, np.float32)
    for q in range(len(points)):
        p, c = points[q], cell[q]
        x, y, h = xyz[p, 0], xyz[p, 1], height[p]
        columns[q, 0], columns[q, 1], columns[q, 2], heights[q] = x, y, xyz[p, 2], h
        bounds[c, 0] = min(bounds[c, 0], x)
        bounds[c, 1] = min(bounds[c, 1], y)
        bounds[c, 2] = max(bounds[c, 2], x)
        bounds[c, 3] = max(bounds[c, 3], y)
        mean[c, 0] += x
        mean[c, 1] += y
        count[c] += 1
        top[c] = max(top[c], h)
        bottom[c] = min(bottom[c], h)
    for c in range(cells):
        mean[c] /= count[c]
    return columns, heights, bounds, mean, count, top, bottom


def collect_cells(
    xyz: NDArray[np.float32],
    height: NDArray[np.float32],
    reach: NDArray[np.float32],
    *,
    obstacle_height: float,
    height_per_range: float,
    clearance: float,
    cell_size: float,
    max_range: float,
    centre: NDArray[np.float64],
) -> BevCells:
    """Put the points above ground into bird's-eye cells.

    Args:
        xyz: float32 (K, 3) base frame.
        height: float32 (K,) above ground.
        reach: float32 (K,) horizontal distance from ``centre``.
        obstacle_height, height_per_range: points above ``obstacle_height + height_per_range * reach`` are obstacles.
        clearance: metres above ground; what hangs higher is no obstacle.
        cell_size: metres.
        max_range: metres, no point is farther from ``centre``.
        centre: (3,) middle of the grid, the sensor's place.
    """
    side = int(2.0 * max_range / cell_size) + 3
    origin = (centre[:2] - max_range - cell_size).astype(np.float32)
    points, cell, index, lookup, overhead = _collect(
        xyz, height, reach, obstacle_height, height_per_range, clearance, cell_size, origin, side
    )
    summary = _summarise(xyz, height, points, cell, len(index))
    columns, heights, bounds, mean, count, top, bottom = summary
    return BevCells(points, columns, heights, cell, index, bounds, mean, count, top, bottom, lookup, int(overhead))
