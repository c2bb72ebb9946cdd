"""Detection as KITTI scores it: pairs by intersection over union, seen from above and in 3D.

Geiger, Lenz, Urtasun, CVPR 2012: at least 0.7 for vehicles, 0.5 for people, cyclists and what is as small. Average
precision over 40 values of recall, 1/40 to 1, as Simonelli et al., ICCV 2019, section 5, put right.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.evaluation.box_overlap import box_overlaps
from perception_core.evaluation.chosen import Chosen, choose
from perception_core.evaluation.precision import Candidates, average_precision, curve
from perception_core.evaluation.scans import Scan
from perception_core.types import classes

Floats = NDArray[np.float64]

VEHICLE_OVERLAP = 0.7
SMALL_OVERLAP = 0.5
_VEHICLES = {classes.INDEX[name] for name in (classes.CAR, classes.TRUCK, classes.BUS, classes.TRAIN)}
_RECALLS = np.arange(1, 41) / 40.0


@dataclass(frozen=True, slots=True)
class OverlapScores:
    """Average precision of one class, 0..1; NaN where there is nothing to be found.

    Attributes:
        objects: times one was asked for.
        bev: from above.
        space: in 3D.
    """

    objects: int
    bev: float
    space: float


def overlap_scores(scans: Sequence[Scan], class_id: int) -> OverlapScores:
    """Score one class (a column of ``types.classes.CLASSES``)."""
    least = VEHICLE_OVERLAP if class_id in _VEHICLES else SMALL_OVERLAP
    bev, space = [], []
    for scan in scans:
        rows = choose(scan, class_id)
        above, solid = _overlaps(scan, rows)
        bev.append(Candidates(above, rows.scores))
        space.append(Candidates(solid, rows.scores))
    return OverlapScores(
        sum(len(scan.affinity) for scan in bev),
        average_precision(curve(bev, least), _RECALLS),
        average_precision(curve(space, least), _RECALLS),
    )


def _overlaps(scan: Scan, rows: Chosen) -> tuple[Floats, Floats]:
    truth, result = scan.frame.truth, scan.frame.result
    t, r = rows.truth, rows.result
    return box_overlaps(truth.centre[t], truth.size[t], truth.yaw[t], result.centre[r], result.size[r], result.yaw[r])
