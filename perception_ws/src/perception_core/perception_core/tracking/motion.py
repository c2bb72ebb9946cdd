"""Moving or standing, and which way is forward."""

import numpy as np
from numpy.typing import NDArray

from perception_core.tracking.anchoring import QUARTER
from perception_core.tracking.config import OutputConfig
from perception_core.tracking.table import TrackTable
from perception_core.types import Motion

Floats = NDArray[np.float64]

_LONGER = 1.15
"""Length and width change places when width exceeds length by this factor, not at every wobble."""

_TURNED = np.pi / 3
"""Radians between heading and motion at which axes are renamed: more than half a quarter, so no flutter."""


def classify(velocity: Floats, covariance: Floats, over_ground: bool, config: OutputConfig) -> NDArray[np.uint8]:
    """Tell :class:`Motion` (T,) from velocities (T, 3) and their covariance (T, 3, 3).

    MOVING: the velocity differs from zero significantly (v^T P^-1 v, Mahalanobis) and is faster than
    ``moving_speed``. STATIC: the upper bound of the speed, two sigma, lies below ``static_speed``. Else
    UNKNOWN, and always where velocities are not ``over_ground`` but relative to a moving robot.
    """
    out = np.full(len(velocity), Motion.UNKNOWN, dtype=np.uint8)
    if not over_ground or len(velocity) == 0:
        return out
    speed = np.linalg.norm(velocity, axis=1)
    surprise = np.einsum("ti,ti->t", velocity, np.linalg.solve(covariance, velocity[:, :, None])[:, :, 0])
    sigma = np.sqrt(np.linalg.eigvalsh(covariance)[:, -1])
    moving = (surprise > config.motion_significance**2) & (speed > config.moving_speed)
    out[~moving & (speed + 2.0 * sigma < config.static_speed)] = Motion.STATIC
    out[moving] = Motion.MOVING
    return out


def orient(tracks: TrackTable, moving: NDArray[np.bool_]) -> None:
    """Name the axes of boxes, in place: x towards the motion once there was one, before that along the length.

    Args:
        tracks: boxes whose yaw is known up to quarter turns.
        moving: bool (T,) tracks that move for sure.
    """
    course = np.arctan2(tracks.state[:, 4], tracks.state[:, 3])
    off = (course - tracks.heading[:, 0] + np.pi) % (2.0 * np.pi) - np.pi
    turned = moving & (np.abs(off) > _TURNED)
    sideways = ~tracks.oriented & ~moving & (tracks.size[:, 1] > _LONGER * tracks.size[:, 0])
    turns = np.where(turned, np.rint(off / QUARTER), np.where(sideways, 1.0, 0.0))
    tracks.heading[:, 0] += QUARTER * turns
    odd = turns.astype(np.int64) % 2 != 0
    tracks.size[odd, :2] = tracks.size[odd, 1::-1]
    tracks.hidden_variance[odd] = tracks.hidden_variance[odd, ::-1]
    tracks.oriented |= moving
