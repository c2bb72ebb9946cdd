"""Moving or standing, and which way is forward."""

import numpy as np
from numpy.typing import NDArray

from perception_core.tracking import ends, imm
from perception_core.tracking.anchoring import QUARTER
from perception_core.tracking.config import OutputConfig
from perception_core.tracking.table import TrackTable
from perception_core.types import Motion

Floats = NDArray[np.float64]

_LONGER = 1.15
"""Length and width change places when width exceeds length by this factor, not at every wobble."""

_TURNING = 2.0
"""Sigmas from which on a yaw rate is no noise."""

_DOUBT = 1e-6
"""Probability left to what is not believed."""

_TURNED = np.pi / 3
"""Radians between heading and motion at which axes are renamed: more than half a quarter, so no flutter."""


def classify(tracks: TrackTable, over_ground: bool, config: OutputConfig) -> NDArray[np.uint8]:
    """Tell :class:`Motion` (T,) of the tracks.

    MOVING: the model of that name holds (``model_certainty``), the velocity v differs from zero significantly
    (v^T P^-1 v, Mahalanobis) and is faster than ``moving_speed``. STATIC: the model of standing still holds, or the
    upper bound of the speed, two sigma, lies below ``static_speed``. Else UNKNOWN, and always where velocities are
    not ``over_ground`` but relative to a moving robot.
    """
    out = np.full(len(tracks), Motion.UNKNOWN, dtype=np.uint8)
    if not over_ground or len(tracks) == 0:
        return out
    velocity, covariance = tracks.state[:, 3:], tracks.covariance[:, 3:, 3:]
    speed = np.linalg.norm(velocity, axis=1)
    surprise = np.einsum("ti,ti->t", velocity, np.linalg.solve(covariance, velocity[:, :, None])[:, :, 0])
    sigma = np.sqrt(np.linalg.eigvalsh(covariance)[:, -1])
    moving = tracks.model_probability[:, imm.MOVING] > config.model_certainty
    moving &= (surprise > config.motion_significance**2) & (speed > config.moving_speed)
    still = tracks.model_probability[:, imm.STILL] > config.model_certainty
    out[~moving & (still | (speed + 2.0 * sigma < config.static_speed))] = Motion.STATIC
    out[moving] = Motion.MOVING
    return out


def turn_rate(tracks: TrackTable) -> Floats:
    """Return (T,) rad/s of tracks that surely turn and whose axes are known to lie along their motion, else 0."""
    rate, variance = tracks.heading[:, 1], tracks.heading_covariance[:, 1, 1]
    sure = tracks.oriented & (rate**2 > _TURNING**2 * variance)
    return np.where(sure, rate, 0.0)


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
    tracks.known_ends = ends.turned(tracks.known_ends, turns.astype(np.int64))
    odd = turns.astype(np.int64) % 2 != 0
    tracks.size[odd, :2] = tracks.size[odd, 1::-1]
    tracks.hidden_variance[odd] = tracks.hidden_variance[odd, ::-1]
    tracks.oriented |= moving


def rest(tracks: TrackTable, which: NDArray[np.bool_]) -> None:
    """Let some tracks (T,), in place, stand still until they are seen again."""
    tracks.model_probability[which, imm.STILL] = 1.0 - _DOUBT
    tracks.model_probability[which, imm.MOVING] = _DOUBT
    models = tracks.model_states[which], tracks.model_covariances[which], tracks.model_probability[which]
    tracks.state[which], tracks.covariance[which] = imm.combine(*models)
