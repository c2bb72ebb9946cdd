"""Azimuths as indices of equal directions over the whole turn, and what is nearest in each."""

import numpy as np

from perception_core.lidar.jit import F64, kernel

DIRECTIONS = 720
"""Directions of the horizon of nearest cells."""


@kernel
def wrapped(angle: float) -> float:
    """Angle in [-pi, pi]."""
    return float(angle - 2 * np.pi * np.round(angle / (2 * np.pi)))


@kernel
def direction_of(azimuth: float, directions: int) -> int:
    """Index of the direction of an azimuth among equal ones over the whole turn."""
    return int((wrapped(azimuth) + np.pi) / (2 * np.pi) * directions) % directions


@kernel
def horizon_of(azimuth: F64, reach: F64) -> F64:
    """Distance of the nearest cell in each of DIRECTIONS directions."""
    out = np.full(DIRECTIONS, 1e18)
    for i in range(len(azimuth)):
        d = direction_of(azimuth[i], DIRECTIONS)
        out[d] = min(out[d], reach[i])
    return out
