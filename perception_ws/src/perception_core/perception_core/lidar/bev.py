"""Bird's-eye cells of the points above ground, and which of what hangs overhead is an obstacle.

Whether something high above the ground stands or hangs is a question of the column under it: every cell keeps a mask
of its occupied height slices, and points above the clearance stay only while the slices reach down below the
clearance without a hole. A truck keeps its roof, a bridge, branches and a gate's beam do not become obstacles. How
large a hole may be follows from the spacing of the beams: near the robot the side of a truck has none. To what flies,
what hangs is an obstacle as well, but one of its own: a wire is no part of the car below it.

Heights are those above the ground model. Behind a crest, where no ground was seen, it errs by a metre or two, and the
crown of a tree or a gantry over such ground may come out below the clearance: it stays an obstacle then, on purpose.
Where one does not know how high something hangs, taking it for free would be the worse error; it is decided anew, with
the ground in sight, before the robot is there.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.azimuth import sector_turns
from perception_core.lidar.jit import F32, F64, I32, U64, kernel
from perception_core.types.clusters import PointClass

_OBSTACLE = np.uint8(PointClass.OBSTACLE)
_NOTHING = np.uint8(PointClass.DROPPED)

SLICE = 0.25
"""Metres of height one bit of a column's mask stands for."""
SLICES = 64
"""Bits of a mask."""
SHIFT = 16
"""Bits for the row of a cell in its place."""
IN_ROW = (1 << SHIFT) - 1
TILE = 3
"""Bits of rows and columns of a tile of the lookup table."""
IN_TILE, TILE_CELLS = (1 << TILE) - 1, 1 << (2 * TILE)
HOLE = 0.5, 0.0125, 1.0
"""Metres that may be empty inside something that stands: at the robot, more a metre of range, and at most."""


@dataclass(frozen=True, slots=True)
class BevCells:
    """C occupied bird's-eye cells and the points in them; cells in the order of their places, x before y.

    Attributes:
        points: int32 (N,) indices of obstacle points in the scan, in the order of their cells.
        xyz: float32 (N, 3) these points, base frame.
        height: float32 (N,) metres above ground of these points.
        starts: int32 (C + 1,) where the points of each cell begin.
        index: int32 (C, 2) integer x and y of each cell.
        bounds: float32 (C, 4) x_min, y_min, x_max, y_max of the cell's points, base frame.
        levels: float32 (C, 2) lowest and highest z, base frame.
        x, y: float64 (C,) mean of the cell's points, base frame.
        azimuth, reach: float64 (C,) of the mean as the sensor sees it: radians from -pi, and metres.
        count: int32 (C,) points.
        top, bottom: float32 (C,) heights above ground of the highest and lowest obstacle point.
        overhead: number of points that hang above the clearance.
    """

    points: NDArray[np.int32]
    xyz: NDArray[np.float32]
    height: NDArray[np.float32]
    starts: NDArray[np.int32]
    index: NDArray[np.int32]
    bounds: NDArray[np.float32]
    levels: NDArray[np.float32]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    azimuth: NDArray[np.float64]
    reach: NDArray[np.float64]
    count: NDArray[np.int32]
    top: NDArray[np.float32]
    bottom: NDArray[np.float32]
    overhead: int

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.index)

    def beside(self, other: "BevCells") -> "BevCells":
        """Return the cells of both, these first; what hangs above the clearance is what the other leaves of it."""
        columns = {f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in _COLUMNS}
        starts = np.concatenate([self.starts, other.starts[1:] + self.starts[-1]])
        return BevCells(starts=starts, overhead=self.overhead - len(other.points), **columns)


_COLUMNS = [field for field in fields(BevCells) if field.name not in ("starts", "overhead")]


