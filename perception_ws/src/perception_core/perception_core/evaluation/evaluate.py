"""Everything that is measured of a perception's obstacles against the truth, in one tree of numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from perception_core.evaluation.accuracy import Accuracy, accuracy
from perception_core.evaluation.config import EvaluationConfig
from perception_core.evaluation.consistency import Consistency, consistency
from perception_core.evaluation.detection_centre import CentreScores, centre_scores
from perception_core.evaluation.detection_overlap import OverlapScores, overlap_scores
from perception_core.evaluation.frames import EvaluationFrame
from perception_core.evaluation.latency import LatencyScores, latency_scores
from perception_core.evaluation.mot_average import average_scores
from perception_core.evaluation.mot_clear import clear_scores
from perception_core.evaluation.mot_hota import hota_scores
from perception_core.evaluation.mot_identity import identity_scores
from perception_core.evaluation.mot_scans import mot_scans
from perception_core.evaluation.naming import Naming, naming
from perception_core.evaluation.occlusions import Occlusions, occlusions
from perception_core.evaluation.pairs import Pairs, pairs_of
from perception_core.evaluation.prediction import Prediction, predictions
from perception_core.evaluation.scans import Flags, Scan, gaps, judge_all
from perception_core.types.classes import CLASSES, INDEX, UNKNOWN

_BESIDE = 1.0
"""Metres from a true box: a false obstacle so near has to do with it."""


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
        held_beside: of those, not farther than 1 m from the box of a true object: a second piece, or one misplaced.
        held_moving: of the others, those without a name that move; the rest of them are named.
        structure: unnamed, not moving, on no listed object: walls, poles, trees, held against nobody.
        unmatched: both together, all that is on no true object.
        excused: on an object nobody asked for, or out of range.
    """

    drives: int
    scans: int
    objects: int
    asked: int
    reported: int
    kept: int
    held: int
    held_beside: int
    held_moving: int
    structure: int
    unmatched: int
    excused: int


@dataclass(frozen=True, slots=True)
class Tracking:
    """Scores of the tracks, see the ``mot_`` modules; false positives are named or moving ones alone.

    Attributes:
        recall, precision, mota, motp: CLEAR MOT; motp in metres.
        misses, false_positives, switches, fragmentations: counts of CLEAR MOT.
        occlusions: short and long ones, and after how many of them an object had another id.
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
    occlusions: Occlusions
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
class Detection:
    """Scores of single scans; classes are those that were asked for.

    Attributes:
        everything: nuScenes-style, without regard to class.
        by_class: nuScenes-style.
        mean_ap: mean of their ``ap`` (mAP).
        overlap_by_class: KITTI-style.
        mean_bev, mean_space: mean of their ``bev`` and ``space``.
    """

    everything: CentreScores
    by_class: dict[str, CentreScores]
    mean_ap: float
    overlap_by_class: dict[str, OverlapScores]
    mean_bev: float
    mean_space: float


@dataclass(frozen=True, slots=True)
class Honesty:
    """Consistency of what the tracker says about its uncertainty, over the objects that were asked for and found.

    Attributes:
        position: of x, y, z.
        horizontal: of x, y.
        velocity: of vx, vy, vz.
        velocity_horizontal: of vx, vy.
        yaw: modulo pi.
        unusable: covariances of position, velocity and yaw that are not positive definite, all together.
    """

    position: Consistency
    horizontal: Consistency
    velocity: Consistency
    velocity_horizontal: Consistency
    yaw: Consistency
    unusable: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures; NaN where there is nothing to speak of.

    Attributes:
        counts: what was judged.
        tracking: CLEAR MOT, IDF1, HOTA, AMOTA.
        latency: seconds to the first report.
        accuracy: errors of all that was found.
        accuracy_by_class: by the class of the true object.
        consistency: whether the covariance is honest.
        prediction: errors of the predicted path at 1, 2 and 3 s.
        naming: whether classes are right.
        detection: average precision.
    """

    counts: Counts
    tracking: Tracking
    latency: LatencyScores
    accuracy: Accuracy
    accuracy_by_class: dict[str, Accuracy]
    consistency: Honesty
    prediction: tuple[Prediction, ...]
    naming: Naming
    detection: Detection

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
    pairs, settling = pairs_of(scans), config.settling_time
    there = _classes(scans)
    return Evaluation(
        counts=_counts(scans, len(sequences)),
        tracking=_tracking(scans, config),
        latency=latency_scores(scans, settling),
        accuracy=accuracy(pairs, settling),
        accuracy_by_class={CLASSES[i]: accuracy(pairs.where(pairs.class_ids == i), settling) for i in there},
        consistency=_honesty(pairs),
        prediction=predictions(scans),
        naming=naming(pairs),
        detection=_detection(scans, there),
    )


