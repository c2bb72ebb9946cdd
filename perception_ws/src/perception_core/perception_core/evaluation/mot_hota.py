"""HOTA (Luiten et al., IJCV 2021): how well objects are found, kept apart and placed, in one balanced figure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from perception_core.evaluation.mot_scans import MotScan, object_count, track_count

Floats = NDArray[np.float64]

ALPHAS = np.arange(1, 20) * 0.05
"""The thresholds of similarity that are averaged over (section 4.5)."""

_EPS = 1e-9


@dataclass(frozen=True, slots=True)
class HotaScores:
    """Means over :data:`ALPHAS`; NaN where there are neither objects nor tracks.

    Attributes:
        hota: ``sqrt(DetA AssA)`` of each threshold, equations 11 and 16.
        deta: ``TP / (TP + FN + FP)``, equation 13.
        assa: mean over the true positives of the share in which the ids agree, equations 10 and 14.
        loca: mean similarity of the pairs, equation 17; 1 where there is none.
    """

    hota: float
    deta: float
    assa: float
    loca: float


def hota_scores(scans: Sequence[MotScan]) -> HotaScores:
    """Pair objects and tracks scan by scan, with an eye on who goes together over all scans (section 5.1)."""
    objects, tracks = sum(len(s.truth) for s in scans), sum(len(s.tracks) for s in scans)
    if objects + tracks == 0:
        return HotaScores(*(float("nan"),) * 4)
    aligned, of_truth, of_tracks = _alignment(scans)
    known = np.flatnonzero(aligned)
    pairs = np.zeros((len(ALPHAS), len(known)), dtype=np.int64)
    located = np.zeros(len(ALPHAS))
    for scan in scans:
        weights = aligned[np.ix_(scan.truth, scan.tracks)] * scan.similarity
        rows, columns = linear_sum_assignment(weights, maximize=True)
        similarity = scan.similarity[rows, columns]
        together = scan.truth[rows] * aligned.shape[1] + scan.tracks[columns]
        for i, alpha in enumerate(ALPHAS):
            good = similarity >= alpha - _EPS
            pairs[i, np.searchsorted(known, together[good])] += 1
            located[i] += similarity[good].sum()
    hits = pairs.sum(axis=1)
    deta = hits / (objects + tracks - hits)
    row, column = np.divmod(known, max(aligned.shape[1], 1))
    either = of_truth[row] + of_tracks[column] - pairs
    agreement = (pairs * (pairs / np.maximum(either, 1))).sum(axis=1)
    assa = agreement / np.maximum(hits, 1)
    loca = np.where(hits > 0, located / np.maximum(hits, 1), 1.0)
    return HotaScores(*(float(v.mean()) for v in (np.sqrt(deta * assa), deta, assa, loca)))


def _alignment(scans: Sequence[MotScan]) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Return how far objects and tracks (O, K) go together over all scans, and the scans of each, (O,) and (K,).

    In one scan a pair's share is its similarity over that of object and track with everything (a soft intersection
    over union), so that in a crowd nobody is aligned with everybody.
    """
    together = np.zeros((object_count(scans), track_count(scans)))
    of_truth = np.zeros(len(together), dtype=np.int64)
    of_tracks = np.zeros(together.shape[1], dtype=np.int64)
    for scan in scans:
        s = scan.similarity
        either = s.sum(axis=0)[None, :] + s.sum(axis=1)[:, None] - s
        share = np.divide(s, either, out=np.zeros_like(s), where=either > _EPS)
        together[np.ix_(scan.truth, scan.tracks)] += share
        of_truth[scan.truth] += 1
        of_tracks[scan.tracks] += 1
    return together / np.maximum(of_truth[:, None] + of_tracks[None, :] - together, _EPS), of_truth, of_tracks
