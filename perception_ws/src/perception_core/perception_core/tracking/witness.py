"""Motions that the robot's own would feign, and what must speak for them.

What a sweep shows of a guard rail, a fence or a row of posts is a stretch abeam of the robot, wherever the robot is: it
goes along as fast as the robot does, and each post takes the place of the one before. A velocity along a line whose
ends are not seen cannot be observed. So what keeps pace with the robot and has no name is only believed to move if it
has the body for it: who keeps pace with a car is neither as low as a rail nor, when fast, as narrow as a post.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.tracking.table import TrackTable
from perception_core.types.classes import INDEX, UNKNOWN

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_OUTPACING = 3.0
"""m/s from which on the robot's own motion counts: slower, people walk beside it."""

_PACE, _SHARE = 1.0, 0.25
"""Keeping pace: m/s, and share of the robot's speed, by which velocities differ; stretches of a rail come and go."""

_LOW = 1.0
"""Metres: nobody who keeps pace with a car is lower."""

_NARROW, _FAST = 0.7, 10.0
"""Metres, m/s: who goes faster is wider, on two wheels with the elbows."""

_RAIL_LENGTH = 3.0
"""Metres: what is longer, and both low and narrow, is a rail, with any velocity along it."""


def unproven(tracks: TrackTable, robot: Floats) -> Mask:
    """Tell whose velocity (T,) may be but the robot's own, velocity ``robot`` (2,) m/s in the fixed frame."""
    nameless = tracks.class_probabilities.argmax(axis=1) == INDEX[UNKNOWN]
    own = float(np.hypot(robot[0], robot[1]))
    if own < _OUTPACING:
        return np.zeros(len(tracks), dtype=np.bool_)
    apart = np.linalg.norm(tracks.state[:, 3:5] - robot, axis=1)
    speed = np.linalg.norm(tracks.state[:, 3:5], axis=1)
    low, narrow = tracks.size[:, 2] < _LOW, tracks.size[:, :2].min(axis=1) < _NARROW
    rail = low & narrow & (tracks.size[:, :2].max(axis=1) > _RAIL_LENGTH)
    out: Mask = nameless & (rail | ((apart < _PACE + _SHARE * own) & (low | (narrow & (speed > _FAST)))))
    return out


def doubted(covariance: Floats, velocity: Floats) -> Floats:
    """Return covariances (T, 3, 3) of velocities (T, 3) m/s that may as well be none."""
    return covariance + velocity[:, :, None] * velocity[:, None, :]
