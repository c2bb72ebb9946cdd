"""How far the scan saw in each direction: nothing is free that was not seen."""

import numpy as np

from perception_core.lidar.config import GroundConfig
from perception_core.lidar.jit import F32, I32, kernel
from perception_core.lidar.polar import PolarGrid, sector_turns
from perception_core.lidar.scan_grid import GriddedScan

MAX_GAP = 3.0, 0.4
"""Metres, and share of the range, between two returns of a sector beyond which the ground between them counts as
hidden: the rings of a LiDAR of 16 beams lie that far apart, the shadow of a vehicle is longer."""
CENTRED = 0.01
"""Metres; a sensor nearer to the base frame's axis than this shares its azimuths."""


def ground_and_coverage(
    scan: GriddedScan, height: F32, obstacles: I32, config: GroundConfig, grid: PolarGrid, sectors: int
) -> tuple[F32, F32]:
    """Return ground points float32 (G, 3) and coverage float32 (S,) metres from the base frame's origin.

    The coverage of an azimuth sector (sector 0 starts at -pi, counter-clockwise) is the range of its farthest return
    from ground or obstacle that follows on nearer ones without a gap; 0 where nothing was seen.

    Args:
        scan: the gridded scan.
        height: float32 (K,) above ground.
        obstacles: int32 (N,) indices of obstacle points.
        config: what counts as ground.
        grid: the polar grid of the scan.
        sectors: S.
    """
    centred = bool(np.hypot(scan.sensor[0], scan.sensor[1]) < CENTRED)
    return _ground_and_coverage(
        scan.xyz,
        scan.sector,
        centred,
        scan.range,
        scan.cell,
        height,
        obstacles,
        config.obstacle_height,
        config.height_per_range,
        grid.sectors,
        grid.rings,
        sectors,
    )


@kernel
def _ground_and_coverage(
    xyz: F32,
    sector: F32,
    centred: bool,
    reach: F32,
    cell: I32,
    height: F32,
    obstacles: I32,
    threshold: float,
    per_range: float,
    grid_sectors: int,
    rings: int,
    sectors: int,
) -> tuple[F32, F32]:
    seen = np.zeros((sectors, rings, 2), np.float32)
    ground = np.empty((len(xyz), 3), np.float32)
    grounded = np.empty(len(xyz), np.int32)
    count = 0
    for p in range(len(xyz)):
        if abs(height[p]) <= threshold + per_range * reach[p]:
            ground[count, 0], ground[count, 1], ground[count, 2] = xyz[p, 0], xyz[p, 1], xyz[p, 2]
            grounded[count] = p
            count += 1
    for q in range(count + len(obstacles)):
        p = grounded[q] if q < count else obstacles[q - count]
        turns = sector[p] / np.float32(grid_sectors) if centred else sector_turns(xyz[p, 0], xyz[p, 1])
        j = min(int(turns * np.float32(sectors)), sectors - 1)
        _mark(seen, j, cell[p] // grid_sectors, np.sqrt(xyz[p, 0] ** 2 + xyz[p, 1] ** 2))
    return ground[:count].copy(), _contiguous(seen)


@kernel
def _mark(seen: F32, j: int, ring: int, r: float) -> None:
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
