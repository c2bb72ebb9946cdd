"""Speed of the LiDAR path beside its peers: on KITTI and on simulated scans of 16, 64 and 128 beams, and its growth."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from perception_core.simulation.rig import lidar_pose
from perception_core.simulation.scenario import Scenario, load_scenario
from perception_core.simulation.scenario_config import LidarConfig as BeamConfig
from perception_core.simulation.simulator import Simulation
from perception_tools.benchmarks import alone
from perception_tools.benchmarks.frames import BenchFrame
from perception_tools.benchmarks.measure import Row, compare
from perception_tools.benchmarks.peers import OPEN3D, OURS, Scan, ground_only, whole_path

BEAMS: Mapping[str, tuple[tuple[float, ...], int]] = {
    "16 beams": ((-15.0, 15.0, 16.0), 1800),
    "64 beams": ((-24.33, -8.83, 32.0, -8.33, 2.0, 32.0), 1800),
    "128 beams": ((-22.5, 22.5, 128.0), 2048),
}
"""Elevations and columns of a VLP-16, an HDL-64E and an OS1-128."""
GROWTH = (30_000, 60_000, 100_000, 150_000, 200_000, 300_000)
"""Points of the scans on which the growth is measured: one street, ever finer in azimuth."""
_SCANS = 10
"""At most, for the peers take many times as long."""
_SCANS_A_SIMULATION = 6
_OURS_TO_ONE = 4
"""Our calls for one of Open3D, which is slower, in the measurement of growth."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How the time grows with the points: time ~ points ** exponent, by least squares on the logarithms.

    Attributes:
        points: of each scan.
        ms: contender to lower quartile at each size.
        exponent: contender to exponent.
    """

    points: list[int]
    ms: dict[str, list[float]]
    exponent: dict[str, float]


@dataclass(frozen=True, slots=True)
class Speed:
    """All that is measured of the LiDAR path."""

    rows: list[Row]
    alone: list[alone.Alone]
    growth: Growth
    missing: list[str]


def measure(title: str, frames: Sequence[BenchFrame], kitti: bool) -> Speed:
    """Compare everybody on the frames and on simulated sensors; frames that are not KITTI's are the 64 beams."""
    groups = {title: [Scan(frame.cloud, frame.T_base_lidar) for frame in frames[:_SCANS]]}
    wanted = list(BEAMS) if kitti else [name for name in BEAMS if name != "64 beams"]
    count = min(len(frames), _SCANS_A_SIMULATION)
    groups |= {f"simulated, {name}": simulated(*BEAMS[name], count) for name in wanted}
    path, absent = whole_path()
    ground, without = ground_only()
    rows = []
    for name, scans in groups.items():
        points = f"{name}, {np.mean([len(scan.cloud) for scan in scans]) / 1000:.0f}k points"
        rows += compare(f"scan to boxes; {points}", path, scans)
        rows += compare(f"ground; {points}", ground, scans)
    with tempfile.TemporaryDirectory() as folder:
        memory = alone.measure([*path, *(name for name in ground if name not in path)], groups[title], Path(folder))
    return Speed(rows, memory, growth(GROWTH, max(3, count)), [*absent, *without])


def simulated(elevations: tuple[float, ...], columns: int, count: int) -> list[Scan]:
    """Return scans of the simulated city with other beams."""
    scenario = load_scenario("city")
    beams = replace(scenario.config.lidar, elevations=elevations, columns=columns)
    simulation = Simulation(_with(scenario, beams))
    step = max(1, len(simulation) // count)
    T = lidar_pose(beams)
    return [Scan(simulation.frame(k).cloud, T) for k in range(0, len(simulation), step)[:count]]


def growth(sizes: Sequence[int], repeats: int) -> Growth:
    """Time ours and Open3D on scans of ever more points."""
    calls = whole_path()[0]
    both = {name: calls[name] for name in (OURS, OPEN3D)}
    elevations, columns = BEAMS["64 beams"]
    full = len(simulated(elevations, columns, 1)[0].cloud)
    points, ms = [], {name: list[float]() for name in both}
    for size in sizes:
        scans = simulated(elevations, round(columns * size / full), 1)
        points.append(len(scans[0].cloud))
        rows = compare("growth", both, scans, repeats)
        rows += compare("growth", {OURS: both[OURS]}, scans, _OURS_TO_ONE * repeats)
        for name in both:
            ms[name].append(min(row.low_ms for row in rows if row.who == name))
    return Growth(points, ms, {name: exponent(points, times) for name, times in ms.items()})


def exponent(points: Sequence[float], times: Sequence[float]) -> float:
    """Return the slope of the logarithm of time over that of points; NaN with fewer than two different sizes."""
    if len(set(points)) < 2:
        return float("nan")
    return float(np.polyfit(np.log(points), np.log(times), 1)[0])


def _with(scenario: Scenario, beams: BeamConfig) -> Scenario:
    return replace(scenario, config=replace(scenario.config, lidar=beams))
