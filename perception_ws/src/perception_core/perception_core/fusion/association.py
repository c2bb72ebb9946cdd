"""Which cluster belongs to which 2D box: one assignment over all cameras of the rig.

A cluster takes at most one box of each camera, a box at most one cluster. What is made greatest is the sum of the
logarithms of all scores above the least that counts, and of how well the labels that one cluster gets from several
cameras fit each other: log sum_c P(c) P(a | c) P(b | c) / (P(a) P(b)), which is positive where two cameras call it the
same and negative where they contradict each other. For one camera this is a linear assignment, solved exactly; for
several, cameras are solved in turn with the others' answers held until nothing changes, each step of which can only
raise the sum (coordinate ascent). Seams need no rule of their own: a thing that two cameras see, wholly or each its
half, takes a box of both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from perception_core.fusion.pair_scores import PairScores
from perception_core.types.class_prior import class_prior

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_ROUNDS = 4

_CLUTTER = 0.05
"""Score of whatever else a box may show."""


@dataclass(frozen=True, slots=True)
class Association:
    """Matches of one view.

    Attributes:
        cluster: int64 (K,) of each match.
        detection: int64 (K,) index into the view's detections.
        certainty: float64 (K,) probability in [0, 1] that these two are one thing and neither belongs to a rival.
    """

    cluster: Indices
    detection: Indices
    certainty: Floats


def associate(pairs: Sequence[PairScores], likelihoods: Sequence[Floats], min_score: float) -> list[Association]:
    """Match the clusters of a scan with the detections of all views.

    Args:
        pairs: of each view.
        likelihoods: float64 (D, C) of each view, P(label | class) / P(label) of its detections.
        min_score: a pair below does not count.
    """
    gains = [_gain(p, min_score) for p in pairs]
    matches = [_solve(gain) for gain in gains]
    for _ in range(_ROUNDS if len(pairs) > 1 else 0):
        before = matches
        for v in range(len(pairs)):
            others = [(matches[w], likelihoods[w]) for w in range(len(pairs)) if w != v]
            agreement = _agreement(len(gains[v]), others, likelihoods[v])
            matches = [*matches[:v], _solve(np.where(gains[v] > 0.0, gains[v] + agreement, 0.0)), *matches[v + 1 :]]
        if all(np.array_equal(a, b) for a, b in zip(before, matches, strict=True)):
            break
    return [
        Association(match[:, 0], match[:, 1], _certainty(p)[match[:, 0], match[:, 1]])
        for p, match in zip(pairs, matches, strict=True)
    ]


def _gain(pairs: PairScores, min_score: float) -> Floats:
    """Return (M, D): what a match adds, positive where it counts, else 0."""
    counts = (pairs.score >= min_score) & (pairs.score > 0.0)
    score = np.where(counts, pairs.score, 1.0)
    gain = np.log(score / max(min_score, 1e-3)) + np.log(np.maximum(pairs.support, 1e-3))
    return np.where(counts, np.maximum(gain, 1e-3), 0.0)


def _solve(gain: Floats) -> Indices:
    """Return int64 (K, 2): rows and columns of positive gain, each at most once, whose sum is greatest."""
    rows, columns = np.flatnonzero((gain > 0.0).any(axis=1)), np.flatnonzero((gain > 0.0).any(axis=0))
    if len(rows) == 0:
        return np.empty((0, 2), np.int64)
    r, c = linear_sum_assignment(np.maximum(gain[np.ix_(rows, columns)], 0.0), maximize=True)
    found = np.column_stack([rows[r], columns[c]]).astype(np.int64)
    return found[gain[found[:, 0], found[:, 1]] > 0.0]


def _agreement(clusters: int, others: Sequence[tuple[Indices, Floats]], likelihood: Floats) -> Floats:
    """Return (M, D): how well the labels of one view fit what the other views call each cluster."""
    log = np.tile(np.log(class_prior()), (clusters, 1))
    told = np.zeros(clusters, np.bool_)
    for match, theirs in others:
        log[match[:, 0]] += np.log(theirs[match[:, 1]])
        told[match[:, 0]] = True
    belief = np.exp(log - log.max(axis=1, keepdims=True, initial=-np.inf))
    belief /= belief.sum(axis=1, keepdims=True)
    ratio = belief @ likelihood.T
    return np.where(told[:, None], np.log(np.maximum(ratio, 1e-6)), 0.0)


def _certainty(pairs: PairScores) -> Floats:
    """Return (M, D): a pair's score against all that compete for either side.

    The approximate association probability of Fitzgerald 1985 ("Track biases and coalescence with probabilistic data
    association"), which needs no enumeration.
    """
    score = pairs.score * pairs.support
    rivals = score.sum(axis=0, keepdims=True) + score.sum(axis=1, keepdims=True) - score
    return np.asarray(score / (rivals + _CLUTTER))
