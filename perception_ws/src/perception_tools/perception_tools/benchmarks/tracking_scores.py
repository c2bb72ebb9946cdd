"""From the obstacles of drives to the rows of the table, the verdicts and the targets."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perception_core.evaluation.accuracy import accuracy
from perception_core.evaluation.config import EvaluationConfig
from perception_core.evaluation.evaluate import Evaluation, evaluate_all
from perception_core.evaluation.frames import EvaluationFrame
from perception_core.evaluation.obstacle_rows import nothing, select
from perception_core.evaluation.pairs import pairs_of
from perception_core.evaluation.scans import Scan, judge_all, judge_frame
from perception_core.geometry.transforms import apply
from perception_core.types import Obstacles
from perception_core.types.classes import CAR, INDEX
from perception_tools.benchmarks.tracking_drives import Drive


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
        occlusions: short ones, as :mod:`perception_core.evaluation.occlusions` has them.
        switches_occluded: after how many of them an object had another id.
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
        found = told.get(truth.stamp_ns, nothing(truth.stamp_ns, truth.frame))
        frame = EvaluationFrame(truth, found, T)
        structure = judge_frame(frame, EvaluationConfig()).structure
        frames.append(replace(frame, result=_without_paths(select(found, ~structure))))
    return frames


def in_view(drive: Drive, frames: Sequence[EvaluationFrame]) -> list[EvaluationFrame]:
    """Return the frames with only those objects asked for whose middle lies in the image of a camera.

    The rest are told to have no returns, and so are held against nobody.
    """
    out: list[EvaluationFrame] = []
    for frame in frames:
        seen = np.zeros(len(frame.truth), dtype=np.bool_)
        for model in drive.models.values():
            T_camera_fixed = drive.transforms.lookup(model.frame, drive.rig.fixed_frame, frame.stamp_ns)
            centre = apply(T_camera_fixed, frame.truth.centre)
            seen |= model.project(centre)[1]
        out.append(replace(frame, truth=replace(frame.truth, point_count=np.where(seen, frame.truth.point_count, 0))))
    return out


def row(
    scenario: str, sensors: str, who: str, drives: Sequence[Sequence[EvaluationFrame]], ms: float = float("nan")
) -> TrackingRow:
    """Evaluate one tracker over some drives."""
    config = EvaluationConfig()
    found = evaluate_all(drives, config)
    return _row((scenario, sensors, who), found, _velocities(judge_all(drives, config), config), ms)


def _row(names: tuple[str, str, str], found: Evaluation, velocities: tuple[float, float], ms: float) -> TrackingRow:
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
        tracking.occlusions.short,
        tracking.occlusions.short_switched,
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the cameras ever harm: fused beside LiDAR only, on one scenario.

    Attributes:
        recall, position: of (fused, LiDAR only); the position of what both of them found, in the same scans. Who finds
            more finds what is harder to place.
        met: fused is not worse by more than :data:`RECALL_SLACK` and :data:`POSITION_SLACK`.
    """

    scenario: str
    recall: tuple[float, float]
    position: tuple[float, float]
    met: bool


RECALL_SLACK, POSITION_SLACK = 0.005, 0.01
"""Of the recall, and metres: a scan or two of one object, which decide nothing."""


def verdict(fused: TrackingRow, lidar: TrackingRow, position: tuple[float, float]) -> Verdict:
    """Compare the two on recall, and on ``position``, see :func:`positions`."""
    recall = fused.recall >= lidar.recall - RECALL_SLACK
    placed = not position[0] > position[1] + POSITION_SLACK
    return Verdict(fused.scenario, (fused.recall, lidar.recall), position, bool(recall and placed))


def positions(
    first: Sequence[Sequence[EvaluationFrame]], second: Sequence[Sequence[EvaluationFrame]]
) -> tuple[float, float]:
    """Return the root mean square error in the plane, in metres, of two results where both found an object.

    Both are of the same drives, scan by scan; NaN where they have nothing in common.
    """
    config = EvaluationConfig()
    off: list[NDArray[np.float64]] = [np.empty((0, 2))]
    for one, other in zip(judge_all(first, config), judge_all(second, config), strict=True):
        (found, own), (also, others) = one.pairs(), other.pairs()
        _, i, j = np.intersect1d(found, also, assume_unique=True, return_indices=True)
        off.append(np.column_stack([_off(one, found[i], own[i]), _off(other, also[j], others[j])]))
    both = np.concatenate(off)
    if len(both) == 0:
        return float("nan"), float("nan")
    a, b = np.sqrt((both**2).mean(axis=0))
    return float(a), float(b)


def _off(scan: Scan, truth: NDArray[np.int64], result: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the distances (K,) in the plane of pairs of rows."""
    apart = scan.frame.result.centre[result, :2] - scan.frame.truth.centre[truth, :2]
    return np.asarray(np.hypot(apart[:, 0], apart[:, 1]))


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


def _without_paths(obstacles: Obstacles) -> Obstacles:
    none = np.empty((len(obstacles), 0, 3))
    return replace(obstacles, predicted_path=none, predicted_covariance=np.empty((0, 0, 3, 3)))
