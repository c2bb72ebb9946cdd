"""Class probabilities over time: what each scan says of a thing, with nothing counted twice.

Fusion reports the posterior of one scan k, p_k(c) ~ pi(c) L_k(c): the prior pi (``types.class_prior``) times the
likelihood of labels, pixels and shape. What detectors confuse is in L_k already. So a scan itself says L_k = p_k / pi,
and if scans were independent the belief would be pi times the product of all L_k. They are not: the same network sees
the same side of the same thing, and repeats its errors. All looks together are therefore worth one look,

    log b = log pi + mean over k of log L_k = mean over k of log p_k,

the logarithmic opinion pool (Genest and Zidek, "Combining probability distributions", Statistical Science 1986). The
mean is taken recursively, with a share a of each new report: b ~ b^(1 - a) p^a = b^(1 - a) (pi L)^a, from b = pi.
A belief becomes no surer than fusion is on the mean, and one doubtful name is outvoted.

What no camera names is reported by its shape alone, which gives all named classes together ``UNNAMED_SHARE`` at most. A
shape that fits one says nothing: a name may stay, or not: L = 1. A shape that fits none speaks against them all, by
L = named / ``UNNAMED_SHARE``: a post that was once called a car in passing is a post in every scan thereafter.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.types import CLASSES
from perception_core.types.class_prior import UNNAMED_SHARE, class_prior
from perception_core.types.classes import (
    ANIMAL,
    BICYCLE,
    BUS,
    CAR,
    CYCLIST,
    INDEX,
    MOTORCYCLE,
    PERSON,
    TRAIN,
    TRUCK,
    UNKNOWN,
)

Floats = NDArray[np.float64]

SIBLINGS: tuple[tuple[str, ...], ...] = (
    (CAR, TRUCK, BUS, TRAIN),
    (BICYCLE, MOTORCYCLE, CYCLIST),
    (CYCLIST, PERSON),
    (PERSON, ANIMAL),
)
"""Classes that detectors take for each other: a truck in one scan and a car in the next may be one thing."""

_RIGHT, _SIBLING = 0.7, 0.2
"""Shares of scans in which one thing is called the same, and a sibling."""

_FLOOR = 1e-3
"""No class is ever ruled out: fusion leaves out of its reports what is less probable."""

_LEAST_FIT = 0.01
"""A shape speaks no more strongly than so against a name: clusters are cut and joined. What fits nothing at all is
reported as ``unknown`` alone, since fusion tells no share below 1e-3."""

_SLACK = 1e-3
"""Of a share that went through messages and the floors of others."""

_NAMED = np.arange(len(CLASSES)) != INDEX[UNKNOWN]


def confusion() -> Floats:
    """Return K (C, C): how one thing of class c (row) is called from scan to scan (column); rows sum to 1."""
    n = len(CLASSES)
    table = np.zeros((n, n))
    for name in CLASSES:
        kin = {sibling for family in SIBLINGS if name in family for sibling in family} - {name}
        row = table[INDEX[name]]
        row[:] = (1.0 - _RIGHT - (_SIBLING if kin else 0.0)) / n
        row[INDEX[name]] += _RIGHT
        for sibling in kin:
            row[INDEX[sibling]] += _SIBLING / len(kin)
    table[INDEX[UNKNOWN]] = 1.0 / n
    return table


def _likelihood_table() -> Floats:
    table = confusion()
    table[:, INDEX[UNKNOWN]] = table[:, INDEX[UNKNOWN]].max()
    return table


_LIKELIHOOD = _likelihood_table()


def likelihood(reported: Floats) -> Floats:
    """Return how well reports (M, C) fit a track of each class (M, C), siblings too; row maximum 1.

    For telling which report is which track's, not for what a track is. The mass reported as ``unknown`` fits all alike.
    """
    out: Floats = reported @ _LIKELIHOOD.T
    scaled: Floats = out / out.max(axis=1, keepdims=True, initial=1e-12)
    return scaled


def begin(reported: Floats, memory: float) -> Floats:
    """Return the belief (T, C) after the first report each; ``memory`` as of :func:`fuse`."""
    return fuse(np.tile(class_prior(), (len(reported), 1)), reported, np.ones(len(reported)), memory)


def fuse(belief: Floats, reported: Floats, weight: Floats, memory: float) -> Floats:
    """Return the belief (T, C) after one report each: ``belief^(1 - a) report^a``, a = ``weight`` named / ``memory``.

    The share of a named report that is ``unknown`` neither adds nor fades. Of what nobody names the shape may speak
    against a name: ``belief L^a`` with a = ``weight`` / ``memory``.

    Args:
        belief: (T, C) probabilities, rows sum to 1.
        reported: (T, C) posterior of the report, from the prior of the classes.
        weight: (T,) in [0, 1], how much of the report is new; reports close in time are not independent.
        memory: number of reports over which the mean is taken, at least 1.
    """
    named = 1.0 - reported[:, INDEX[UNKNOWN]]
    bare = named <= UNNAMED_SHARE + _SLACK
    share = np.where(bare, 0.0, weight * named / memory)[:, None]
    log = (1.0 - share) * np.log(np.maximum(belief, _FLOOR)) + share * np.log(np.maximum(reported, _FLOOR))
    fit = np.clip(named / UNNAMED_SHARE, _LEAST_FIT, 1.0)
    against = np.where(bare, weight / memory * np.log(fit), 0.0)[:, None]
    log[:, _NAMED] += against
    pooled = np.exp(log - log.max(axis=1, keepdims=True, initial=-np.inf))
    fused: Floats = pooled / pooled.sum(axis=1, keepdims=True)
    return fused


def agreement(belief: Floats, reported: Floats) -> Floats:
    """Return (T, M) in [0, 1]: how well M reports fit T beliefs; 1 for a sure belief met by its own class."""
    return np.clip(belief @ likelihood(reported).T, 0.0, 1.0)
