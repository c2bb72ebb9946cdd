"""Detection as nuScenes scores it (Caesar et al., CVPR 2020, section 3.1): pairs by the distance of centres.

Average precision is the area under precision over recall where both are above 10 %, at each of four distances in the
ground plane. The errors of what was found are those of the pairs within 2 m, each averaged along the curve: the mean
over the recalls above 10 % that were reached of the error of everything at least as confident.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.evaluation.chosen import Chosen, choose
from perception_core.evaluation.precision import Candidates, Curve, curve
from perception_core.evaluation.scans import Scan
from perception_core.geometry.transforms import wrap_angle

Floats = NDArray[np.float64]

DISTANCES = (0.5, 1.0, 2.0, 4.0)
"""Metres."""
ERROR_DISTANCE = 2.0
"""Metres, of the pairs whose errors are taken."""

_LEAST = 0.1
"""Recall and precision below are left out."""
_RECALLS = np.linspace(0.0, 1.0, 101)
_FIRST = round(100 * _LEAST) + 1


@dataclass(frozen=True, slots=True)
class CentreScores:
    """Scores of one class, or of all without regard to class; NaN where there is nothing to be found.

    Attributes:
        objects: times one was asked for.
        ap: mean of the four below.
        ap_050, ap_100, ap_200, ap_400: average precision at 0.5, 1, 2 and 4 m.
        ate: error of the centre in the ground plane, metres.
        ase: ``1 - IoU`` of the sizes, boxes laid on each other.
        aoe: error of the yaw, radians in [0, pi].
        ave: error of the velocity in the ground plane, m/s.
    """

    objects: int
    ap: float
    ap_050: float
    ap_100: float
    ap_200: float
    ap_400: float
    ate: float
    ase: float
    aoe: float
    ave: float


def centre_scores(scans: Sequence[Scan], class_id: int | None = None) -> CentreScores:
    """Score one class, or everything as one (None)."""
    chosen = [choose(scan, class_id) for scan in scans]
    candidates = [_candidates(scan, rows) for scan, rows in zip(scans, chosen, strict=True)]
    precisions = [_average_precision(curve(candidates, -distance)) for distance in DISTANCES]
    errors = _errors(scans, chosen, curve(candidates, -ERROR_DISTANCE))
    objects = sum(len(rows.truth) for rows in chosen)
    return CentreScores(objects, float(np.mean(precisions)), *precisions, *errors)


def _candidates(scan: Scan, rows: Chosen) -> Candidates:
    delta = scan.frame.truth.centre[rows.truth, None, :2] - scan.frame.result.centre[None, rows.result, :2]
    return Candidates(-np.hypot(delta[..., 0], delta[..., 1]), rows.scores)


def _average_precision(found: Curve) -> float:
    if found.objects == 0:
        return float("nan")
    if len(found.partner) == 0:
        return 0.0
    precision = np.interp(_RECALLS, found.recall, found.precision, right=0.0)[_FIRST:]
    return float(np.maximum(precision - _LEAST, 0.0).mean() / (1.0 - _LEAST))


def _errors(scans: Sequence[Scan], chosen: Sequence[Chosen], found: Curve) -> list[float]:
    """Return ATE, ASE, AOE and AVE; NaN where less than 11 % of the objects were found."""
    hits = np.flatnonzero(found.partner >= 0)
    confidence = np.interp(_RECALLS, found.recall, found.scores, right=0.0) if len(hits) else np.zeros(101)
    reached = np.flatnonzero(confidence)
    if len(reached) == 0 or reached[-1] < _FIRST:
        return [float("nan")] * 4
    levels = confidence[_FIRST : reached[-1] + 1]
    columns = [_pair_errors(scans[found.scan[i]], chosen[found.scan[i]], found, int(i)) for i in hits]
    scores, last = np.unique(-found.scores[hits][::-1], return_index=True)
    last = len(hits) - 1 - last  # of the hits of one score the last, whose running mean has them all
    return [
        float(np.interp(levels, -scores[::-1], _running_mean(column)[last][::-1]).mean())
        for column in np.array(columns).T
    ]


def _pair_errors(scan: Scan, rows: Chosen, found: Curve, i: int) -> tuple[float, float, float, float]:
    truth, result = scan.frame.truth, scan.frame.result
    t, r = int(rows.truth[found.partner[i]]), int(rows.result[found.column[i]])
    shared = np.minimum(truth.size[t], result.size[r]).prod()
    volume = truth.size[t].prod() + result.size[r].prod() - shared
    return (
        float(np.hypot(*(truth.centre[t] - result.centre[r])[:2])),
        1.0 - float(shared / volume),
        abs(float(wrap_angle(truth.yaw[t] - result.yaw[r]))),
        float(np.hypot(*(truth.velocity[t] - result.velocity[r])[:2])),
    )


def _running_mean(errors: Floats) -> Floats:
    """Return the mean of each error and all before it; those that are NaN are left out, NaN where all are."""
    known = ~np.isnan(errors)
    total, count = np.cumsum(np.where(known, errors, 0.0)), np.cumsum(known)
    if not count[-1]:
        return np.full(len(errors), np.nan)
    mean: Floats = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    return mean
