"""Quality of the ground on simulated scans with exact labels, beside Patchwork++ and RANSAC.

Ground is what the scan's labels call the surface GROUND: road, sidewalk, kerb face, grass, ramp. Rain, reflections,
objects, structure and what hangs above are not. Every method is judged on the points that our crop keeps (range,
height, the robot's own body) and gets those points and no others; points that ours takes for specks or reflections
count as not ground.

Patchwork++ runs with its own parameters in axes level with the base frame, and is told the true height of the sensor
above the ground of the very scan (ours is told the calibration alone, which for a drone says nothing). It adapts over
scans: an instance sees all scans of a place and sensor, and is judged when it sees them again. RANSAC is Open3D's: the
best plane of 100 tries within 20 cm, on all points.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.evaluation.ground import GroundScores, ground_scores, total
from perception_core.geometry.transforms import apply
from perception_core.lidar.config import LidarConfig
from perception_core.lidar.processor import LidarProcessor
from perception_core.simulation.lidar_scenes import SCENES, LabelledScan, LidarScene
from perception_core.types import PointCloud
from perception_core.types.clusters import PointClass
from perception_tools.benchmarks.peers import OURS, PATCHWORK, Patchwork, Scan, missing, open3d_plane
from perception_tools.profile import load_profile

RANSAC = "RANSAC"
SENSORS = ("vlp16", "hdl64", "ouster128", "livox")
RAIN = ("kerbs", 20.0)
"""A scene that is scanned again in a downpour of so many mm/h."""
DRONE = "drone"
"""Scenes of this name run with the profile of this name: the ground may be anywhere below."""
EVERY = "all"

_NEAR = 200
"""Points around the robot whose median height is that of the ground under it."""


@dataclass(frozen=True, slots=True)
class GroundRow:
    """One method on all scans of one scene with one sensor, or with all of them."""

    scene: str
    sensor: str
    method: str
    precision: float
    recall: float
    f1: float
    points: int


@dataclass(frozen=True, slots=True)
class _Case:
    """A scan with what our path says about it: the points that its crop keeps."""

    scan: Scan
    truth: NDArray[np.bool_]
    ours: NDArray[np.bool_]


def measure(
    scenes: Sequence[str] = SCENES, sensors: Sequence[str] = SENSORS, seeds: Sequence[int] = (0, 1)
) -> Iterator[GroundRow]:
    """Yield the rows of every scene with every sensor, and those of the scene over all sensors."""
    processors = {False: LidarProcessor(LidarConfig()), True: LidarProcessor(load_profile(DRONE).lidar.lidar)}
    for processor in processors.values():
        processor.warm_up()
    for name, rain in [(name, 0.0) for name in scenes] + [RAIN] * (RAIN[0] in scenes):
        places = [LidarScene(name, seed) for seed in seeds]
        title = f"{name}, rain" if rain else name
        scores: dict[str, list[GroundScores]] = {}
        for sensor in sensors:
            cases = [_case(place.scan(sensor, rain=rain), processors[name.startswith(DRONE)]) for place in places]
            for method, score in _scores(cases).items():
                scores.setdefault(method, []).append(score)
                yield _row(title, sensor, method, score)
        for method, parts in scores.items():
            yield _row(title, EVERY, method, total(parts))


def _case(scan: LabelledScan, processor: LidarProcessor) -> _Case:
    result = processor.process(scan.cloud, scan.T_base_lidar)
    kept = result.point_class != PointClass.DROPPED
    T = scan.T_base_lidar.copy()
    T[2, 3] = _sensor_height(scan)
    cloud = scan.cloud
    intensity = None if cloud.intensity is None else cloud.intensity[kept]
    part = PointCloud(cloud.xyz[kept], cloud.stamp_ns, cloud.frame, intensity)
    return _Case(Scan(part, T), scan.is_ground[kept], result.point_class[kept] == PointClass.GROUND)


def _sensor_height(scan: LabelledScan) -> float:
    """Return metres from the ground around the robot up to its sensor."""
    xyz = apply(scan.T_base_lidar, scan.cloud.xyz)[scan.is_ground]
    nearest = np.argsort(np.hypot(xyz[:, 0], xyz[:, 1]), kind="stable")[:_NEAR]
    return float(scan.T_base_lidar[2, 3] - np.median(xyz[nearest, 2]))


def _scores(cases: Sequence[_Case]) -> dict[str, GroundScores]:
    """Return the scores of all methods over the scans of one place and sensor."""
    import open3d as o3d

    o3d.utility.random.seed(0)
    scores = {OURS: total(ground_scores(case.ours, case.truth) for case in cases)}
    if missing(PATCHWORK) is None:
        estimator = Patchwork()
        for case in cases:
            estimator(case.scan)
        scores[PATCHWORK] = total(ground_scores(estimator(case.scan), case.truth) for case in cases)
    scores[RANSAC] = total(ground_scores(open3d_plane(case.scan), case.truth) for case in cases)
    return scores


def _row(scene: str, sensor: str, method: str, scores: GroundScores) -> GroundRow:
    points = scores.hits + scores.missed
    return GroundRow(scene, sensor, method, scores.precision, scores.recall, scores.f1, points)