@kernel
def _collect(
    xyz: F32,
    height: F32,
    reach: F32,
    classes: NDArray[np.uint8],
    clearance: float,
    cell_size: float,
    origin: F32,
    side: int,
) -> tuple[I32, I32, I32, I32, int]:
    """Return (points, cell of each, place of each cell, points of each cell, number of overhead points).

    Cells are numbered as they are met; a place is x << SHIFT | y. They are looked up in tiles, which are laid out where
    something is: little memory is touched.
    """
    n = len(xyz)
    across = (side >> TILE) + 1
    tile = np.full(across * across, np.int32(-1))
    lookup = np.empty(min(across * across, n) * TILE_CELLS, np.int32)
    tiles = 0
    points, cell, high = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    place, mask, count = np.empty(n, np.int32), np.empty(n, np.uint64), np.empty(n, np.int32)
    scale = np.float32(1.0 / cell_size)
    to_slice = np.float32(1.0 / SLICE)
    top = np.float32(clearance)
    kept = cells = highs = 0
    for q in range(_above_ground(classes, points)):
        p = points[q]
        h = height[p]
        if h > top:
            high[highs] = p
            highs += 1
            continue
        x, y = int((xyz[p, 0] - origin[0]) * scale), int((xyz[p, 1] - origin[1]) * scale)
        t = (x >> TILE) * across + (y >> TILE)
        first = tile[t]
        if first < 0:
            first = tiles << (2 * TILE)
            tile[t] = first
            lookup[first : first + TILE_CELLS] = 0
            tiles += 1
        at = first + ((x & IN_TILE) << TILE) + (y & IN_TILE)
        c = lookup[at]
        if c == 0:
            place[cells], mask[cells], count[cells] = x << SHIFT | y, 0, 0
            cells += 1
            c = cells
            lookup[at] = c
        points[kept] = p
        cell[kept] = c - 1
        kept += 1
        count[c - 1] += 1
        mask[c - 1] |= np.uint64(1) << np.uint64(min(int(h * to_slice), SLICES - 1))
    low_kept = kept
    for q in range(highs):
        p = high[q]
        x, y = int((xyz[p, 0] - origin[0]) * scale), int((xyz[p, 1] - origin[1]) * scale)
        first = tile[(x >> TILE) * across + (y >> TILE)]
        c = lookup[first + ((x & IN_TILE) << TILE) + (y & IN_TILE)] if first >= 0 else 0
        if c > 0 and height[p] < SLICES * SLICE:
            points[kept] = p
            cell[kept] = c - 1
            kept += 1
            mask[c - 1] |= np.uint64(1) << np.uint64(int(height[p] * to_slice))
    kept = _drop_unsupported(points, cell, mask, count, height, reach, low_kept, kept, clearance)
    return points[:kept], cell[:kept], place[:cells], count[:cells], highs - (kept - low_kept)


@kernel
def _above_ground(classes: NDArray[np.uint8], out: I32) -> int:
    """List the points above ground, without a branch; return their number."""
    n = 0
    for p in range(len(classes)):
        out[n] = p
        n += classes[p] == _OBSTACLE
    return n


@kernel
def _drop_unsupported(
    points: I32, cell: I32, mask: U64, count: I32, height: F32, reach: F32, low_kept: int, kept: int, clearance: float
) -> int:
    """Keep of the high points those whose column reaches below the clearance; return the new number of points."""
    out = low_kept
    for q in range(low_kept, kept):
        p, c = points[q], cell[q]
        hole = int(min(HOLE[0] + HOLE[1] * reach[p], HOLE[2]) / SLICE)
        if _supported(mask[c], int(height[p] / SLICE), clearance, hole):
            points[out], cell[out] = p, c
            count[c] += 1
            out += 1
    return out


@kernel
def _supported(mask: np.uint64, level: int, clearance: float, hole: int) -> bool:
    """Do the slices below ``level`` reach down to the clearance with no more than ``hole`` empty ones in a row?"""
    empty = 0
    for b in range(level - 1, -1, -1):
        if (mask >> np.uint64(b)) & np.uint64(1):
            if b * SLICE < clearance:
                return True
            empty = 0
        else:
            empty += 1
            if empty > hole:
                return False
    return False


@kernel
def _by_place(place: I32, side: int) -> I32:
    """Cells in the order of their places (radix sort by y, then x)."""
    n = len(place)
    order, by_y = np.empty(n, np.int32), np.empty(n, np.int32)
    starts = np.zeros((2, side + 1), np.int32)
    for c in range(n):
        starts[0, (place[c] & IN_ROW) + 1] += 1
        starts[1, (place[c] >> SHIFT) + 1] += 1
    for k in range(side):
        starts[0, k + 1] += starts[0, k]
        starts[1, k + 1] += starts[1, k]
    for c in range(n):
        key = place[c] & IN_ROW
        by_y[starts[0, key]] = c
        starts[0, key] += 1
    for i in range(n):
        key = place[by_y[i]] >> SHIFT
        order[starts[1, key]] = by_y[i]
        starts[1, key] += 1
    return order


