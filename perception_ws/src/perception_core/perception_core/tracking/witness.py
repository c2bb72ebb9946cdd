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
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.tracking.anchoring import SMALL, THIN, THIN_SHARE
from perception_core.tracking.table import TrackTable
from perception_core.types.classes import INDEX, UNKNOWN

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

_MEMORY = 1.0
"""Seconds for which what was seen to move so long, or longer, is believed to go on once its ends are hidden."""

_BLIND_SHARE = 0.5
"""Share of the energy of a motion that must have been seen."""

_MOVES, _GLANCE = 0.3, 0.1 - 1e-3
"""m/s, seconds: slower is no motion to be seen; shorter no time for which it was."""

_ALIKE, _ALIKE_SHARE = 0.2, 0.3
"""Metres, and share of its way, by which both ends of what moves may go differently: they scatter with the beams."""

_FACE = 0.5
"""How steeply a face must be seen for its place to count, from grazing 0 to 1."""

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
    guessed = unseen(tracks)
    own = float(np.hypot(robot[0], robot[1]))
    if own < _OUTPACING:
        return guessed
    nameless = tracks.class_probabilities.argmax(axis=1) == INDEX[UNKNOWN]
    apart = np.linalg.norm(tracks.state[:, 3:5] - robot, axis=1)
    speed = np.linalg.norm(tracks.state[:, 3:5], axis=1)
    low, narrow = tracks.size[:, 2] < _LOW, np.minimum(tracks.size[:, 0], tracks.size[:, 1]) < _NARROW
    rail = low & narrow & (np.maximum(tracks.size[:, 0], tracks.size[:, 1]) > _RAIL_LENGTH)
    out: Mask = guessed | nameless & (rail | ((apart < _PACE + _SHARE * own) & (low | (narrow & (speed > _FAST)))))
    return out


def unseen(tracks: TrackTable) -> Mask:
    """Tell which tracks (T,) without a name move but by a guess: no end of theirs has moved for too long."""
    nameless = tracks.class_probabilities.argmax(axis=1) == INDEX[UNKNOWN]
    out: Mask = nameless & (tracks.witnessed < _GLANCE)
    return out


def evidence(faces: Floats, loose: Mask, lost: Mask, size: Floats, before: Floats, advance: Floats) -> Floats:
    """Tell how well motions of K tracks along their axes could be seen, (K, 2) in [0, 1].

    1: the face that closes the axis was seen, or both ends, as far apart as the last time, or it is a small thing;
    0.5: one end, which may as well be where the view ends; 0: none.

    Args:
        faces: (K, 2) above 0 as far as the end that was followed is a face turned to the sensor.
        loose: bool (K, 2) no end along the axis.
        lost: bool (K, 2, 2) lower and upper end along either axis that were not seen now or the last time.
        size: (K, 3) metres measured along the axes of the tracks.
        before: (K, 2) metres measured the last time.
        advance: (K, 2) metres by which the tracks have gone along their axes since.
    """
    columns = (faces, loose, lost, size, before, advance)
    out: Floats = _evidence(*(frozen(column) for column in columns))
    return out


@njit(cache=True)
def _evidence(faces: Floats, loose: Mask, lost: Mask, size: Floats, before: Floats, advance: Floats) -> Floats:
    out = np.zeros((len(faces), 2))
    for i in range(len(faces)):
        longest = max(size[i, 0], size[i, 1])
        thin = max(THIN, THIN_SHARE * longest)
        for a in range(2):
            if loose[i, a]:
                continue
            alike = abs(size[i, a] - before[i, a]) < _ALIKE + _ALIKE_SHARE * abs(advance[i, a])
            both = alike and not (lost[i, a, 0] or lost[i, a, 1])
            face = size[i, 1 - a] >= thin and faces[i, a] > _FACE
            out[i, a] = 1.0 if face or both or longest < SMALL else 0.5
    return out


def remember(tracks: TrackTable, rows: Indices, clear: Floats, still: Floats | float, dt: float) -> None:
    """Note, in place, which tracks were seen to move.

    Args:
        tracks: corrected.
        rows: (K,) those that were measured.
        clear: (K, 2) how well a motion along either axis could be seen, :func:`evidence`.
        still: (K, 3) m/s of what stands still.
        dt: seconds since the last scan.
    """
    velocity = tracks.state[rows, 3:] - still
    c, s = np.cos(tracks.heading[rows, 0]), np.sin(tracks.heading[rows, 0])
    share = _seen_share(frozen(velocity), c, s, frozen(clear))
    seen = share > 0.0
    change = np.full(len(tracks), -dt)
    change[rows[seen]] = dt * share[seen]
    tracks.witnessed = np.clip(tracks.witnessed + change, 0.0, _MEMORY)


@njit(cache=True)
def _seen_share(velocity: Floats, c: Floats, s: Floats, clear: Floats) -> Floats:
    """Return which share (K,) of the energy of motions was seen, 0 where that is too little or nothing moves.

    Args:
        velocity: (K, 3) m/s.
        c: (K,) cosine, s: (K,) sine of the yaw.
        clear: (K, 2) see :func:`remember`.
    """
    out = np.zeros(len(c))
    for i in range(len(c)):
        x, y, z = velocity[i]
        along, across = c[i] * x + s[i] * y, c[i] * y - s[i] * x
        energy = along * along + across * across + z * z
        known = clear[i, 0] * (along * along) + clear[i, 1] * (across * across) + z * z
        share = known / max(energy, _MOVES**2)
        if energy > _MOVES**2 and share >= _BLIND_SHARE:
            out[i] = share
    return out


def doubted(covariance: Floats, velocity: Floats) -> Floats:
    """Return covariances (T, 3, 3) of velocities (T, 3) m/s that may as well be none."""
    return covariance + velocity[:, :, None] * velocity[:, None, :]
