"""CLEAR MOT (Bernardin and Stiefelhagen, EURASIP JIVP 2008): misses, false positives, id switches, in one figure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from perception_core.evaluation.mot_scans import Ids, MotScan, object_count
from perception_core.evaluation.scans import Flags, Rows

THRESHOLD = 0.5
"""Least similarity of a pair."""

_STAYS = 1000.0
"""More than any sum of similarities of one scan: a pair of the scan before is kept while it may be (section 2.1.2)."""


@dataclass(frozen=True, slots=True)
class ClearScores:
    """Counts over all scans, and the rates made of them; NaN where there is nothing to divide by.

    Attributes:
        objects: times a true object was asked for, the sum over the scans.
        hits: of those, how often it was found.
        misses: how often it was not (FN).
        false_positives: obstacles that are no object, see :mod:`perception_core.evaluation.scans` for which count.
        switches: found under another id than when it was found last.
        fragmentations: found again after having been lost while it was asked for.
        similarity: sum of the similarities of the pairs.
        mostly_tracked: share of the different objects found in more than 80 % of their scans.
        mostly_lost: share found in less than 20 %.
    """

    objects: int
    hits: int
    misses: int
    false_positives: int
    switches: int
    fragmentations: int
    similarity: float
    mostly_tracked: float
    mostly_lost: float

    @property
    def mota(self) -> float:
        """``1 - (FN + FP + IDSW) / GT``, equation 2 of the paper."""
        wrong = self.misses + self.false_positives + self.switches
        return 1.0 - wrong / self.objects if self.objects else float("nan")

    @property
    def motp(self) -> float:
        """Mean similarity of the pairs, equation 1."""
        return self.similarity / self.hits if self.hits else float("nan")

    @property
    def recall(self) -> float:
        """Share of what was asked for that was found."""
        return self.hits / self.objects if self.objects else float("nan")

    @property
    def precision(self) -> float:
        """Share of what counts that is an object."""
        found = self.hits + self.false_positives
        return self.hits / found if found else float("nan")


def clear_scores(scans: Sequence[MotScan], threshold: float = THRESHOLD) -> ClearScores:
    """Pair objects and tracks scan by scan and count; a pair of before goes before a better new one."""
    count = object_count(scans)
    last_track = np.full(count, -1, dtype=np.int64)
    just_found = np.zeros(count, dtype=np.bool_)
    asked, found, pieces = (np.zeros(count, dtype=np.int64) for _ in range(3))
    objects = hits = wrong = switches = 0
    similarity = 0.0
    for scan, (rows, columns) in zip(scans, pairings(scans, threshold), strict=True):
        truth, tracks = scan.truth[rows], scan.tracks[columns]
        switches += int(((last_track[truth] >= 0) & (last_track[truth] != tracks)).sum())
        pieces[truth] += ~just_found[truth]
        just_found[scan.truth] = False
        just_found[truth] = True
        last_track[truth] = tracks
        asked[scan.truth] += 1
        found[truth] += 1
        objects += len(scan.truth)
        hits += len(rows)
        wrong += len(scan.tracks) - len(rows)
        similarity += float(scan.similarity[rows, columns].sum())
    share = found / np.maximum(asked, 1)
    return ClearScores(
        objects,
        hits,
        objects - hits,
        wrong,
        switches,
        int(np.maximum(pieces - 1, 0).sum()),
        similarity,
        _mean(share > 0.8),
        _mean(share < 0.2),
    )


def pairings(scans: Sequence[MotScan], threshold: float = THRESHOLD) -> Iterator[tuple[Rows, Rows]]:
    """Yield rows and columns of the similarity that are paired in each scan."""
    before = np.full(object_count(scans), -1, dtype=np.int64)
    for scan in scans:
        rows, columns = _pairs(scan, before, threshold)
        before[:] = -1
        before[scan.truth[rows]] = scan.tracks[columns]
        yield rows, columns


def _pairs(scan: MotScan, before: Ids, threshold: float) -> tuple[Rows, Rows]:
    """Return the rows and columns of the similarity that are paired."""
    good = scan.similarity >= threshold - 1e-9
    stays = before[scan.truth][:, None] == scan.tracks[None, :]
    rows, columns = linear_sum_assignment(np.where(good, scan.similarity + _STAYS * stays, 0.0), maximize=True)
    taken = good[rows, columns]
    return rows[taken], columns[taken]


def _mean(flags: Flags) -> float:
    return float(flags.mean()) if len(flags) else float("nan")
