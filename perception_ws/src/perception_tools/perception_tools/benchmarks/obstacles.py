"""Quality of the LiDAR-only clusters on simulated drives and labelled KITTI frames."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from perception_core.evaluation.clusters import (
    ObjectScores,
    ScanScores,
    Summary,
    by_band,
    cluster_scores,
    join,
    summarise,
)
from perception_core.lidar.config import LidarConfig
from perception_core.lidar.processor import LidarProcessor
from perception_core.simulation.lidar_scenes import SCENES
from perception_core.types import Clusters
from perception_core.types.classes import CLASSES
from perception_tools.benchmarks.ground import DRONE, SENSORS
from perception_tools.benchmarks.labelled import TruthFrame, drives, kitti_frames, scenes
from perception_tools.output import table

EVERYTHING = "all"
DRIVES = ("car_park", "city", "hills", "junction", "yard")
"""Scenarios for quick tests."""
KITTI_RANGE = 50.0
"""Metres; labels thin out beyond, and so do the points."""


@dataclass(frozen=True, slots=True)
class ObstacleRow(Summary):
    """Scores of one class in one range band of one group of scans; see ``evaluation.clusters`` for the words."""

    where: str
    kind: str
    range: str


@dataclass(frozen=True, slots=True)
class ScanRow:
    """Counts of one group of scans; NaN where nothing is known about what is no object."""

    where: str
    scans: int
    clusters_a_scan: float
    false_a_scan: float


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One object by itself: ``share`` of its points in its main cluster, found from one half on; errors in metres."""

    where: str
    kind: str
    range: float
    points: int
    share: float
    seen: bool
    found: bool
    iou: float
    iou_visible: float
    centre: float
    centre_visible: float


@dataclass(frozen=True, slots=True)
class FalseRow:
    """One false obstacle: number of the scan in its group, centre in the base frame, points."""

    where: str
    scan: int
    x: float
    y: float
    z: float
    points: int


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured on one kind of scans: by group and on all together.

    Attributes:
        scans: a row for each group.
        rows: of each group a row for all its objects; of all groups together one for each class and range band.
        objects: those that were not found, or all where they were asked for.
        false: the false obstacles, where they are known.
    """

    scans: list[ScanRow]
    rows: list[ObstacleRow]
    objects: list[ObjectRow]
    false: list[FalseRow]


def measure(data: Path | None, scans: int, seeds: Sequence[int]) -> dict[str, Quality]:
    """Measure simulated drives, scenes of one scan, and KITTI's labelled frames where ``data`` has them."""
    processor = LidarProcessor(LidarConfig())
    processor.warm_up()
    found = {
        "drives": quality(drives(DRIVES, seeds, scans), processor),
        "scenes": quality(scenes([name for name in SCENES if not name.startswith(DRONE)], SENSORS, seeds), processor),
    }
    if data is not None and any(data.rglob("label_2")):
        found["kitti"] = quality(kitti_frames(data), processor, KITTI_RANGE, every_object=True)
    return found


def quality(
    frames: Iterable[TruthFrame], processor: LidarProcessor, reach: float = np.inf, every_object: bool = False
) -> Quality:
    """Run the path over the frames; frames of one name make one group. Objects beyond ``reach`` metres are left out."""
    groups: dict[str, list[ScanScores]] = {}
    known: dict[str, bool] = {}
    false: list[FalseRow] = []
    for frame in frames:
        result = processor.process(frame.cloud, frame.T_base_lidar)
        scores = cluster_scores(result.clusters, frame.points(result), frame.truth)
        near = scores.objects.where(scores.objects.range < reach)
        groups.setdefault(frame.name, []).append(replace(scores, objects=near))
        known[frame.name] = frame.solid is not None
        if known[frame.name]:
            number = len(groups[frame.name]) - 1
            false += [_false(frame.name, number, result.clusters, int(c)) for c in scores.false_clusters]
    found = Quality([], [], [], false)
    for name, scans in groups.items():
        objects = join(scans)
        found.scans.append(_counts(name, scans, known[name]))
        found.rows.append(_row(name, EVERYTHING, EVERYTHING, objects))
        found.objects.extend(_single(name, objects if every_object else objects.where(~objects.found)))
    everything = [scan for scans in groups.values() for scan in scans]
    found.scans.append(_counts(EVERYTHING, everything, all(known.values())))
    found.rows.extend(_rows(EVERYTHING, join(everything)))
    return found


