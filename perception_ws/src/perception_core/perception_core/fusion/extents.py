"""How large a thing of each class is whose visible extents were measured, and how well those extents fit the class.

A LiDAR measures lower bounds. Where a face is seen from end to end the true extent S exceeds the seen one e by what the
last beams miss, an exponential of mean tau; where the end is hidden (by the object's own near face, or by a nearer
thing) anything up to S may have been left to be seen. With a normal prior of S per class both have closed forms: the
first is an exponentially modified normal density, its posterior a normal cut off at e whose mean moved by
sigma^2 / tau; the second a normal cut off at e. The same integrals are the likelihood of the class.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from perception_core.fusion.priors import KINDS
from perception_core.types.classes import CLASSES, INDEX

Floats = NDArray[np.float64]

CLASS_OF_KIND: NDArray[np.int64] = np.array([INDEX[name] for name, _, _ in KINDS])
"""Column of the class of each kind of thing; ``unknown``, the last of ``CLASSES``, has none."""

_MISSED = 0.08
"""Metres that the outermost beams miss of a face on the mean, near the robot ..."""

_SPACING = 0.0035
"""... and a metre of range between neighbouring beams (0.2 degrees), of which half is missed."""

_RISE = 0.006
"""Metres a metre of range between beams one above the other (0.35 degrees)."""

_NOISE = 0.06
"""Metres, standard deviation of a measured extent."""

_STEEP = 0.15
"""Sine of the angle of incidence from which on a face is fully seen."""

_CUT = 0.08
"""Probability that an end which nothing seems to hide is no end of the object: windows, black paint, a pole."""

_COVERED = 0.7
"""The same where a nearer thing ends the view."""

_LOW = 0.15
"""Probability that the top is not seen: the field of view ends below it, or black glass."""

_SPARSE = 5.0
"""Returns of which half of the ends that they show are ends."""

_GROUND_NOISE = 0.12
"""Metres, standard deviation of the height of the ground under an object."""

_DECADES = float(np.log(120.0))
"""Things without a class have extents spread evenly in logarithm from 0.1 to 12 m."""

_TINY = 1e-3
_HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of M things, along and across their boxes.

    Attributes:
        extent: float64 (M, 2) metres.
        top: float64 (M,) metres above the ground.
        range: float64 (M,) metres from the sensor.
        sight: float64 (M, 2) in [-1, 1]: how steeply the face that ends the box along this axis is looked at; its sign
            points from the sensor into the box.
        full: float64 (M,) in [0, 1): how far faces are covered with returns; a few beams show no ends.
        covered: bool (M, 2, 2) whether a nearer thing ends the view, [..., 0] at the lower and [..., 1] at the upper
            end of each axis.
    """

    extent: Floats
    top: Floats
    range: Floats
    sight: Floats
    full: Floats
    covered: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Extents:
    """For M things, K kinds of things and both ways to lie (length along the box, length across it).

    Attributes:
        log_likelihood: float64 (M, C) logarithm of the density of what was seen, columns as ``CLASSES``.
        share: float64 (M, K, 2) probability of either way of each kind given its class, sums to 1 over the class.
        mean, variance: float64 (M, K, 2, 2) metres and m^2 of the true extents, last axis along and across the box.
        height, height_variance: float64 (M, K) metres and m^2 of the true height.
    """

    log_likelihood: Floats
    share: Floats
    mean: Floats
    variance: Floats
    height: Floats
    height_variance: Floats


def seen_of(
    centre: Floats,
    size: Floats,
    yaw: Floats,
    top: Floats,
    points: NDArray[np.int64],
    covered: NDArray[np.bool_] | None = None,
) -> Seen:
    """Describe boxes of what was seen from the origin of the base frame, over which the LiDAR stands.

    Args:
        centre, size: float64 (M, 3) metres.
        yaw: float64 (M,) radians.
        top: float64 (M,) metres above the ground.
        points: int64 (M,) returns.
        covered: bool (M, 2) whether a nearer thing ends the view clockwise and counter-clockwise; None for nowhere.
    """
    c, s = np.cos(yaw), np.sin(yaw)
    x, y = centre[:, 0], centre[:, 1]
    local = np.stack([c * x + s * y, c * y - s * x], axis=1)
    reach = np.maximum(np.hypot(x, y), 0.1)
    beyond = np.maximum(np.abs(local) - size[:, :2] / 2, 0.0)
    sight = np.sign(local) * np.clip(beyond / (_STEEP * reach[:, None]), 0.0, 1.0)
    ends = np.zeros((len(yaw), 2, 2), np.bool_)
    if covered is not None:
        # Left as the sensor looks is the sense of rising bearing: (-y, x), in the axes of the box (-v, u) of its place.
        left = np.stack([-local[:, 1], local[:, 0]], axis=1) / reach[:, None]
        for axis in (0, 1):
            lateral = np.abs(left[:, axis]) > 0.3
            upper_is_left = left[:, axis] > 0
            ends[:, axis, 1] = lateral & np.where(upper_is_left, covered[:, 1], covered[:, 0])
            ends[:, axis, 0] = lateral & np.where(upper_is_left, covered[:, 0], covered[:, 1])
    full = points / (points + _SPARSE)
    return Seen(np.maximum(size[:, :2], 0.02), np.maximum(top, 0.02), reach, sight, full, ends)


