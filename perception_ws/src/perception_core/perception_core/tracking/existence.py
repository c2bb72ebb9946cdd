"""Does the object exist? Log odds from detections and misses, and who hides whom."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.tracking.config import LifeConfig
from perception_core.tracking.measurements import Measurements

Floats = NDArray[np.float64]

MAX_LOG_ODDS = 7.0
"""Probability 0.9991: beyond it belief would only slow the death down."""

_COVERED = 0.5
_NEARER = 0.3


def log_odds(probability: Floats) -> Floats:
    """Return ln(p / (1 - p)), clipped to +-:data:`MAX_LOG_ODDS`."""
    p = np.clip(probability, 1e-9, 1.0 - 1e-9)
    return np.clip(np.log(p / (1.0 - p)), -MAX_LOG_ODDS, MAX_LOG_ODDS)


def probability(odds: Floats) -> Floats:
    """Return 1 / (1 + exp(-l)), the inverse of :func:`log_odds`."""
    return 1.0 / (1.0 + np.exp(-odds))


def born(evidence: Floats, config: LifeConfig) -> Floats:
    """Return the log odds (T,) of tracks of one measurement each, by Bayes' rule.

    ``evidence`` (T,) is the probability that a measurement shows an object at all, all else being equal (soft evidence,
    Pearl 1988); ``birth_existence`` how often one that nothing explains does.
    """
    return np.clip(log_odds(evidence) + log_odds(np.asarray(config.birth_existence)), -MAX_LOG_ODDS, MAX_LOG_ODDS)


def survive(odds: Floats, dt: float, config: LifeConfig) -> Floats:
    """Let existence decay over ``dt`` seconds of not looking: objects leave without a word."""
    return log_odds(probability(odds) * np.exp(-dt / config.survival_time))


def seen(
    odds: Floats, existence: Floats, likelihood: Floats, weight: float, detection: float, config: LifeConfig
) -> Floats:
    """Return the log odds after a detection each (Musicki and Evans 2004, for one measurement).

    A measurement where it was expected speaks for the track; one that a vague prediction only just allows may be
    anything.

    Args:
        odds: (T,) before.
        existence: (T,) probability that the measurement shows an object at all (soft evidence, Pearl 1988).
        likelihood: (T,) of the measurement's place given the track, 1/m^3.
        weight: in [0, 1], how much of a new look this is.
        detection: detection probability of an existing object.
        config: clutter density and probability.
    """
    fit = detection * np.minimum(likelihood / config.clutter_density, 1.0 / config.clutter_probability)
    ratio = existence * fit + (1.0 - existence)
    return np.clip(odds + weight * np.log(ratio), -MAX_LOG_ODDS, MAX_LOG_ODDS)


def missed(odds: Floats, detection: Floats, weight: float, config: LifeConfig) -> Floats:
    """Return the log odds after a look without a detection; a miss never speaks for existence.

    Args:
        odds: (T,) before.
        detection: (T,) probability that an existing object would have been detected.
        weight: in [0, 1], how much of a new look this is.
        config: clutter probability.
    """
    ratio = np.minimum((1.0 - detection) / (1.0 - config.clutter_probability), 1.0)
    return np.clip(odds + weight * np.log(ratio), -MAX_LOG_ODDS, MAX_LOG_ODDS)


def hidden(centre: Floats, size: Floats, yaw: Floats, measurements: Measurements, sensor: Floats) -> NDArray[np.bool_]:
    """Tell which boxes, (T, 3), (T, 3), (T,), lie behind measured ones as seen from ``sensor`` (2,).

    Bird's-eye view: a box is hidden when nearer measurements cover half of its angle of view or more; heights
    are not compared, so a low wall hides a van (on the safe side: the van's track lives longer).
    """
    out = np.zeros(len(centre), dtype=np.bool_)
    if len(centre) == 0 or len(measurements) == 0:
        return out
    bearing, half, near, _ = _view(centre, size, yaw, sensor)
    m_bearing, m_half, _, m_far = _view(measurements.centre, measurements.size, measurements.yaw, sensor)
    offset = (m_bearing[None, :] - bearing[:, None] + np.pi) % (2.0 * np.pi) - np.pi
    low = np.maximum(offset - m_half, -half[:, None])
    high = np.minimum(offset + m_half, half[:, None])
    covers = np.where(m_far[None, :] - _NEARER < near[:, None], np.clip(high - low, 0.0, None), 0.0)
    return covers.sum(axis=1) >= _COVERED * 2.0 * half


def _view(centre: Floats, size: Floats, yaw: Floats, sensor: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return bearing, half angle of view, nearest corner and centre distance, (T,) each."""
    d = centre[:, :2] - sensor[:2]
    bearing = np.arctan2(d[:, 1], d[:, 0])
    x, y = _corners(frozen(centre), frozen(size), np.cos(yaw), np.sin(yaw), frozen(sensor))
    turned = np.arctan2(y, x) - bearing
    half = np.abs((turned + np.pi) % (2.0 * np.pi) - np.pi).max(axis=0)
    return bearing, np.maximum(half, 1e-6), np.hypot(x, y).min(axis=0), np.hypot(d[:, 0], d[:, 1])


@njit(cache=True)
def _corners(centre: Floats, size: Floats, c: Floats, s: Floats, sensor: Floats) -> tuple[Floats, Floats]:
    """Return x and y (4, T) in metres from the sensor of the corners of boxes with cosines and sines (T,) of yaws."""
    x, y = np.empty((4, len(centre))), np.empty((4, len(centre)))
    for i in range(len(centre)):
        for k in range(4):
            along = size[i, 0] * (0.5 if k in (0, 3) else -0.5)
            across = size[i, 1] * (0.5 if k < 2 else -0.5)
            x[k, i] = c[i] * along - s[i] * across + centre[i, 0] - sensor[0]
            y[k, i] = s[i] * along + c[i] * across + centre[i, 1] - sensor[1]
    return x, y
