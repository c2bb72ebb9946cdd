"""AMOTA and AMOTP (Weng et al., "AB3DMOT", IROS 2020, section IV): CLEAR MOT over all levels of confidence.

As in the tracking task of nuScenes (Caesar et al., CVPR 2020) the recall in the scaled MOTA is the one that a level
reaches, not the one that was aimed at: a tracker whose confidences are all alike reaches a high recall at once, and
its false positives would vanish behind the objects that the lower level would have allowed it to miss.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.evaluation.mot_clear import THRESHOLD, clear_scores
from perception_core.evaluation.mot_scans import MotScan, track_count

LEVELS = 40
"""Recall values 1/40, 2/40 ... 1 that are averaged over."""


@dataclass(frozen=True, slots=True)
class AverageScores:
    """Means over the recall values; NaN without objects.

    Attributes:
        amota: mean of ``max(0, 1 - (IDSW + FP + FN - (1 - r) GT) / (r GT))``, the scaled MOTA of equation 11, where
            ``r GT`` are the hits and ``(1 - r) GT`` the misses; 0 at a recall that is never reached.
        amotp: mean similarity of the pairs (MOTP), 0 at a recall that is never reached.
    """

    amota: float
    amotp: float


def average_scores(scans: Sequence[MotScan], threshold: float = THRESHOLD) -> AverageScores:
    """Leave out the tracks below a confidence, one after the other; a track's is the mean of its scores."""
    objects = sum(len(scan.truth) for scan in scans)
    if objects == 0:
        return AverageScores(float("nan"), float("nan"))
    confidence = _confidence(scans)
    at = [clear_scores(_above(scans, confidence, least), threshold) for least in _cuts(confidence)]
    amota = amotp = 0.0
    for level in range(1, LEVELS + 1):
        recall = level / LEVELS
        reached = next((scores for scores in at if scores.hits >= recall * objects - 1e-9), None)
        if reached is not None:
            amota += max(0.0, 1.0 - (reached.switches + reached.false_positives) / reached.hits)
            amotp += reached.motp
    return AverageScores(amota / LEVELS, amotp / LEVELS)


def _confidence(scans: Sequence[MotScan]) -> NDArray[np.float64]:
    """Return the mean score (K,) of each track."""
    total, count = np.zeros(track_count(scans)), np.zeros(track_count(scans))
    for scan in scans:
        np.add.at(total, scan.tracks, scan.scores)
        np.add.at(count, scan.tracks, 1.0)
    return np.asarray(total / np.maximum(count, 1.0))


def _cuts(confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return confidences to cut at, highest first; of many, as many as there are levels of recall, evenly spread."""
    values = np.unique(confidence)[::-1]
    if len(values) <= 2 * LEVELS:
        return values
    return values[np.unique(np.linspace(0, len(values) - 1, 2 * LEVELS).round().astype(np.intp))]


def _above(scans: Sequence[MotScan], confidence: NDArray[np.float64], least: float) -> list[MotScan]:
    out = []
    for scan in scans:
        stays = confidence[scan.tracks] >= least
        out.append(MotScan(scan.truth, scan.tracks[stays], scan.similarity[:, stays], scan.scores[stays]))
    return out