@kernel
def _arrange(
    xyz: F32, height: F32, points: I32, cell: I32, place: I32, count: I32, side: int, sensor: F64
) -> tuple[I32, F32, F32, I32, I32, F32, F32, F64, F64, F64, F64, I32, F32, F32]:
    """Sort cells by place and points by cell; return the columns of :class:`BevCells` in their order."""
    cells, n = len(place), len(points)
    order = _by_place(place, side)
    index, counts = np.empty((cells, 2), np.int32), np.empty(cells, np.int32)
    starts, at = np.empty(cells + 1, np.int32), np.empty(cells, np.int32)
    starts[0] = 0
    for k in range(cells):
        c = order[k]
        index[k, 0], index[k, 1], counts[k] = place[c] >> SHIFT, place[c] & IN_ROW, count[c]
        starts[k + 1], at[c] = starts[k] + counts[k], starts[k]
    chosen, columns, heights = np.empty(n, np.int32), np.empty((n, 3), np.float32), np.empty(n, np.float32)
    for q in range(n):
        c, p = cell[q], points[q]
        i = at[c]
        at[c] = i + 1
        chosen[i], heights[i] = p, height[p]
        columns[i, 0], columns[i, 1], columns[i, 2] = xyz[p, 0], xyz[p, 1], xyz[p, 2]
    bounds, levels = np.empty((cells, 4), np.float32), np.empty((cells, 2), np.float32)
    top, bottom = np.empty(cells, np.float32), np.empty(cells, np.float32)
    x, y, azimuth, reach = np.empty(cells), np.empty(cells), np.empty(cells), np.empty(cells)
    for k in range(cells):
        a, b = starts[k], starts[k + 1]
        x0 = x1 = columns[a, 0]
        y0 = y1 = columns[a, 1]
        z0 = z1 = columns[a, 2]
        h0 = h1 = heights[a]
        sx = sy = 0.0
        for i in range(a, b):
            px, py, pz, h = columns[i, 0], columns[i, 1], columns[i, 2], heights[i]
            x0, x1, y0, y1 = min(x0, px), max(x1, px), min(y0, py), max(y1, py)
            z0, z1, h0, h1 = min(z0, pz), max(z1, pz), min(h0, h), max(h1, h)
            sx += px
            sy += py
        bounds[k, 0], bounds[k, 1], bounds[k, 2], bounds[k, 3] = x0, y0, x1, y1
        levels[k, 0], levels[k, 1], bottom[k], top[k] = z0, z1, h0, h1
        x[k], y[k] = sx / (b - a), sy / (b - a)
        dx, dy = x[k] - sensor[0], y[k] - sensor[1]
        reach[k] = np.sqrt(dx * dx + dy * dy)
        azimuth[k] = 2.0 * np.pi * sector_turns(np.float32(dx), np.float32(dy)) - np.pi
    return chosen, columns, heights, starts, index, bounds, levels, x, y, azimuth, reach, counts, top, bottom


def collect_cells(
    xyz: NDArray[np.float32],
    height: NDArray[np.float32],
    reach: NDArray[np.float32],
    classes: NDArray[np.uint8],
    *,
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
        classes: uint8 (K,) PointClass; of the points above ground OBSTACLE.
        clearance: metres above ground; what hangs higher is no obstacle.
        cell_size: metres.
        max_range: metres, no point is farther from ``centre``.
        centre: (3,) middle of the grid, the sensor's place.
    """
    side = int(2.0 * max_range / cell_size) + 3
    origin = (centre[:2] - max_range - cell_size).astype(np.float32)
    points, cell, place, count, overhead = _collect(xyz, height, reach, classes, clearance, cell_size, origin, side)
    return BevCells(*_arrange(xyz, height, points, cell, place, count, side, centre), int(overhead))


def collect_hanging(
    xyz: NDArray[np.float32],
    height: NDArray[np.float32],
    reach: NDArray[np.float32],
    standing: BevCells,
    *,
    low: float,
    high: float,
    cell_size: float,
    max_range: float,
    centre: NDArray[np.float64],
) -> BevCells:
    """Put what hangs from ``low`` to ``high`` metres above ground into cells of its own.

    Args:
        xyz, height, reach: as for :func:`collect_cells`.
        standing: the cells of the same points below, whose points are left out.
        low: the clearance of these cells.
        high: what hangs higher is nothing to anybody.
        cell_size, max_range, centre: as for these cells.
    """
    hangs = (height > low) & (height <= high)
    hangs[standing.points] = False
    classes = np.where(hangs, _OBSTACLE, _NOTHING)
    return collect_cells(
        xyz, height, reach, classes, clearance=high, cell_size=cell_size, max_range=max_range, centre=centre
    )
