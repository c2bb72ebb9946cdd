"""What the planner would get: fusion and tracking on all scenarios, beside two peers and with less of the sensors.

Of every drive the front ends run once. Each variant of the sensors then goes through the robot's own pipeline, and
the peers get the very objects that our tracker got when all sensors were there.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from perception_core import tracking as core_tracking
from perception_core.camera.detector import CameraConfig
from perception_core.camera.networks import build_networks
from perception_core.evaluation.frames import EvaluationFrame
from perception_core.pipeline import PipelineResult
from perception_core.simulation import load_scenario, scenario_names
from perception_core.types import Obstacles
from perception_tools.benchmarks import tracking_load, tracking_peers
from perception_tools.benchmarks.tracking_drives import Drive, record
from perception_tools.benchmarks.tracking_peers import OURS, ScanTracker
from perception_tools.benchmarks.tracking_scores import (
    Target,
    TrackingRow,
    Verdict,
    frames_of,
    in_view,
    positions,
    row,
    slowest,
    targets,
    verdict,
)
from perception_tools.benchmarks.tracking_variants import ABLATION, FUSED, LIDAR_ONLY, run
from perception_tools.output import progress, table

EVERYTHING = "all"
NETWORK = "simulated_street"
"""The network that comes along, made for simulated images."""
NO_DRIVES = ("tiny",)
"""Scenarios for quick tests."""
VAN, BEHIND_VANS = "van_pedestrian", (1, 2)
"""The scenario whose pedestrians are timed, and those of them who step out from behind a van."""

type Frames = list[EvaluationFrame]
type Key = tuple[str, str]
"""Name of the sensors' variant, and of the tracker."""


@dataclass(frozen=True, slots=True)
class Quality:
    """All that was measured on drives.

    Attributes:
        boxes: where the boxes of the images are from: the network's name, or ``truth``.
        rows: by scenario, and of all together: ours with all sensors, the peers, ours with less.
        verdicts: whether the cameras harm, by scenario.
        targets: what is wanted and what was found.
        load: the trackers on made-up scans.
        missing: a line about each peer that is not installed.
    """

    boxes: str
    rows: list[TrackingRow]
    verdicts: list[Verdict]
    targets: list[Target]
    load: list[tracking_load.Load]
    missing: list[str]


def measure(
    names: Sequence[str] = (), seeds: Sequence[int] = (1,), scans: int | None = None, truth_2d: bool = False
) -> Quality:
    """Measure drives, the first ``scans`` of each, of the scenarios ``names`` (none: all) with every seed.

    Raises:
        ConfigError: there is no such scenario.
        ModelError: the network cannot be loaded.
    """
    scenarios = {name: load_scenario(name) for name in names or _all_scenarios()}
    networks = build_networks(CameraConfig(model=NETWORK))
    core_tracking.warm_up()
    found: dict[str, dict[Key, list[Frames]]] = {}
    times: dict[str, dict[Key, list[float]]] = {}
    try:
        for name, seed in progress([(name, seed) for name in scenarios for seed in seeds], desc="drives", unit="drive"):
            drive = record(scenarios[name], seed, networks, scans, truth_2d)
            for key, frames, ms in variants(drive):
                found.setdefault(name, {}).setdefault(key, []).append(frames)
                times.setdefault(name, {}).setdefault(key, []).extend(ms)
    finally:
        networks.close()
    rows = _rows(found, times)
    load = tracking_load.measure()
    van = slowest(found.get(VAN, {}).get((FUSED.name, OURS), []), BEHIND_VANS)
    absent = [tracking_peers.missing(name) for name in (tracking_peers.NORFAIR, tracking_peers.PURE_AB3DMOT)]
    return Quality(
        "truth" if truth_2d else NETWORK,
        rows,
        _verdicts(rows, found),
        targets(_pick(rows, EVERYTHING, FUSED.name), van, load[0].median_ms),
        load,
        [line for line in absent if line is not None],
    )


def variants(drive: Drive) -> Iterator[tuple[Key, Frames, list[float]]]:
    """Yield what each tracker and each variant of the sensors made of a drive, and milliseconds of its scans."""
    fused = run(drive, FUSED)
    for who, make in tracking_peers.contenders().items():
        obstacles, ms = _timed(drive, fused, make)
        if who == OURS:
            obstacles = [result.obstacles for result in fused]
        yield (FUSED.name, who), frames_of(drive, obstacles), ms
    for variant in ABLATION:
        frames = frames_of(drive, [result.obstacles for result in run(drive, variant)])
        yield (variant.name, OURS), frames if variant.lidar else in_view(drive, frames), []


