"""IDF1 (Ristani et al., ECCV workshops 2016): how long each object goes under the one id that suits it best."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from perception_core.evaluation.mot_scans import MotScan, object_count, track_count

THRESHOLD = 0.5
"""Least similarity of a pair."""


@dataclass(frozen=True, slots=True)
class IdentityScores:
    """Counts over all scans.

    Attributes:
        true_positives: scans in which an object is where the track that was given to it is (IDTP).
        objects: times a true object was asked for.
        tracks: obstacles that count.
    """

    true_positives: int
    objects: int
    tracks: int

    @property
    def idf1(self) -> float:
        """``2 IDTP / (objects + tracks)``, equation 10 of the paper; NaN without any."""
        everything = self.objects + self.tracks
        return 2.0 * self.true_positives / everything if everything else float("nan")

    @property
    def recall(self) -> float:
        """``IDTP / objects``."""
        return self.true_positives / self.objects if self.objects else float("nan")

    @property
    def precision(self) -> float:
        """``IDTP / tracks``."""
        return self.true_positives / self.tracks if self.tracks else float("nan")


def identity_scores(scans: Sequence[MotScan], threshold: float = THRESHOLD) -> IdentityScores:
    """Give each object one track for all scans, so that most scans agree (section 3.2: a minimum cost matching).

    Of a pair that is assigned, a scan where they are not together costs one miss and one false positive; so the least
    cost is reached where the number of scans together is largest.
    """
    together = np.zeros((object_count(scans), track_count(scans)), dtype=np.int64)
    for scan in scans:
        rows, columns = np.nonzero(scan.similarity >= threshold - 1e-9)
        together[scan.truth[rows], scan.tracks[columns]] += 1
    objects, tracks = sum(len(s.truth) for s in scans), sum(len(s.tracks) for s in scans)
    return IdentityScores(_most_together(together), objects, tracks)


def _most_together(together: NDArray[np.int64]) -> int:
    """Return the largest sum of scans that an assignment of tracks to objects reaches.

    Objects and tracks that never meet, as those of different drives, are assigned apart: the effort grows with the
    third power of their number.
    """
    objects, tracks = together.shape
    rows, columns = np.nonzero(together)
    links = coo_array((np.ones(len(rows)), (rows, objects + columns)), shape=(objects + tracks,) * 2)
    count, group = connected_components(links, directed=False)
    total = 0
    for number in range(count):
        mine = group == number
        part = together[np.ix_(mine[:objects], mine[objects:])]
        total += int(part[linear_sum_assignment(part, maximize=True)].sum())
    return total
