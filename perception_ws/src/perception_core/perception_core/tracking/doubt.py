"""What no filter of a box knows: whether its sides were exchanged, and whether a neighbour is in it.

A rectangle fitted to points has four yaws. Which of its sides is the length shows in the motion, or in the length; what
is about as long as it is wide, and stands, may lie either way. The error then is a quarter turn, which a variance of a
degree or two denies; so its square is told with its probability (moments of a mixture, Bar-Shalom et al. 2001, 1.4.16).
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.tracking import imm
from perception_core.tracking.anchoring import QUARTER, SMALL
from perception_core.tracking.measurements import Measurements
from perception_core.tracking.table import TrackTable
from perception_core.types.classes import BUS, CAR, INDEX, PERSON, TRAIN, TRUCK

Floats = NDArray[np.float64]

_STILL = imm.STILL

_EITHER = 0.5
"""Probability of a quarter turn where nothing tells."""

_ELONGATION = 0.4
"""By so much longer than wide, in widths, and that probability falls to 1/e."""

_LEAST, _MOVING, _MOVED = 0.005, 0.02, 0.1
"""The same at least; at most of what moves, which shows its front; and of what has moved before."""

_BROADEST = {CAR: 2.1, TRUCK: 2.6, BUS: 2.6, TRAIN: 3.2}
"""Metres: mirrors left out, the law has no broader ones on the road (trains: on rails)."""


_TOGETHER = 1.0
"""Seconds in which such an error changes by as much as it is: with the range, and with what of the object is seen."""

_SHARED = 0.7
"""Share of the variance of a place that only a camera tells, which its next images have in common."""

_HALVES = np.array([0.5, 0.5, 0.0])
"""Probabilities of the models of what is in doubt: as likely standing as not, with the moments that it has."""

_WANDER, _GLANCED = 0.3, 1.0
"""Metres by which what is seen for the first time wanders, as ends come into sight and limbs swing; and the seconds of
looking after which that is noise."""

_LEVEL = np.diag([1.0, 1.0, 0.0])
"""Nobody jumps."""


def exchanged(tracks: TrackTable, moving: NDArray[np.bool_]) -> Floats:
    """Return the probability (T,) that length and width of each track change places; ``moving`` (T,): told to."""
    length, width = tracks.size[:, 0], tracks.size[:, 1]
    long, wide = np.maximum(length, width), np.minimum(length, width)
    p = _EITHER * np.exp(-(long / wide - 1.0) / _ELONGATION)
    p = np.where((tracks.class_probabilities.argmax(axis=1) == INDEX[PERSON]) | (long < SMALL), _EITHER, p)
    most = np.where(tracks.oriented, np.where(moving, _MOVING, _MOVED), _EITHER)
    return np.clip(p, _LEAST, most)


def yaw_variance(tracks: TrackTable, moving: NDArray[np.bool_]) -> Floats:
    """Return rad^2 (T,) that the exchange of sides adds to the yaw's."""
    out: Floats = exchanged(tracks, moving) * QUARTER**2
    return out


def centre_variance(tracks: TrackTable) -> Floats:
    """Return m^2 (T, 2) along length and width by which a neighbour in the box of a vehicle may have moved its middle.

    What is broader than vehicles are is on one side or the other, (excess / 2)^2.
    """
    label = tracks.class_probabilities.argmax(axis=1)
    most = np.full(len(tracks), np.inf)
    for name, width in _BROADEST.items():
        most[label == INDEX[name]] = width
    excess = np.maximum(np.minimum(tracks.size[:, 0], tracks.size[:, 1]) - most, 0.0)
    narrow = np.arange(2)[None, :] == tracks.size[:, :2].argmin(axis=1)[:, None]
    return np.where(narrow, (excess[:, None] / 2.0) ** 2, 0.0)


def shared(seen: Measurements) -> Floats:
    """Return the covariance (M, 3, 3) in m^2 of what is wrong with each of M measurements, and with the next as well.

    Of what only a camera sees: that it is taller than its class is in the mean, that the road falls, and how the
    network draws its box, stay so from image to image. A filter that takes these errors for noise is after ten images
    three times as sure as it may be. What a LiDAR measures has none.
    """
    share = np.where(seen.lidar, 0.0, _SHARED)
    return share[:, None, None] * seen.noise


def unrest(tracks: TrackTable, stamp_ns: int) -> None:
    """Give tracks that are believed to stand, in place, the motion that they may have all the same: as a doubt.

    What got out of sight had its motion taken from it, lest its box runs off on the velocity of a few looks; it may
    have gone on since. And what was watched for a moment only cannot be known to stand: a velocity is a way over a
    time, and ways are known to ``_WANDER`` at best. The means stay; the covariance gets these second moments, without a
    direction. So that a path grows by them, standing and moving straight on share mean and covariance half and half.
    """
    watched = np.maximum(tracks.last_seen_ns - tracks.first_seen_ns, 1) / 1e9
    glanced = (watched < _GLANCED) & (tracks.model_probability[:, imm.STILL] > _HALVES[imm.STILL])
    guess = np.where(glanced, (_WANDER / watched) ** 2 - (_WANDER / _GLANCED) ** 2, 0.0)
    which = (guess != 0.0) | tracks.dropped_motion.reshape(-1, 9).any(axis=1)
    if not which.any():
        return
    moment = tracks.dropped_motion[which] + guess[which, None, None] * _LEVEL
    states, covariances = tracks.model_states[which], tracks.model_covariances[which]
    mean, spread = imm.combine((states, covariances, tracks.model_probability[which]))
    since = ((stamp_ns - tracks.last_seen_ns[which]) / 1e9)[:, None, None]
    spread[:, :3, :3] += moment * since**2
    spread[:, 3:6, 3:6] += moment
    spread[:, :3, 3:6] += moment * since
    spread[:, 3:6, :3] += moment * since
    off = mean - states[:, imm.STILL]
    states[:, imm.STRAIGHT] = mean + off
    covariances[:, imm.STRAIGHT] = 2.0 * (spread - off[:, :, None] * off[:, None, :]) - covariances[:, imm.STILL]
    tracks.model_states[which], tracks.model_covariances[which] = states, covariances
    tracks.model_probability[which] = _HALVES
    tracks.sum_up()


def widen(tracks: TrackTable) -> None:
    """Add, in place, the shared errors to what is known of place and velocity; what stands still does so anyway."""
    _widen(tracks.covariance, tracks.model_covariances, tracks.shared, tracks.shared / _TOGETHER**2)


@njit(cache=True)
def _widen(covariance: Floats, models: Floats, shared: Floats, drift: Floats) -> None:
    """Add errors of place and velocity (T, 3, 3) to covariances (T, 6, 6), and (T, K, 8, 8) of all that may move."""
    for i in range(len(shared)):
        for a in range(3):
            for b in range(3):
                covariance[i, a, b] += shared[i, a, b]
                covariance[i, a + 3, b + 3] += drift[i, a, b]
                for k in range(imm.MODELS):
                    models[i, k, a, b] += shared[i, a, b]
                    if k != _STILL:
                        models[i, k, a + 3, b + 3] += drift[i, a, b]
