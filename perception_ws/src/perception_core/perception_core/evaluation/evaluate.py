"""Everything that is measured of a perception's obstacles against the truth, in one tree of numbers."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from perception_core.evaluation.config import EvaluationConfig
from perception_core.evaluation.frames import EvaluationFrame
from perception_core.evaluation.mot_average import average_scores
from perception_core.evaluation.mot_clear import clear_scores
from perception_core.evaluation.mot_hota import hota_scores
from perception_core.evaluation.mot_identity import identity_scores
from perception_core.evaluation.mot_scans import mot_scans
from perception_core.evaluation.scans import Scan, judge_all


@dataclass(frozen=True, slots=True)
class Counts:
    """What was judged.

    Attributes:
        drives: number of recordings.
        scans: number of scans.
        objects: different true objects that were asked for.
        asked: times they were asked for.
        reported: obstacles reported.
        kept: of those, on an object that was asked for.
        held: false: named or moving, and on nothing. What MOTA, HOTA and precision take for false positives.
        structure: unnamed, not moving, on no listed object: walls, poles, trees, held against nobody.
        excused: on an object nobody asked for, or out of range.
    """

    drives: int
    scans: int
    objects: int
    asked: int
    reported: int
    kept: int
    held: int
    structure: int
    excused: int


@dataclass(frozen=True, slots=True)
class Tracking:
    """Scores of the tracks, see the ``mot_`` modules; false positives are named or moving ones alone.

    Attributes:
        recall, precision, mota, motp: CLEAR MOT; motp in metres.
        misses, false_positives, switches, fragmentations: counts of CLEAR MOT.
        mostly_tracked, mostly_lost: shares of the objects.
        idf1: of Ristani et al.
        hota, deta, assa, loca: of Luiten et al.
        amota: of Weng et al.
        amotp: of Weng et al., metres; ``2 match_distance`` counts for a recall that is never reached.
    """

    recall: float
    precision: float
    mota: float
    motp: float
    misses: int
    false_positives: int
    switches: int
    fragmentations: int
    mostly_tracked: float
    mostly_lost: float
    idf1: float
    hota: float
    deta: float
    assa: float
    loca: float
    amota: float
    amotp: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures; NaN where there is nothing to speak of."""

    counts: Counts
    tracking: Tracking

    def as_dict(self) -> dict[str, Any]:
        """Return plain nested dictionaries, for JSON."""
        return asdict(self)


def evaluate(frames: Sequence[EvaluationFrame], config: EvaluationConfig | None = None) -> Evaluation:
    """Judge one drive."""
    return evaluate_all([frames], config)


def evaluate_all(sequences: Sequence[Sequence[EvaluationFrame]], config: EvaluationConfig | None = None) -> Evaluation:
    """Judge several drives together: counts are added, ids of two drives are different ids."""
    config = config or EvaluationConfig()
    scans = judge_all(sequences, config)
    return Evaluation(_counts(scans, len(sequences)), _tracking(scans, config))


def _counts(scans: Sequence[Scan], drives: int) -> Counts:
    objects = {(scan.sequence, int(i)) for scan in scans for i in scan.frame.truth.ids[scan.asked]}
    return Counts(
        drives,
        len(scans),
        len(objects),
        sum(int(scan.asked.sum()) for scan in scans),
        sum(len(scan.frame.result) for scan in scans),
        *(sum(int(getattr(scan, name).sum()) for scan in scans) for name in ("kept", "held", "structure", "excused")),
    )


def _tracking(scans: Sequence[Scan], config: EvaluationConfig) -> Tracking:
    mot = mot_scans(scans)
    clear, hota, average = clear_scores(mot), hota_scores(mot), average_scores(mot)
    reach = 2.0 * config.match_distance
    return Tracking(
        clear.recall,
        clear.precision,
        clear.mota,
        reach * (1.0 - clear.motp),
        clear.misses,
        clear.false_positives,
        clear.switches,
        clear.fragmentations,
        clear.mostly_tracked,
        clear.mostly_lost,
        identity_scores(mot).idf1,
        hota.hota,
        hota.deta,
        hota.assa,
        hota.loca,
        average.amota,
        reach * (1.0 - average.amotp),
    )
