"""How far the scan saw in each direction: nothing is free that was not seen."""

import numpy as np

from perception_core.lidar.config import GroundConfig
from perception_core.lidar.jit import F32, F64, I16, kernel
from perception_core.lidar.polar import TABLE_STEP, PolarGrid, sector_turns
from perception_core.lidar.scan_grid import GriddedScan

MAX_GAP = 3.0, 0.4
"""Metres, and share of the range, between two returns of a sector beyond which the ground between them counts as
hidden: the rings of a LiDAR of 16 beams lie that far apart, the shadow of a vehicle is longer."""
TO_TABLE = np.float32(1.0 / TABLE_STEP)
CENTRED = 0.01
"""Metres; a sensor nearer to the base frame's axis than this shares its azimuths."""


def ground_and_coverage(
    scan: GriddedScan, height: F32, obstacles: F64, config: GroundConfig, grid: PolarGrid, sectors: int
) -> tuple[F32, F32]:
    """Return ground points float32 (G, 3) and coverage float32 (S,) metres from the base frame's origin.

    The coverage of an azimuth sector (sector 0 starts at -pi, counter-clockwise) is the range of its farthest return
    from ground or obstacle that follows on nearer ones without a gap; 0 where nothing was seen.

    Args:
        scan: the gridded scan.
        height: float32 (K,) above ground.
        obstacles: float64 (C, 2) x and y of obstacle cells, base frame.
        config: what counts as ground.
        grid: the polar grid of the scan; its rings are those of the coverage, counted from the base frame.
        sectors: S.
    """
    centred = bool(np.hypot(scan.sensor[0], scan.sensor[1]) < CENTRED)
    to_turns = 1.0 / grid.sectors
    level, growth = config.obstacle_height, config.height_per_range
    ground, seen = _mark_ground(
        scan.xyz, scan.range, scan.sector, height, level, growth, centred, to_turns, grid.table, grid.rings, sectors
    )
    _mark_obstacles(seen, obstacles, grid.table)
    return ground, _contiguous(seen)


@kernel
def _mark_ground(
    xyz: F32,
    reach: F32,
    sector: F32,
    height: F32,
    threshold: float,
    per_range: float,
    centred: bool,
    to_turns: float,
    table: I16,
    rings: int,
    sectors: int,
) -> tuple[F32, F32]:
    """Return the ground points, and nearest and farthest range (S, R, 2) seen in each sector and ring."""
    seen = np.zeros((sectors, rings, 2), np.float32)
    ground = np.empty((len(xyz), 3), np.float32)
    scale = np.float32(sectors)
    count = 0
    for p in range(len(xyz)):
        if abs(height[p]) > threshold + per_range * reach[p]:
            continue
        x, y = xyz[p, 0], xyz[p, 1]
        ground[count, 0], ground[count, 1], ground[count, 2] = x, y, xyz[p, 2]
        count += 1
        if centred:
            _mark(seen, int(sector[p] * to_turns * scale), reach[p], table)
        else:
            _mark(seen, int(sector_turns(x, y) * scale), np.sqrt(x * x + y * y), table)
    return ground[:count].copy(), seen


@kernel
def _mark_obstacles(seen: F32, obstacles: F64, table: I16) -> None:
    scale = np.float32(len(seen))
    for c in range(len(obstacles)):
        x, y = np.float32(obstacles[c, 0]), np.float32(obstacles[c, 1])
        _mark(seen, int(sector_turns(x, y) * scale), np.sqrt(x * x + y * y), table)


@kernel
def _mark(seen: F32, sector: int, r: float, table: I16) -> None:
    j = min(sector, len(seen) - 1)
    ring = table[min(int(r * TO_TABLE), len(table) - 1)]
    if seen[j, ring, 0] == 0.0 or r < seen[j, ring, 0]:
        seen[j, ring, 0] = r
    seen[j, ring, 1] = max(seen[j, ring, 1], r)


@kernel
def _contiguous(seen: F32) -> F32:
    """Walk each sector outwards over nearest and farthest range of its rings until a gap."""
    sectors, rings, _ = seen.shape
    out = np.zeros(sectors, np.float32)
    for j in range(sectors):
        for i in range(rings):
            if seen[j, i, 1] == 0.0:
                continue
            if out[j] > 0.0 and seen[j, i, 0] - out[j] > max(MAX_GAP[0], MAX_GAP[1] * out[j]):
                break
            out[j] = max(out[j], seen[j, i, 1])
    return out
