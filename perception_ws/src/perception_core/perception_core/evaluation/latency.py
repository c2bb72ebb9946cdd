"""How long the planner has to wait for an object: from its first LiDAR points to its first report."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perception_core.evaluation.scans import Scan
from perception_core.types import CLASSES

_NS = 1e-9


@dataclass(frozen=True, slots=True)
class ObjectLatency:
    """One true object that was asked for at least once.

    Attributes:
        drive: number of the recording.
        id: of the truth.
        kind: name of its class.
        since_ns: stamp of the scan in which it was first asked for (that many points, in range), int nanoseconds.
        asked_for: seconds from then to the last scan in which it was asked for.
        latency: seconds from then to the first scan in which an obstacle was paired with it; NaN for never.
    """

    drive: int
    id: int
    kind: str
    since_ns: int
    asked_for: float
    latency: float


@dataclass(frozen=True, slots=True)
class LatencyScores:
    """Seconds over the objects that were reported, and how many never were; NaN where none was.

    Attributes:
        median, p95, worst: of those that were reported.
        never: objects asked for and never reported.
        never_settled: those of them that were there to be seen for ``settling_time`` or longer.
        objects: one row each, in the order of drives and ids.
    """

    median: float
    p95: float
    worst: float
    never: int
    never_settled: int
    objects: tuple[ObjectLatency, ...]


def latency_scores(scans: Sequence[Scan], settling_time: float) -> LatencyScores:
    """Measure every object."""
    first: dict[tuple[int, int], int] = {}
    last: dict[tuple[int, int], int] = {}
    kinds: dict[tuple[int, int], str] = {}
    report: dict[tuple[int, int], int] = {}
    for scan in scans:
        truth, stamp = scan.frame.truth, scan.frame.stamp_ns
        for row in np.flatnonzero(scan.asked):
            key = (scan.sequence, int(truth.ids[row]))
            first.setdefault(key, stamp)
            kinds.setdefault(key, CLASSES[truth.class_ids[row]])
            last[key] = stamp
        for row in scan.partner[scan.partner >= 0]:
            key = (scan.sequence, int(truth.ids[row]))
            if key in first:
                report.setdefault(key, stamp)
    rows = tuple(
        ObjectLatency(
            *key,
            kinds[key],
            first[key],
            (last[key] - first[key]) * _NS,
            (report[key] - first[key]) * _NS if key in report else float("nan"),
        )
        for key in sorted(first)
    )
    return _summary(rows, settling_time)


def _summary(rows: tuple[ObjectLatency, ...], settling_time: float) -> LatencyScores:
    waited = np.array([row.latency for row in rows if not np.isnan(row.latency)])
    never = [row for row in rows if np.isnan(row.latency)]
    median, p95, worst = np.percentile(waited, (50, 95, 100)).tolist() if len(waited) else (float("nan"),) * 3
    return LatencyScores(median, p95, worst, len(never), sum(row.asked_for >= settling_time for row in never), rows)