def _classes(scans: Sequence[Scan]) -> list[int]:
    """Return the classes that are asked for, but for unknown."""
    there = {int(i) for scan in scans for i in scan.frame.truth.class_ids[scan.asked]}
    return sorted(there - {INDEX[UNKNOWN]})


def _honesty(pairs: Pairs) -> Honesty:
    P_position, P_velocity = pairs.position_covariance, pairs.velocity_covariance
    position = consistency(pairs.position, P_position, pairs.object)
    velocity = consistency(pairs.velocity, P_velocity, pairs.object)
    yaw = consistency(pairs.yaw[:, None], pairs.yaw_variance[:, None, None], pairs.object)
    return Honesty(
        position,
        consistency(pairs.position[:, :2], P_position[:, :2, :2], pairs.object),
        velocity,
        consistency(pairs.velocity[:, :2], P_velocity[:, :2, :2], pairs.object),
        yaw,
        position.unusable + velocity.unusable + yaw.unusable,
    )


def _detection(scans: Sequence[Scan], there: Sequence[int]) -> Detection:
    by_class = {CLASSES[i]: centre_scores(scans, i) for i in there}
    overlaps = {CLASSES[i]: overlap_scores(scans, i) for i in there}
    return Detection(
        centre_scores(scans),
        by_class,
        _mean([scores.ap for scores in by_class.values()]),
        overlaps,
        _mean([scores.bev for scores in overlaps.values()]),
        _mean([scores.space for scores in overlaps.values()]),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def _counts(scans: Sequence[Scan], drives: int) -> Counts:
    objects = {(scan.sequence, int(i)) for scan in scans for i in scan.frame.truth.ids[scan.asked]}
    beside = [_beside_objects(scan) for scan in scans]
    unnamed = [scan.frame.result.class_probabilities.argmax(axis=1) == INDEX[UNKNOWN] for scan in scans]
    return Counts(
        drives=drives,
        scans=len(scans),
        objects=len(objects),
        asked=_total(scan.asked for scan in scans),
        reported=sum(len(scan.frame.result) for scan in scans),
        kept=_total(scan.kept for scan in scans),
        held=_total(scan.held for scan in scans),
        held_beside=_total(scan.held & near for scan, near in zip(scans, beside, strict=True)),
        held_moving=_total(s.held & ~near & mute for s, near, mute in zip(scans, beside, unnamed, strict=True)),
        structure=_total(scan.structure for scan in scans),
        unmatched=_total(scan.held | scan.structure for scan in scans),
        excused=_total(scan.excused for scan in scans),
    )


def _beside_objects(scan: Scan) -> Flags:
    """Return which obstacles (T,) are near the box of any true object."""
    near: Flags = (gaps(scan.frame.truth, scan.frame.result) <= _BESIDE).any(axis=0)
    return near


def _total(flags: Iterable[Flags]) -> int:
    return sum(int(np.count_nonzero(row)) for row in flags)


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
        occlusions(mot),
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