def extents(seen: Seen) -> Extents:
    """Weigh every named class and both ways to lie by what was seen, and tell the true extents under each."""
    hidden = _hidden(seen)
    missed = _MISSED + 0.5 * _SPACING * seen.range[:, None] / np.maximum(np.abs(seen.sight[:, ::-1]), 0.1)
    noise = _NOISE + 0.5 * _SPACING * seen.range
    # (M, K, 2, 2): kind, way to lie, axis of the box
    log, mean, variance = _posterior(
        seen.extent[:, None, None, :],
        _LYING_MEAN[None],
        np.hypot(_LYING_SIGMA[None], noise[:, None, None, None]),
        missed[:, None, None, :],
        hidden[:, None, None, :],
    )
    tall, height, height_variance = _posterior(
        seen.top[:, None],
        _HEIGHT[None, :, 0],
        np.hypot(_HEIGHT[None, :, 1], _GROUND_NOISE),
        (_MISSED + _RISE * seen.range)[:, None],
        (1.0 - (1.0 - _LOW) * seen.full)[:, None],
    )
    ways = log.sum(axis=3) + (tall + _LOG_SHARE - np.log(2.0))[..., None]
    log_likelihood = np.empty((len(seen.top), len(CLASSES)))
    total = np.logaddexp(ways[..., 0], ways[..., 1])
    for kinds in _MIXED:
        total[:, kinds] = np.logaddexp.reduce(ways[:, kinds], axis=(1, 2))[:, None]
    share = np.exp(ways - total[..., None])
    log_likelihood[:, CLASS_OF_KIND] = total
    broad = np.log(np.maximum(np.column_stack([seen.extent, seen.top]), 0.1) * _DECADES)
    log_likelihood[:, -1] = -broad.sum(axis=1)
    return Extents(log_likelihood, share, mean, variance, height, height_variance)


def _hidden(seen: Seen) -> Floats:
    """Return (M, 2): probability that the extent along an axis was not seen to its end.

    It is seen on the face beside: that which ends the box along the other axis.
    """
    beside = np.abs(seen.sight[:, ::-1])
    own = 1.0 - (1.0 - _CUT) * beside * seen.full[:, None]
    return np.maximum(own, np.where(seen.covered.any(axis=2), _COVERED, 0.0))


def _posterior(e: Floats, mu: Floats, sigma: Floats, tau: Floats, hidden: Floats) -> tuple[Floats, Floats, Floats]:
    """Return log density of a seen extent ``e``, mean and variance of the true one; arguments broadcast, metres."""
    moved = mu - sigma**2 / tau
    whole_mean, whole_variance, whole_tail = _cut_off(e, moved, sigma)
    part_mean, part_variance, part_tail = _cut_off(e, mu, sigma)
    whole_log = whole_tail - np.log(tau) + (e - mu) / tau + sigma**2 / (2.0 * tau**2) + np.log(1.0 - hidden + _TINY)
    part_log = part_tail - np.log(np.maximum(mu, e)) + np.log(hidden)
    log = np.logaddexp(whole_log, part_log)
    share = np.exp(part_log - log)
    mean = (1.0 - share) * whole_mean + share * part_mean
    spread = share * (1.0 - share) * (whole_mean - part_mean) ** 2
    return log, mean, (1.0 - share) * whole_variance + share * part_variance + spread


def _cut_off(low: Floats, mu: Floats, sigma: Floats) -> tuple[Floats, Floats, Floats]:
    """Return mean, variance and log of the remaining mass of a normal distribution cut off below ``low``."""
    a = (low - mu) / sigma
    tail = log_ndtr(-a)
    hazard = np.exp(-0.5 * a**2 - _HALF_LOG_2PI - tail)
    mean = np.maximum(mu + sigma * hazard, low)
    return mean, sigma**2 * np.clip(1.0 + (a - hazard) * hazard, 1e-4, 1.0), tail


def _tables() -> tuple[Floats, Floats, Floats]:
    """Return (K, 2, 2) means and deviations of the extents, kind x way to lie x axis, and (K, 2) of the height."""
    mean = np.array([prior.mean for _, _, prior in KINDS])
    sigma = np.array([prior.sigma for _, _, prior in KINDS])
    height = np.column_stack([mean[:, 2], sigma[:, 2]])
    ways = [[0, 1], [1, 0]]
    return mean[:, ways], sigma[:, ways], height


_LYING_MEAN, _LYING_SIGMA, _HEIGHT = _tables()
_MIXED = [k for k in (np.flatnonzero(c == CLASS_OF_KIND) for c in range(len(CLASSES) - 1)) if len(k) > 1]
"""The kinds of each class that has several."""
_LOG_SHARE = np.log([share for _, share, _ in KINDS])
