"""How probable it is that an object is there at all.

The LiDAR's part grows with the number of returns, a camera's is the precision of its detections. Label images veto
nothing: a cluster on pixels of ground or sky is there all the same, because masks are imprecise, calibration errs, and
a wire or a branch before the sky is thinner than a pixel. What they may do is this: returns that form no body, low
above the ground or a few small ones, are as often ground at a grazing angle, dust or rain; where the camera sees
nothing but ground or sky at their place, that is what they probably are, and below ``min_existence`` they are dropped.
Whatever is higher than a kerb and has more than a handful of returns, or is longer than half a metre, stays.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.types import segments

Floats = NDArray[np.float64]

_HALF = 10.0
"""Returns at which the LiDAR's part has half of its weight."""

_MOST = 0.9
"""Probability that the best evidence of one sensor gives."""

_NOTHING = (segments.GROUND, segments.SKY)
_NOTHING_IDS = [segments.SEGMENT_INDEX[name] for name in _NOTHING]

_MOSTLY = 0.7
"""Share of a cluster's returns on ground or sky from which it lies there; the rest is parallax at its outline."""

_LOW, _FEW, _SMALL = 0.3, 10, 0.5
"""Metres above the ground; returns; metres in every direction: what is lower, or both fewer and smaller, is no body."""

_WEAKER, _SLIGHTLY = 6.0, 1.5
"""Factors on the odds against what is no body, and against what is one, where a camera sees nothing."""


def of_sensors(points: NDArray[np.int64], reliability: Floats) -> Floats:
    """Return (M,): from the number of returns, and of the best detection the probability that it is true (M,)."""
    lidar = _MOST * points / (points + _HALF)
    out: Floats = 1.0 - (1.0 - lidar) * (1.0 - reliability)
    return out


def without_body(size: Floats, top: Floats, points: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which of M things are so low, or so few and small, that they may be no things.

    Args:
        size: float64 (M, 3) metres of what was seen.
        top: float64 (M,) metres above the ground.
        points: int64 (M,) returns.
    """
    weak: NDArray[np.bool_] = (top < _LOW) | ((points < _FEW) & (size < _SMALL).all(axis=1))
    return weak


def weakened(existence: Floats, counts: NDArray[np.int64], bodiless: NDArray[np.bool_], min_points: int) -> Floats:
    """Return the existence (M,) after what label images show where M things are.

    Args:
        existence: (M,) before.
        counts: int64 (M, S) returns on pixels of each class, summed over the cameras.
        bodiless: bool (M,) of :func:`without_body`.
        min_points: fewer returns than this inside the images say nothing.
    """
    seen = counts.sum(axis=1)
    nothing = (seen >= min_points) & (counts[:, _NOTHING_IDS].sum(axis=1) >= _MOSTLY * seen)
    factor = np.where(nothing, np.where(bodiless, _WEAKER, _SLIGHTLY), 1.0)
    odds = existence / np.maximum(1.0 - existence, 1e-9) / factor
    out: Floats = np.where(nothing, odds / (1.0 + odds), existence)
    return out
