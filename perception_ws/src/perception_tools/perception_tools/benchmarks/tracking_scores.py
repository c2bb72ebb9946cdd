"""From the obstacles of drives to the rows of the table, the verdicts and the targets."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.evaluation.accuracy import accuracy
from perception_core.evaluation.config import EvaluationConfig
from perception_core.evaluation.evaluate import Evaluation, evaluate_all
from perception_core.evaluation.frames import EvaluationFrame
from perception_core.evaluation.pairs import pairs_of
from perception_core.evaluation.scans import Scan, judge, judge_all
from perception_core.types import CLASSES, Mode, Obstacles
from perception_core.types.classes import CAR, INDEX
from perception_tools.benchmarks.tracking_drives import Drive

SHORT_OCCLUSION = 1.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class TrackingRow:
    """One tracker on what was left of the sensors, over the drives of one scenario or all.

    Attributes:
        scenario: its name, or ``all``.
        sensors: what was left of them, see :mod:`perception_tools.benchmarks.tracking_variants`.
        who: which tracker.
        drives, scans, asked: how many; ``asked`` counts objects to be found, scan by scan.
        recall, precision, mota, hota, idf1: of the evaluation.
        switches: changes of an object's id.
        occlusions: times an object was out of sight for less than a second.
        switches_occluded: in how many of them it changed its id.
        latency, latency_p95: seconds from 10 points to the first report, median and 95th percentile.
        never: objects that were there to be seen for a second or longer, and never reported.
        position: root mean square error of the centres in the plane, metres.
        velocity_cars, velocity_others: the same in m/s of objects known for a second: of cars, of all other classes.
        anees_position, anees_velocity: in the plane, two dimensions.
        bounds_position, bounds_velocity: their 95 % bounds.
        ms: median milliseconds a scan for the tracking; NaN where it was not timed.
    """

    scenario: str
    sensors: str
    who: str
    drives: int
    scans: int
    asked: int
    recall: float
    precision: float
    mota: float
    hota: float
    idf1: float
    switches: int
    occlusions: int
    switches_occluded: int
    latency: float
    latency_p95: float
    never: int
    position: float
    velocity_cars: float
    velocity_others: float
    anees_position: float
    bounds_position: tuple[float, float]
    anees_velocity: float
    bounds_velocity: tuple[float, float]
    ms: float


def frames_of(drive: Drive, obstacles: Sequence[Obstacles]) -> list[EvaluationFrame]:
    """Return a frame for each scan of a drive, empty where no obstacles were reported, without structure.

    Structure is left out to save memory: it is held against nobody. So are the predicted paths.
    """
    told = {found.stamp_ns: found for found in obstacles}
    frames = []
    for truth in drive.truth:
        T = drive.transforms.lookup(drive.rig.fixed_frame, drive.rig.base_frame, truth.stamp_ns)
        found = told.get(truth.stamp_ns) or nothing(truth.stamp_ns, truth.frame)
        frame = EvaluationFrame(truth, found, T)
        (scan,) = judge([frame], EvaluationConfig())
        frames.append(replace(frame, result=_some(found, np.flatnonzero(~scan.structure))))
    return frames


def nothing(stamp_ns: int, frame: str) -> Obstacles:
    """Return what a robot reports that sees nothing."""
    return _some(_template(stamp_ns, frame), np.empty(0, np.intp))


def row(
    scenario: str, sensors: str, who: str, drives: Sequence[Sequence[EvaluationFrame]], ms: float = float("nan")
) -> TrackingRow:
    """Evaluate one tracker over some drives."""
    config = EvaluationConfig()
    found = evaluate_all(drives, config)
    scans = judge_all(drives, config)
    occlusions, switched = short_occlusions(scans)
    cars, others = _velocities(scans, config)
    return _row((scenario, sensors, who), found, (occlusions, switched), (cars, others), ms)


def _row(
    names: tuple[str, str, str],
    found: Evaluation,
    occlusions: tuple[int, int],
    velocities: tuple[float, float],
    ms: float,
) -> TrackingRow:
    tracking, latency, honesty = found.tracking, found.latency, found.consistency
    place, speed = honesty.horizontal, honesty.velocity_horizontal
    return TrackingRow(
        *names,
        found.counts.drives,
        found.counts.scans,
        found.counts.asked,
        tracking.recall,
        tracking.precision,
        tracking.mota,
        tracking.hota,
        tracking.idf1,
        tracking.switches,
        *occlusions,
        latency.median,
        latency.p95,
        latency.never_settled,
        found.accuracy.position_horizontal,
        *velocities,
        place.anees,
        (place.low, place.high),
        speed.anees,
        (speed.low, speed.high),
        ms,
    )


def _velocities(scans: Sequence[Scan], config: EvaluationConfig) -> tuple[float, float]:
    pairs = pairs_of(scans)
    cars = pairs.class_ids == INDEX[CAR]
    errors = [accuracy(pairs.where(some), config.settling_time).velocity_settled for some in (cars, ~cars)]
    return errors[0], errors[1]


def short_occlusions(scans: Sequence[Scan]) -> tuple[int, int]:
    """Return how often an object was out of sight for a moment, and how often it had another id afterwards.

    Out of sight is not asked for, between two scans in which it was, for less than :data:`SHORT_OCCLUSION`. Its id is
    that of the obstacle it was last paired with before, and first paired with after.
    """
    watched: dict[tuple[int, int], _Watched] = {}
    for scan in scans:
        ids, marks, stamp = scan.frame.truth.ids, scan.frame.result.ids, scan.frame.stamp_ns
        mates = {int(t): marks[o].tobytes() for o, t in enumerate(scan.partner) if t >= 0}
        for i in np.flatnonzero(scan.asked):
            entry = watched.setdefault((scan.sequence, int(ids[i])), _Watched())
            entry.see(stamp, mates.get(int(i)))
    return sum(w.occlusions for w in watched.values()), sum(w.switched for w in watched.values())


@dataclass(slots=True)
class _Watched:
    """One object on its way through the scans in which it is asked for."""

    last_ns: int | None = None
    step_ns: int = 0
    mark: bytes | None = None
    pending: bool = False
    occlusions: int = 0
    switched: int = 0

    def see(self, stamp_ns: int, mark: bytes | None) -> None:
        """Take a scan in which it was asked for; ``mark``: the id it was reported with, None if it was not."""
        if self.last_ns is not None:
            gap = stamp_ns - self.last_ns
            if self.step_ns and 1.5 * self.step_ns < gap < SHORT_OCCLUSION * 1e9 and self.mark is not None:
                self.occlusions += 1
                self.pending = True
            self.step_ns = min(gap, self.step_ns or gap)
        self.last_ns = stamp_ns
        if mark is not None:
            self.switched += self.pending and mark != self.mark
            self.mark, self.pending = mark, False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the cameras ever harm: fused beside LiDAR only, on one scenario.

    Attributes:
        recall, position: of (fused, LiDAR only).
        met: fused is not worse by more than :data:`RECALL_SLACK` and :data:`POSITION_SLACK`.
    """

    scenario: str
    recall: tuple[float, float]
    position: tuple[float, float]
    met: bool


