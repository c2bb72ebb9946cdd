"""What the points of one polar cell say about the ground under them."""

import numpy as np

from perception_core.lidar.jit import F32, kernel

UPRIGHT = 1.0
"""Metres above the lowest points in which more than half as many points as in the band mean something upright."""
SIGHT_SLACK = 0.2
"""Metres a point may lie below the line of sight over nearer ground."""
AGREEING = 3
"""Points as high as predicted that are enough to tell the line of sight over the cell itself."""


@kernel
def lowest(
    z: F32,
    reach: F32,
    height: float,
    slope: float,
    centre: float,
    sensor_z: float,
    sight: float,
    band: float,
    limit: float,
) -> tuple[float, int, bool, float]:
    """Find the lowest reliable points of a cell: mean height over the prediction, count, whether upright, variance.

    There are none where all lie above ``limit``.
    A point below the line of sight over ground already seen is a reflection: nothing real can be seen there.
    """
    middle, rise = np.float32(centre), np.float32(slope)
    low, at = np.float32(np.inf), 0
    for p in range(len(z)):
        level = z[p] - rise * (reach[p] - middle)
        if level < low:
            low, at = level, p
    if low < height - SIGHT_SLACK:
        sight = max(sight, _own_sight(z, reach, height, rise, middle, sensor_z, band))
    if z[at] - sensor_z < sight * reach[at] - SIGHT_SLACK:
        low = _lowest_in_sight(z, reach, rise, middle, sensor_z - SIGHT_SLACK, sight)
    if low > limit:
        return float(low) - height, 0, False, 0.0
    total, square, n, above = np.float32(0.0), np.float32(0.0), 0, 0
    zero, width, tall = np.float32(0.0), np.float32(band), np.float32(UPRIGHT)
    for p in range(len(z)):
        level = z[p] - rise * (reach[p] - middle) - low
        if zero <= level < width:
            total += level
            square += level * level
            n += 1
        elif zero < level < tall:
            above += 1
    mean = float(total) / max(n, 1)
    return mean + float(low) - height, n, 2 * above > n, float(square) / max(n, 1) - mean * mean


@kernel
def _own_sight(
    z: F32, reach: F32, height: float, rise: np.float32, middle: np.float32, sensor_z: float, band: float
) -> float:
    """Slope of the line of sight over those points of the cell that lie where the ground was predicted."""
    own, n = -np.inf, 0
    for p in range(len(z)):
        if abs(z[p] - rise * (reach[p] - middle) - height) < band:
            own, n = max(own, (z[p] - sensor_z) / reach[p]), n + 1
    return own if n >= AGREEING else -np.inf


@kernel
def _lowest_in_sight(z: F32, reach: F32, rise: np.float32, middle: np.float32, base: float, sight: float) -> np.float32:
    """The lowest point that lies above a line of ``sight`` from ``base``; inf where all lie below it."""
    low = np.float32(np.inf)
    origin, growth = np.float32(base), np.float32(max(sight, -1e3))
    for p in range(len(z)):
        if z[p] >= origin + growth * reach[p]:
            low = min(low, z[p] - rise * (reach[p] - middle))
    return low
