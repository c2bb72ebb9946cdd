"""Whether the beam that met a cell goes on beside it, to lower ground behind: then a thing stands there."""

import numpy as np

from perception_core.lidar.ground_cell import SIGHT_SLACK
from perception_core.lidar.jit import F32, I32, kernel

WIDEST = 5.0
"""Metres to each side within which the beams must go on beside it: wider than cars, narrower than rising ground."""
SAME_BEAM = 0.004
"""Difference of the slopes of lines of sight in neighbouring sectors that can be one beam."""


@kernel
def stands_out(
    z: F32,
    reach: F32,
    starts: I32,
    ring: int,
    sector: int,
    centres: F32,
    sensor_z: float,
    height: float,
    e: float,
    slope: float,
    max_step: float,
) -> bool:
    """Does the beam that met the lowest points of a cell, ``e`` above the prediction, go on beside them?

    Ground wider than a car is met by a beam at ranges that change little from sector to sector. Beside a thing the
    beam goes on to ground behind it that is lower by more than a step, or on one side a nearer thing stops it.
    """
    direction = (height + e - sensor_z) / centres[ring]
    level = height + e - max(0.5 * e, max_step)
    evidence = 0
    for side in (1, -1):
        found = _beside(z, reach, starts, ring, sector, side, centres, sensor_z, direction, level, slope)
        if found == 0:
            return False
        evidence += found
    return evidence >= 3


@kernel
def _beside(
    z: F32,
    reach: F32,
    starts: I32,
    ring: int,
    sector: int,
    side: int,
    centres: F32,
    sensor_z: float,
    direction: float,
    level: float,
    slope: float,
) -> int:
    """Where the beam of a ``direction`` ends in the next sectors on one side of a cell.

    2: on ground behind, below ``level``; 1: on something nearer; 0: at the range of the cell or on nothing known.
    """
    rings, sectors = len(centres), (len(starts) - 1) // len(centres)
    centre = centres[ring]
    most = min(int(WIDEST / (centre * 2.0 * np.pi / sectors)) + 1, sectors // 8)
    for step in range(1, most + 1):
        k = (sector + side * step) % sectors
        for i in range(ring + 1, rings):
            if sensor_z + direction * centres[i] < level + slope * (centres[i] - centre) - 2.0 * SIGHT_SLACK:
                break
            for p in range(starts[i * sectors + k], starts[i * sectors + k + 1]):
                over = z[p] - level - slope * (reach[p] - centre)
                if (
                    -2.0 * SIGHT_SLACK < over < 0.0
                    and abs(z[p] - sensor_z - direction * reach[p]) < SAME_BEAM * reach[p]
                ):
                    return 2
        for i in range(ring - 1):
            for p in range(starts[i * sectors + k], starts[i * sectors + k + 1]):
                if abs(z[p] - sensor_z - direction * reach[p]) < SAME_BEAM * reach[p]:
                    return 1
    return 0
