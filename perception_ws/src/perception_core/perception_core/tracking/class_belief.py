"""Class probabilities over time: Bayes' rule with a confusion model.

A report of class m for an object of class c has the probability K[c, m]: mostly right, sometimes a sibling (a
truck for a car), rarely anything. ``unknown`` reported says nothing; an object whose true class nobody can
name may be reported as anything.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.types import CLASSES
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
"""Classes that detectors take for each other."""

_RIGHT, _SIBLING = 0.7, 0.2

_UNNAMED = 0.4
"""Share of things that nobody can name. Less lets one doubtful report name a fragment for good; more keeps the names
from cars that were seen briefly (0.3 to 0.63 were tried on seven drives: false names against missing ones)."""

_FLOOR = 1e-6
"""No class is ever ruled out."""


def confusion() -> Floats:
    """Return K (C, C): row c the true class, column m the reported one; rows sum to 1."""
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
    """Return the likelihood (M, C) of each true class given reported probabilities (M, C); row maximum 1.

    The mass reported as ``unknown`` spreads evenly over all true classes.
    """
    out: Floats = reported @ _LIKELIHOOD.T
    scaled: Floats = out / out.max(axis=1, keepdims=True, initial=1e-12)
    return scaled


def prior() -> Floats:
    """Return the belief (C,) before any report: ``unknown`` leads, the others share the rest."""
    table = np.full(len(CLASSES), (1.0 - _UNNAMED) / (len(CLASSES) - 1))
    table[INDEX[UNKNOWN]] = _UNNAMED
    return table


def begin(reported: Floats) -> Floats:
    """Return the belief (T, C) after the first report each."""
    return fuse(np.tile(prior(), (len(reported), 1)), reported, np.ones(len(reported)), np.inf)


def fuse(belief: Floats, reported: Floats, weight: Floats, memory: float) -> Floats:
    """Return the belief (T, C) after one report each: ``belief^(1 - w / n) * prior^(w / n) * likelihood^w``.

    Detectors repeat their errors, so evidence must not add up for ever: the exponents (a power prior, Ibrahim
    and Chen 2000) let it count as n = ``memory`` independent reports at most, however long it lasts. What was
    reported as ``unknown`` neither adds nor fades.

    Args:
        belief: (T, C) probabilities, rows sum to 1.
        reported: (T, C) probabilities of the report.
        weight: (T,) in [0, 1], how much of the report is new; reports close in time are not independent.
        memory: number of reports that count, at least 1.
    """
    w = (weight * (1.0 - reported[:, INDEX[UNKNOWN]]))[:, None]
    kept = (1.0 - w / memory) * np.log(np.maximum(belief, _FLOOR)) + w / memory * np.log(prior())
    log = kept + w * np.log(likelihood(reported))
    posterior = np.exp(log - log.max(axis=1, keepdims=True, initial=-np.inf))
    fused: Floats = posterior / posterior.sum(axis=1, keepdims=True)
    return fused


def agreement(belief: Floats, reported: Floats) -> Floats:
    """Return (T, M) in [0, 1]: how well M reports fit T beliefs; 1 for a sure belief met by its own class."""
    return np.clip(belief @ likelihood(reported).T, 0.0, 1.0)