def printed(result: dict[str, Any]) -> str:
    """Return the tables of :func:`measure`'s result as plain values."""
    parts = []
    for kind, found in result.items():
        parts.append(f"-- {kind}: clusters and false obstacles a scan")
        parts.append(table(("where", "scans", "clusters", "false"), [list(row.values()) for row in found["scans"]]))
        parts.append(table(_HEAD, [_cells(row) for row in found["rows"]]))
        if found["objects"]:
            parts.append("one by one" if any(row["found"] for row in found["objects"]) else "not found")
            parts.append(_listed(found["objects"]))
        if found["false"]:
            parts += ["false obstacles", _listed(found["false"])]
    return "\n\n".join(parts)


def _listed(rows: Sequence[dict[str, Any]]) -> str:
    return table(tuple(rows[0]), [list(row.values()) for row in rows])


_HEAD = (
    "where", "class", "range", "objects", "seen", "recall", "itself", "split", "merged", "walled", "IoU", "IoU vis.",
    "centre m", "p90", "visible m", "p90", "yaw deg", "p90", "mod 90", "p90",
)  # fmt: skip


def _cells(row: dict[str, Any]) -> list[Any]:
    """Return the values of a row, what it is about first, rates with three digits, pairs side by side."""
    cells: list[Any] = [row[name] for name in _NAMES]
    for key, value in row.items():
        if key in _NAMES:
            continue
        if isinstance(value, list | tuple):
            cells += value
        else:
            cells.append(f"{value:.3f}" if key in _RATES else value)
    return cells


_NAMES = ("where", "kind", "range")
_RATES = ("seen", "recall", "itself", "split", "merged", "walled")


def _counts(name: str, scans: list[ScanScores], known: bool) -> ScanRow:
    false = sum(len(scan.false_clusters) for scan in scans) / len(scans) if known else float("nan")
    return ScanRow(name, len(scans), sum(scan.clusters for scan in scans) / len(scans), false)


def _rows(where: str, objects: ObjectScores) -> list[ObstacleRow]:
    """Return a row for each class and band, for each class, for each band, and for all."""
    kinds = [(EVERYTHING, objects)]
    kinds += [(CLASSES[c], objects.where(objects.class_ids == c)) for c in np.unique(objects.class_ids)]
    rows = []
    for kind, some in kinds:
        bands = [(f"{low:.0f}-{high:.0f} m", part) for low, high, part in by_band(some)]
        rows += [_row(where, kind, name, part) for name, part in [*bands, (EVERYTHING, some)] if len(part)]
    return rows


def _row(where: str, kind: str, band: str, objects: ObjectScores) -> ObstacleRow:
    summary = summarise(objects)
    rates = {field.name: getattr(summary, field.name) for field in fields(Summary)}
    return ObstacleRow(**rates, where=where, kind=kind, range=band)


def _false(where: str, scan: int, clusters: Clusters, c: int) -> FalseRow:
    x, y, z = clusters.centre[c].tolist()
    return FalseRow(where, scan, x, y, z, int(clusters.point_count[c]))


def _single(where: str, objects: ObjectScores) -> list[ObjectRow]:
    columns = (
        objects.class_ids, objects.range, objects.points, objects.share, objects.seen, objects.found,
        objects.iou, objects.iou_visible, objects.centre_error, objects.centre_error_visible,
    )  # fmt: skip
    return [
        ObjectRow(where, CLASSES[c], *(value.item() for value in values)) for c, *values in zip(*columns, strict=True)
    ]