RECALL_SLACK, POSITION_SLACK = 0.005, 0.01
"""Of the recall, and metres: a scan or two of one object, which decide nothing."""


def verdict(fused: TrackingRow, lidar: TrackingRow) -> Verdict:
    """Compare the two on recall and position."""
    recall = fused.recall >= lidar.recall - RECALL_SLACK
    position = not fused.position > lidar.position + POSITION_SLACK
    return Verdict(
        fused.scenario, (fused.recall, lidar.recall), (fused.position, lidar.position), bool(recall and position)
    )


@dataclass(frozen=True, slots=True)
class Target:
    """One of the figures that are wanted; ``found`` is NaN where nothing was measured."""

    what: str
    wanted: str
    found: float
    met: bool


def targets(everything: TrackingRow, van_pedestrian: float, ms_100: float) -> list[Target]:
    """Compare the row of all scenarios with what is wanted.

    Args:
        everything: ours, fused.
        van_pedestrian: seconds from 10 points of the pedestrian behind the van to the report, the slowest.
        ms_100: milliseconds a scan of 100 objects.
    """
    row = everything
    return [
        Target("MOTA", ">= 0.90", row.mota, row.mota >= 0.90),
        Target("HOTA", ">= 0.80", row.hota, row.hota >= 0.80),
        Target("velocity RMSE of cars after 1 s, m/s", "<= 0.3", row.velocity_cars, row.velocity_cars <= 0.3),
        Target(
            f"id switches in {row.occlusions} occlusions under 1 s", "0", row.switches_occluded,
            row.switches_occluded == 0,
        ),
        Target("pedestrian behind the van, s", "<= 0.3", van_pedestrian, van_pedestrian <= 0.3 + 1e-9),
        _honest("position", row.anees_position, row.bounds_position),
        _honest("velocity", row.anees_velocity, row.bounds_velocity),
        Target("100 objects, ms a scan", "<= 5", ms_100, ms_100 <= 5.0),
    ]  # fmt: skip


def _honest(what: str, anees: float, bounds: tuple[float, float]) -> Target:
    low, high = bounds
    return Target(f"ANEES of the {what}", f"{low:.2f} to {high:.2f}", anees, low <= anees <= high)


def slowest(frames: Sequence[Sequence[EvaluationFrame]], ids: Collection[int]) -> float:
    """Return the longest latency in seconds of some objects, infinite for one never reported, NaN for none there."""
    rows = [entry for entry in evaluate_all(frames).latency.objects if entry.id in ids]
    return max((np.inf if np.isnan(entry.latency) else entry.latency for entry in rows), default=float("nan"))


def _some(obstacles: Obstacles, rows: NDArray[np.intp]) -> Obstacles:
    """Return some rows of the obstacles, without predicted paths."""
    columns: dict[str, Any] = {
        field.name: getattr(obstacles, field.name)[rows]
        for field in fields(obstacles)
        if isinstance(getattr(obstacles, field.name), np.ndarray) and field.name not in _PREDICTED
    }
    none = np.empty((len(rows), 0, 3))
    footprints = tuple(obstacles.footprints[i] for i in rows)
    told = {**columns, "predicted_path": none, "predicted_covariance": np.empty((0, 0, 3, 3))}
    return replace(obstacles, footprints=footprints, **told)


_PREDICTED = ("predicted_path", "predicted_covariance")


def _template(stamp_ns: int, frame: str) -> Obstacles:
    n = 0
    six, flat = np.empty((n, 6, 6)), np.empty(n)
    return Obstacles(
        stamp_ns, frame, np.empty((n, 16), np.uint8), np.empty((n, 3)), np.empty((n, 3)), flat, six, np.empty((n, 3)),
        flat, six, np.empty((n, len(CLASSES))), flat, (), np.empty(n, np.uint8), np.empty(n, np.uint8),
        np.empty(n, np.int64), np.empty(n, np.int64), np.empty((n, 0, 3)), 0, Mode.BLIND,
    )  # fmt: skip
