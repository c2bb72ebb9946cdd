"""How far the scan saw in each direction: nothing is free that was not seen."""

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.azimuth import sector_turns
from perception_core.lidar.jit import F32, F64, I16, kernel
from perception_core.lidar.polar import TABLE_STEP, PolarGrid
from perception_core.lidar.scan_grid import GriddedScan
from perception_core.types.clusters import PointClass

Classes = NDArray[np.uint8]

MAX_GAP = 3.0, 0.4
"""Metres, and share of the range, between two returns of a sector beyond which the ground between them counts as
hidden: the rings of a LiDAR of 16 beams lie that far apart, the shadow of a vehicle is longer."""
TO_TABLE = np.float32(1.0 / TABLE_STEP)
_GROUND = np.uint8(PointClass.GROUND)
CENTRED = 0.01
"""Metres; a sensor nearer to the base frame's axis than this shares its azimuths."""


def ground_and_coverage(
    scan: GriddedScan, classes: Classes, obstacles: F64, grid: PolarGrid, sectors: int
) -> tuple[F32, F32]:
    """Return ground points float32 (G, 3) and coverage float32 (S,) metres from the base frame's origin.

    The coverage of an azimuth sector (sector 0 starts at -pi, counter-clockwise) is the range of its farthest return
    from ground or obstacle that follows on nearer ones without a gap; 0 where nothing was seen.

    Args:
        scan: the gridded scan.
        classes: uint8 (K,) PointClass of each of its points.
        obstacles: float64 (C, 2) x and y of obstacle cells, base frame.
        grid: the polar grid of the scan; its rings are those of the coverage, counted from the base frame.
        sectors: S.
    """
    centred = bool(np.hypot(scan.sensor[0], scan.sensor[1]) < CENTRED)
    nearest = np.full((sectors, grid.rings), np.float32(np.inf))
    farthest = np.zeros((sectors, grid.rings), np.float32)
    places = scan.range, scan.sector, centred, np.float32(sectors / grid.sectors)
    ground = _mark_ground(scan.xyz, *places, classes, grid.table, nearest, farthest)
    _mark_obstacles(nearest, farthest, obstacles, grid.table)
    return ground, _contiguous(nearest, farthest)


@kernel
def _mark_ground(
    xyz: F32,
    reach: F32,
    sector: F32,
    centred: bool,
    widening: np.float32,
    classes: Classes,
    table: I16,
    nearest: F32,
    farthest: F32,
) -> F32:
    """Return the ground points; note nearest and farthest range seen in each sector and ring (S, R)."""
    ground = np.empty((len(xyz), 3), np.float32)
    scale, last = np.float32(len(nearest)), np.int32(len(nearest) - 1)
    count = 0
    for p in range(len(xyz)):
        if classes[p] != _GROUND:
            continue
        x, y = xyz[p, 0], xyz[p, 1]
        ground[count, 0], ground[count, 1], ground[count, 2] = x, y, xyz[p, 2]
        count += 1
        if centred:
            _mark(nearest, farthest, min(np.int32(sector[p] * widening), last), reach[p], table)
        else:
            r = np.sqrt(x * x + y * y)
            _mark(nearest, farthest, min(np.int32(sector_turns(x, y) * scale), last), r, table)
    return ground[:count]


@kernel
def _mark_obstacles(nearest: F32, farthest: F32, obstacles: F64, table: I16) -> None:
    scale, last = np.float32(len(nearest)), np.int32(len(nearest) - 1)
    for c in range(len(obstacles)):
        x, y = np.float32(obstacles[c, 0]), np.float32(obstacles[c, 1])
        _mark(nearest, farthest, min(np.int32(sector_turns(x, y) * scale), last), np.sqrt(x * x + y * y), table)


@kernel
def _mark(nearest: F32, farthest: F32, j: np.int32, r: np.float32, table: I16) -> None:
    ring = table[min(np.int32(r * TO_TABLE), np.int32(len(table) - 1))]
    nearest[j, ring] = min(nearest[j, ring], r)
    farthest[j, ring] = max(farthest[j, ring], r)


@kernel
def _contiguous(nearest: F32, farthest: F32) -> F32:
    """Walk each sector outwards over nearest and farthest range of its rings until a gap."""
    sectors, rings = nearest.shape
    out = np.zeros(sectors, np.float32)
    for j in range(sectors):
        for i in range(rings):
            if farthest[j, i] == 0.0:
                continue
            if out[j] > 0.0 and nearest[j, i] - out[j] > max(MAX_GAP[0], MAX_GAP[1] * out[j]):
                break
            out[j] = max(out[j], farthest[j, i])
    return out
