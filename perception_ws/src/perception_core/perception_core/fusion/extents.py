"""How large a thing of each class is whose visible extents were measured, and how well those extents fit the class.

A LiDAR measures lower bounds. Where a face is seen from end to end the true extent S exceeds the seen one e by what the
last beams miss, an exponential of mean tau; where the end is hidden (by the object's own near face, or by a nearer
thing) anything up to S may have been left to be seen. With a normal prior of S per class both have closed forms: the
first is an exponentially modified normal density, its posterior a normal cut off at e whose mean moved by
sigma^2 / tau; the second a normal cut off at e. The same integrals are the likelihood of the class.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import log_ndtr

from perception_core.compiling import frozen
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
    m, kinds = len(seen.top), len(CLASS_OF_KIND)
    missed = _MISSED + 0.5 * _SPACING * seen.range[:, None] / np.maximum(np.abs(seen.sight[:, ::-1]), 0.1)
    noise = _NOISE + 0.5 * _SPACING * seen.range
    # (M, 2, 2) rows: way to lie, axis of the box
    log, mean, variance = _posterior(
        _both_ways(seen.extent),
        _LYING_MEAN,
        np.hypot(_LYING_SIGMA, noise[:, None, None]).reshape(-1, kinds),
        _both_ways(missed),
        _both_ways(_hidden(seen)),
    )
    tall, height, height_variance = _posterior(
        seen.top,
        _HEIGHT_MEAN,
        np.tile(np.hypot(_HEIGHT_SIGMA, _GROUND_NOISE), (m, 1)),
        _MISSED + _RISE * seen.range,
        1.0 - (1.0 - _LOW) * seen.full,
    )
    ways = log.reshape(m, 2, 2, kinds).sum(axis=2) + (tall + _LOG_SHARE - np.log(2.0))[:, None]
    log_likelihood = np.empty((m, len(CLASSES)))
    total = np.logaddexp(ways[:, 0], ways[:, 1])
    for alike in _MIXED:
        total[:, alike] = np.logaddexp.reduce(ways[..., alike], axis=(1, 2))[:, None]
    share = np.exp(ways - total[:, None])
    log_likelihood[:, CLASS_OF_KIND] = total
    broad = np.log(np.maximum(np.column_stack([seen.extent, seen.top]), 0.1) * _DECADES)
    log_likelihood[:, -1] = -broad.sum(axis=1)
    mean, variance = (a.reshape(m, 2, 2, kinds).transpose(0, 3, 1, 2) for a in (mean, variance))
    return Extents(log_likelihood, share.transpose(0, 2, 1), mean, variance, height, height_variance)


def _both_ways(of_axes: Floats) -> Floats:
    """Return (M * 4,) from what is known of both axes (M, 2), once for each way to lie."""
    return np.tile(of_axes, 2).reshape(-1)


def _hidden(seen: Seen) -> Floats:
    """Return (M, 2): probability that the extent along an axis was not seen to its end.

    It is seen on the face beside: that which ends the box along the other axis.
    """
    beside = np.abs(seen.sight[:, ::-1])
    own = 1.0 - (1.0 - _CUT) * beside * seen.full[:, None]
    return np.maximum(own, np.where(seen.covered.any(axis=2), _COVERED, 0.0))


def _posterior(e: Floats, mu: Floats, sigma: Floats, tau: Floats, hidden: Floats) -> tuple[Floats, Floats, Floats]:
    """Weigh seen extents by normal priors of K kinds of things.

    Args:
        e: float64 (R,) metres that were seen.
        mu: float64 (L, K) metres, the means, of every L-th row alike.
        sigma: float64 (R, K) metres.
        tau: float64 (R,) metres missed on the mean by the outermost beams.
        hidden: float64 (R,) probability that the end was not seen.

    Returns:
        float64 (R, K) each: log density of ``e``, mean and variance of the true extent, metres and m^2.
    """
    beyond = _beyond(e, mu, sigma, tau)
    tail = log_ndtr(-beyond)
    hazard = np.exp(-0.5 * beyond**2 - _HALF_LOG_2PI - tail)
    told = np.log(np.stack([tau, 1.0 - hidden + _TINY, hidden]))
    size = np.log(np.maximum(mu, e.reshape(-1, len(mu), 1))).reshape(sigma.shape)
    whole, part = _log_densities(e, mu, sigma, tau, tail, told, size)
    log = np.logaddexp(whole, part)
    mean, variance = _moments(e, mu, sigma, tau, beyond, hazard, np.exp(part - log))
    return log, mean, variance


@njit(cache=True)
def _beyond(e: Floats, mu: Floats, sigma: Floats, tau: Floats) -> Floats:
    """Return float64 (2, R, K): where, in deviations, the normals of both cases are cut off: end seen, and hidden."""
    out = np.empty((2, *sigma.shape))
    for r, k in np.ndindex(sigma.shape):
        mean = mu[r % len(mu), k]
        out[0, r, k] = (e[r] - (mean - sigma[r, k] ** 2 / tau[r])) / sigma[r, k]
        out[1, r, k] = (e[r] - mean) / sigma[r, k]
    return out


@njit(cache=True)
def _log_densities(
    e: Floats, mu: Floats, sigma: Floats, tau: Floats, tail: Floats, told: Floats, size: Floats
) -> tuple[Floats, Floats]:
    """Return log densities (R, K) of both cases.

    Args:
        e, mu, sigma, tau: as in :func:`_posterior`.
        tail: float64 (2, R, K) logarithm of the mass that remains of the normals.
        told: float64 (3, R) logarithms of ``tau``, of the probability of a seen end and of a hidden one.
        size: float64 (R, K) logarithm of the length that a hidden end leaves open.
    """
    whole, part = np.empty(sigma.shape), np.empty(sigma.shape)
    for r, k in np.ndindex(sigma.shape):
        more = (e[r] - mu[r % len(mu), k]) / tau[r]
        whole[r, k] = tail[0, r, k] - told[0, r] + more + sigma[r, k] ** 2 / (2.0 * tau[r] ** 2) + told[1, r]
        part[r, k] = tail[1, r, k] - size[r, k] + told[2, r]
    return whole, part


@njit(cache=True)
def _moments(
    e: Floats, mu: Floats, sigma: Floats, tau: Floats, beyond: Floats, hazard: Floats, hidden: Floats
) -> tuple[Floats, Floats]:
    """Return mean and variance (R, K) of the true extents.

    Args:
        e, mu, sigma, tau: as in :func:`_posterior`.
        beyond, hazard: float64 (2, R, K) of the normals cut off, in deviations and their inverse.
        hidden: float64 (R, K) probability that the end is hidden, given what was seen.
    """
    mean, variance = np.empty(sigma.shape), np.empty(sigma.shape)
    for r, k in np.ndindex(sigma.shape):
        square, share = sigma[r, k] ** 2, hidden[r, k]
        usual = mu[r % len(mu), k]
        a, b, h, i = beyond[0, r, k], beyond[1, r, k], hazard[0, r, k], hazard[1, r, k]
        whole, part = max(usual - square / tau[r] + sigma[r, k] * h, e[r]), max(usual + sigma[r, k] * i, e[r])
        narrow = square * min(max(1.0 + (a - h) * h, 1e-4), 1.0)
        wide = square * min(max(1.0 + (b - i) * i, 1e-4), 1.0)
        mean[r, k] = (1.0 - share) * whole + share * part
        spread = share * (1.0 - share) * (whole - part) ** 2
        variance[r, k] = (1.0 - share) * narrow + share * wide + spread
    return mean, variance


def _tables() -> tuple[Floats, Floats, Floats, Floats]:
    """Return means and deviations of the extents (4, K), way to lie x axis of the box, and of the height (1, K)."""
    mean = np.array([prior.mean for _, _, prior in KINDS]).T
    sigma = np.array([prior.sigma for _, _, prior in KINDS]).T
    ways = [0, 1, 1, 0]
    return mean[ways], sigma[ways], mean[2:], sigma[2:]


_LYING_MEAN, _LYING_SIGMA, _HEIGHT_MEAN, _HEIGHT_SIGMA = (frozen(table) for table in _tables())
_MIXED = [k for k in (np.flatnonzero(c == CLASS_OF_KIND) for c in range(len(CLASSES) - 1)) if len(k) > 1]
"""The kinds of each class that has several."""
_LOG_SHARE = np.log([share for _, share, _ in KINDS])