def _timed(
    drive: Drive, fused: Sequence[PipelineResult], make: Callable[[], ScanTracker]
) -> tuple[list[Obstacles], list[float]]:
    """Run a tracker over the fused objects of a drive."""
    tracker, out, ms = make(), [], []
    for result in fused:
        T = drive.transforms.lookup(drive.rig.fixed_frame, drive.rig.base_frame, result.stamp_ns)
        began = time.perf_counter()
        out.append(tracker.update(result.objects, T, drive.rig.fixed_frame))
        ms.append((time.perf_counter() - began) * 1e3)
    return out, ms


def _all_scenarios() -> list[str]:
    return [name for name in scenario_names() if name not in NO_DRIVES]


def _rows(found: dict[str, dict[Key, list[Frames]]], times: dict[str, dict[Key, list[float]]]) -> list[TrackingRow]:
    """Return the rows of every scenario, and of all of them together."""
    keys = list(next(iter(found.values())))
    rows = []
    for name, of in found.items():
        rows += [row(name, *key, of[key], _median(times[name][key])) for key in keys]
    everything = {key: [frames for of in found.values() for frames in of[key]] for key in keys}
    every_ms = {key: _median([ms for of in times.values() for ms in of[key]]) for key in keys}
    return rows + [row(EVERYTHING, *key, everything[key], every_ms[key]) for key in keys]


def _verdicts(rows: Sequence[TrackingRow], found: dict[str, dict[Key, list[Frames]]]) -> list[Verdict]:
    both = (FUSED.name, OURS), (LIDAR_ONLY.name, OURS)
    drives = {name: [of[key] for key in both] for name, of in found.items()}
    drives[EVERYTHING] = [[frames for pair in list(drives.values()) for frames in pair[k]] for k in range(2)]
    return [
        verdict(_pick(rows, name, FUSED.name), _pick(rows, name, LIDAR_ONLY.name), positions(*of))
        for name, of in drives.items()
    ]


def _pick(rows: Sequence[TrackingRow], scenario: str, sensors: str) -> TrackingRow:
    return next(r for r in rows if (r.scenario, r.sensors, r.who) == (scenario, sensors, OURS))


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if len(values) else math.nan


_HEAD = (
    "scenario", "sensors", "tracker", "asked", "recall", "prec.", "MOTA", "HOTA", "IDF1", "id sw.", "in occl. < 1 s",
    "first s", "p95", "never", "pos. m", "v cars", "v others", "ANEES p", "95 %", "ANEES v", "95 %", "ms",
)  # fmt: skip


def printed(result: dict[str, Any]) -> str:
    """Return the tables of a :class:`Quality` as plain values."""
    verdicts = table(
        ("scenario", "recall fused", "LiDAR only", "position of both: fused m", "LiDAR only", "fused is not worse"),
        [
            (v["scenario"], *map(_rate, v["recall"]), *map(_rate, v["position"]), "yes" if v["met"] else "NO")
            for v in result["verdicts"]
        ],
    )
    wanted = table(
        ("target", "wanted", "found", ""),
        [(t["what"], t["wanted"], _rate(t["found"]), "met" if t["met"] else "MISSED") for t in result["targets"]],
    )
    load = table(
        ("objects", "tracker", "median ms", "p95 ms", "x ours", "peak RSS MiB"),
        [[r[k] for k in ("objects", "who", "median_ms", "p95_ms", "ratio", "peak_rss_mib")] for r in result["load"]],
    )
    head = f"fusion and tracking on simulated drives, boxes of the images: {result['boxes']}"
    return "\n\n".join([head, table(_HEAD, map(_cells, result["rows"])), verdicts, wanted, load, *result["missing"]])


def _cells(r: dict[str, Any]) -> list[Any]:
    rates = [_rate(r[key]) for key in ("recall", "precision", "mota", "hota", "idf1")]
    occlusions = f"{r['switches_occluded']} of {r['occlusions']}"
    plain = [r[key] for key in ("latency", "latency_p95", "never", "position", "velocity_cars", "velocity_others")]
    honest = [
        r["anees_position"], _span(r["bounds_position"]), r["anees_velocity"], _span(r["bounds_velocity"]), r["ms"],
    ]  # fmt: skip
    return [r["scenario"], r["sensors"], r["who"], r["asked"], *rates, r["switches"], occlusions, *plain, *honest]


def _rate(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def _span(bounds: Sequence[float]) -> str:
    return f"{bounds[0]:.1f}-{bounds[1]:.1f}"
