"""Precision over recall: the greedy pairing that all scores of detections share, and the average along its curve.

Trackers that are sure give many obstacles the same score. The order of such has no meaning, and no figure may depend
on it: in one scan the closest pairs are made first, and along the curve right and wrong of one score are spread evenly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Objects and detections of one scan.

    Attributes:
        affinity: float64 (M, T), the greater the closer.
        scores: float64 (T,) confidence.
    """

    affinity: Floats
    scores: Floats


@dataclass(frozen=True, slots=True)
class Curve:
    """All detections of all scans, the most confident first.

    Attributes:
        objects: number of objects to be found.
        scores: float64 (N,).
        scan: int (N,) which scan each is from.
        column: int (N,) which detection of that scan it is.
        partner: int (N,) the object of the scan that it found, -1 for none.
    """

    objects: int
    scores: Floats
    scan: Rows
    column: Rows
    partner: Rows

    @property
    def recall(self) -> Floats:
        """Float64 (N,) after each detection."""
        return self._hits() / max(self.objects, 1)

    @property
    def precision(self) -> Floats:
        """Float64 (N,) after each detection."""
        return self._hits() / np.arange(1, len(self.partner) + 1)

    def _hits(self) -> Floats:
        """Return how many are right up to each detection, those of one score spread evenly."""
        _, block, sizes = np.unique(-self.scores, return_inverse=True, return_counts=True)
        right = np.bincount(block, weights=self.partner >= 0, minlength=len(sizes))
        ends, upto = np.cumsum(sizes), np.cumsum(right)
        into = np.arange(1, len(block) + 1) - (ends - sizes)[block]
        return np.asarray((upto - right)[block] + into * right[block] / sizes[block])


def curve(scans: Sequence[Candidates], least: float) -> Curve:
    """Give each detection, the most confident first, the closest object that is free, of affinity ``least`` or more."""
    scores = [np.empty(0), *(scan.scores for scan in scans)]
    owner = [np.empty(0, np.intp), *(np.full(len(scan.scores), i, np.intp) for i, scan in enumerate(scans))]
    columns = [np.empty(0, np.intp), *(np.arange(len(scan.scores)) for scan in scans)]
    partner = [np.empty(0, np.intp), *(_partners(scan, least) for scan in scans)]
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return Curve(
        sum(len(scan.affinity) for scan in scans),
        np.concatenate(scores)[order],
        np.concatenate(owner)[order],
        np.concatenate(columns)[order],
        np.concatenate(partner)[order],
    )


def average_precision(found: Curve, recalls: Floats) -> float:
    """Return the mean over ``recalls`` of the best precision at that recall or a higher one; NaN without objects.

    Everingham et al., IJCV 2010, section 4.2, with the recalls of whoever asks.
    """
    if found.objects == 0:
        return float("nan")
    envelope = np.append(np.maximum.accumulate(found.precision[::-1])[::-1], 0.0)
    return float(envelope[np.searchsorted(found.recall, recalls - 1e-12, side="left")].mean())


def _partners(scan: Candidates, least: float) -> Rows:
    """Return the object (T,) of each detection, -1 for none."""
    partner = np.full(len(scan.scores), -1, dtype=np.intp)
    if len(scan.affinity) == 0:
        return partner
    left = scan.affinity.copy()
    for column in np.lexsort((-scan.affinity.max(axis=0), -scan.scores)):
        row = int(left[:, column].argmax())
        if left[row, column] >= least:
            partner[column] = row
            left[row] = -np.inf
    return partner
