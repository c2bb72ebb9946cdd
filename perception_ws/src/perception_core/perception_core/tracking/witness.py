"""Motions that the robot's own would feign, or hidden ends, and what must speak for them.

What a sweep shows of a guard rail, a fence or a row of posts is a stretch abeam of the robot, wherever the robot is: it
goes along as fast as the robot does, and each post takes the place of the one before. A velocity along a line whose
ends are not seen cannot be observed. So what keeps pace with the robot and has no name is only believed to move if it
has the body for it: who keeps pace with a car is neither as low as a rail nor, when fast, as narrow as a post.

A piece of a house front that comes out from behind a parked car has one end that moves, until the next car hides that,
too; from then on its ends are those of the cars, and nothing speaks for or against the velocity that it had by then
(the aperture problem). So what has no name is believed to move while an end of it is seen to, and after that for as
long as it was, within reason: a bus goes on behind parked cars, a wall does not.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.tracking.table import TrackTable
from perception_core.types.classes import INDEX, UNKNOWN

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

_MEMORY = 1.0
"""Seconds for which what was seen to move so long, or longer, is believed to go on once its ends are hidden."""

_BLIND_SHARE = 0.5
"""Share of the energy of a motion along an axis without ends from which on nobody has seen it."""

_MOVES, _INSTANT = 0.3, 1e-3
"""m/s, seconds: slower is no motion to be seen, shorter no time for which it was."""

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
    """Tell whose velocity (T,) nobody saw, or may be but the robot's own, ``robot`` (2,) m/s in the fixed frame."""
    nameless, guessed = tracks.class_probabilities.argmax(axis=1) == INDEX[UNKNOWN], unseen(tracks)
    own = float(np.hypot(robot[0], robot[1]))
    if own < _OUTPACING:
        return guessed
    apart = np.linalg.norm(tracks.state[:, 3:5] - robot, axis=1)
    speed = np.linalg.norm(tracks.state[:, 3:5], axis=1)
    low, narrow = tracks.size[:, 2] < _LOW, tracks.size[:, :2].min(axis=1) < _NARROW
    rail = low & narrow & (tracks.size[:, :2].max(axis=1) > _RAIL_LENGTH)
    out: Mask = guessed | nameless & (rail | ((apart < _PACE + _SHARE * own) & (low | (narrow & (speed > _FAST)))))
    return out


def unseen(tracks: TrackTable) -> Mask:
    """Tell which tracks (T,) without a name move but by a guess: no end of theirs has moved for too long."""
    nameless = tracks.class_probabilities.argmax(axis=1) == INDEX[UNKNOWN]
    out: Mask = nameless & (tracks.witnessed < _INSTANT)
    return out


def remember(tracks: TrackTable, rows: Indices, blind: Mask, still: Floats | float, dt: float) -> None:
    """Note, in place, which tracks were seen to move.

    Args:
        tracks: corrected.
        rows: (K,) those that were measured.
        blind: bool (K, 2) along which axes of the track no end was seen.
        still: (K, 3) m/s of what stands still.
        dt: seconds since the last scan.
    """
    velocity = tracks.state[rows, 3:] - still
    c, s = np.cos(tracks.heading[rows, 0]), np.sin(tracks.heading[rows, 0])
    local = np.column_stack([c * velocity[:, 0] + s * velocity[:, 1], c * velocity[:, 1] - s * velocity[:, 0]])
    hidden = np.where(blind, local**2, 0.0).sum(axis=1)
    energy = (velocity**2).sum(axis=1)
    shown = (energy > _MOVES**2) & (hidden <= _BLIND_SHARE * energy)
    change = np.full(len(tracks), -dt)
    change[rows[shown]] = dt
    tracks.witnessed = np.clip(tracks.witnessed + change, 0.0, _MEMORY)


def doubted(covariance: Floats, velocity: Floats) -> Floats:
    """Return covariances (T, 3, 3) of velocities (T, 3) m/s that may as well be none."""
    return covariance + velocity[:, :, None] * velocity[:, None, :]
