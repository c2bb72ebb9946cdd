"""How large a track is: what was measured along its axes, and the filter that follows it."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.tracking.config import ShapeConfig
from perception_core.tracking.measurements import Measurements

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

_ELONGATED = 0.5
"""Metres by which length and width differ where it is known which is which: a box across them was cut or completed
wrongly, and makes nothing larger."""

_KNOWN_LENGTH = 0.8
"""Share of the longer side measured that a track must have for its own to be the longer one: what was born of a few
points far away knows neither, and would never grow."""


def along(size: Floats, quarter_turns: Indices, seen: Measurements) -> Floats:
    """Return the measured sizes (K, 3) along the axes of tracks of ``size`` (K, 3).

    A LiDAR's box that lies across a track whose length is known makes nothing larger.

    Args:
        size: (K, 3) metres.
        quarter_turns: (K,) by which the measured boxes must turn to lie as the tracks do.
        seen: (K,) measurements.
    """
    out: Floats = _along(frozen(size), frozen(quarter_turns), frozen(seen.size), frozen(seen.lidar))
    return out


@njit(cache=True)
def _along(size: Floats, quarter_turns: Indices, measured: Floats, lidar: Mask) -> Floats:
    out = measured.copy()
    for i in range(len(size)):
        if quarter_turns[i] % 2 == 0:
            continue
        out[i, 0], out[i, 1] = measured[i, 1], measured[i, 0]
        longest = max(measured[i, 0], measured[i, 1])
        known = abs(size[i, 0] - size[i, 1]) > _ELONGATED and max(size[i, 0], size[i, 1]) > _KNOWN_LENGTH * longest
        if lidar[i] and known:
            out[i, 0], out[i, 1] = min(out[i, 0], size[i, 0]), min(out[i, 1], size[i, 1])
    return out


def followed(
    size: Floats,
    measured: Floats,
    before: Floats,
    sides: Floats,
    lidar: Mask,
    shrinks: Mask,
    dt: Floats,
    config: ShapeConfig,
) -> Floats:
    """Follow the size by an asymmetric exponential filter (an expectile: near the largest seen, not beyond).

    A visible part is a lower bound: more of it is believed soon (``grow_time``), less of it only where the extent was
    seen from end to end, which takes a view of the neighbouring face, and slowly (``shrink_time``). A single large box
    is two things that touched, or one cut askew: what grows must have been measured twice.

    Args:
        size: (K, 3) of the tracks.
        measured: (K, 3) along the same axes.
        before: (K, 2) measured the last time.
        sides: (K, 2) anchors.
        lidar: bool (K,) seen by a LiDAR.
        shrinks: bool (K, 2) a shorter part is a smaller object.
        dt: (K,) seconds since the last time.
        config: time constants.

    Returns:
        The new sizes (K, 3), metres.
    """
    grow, shrink = 1.0 - np.exp(-dt / config.grow_time), 1.0 - np.exp(-dt / config.shrink_time)
    columns = (size, measured, before, sides, lidar, shrinks)
    out: Floats = _followed(*(frozen(column) for column in columns), grow, shrink)
    return out


@njit(cache=True)
def _followed(
    size: Floats,
    measured: Floats,
    before: Floats,
    sides: Floats,
    lidar: Mask,
    shrinks: Mask,
    grow: Floats,
    shrink: Floats,
) -> Floats:
    out = np.empty_like(size)
    for i in range(len(size)):
        for a in range(3):
            old, new = size[i, a], measured[i, a]
            if new > old:
                believed = max(min(new, before[i, a]), old) if a < 2 else new
                gain = grow[i] if lidar[i] else shrink[i]
            else:
                end_to_end = 1.0
                if a < 2:
                    end_to_end = abs(sides[i, 1 - a]) if shrinks[i, a] else 0.0
                believed, gain = new, shrink[i] * end_to_end
            out[i, a] = old + gain * (believed - old)
    return out


def height_shift(z: Floats, height: Floats, new_height: Floats, seen: Measurements) -> Floats:
    """Return by how much (K,) the middles follow a change of height, so that no part that is seen sticks out.

    Where upper or lower end are cut off the box changes at that end alone, which is no motion.
    """
    out: Floats = _height_shift(
        frozen(z), frozen(height), frozen(new_height), frozen(seen.centre[:, 2]), frozen(seen.size[:, 2])
    )
    return out


@njit(cache=True)
def _height_shift(z: Floats, height: Floats, new_height: Floats, middle: Floats, measured: Floats) -> Floats:
    out = np.empty(len(z))
    for i in range(len(z)):
        change = abs(new_height[i] - height[i]) / 2.0
        low = middle[i] - measured[i] / 2.0 + new_height[i] / 2.0 - z[i]
        high = middle[i] + measured[i] / 2.0 - new_height[i] / 2.0 - z[i]
        wanted = min(max(0.0, min(low, high)), max(low, high))
        out[i] = min(max(wanted, -change), change)
    return out
