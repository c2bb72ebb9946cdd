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

_NONE: Indices = np.empty((0, 2), np.int64)
"""No match."""

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
    answered = [[_NONE] * (len(pairs) - 1) for _ in pairs]
    for _ in range(_ROUNDS if len(pairs) > 1 else 0):
        for v in range(len(pairs)):
            others = [match for w, match in enumerate(matches) if w != v]
            if all(np.array_equal(a, b) for a, b in zip(answered[v], others, strict=True)):
                continue
            theirs = [likelihood for w, likelihood in enumerate(likelihoods) if w != v]
            agreement = _agreement(len(gains[v]), list(zip(others, theirs, strict=True)), likelihoods[v])
            matches[v], answered[v] = _solve(np.where(gains[v] > 0.0, gains[v] + agreement, 0.0)), others
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
    counts = gain > 0.0
    rows, columns = np.flatnonzero(counts.any(axis=1)), np.flatnonzero(counts.any(axis=0))
    if len(rows) == 0:
        return _NONE
    r, c = linear_sum_assignment(np.maximum(gain[rows][:, columns], 0.0), maximize=True)
    row, column = rows[r], columns[c]
    return np.stack([row, column], axis=1)[counts[row, column]]


def _agreement(clusters: int, others: Sequence[tuple[Indices, Floats]], likelihood: Floats) -> Floats:
    """Return (M, D): how well the labels of one view fit what the other views call each cluster."""
    out = np.zeros((clusters, len(likelihood)))
    told = np.unique(np.concatenate([match[:, 0] for match, _ in others]))
    if len(told) == 0:
        return out
    log = np.tile(np.log(class_prior()), (len(told), 1))
    for match, theirs in others:
        log[np.searchsorted(told, match[:, 0])] += np.log(theirs[match[:, 1]])
    belief = np.exp(log - log.max(axis=1, keepdims=True))
    belief /= belief.sum(axis=1, keepdims=True)
    out[told] = np.log(np.maximum(belief @ likelihood.T, 1e-6))
    return out


def _certainty(pairs: PairScores) -> Floats:
    """Return (M, D): a pair's score against all that compete for either side.

    The approximate association probability of Fitzgerald 1985 ("Track biases and coalescence with probabilistic data
    association"), which needs no enumeration.
    """
    score = pairs.score * pairs.support
    rivals = score.sum(axis=0, keepdims=True) + score.sum(axis=1, keepdims=True) - score
    return np.asarray(score / (rivals + _CLUTTER))
