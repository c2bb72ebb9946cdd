"""Moving or standing, and which way is forward."""

import numpy as np
from numpy.typing import NDArray

from perception_core.tracking import ends, imm, kalman, witness
from perception_core.tracking.anchoring import QUARTER
from perception_core.tracking.config import OutputConfig
from perception_core.tracking.table import TrackTable
from perception_core.types import Motion
from perception_core.types.classes import BICYCLE, BUS, CAR, CYCLIST, INDEX, MOTORCYCLE, TRAIN, TRUCK, UNKNOWN

Floats = NDArray[np.float64]

_LONGER = 1.15
"""Length and width change places when width exceeds length by this factor, not at every wobble."""

_DOUBT = 0.02
"""Probability left to what is not believed."""

_AT_REST = np.array([1.0 - _DOUBT, _DOUBT, 0.0])

_ON_WHEELS = [INDEX[name] for name in (CAR, TRUCK, BUS, TRAIN, CYCLIST, BICYCLE, MOTORCYCLE)]

_SHORTEST = 1.2
"""Metres: what has wheels is longer."""

_MOST = 0.95
"""Cars slide, too."""

_NAMED, _STANDS = 0.5, 0.5
"""Probabilities from which on something has wheels, or stands."""

_BROADEST = 2.7
"""Metres: no vehicle is broader."""

_TURNED = np.pi / 3
"""Radians between heading and motion at which axes are renamed: more than half a quarter, so no flutter."""


def classify(tracks: TrackTable, over_ground: bool, robot: Floats, config: OutputConfig) -> NDArray[np.uint8]:
    """Tell :class:`Motion` (T,) of the tracks; ``robot`` (2,) is the robot's own velocity in the fixed frame, m/s.

    MOVING: one of the models that move holds (``model_certainty``), the velocity v differs from zero significantly
    (v^T P^-1 v, Mahalanobis), is faster than ``moving_speed`` and not the robot's own seen in something that stands
    (:mod:`perception_core.tracking.witness`). STATIC: the model of standing still holds, or the upper bound of the
    speed, two sigma, lies below ``static_speed``. Else UNKNOWN, and always where velocities are
    not ``over_ground`` but relative to a moving robot.
    """
    out = np.full(len(tracks), Motion.UNKNOWN, dtype=np.uint8)
    if not over_ground or len(tracks) == 0:
        return out
    velocity, covariance = tracks.state[:, 3:], tracks.covariance[:, 3:, 3:]
    speed = np.linalg.norm(velocity, axis=1)
    moving = tracks.model_probability[:, imm.STILL] < 1.0 - config.model_certainty
    moving &= (speed > config.moving_speed) & ~witness.unproven(tracks, robot)
    asked = np.flatnonzero(moving)
    moving[asked] = _surprise(velocity[asked], covariance[asked]) > config.motion_significance**2
    static = ~moving & (tracks.model_probability[:, imm.STILL] > config.model_certainty)
    asked = np.flatnonzero(~moving & ~static & (speed < config.static_speed))
    sigma = np.sqrt(np.linalg.eigvalsh(covariance[asked])[:, -1])
    static[asked] = speed[asked] + 2.0 * sigma < config.static_speed
    out[static], out[moving] = Motion.STATIC, Motion.MOVING
    return out


def _surprise(velocity: Floats, covariance: Floats) -> Floats:
    """Return v^T P^-1 v (T,) of velocities (T, 3) with covariances (T, 3, 3)."""
    out: Floats = np.einsum("ti,ti->t", velocity, np.linalg.solve(covariance, velocity[:, :, None])[:, :, 0])
    return out


def wheeled(tracks: TrackTable) -> Floats:
    """Return (T,) in [0, 1]: how far each track may be taken for something that moves where its wheels point.

    The probability of its having wheels; what has no name half as much, if it is longer than it is wide. Without
    known axes, nothing.
    """
    named = tracks.class_probabilities[:, _ON_WHEELS].sum(axis=1)
    long = tracks.size[:, 0] > np.maximum(_LONGER * tracks.size[:, 1], _SHORTEST)
    share = named + np.where(long, 0.5 * tracks.class_probabilities[:, INDEX[UNKNOWN]], 0.0)
    return np.where(tracks.oriented, np.minimum(share, _MOST), 0.0)


def orient(tracks: TrackTable, moving: NDArray[np.bool_]) -> None:
    """Name the axes of boxes, in place: x towards the motion once there was one, before that along the length.

    What stands and then turns out broader than long, as no vehicle is, has not moved that way.

    Args:
        tracks: boxes whose yaw is known up to quarter turns.
        moving: bool (T,) tracks that move for sure.
    """
    course = np.arctan2(tracks.state[:, 4], tracks.state[:, 3])
    off = (course - tracks.heading[:, 0] + np.pi) % (2.0 * np.pi) - np.pi
    turned = moving & (np.abs(off) > _TURNED)
    broad = ~moving & (tracks.size[:, 1] > _LONGER * tracks.size[:, 0])
    mistaken = broad & tracks.oriented & _never_so_broad(tracks)
    sideways = mistaken | (broad & ~tracks.oriented)
    turns = np.where(turned, np.rint(off / QUARTER), np.where(sideways, 1.0, 0.0))
    tracks.heading[:, 0] += QUARTER * turns
    tracks.model_states[:, :, kalman.YAW] += QUARTER * turns[:, None]
    if turns.any():
        _exchange(tracks, turns.astype(np.int64))
    tracks.oriented |= moving
    tracks.oriented &= ~mistaken


def _exchange(tracks: TrackTable, turns: NDArray[np.int64]) -> None:
    """Name lengths and widths, in place, by axes turned by quarters (T,)."""
    tracks.known_ends = ends.turned(tracks.known_ends, turns)
    odd = turns % 2 != 0
    tracks.size[odd, :2] = tracks.size[odd, 1::-1]
    tracks.last_size[odd] = tracks.last_size[odd, ::-1]
    tracks.hidden_variance[odd] = tracks.hidden_variance[odd, ::-1]


def _never_so_broad(tracks: TrackTable) -> NDArray[np.bool_]:
    """Tell what (T,) stands and is no vehicle's width: its x axis was named by a motion that was none."""
    wheels = tracks.class_probabilities[:, _ON_WHEELS].sum(axis=1) > _NAMED
    stands = tracks.model_probability[:, imm.STILL] > _STANDS
    out: NDArray[np.bool_] = stands & (wheels | (tracks.size[:, 1] > _BROADEST))
    return out


def rest(tracks: TrackTable, which: NDArray[np.bool_]) -> None:
    """Let some tracks (T,), in place, stand still until they are seen again; how fast they may have been is noted."""
    new = which & ~tracks.dropped_motion.any(axis=(1, 2))
    apart = tracks.state[new, 3:] - tracks.model_states[new, imm.STILL, 3:6]
    tracks.dropped_motion[new] = tracks.covariance[new, 3:, 3:] + apart[:, :, None] * apart[:, None, :]
    tracks.model_probability[which] = _AT_REST
    tracks.sum_up()
