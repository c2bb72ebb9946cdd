"""Scans whose every point is known: simulated drives, scenes of one scan, labelled KITTI frames."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from perception_core.datasets import kitti
from perception_core.errors import DatasetError
from perception_core.evaluation.clusters import LabelledPoints, TrueObjects, points_in_box
from perception_core.geometry.transforms import Transform, apply, invert, wrap_angle, yaw_of
from perception_core.lidar.processor import LidarResult
from perception_core.simulation.lidar_scenes import LabelledScan, LidarScene, Surface
from perception_core.simulation.rig import lidar_pose
from perception_core.simulation.scenario import load_scenario
from perception_core.simulation.simulator import SimulatedFrame, Simulation
from perception_core.types import PointCloud
from perception_core.types.clusters import PointClass

CLEARANCE = 2.5
"""Metres; structure above this with nothing solid under it hangs over the robot."""
COLUMN = 0.5
"""Metres; edge of the columns in which that is looked for."""
BOX_FOOT = 0.2
"""Metres; the lowest part of a KITTI box, whose returns can be the road's, which the boxes cut."""


@dataclass(frozen=True, slots=True)
class TruthFrame:
    """One scan and what it shows.

    Attributes:
        name: where it is from.
        cloud: the scan, its motion compensated.
        T_base_lidar: float64 (4, 4).
        objects: int32 (N,) index of the object each point hit, -1 for none.
        solid: bool (N,) the point is on something to be hit; None where only objects are known.
        judged: bool (N,) but for the points of objects above the clearance: the top of a truck may be left out.
        truth: the objects.
    """

    name: str
    cloud: PointCloud
    T_base_lidar: Transform
    objects: NDArray[np.int32]
    solid: NDArray[np.bool_] | None
    judged: NDArray[np.bool_]
    truth: TrueObjects

    def points(self, result: LidarResult) -> LabelledPoints:
        """Return the judged points that the crop keeps (range, height, the robot's own body), with their clusters."""
        kept = self.judged & (result.point_class != PointClass.DROPPED)
        xyz = apply(self.T_base_lidar, self.cloud.xyz[kept].astype(np.float64))
        solid = self.objects >= 0 if self.solid is None else self.solid
        return LabelledPoints(xyz, self.objects[kept], solid[kept], labels_of_input(xyz, result))


def labels_of_input(xyz: NDArray[np.float64], result: LidarResult) -> NDArray[np.int32]:
    """Return the cluster int32 (N,) of each input point (N, 3), base frame: that of the obstacle point in its place."""
    labels = np.full(len(xyz), -1, dtype=np.int32)
    clusters = result.clusters
    if len(clusters.points) and len(xyz):
        distance, nearest = cKDTree(clusters.points).query(xyz, distance_upper_bound=1e-3)
        found = np.isfinite(distance)
        labels[found] = clusters.labels[np.asarray(nearest)[found]]
    return labels


def drives(names: Sequence[str], seeds: Sequence[int], count: int) -> Iterator[TruthFrame]:
    """Yield ``count`` frames, evenly spaced, of every scenario with every seed."""
    for name in names:
        for seed in seeds:
            yield from drive(name, seed, count)


def drive(name: str, seed: int, count: int) -> Iterator[TruthFrame]:
    """Yield ``count`` frames of a simulated drive, or all where there are fewer, evenly spaced."""
    simulation = Simulation(load_scenario(name), seed)
    for k in np.unique(np.linspace(0, len(simulation) - 1, count).round().astype(int)).tolist():
        yield _simulated(f"{name}, seed {seed}", simulation, simulation.frame(k), simulation.time_of(k))


def scenes(names: Sequence[str], sensors: Sequence[str], seeds: Sequence[int]) -> Iterator[TruthFrame]:
    """Yield every scene with every seed and sensor."""
    for name in names:
        for place in [LidarScene(name, seed) for seed in seeds]:
            for sensor in sensors:
                yield _scene(place.scan(sensor))


def kitti_frames(folder: Path) -> list[TruthFrame]:
    """Return the labelled frames of the KITTI object folders below ``folder``.

    Raises:
        DatasetError: there are none.
    """
    roots = sorted(path.parent for path in folder.rglob("label_2") if path.is_dir())
    frames = [_labelled(frame) for root in roots for frame in kitti.read_object(root).frames]
    if not frames:
        raise DatasetError(f"{folder}: no KITTI object folder (label_2/ beside velodyne/) below it")
    return frames


def _labelled(frame: kitti.KittiFrame) -> TruthFrame:
    """Points in a box are the object's, but for the lowest; the deepest box wins where two overlap."""
    labels = kitti.load_labels(frame)
    if labels is None:
        raise DatasetError(f"{frame.points_path}: no labels")
    columns = kitti.read_points(frame.points_path)
    cloud = PointCloud(columns[:, :3], frame.stamp_ns, "velo_link", intensity=columns[:, 3])
    T = frame.calibration.T_base_velo
    xyz = apply(T, cloud.xyz.astype(np.float64))
    objects = np.full(len(xyz), -1, dtype=np.int32)
    for m in range(len(labels)):
        foot = np.array([0.0, 0.0, min(BOX_FOOT, labels.size[m, 2] / 2.0)])
        objects[points_in_box(xyz, labels.centre[m] + foot / 2.0, labels.size[m] - foot, float(labels.yaw[m]))] = m
    truth = TrueObjects(labels.class_ids, labels.centre, labels.size, labels.yaw)
    floor = (labels.centre[:, 2] - labels.size[:, 2] / 2.0)[objects] if len(labels) else np.zeros(len(xyz))
    judged = (objects < 0) | (xyz[:, 2] - floor < CLEARANCE)
    return TruthFrame(f"KITTI {frame.name}", cloud, T, objects, None, judged, truth)


def _scene(scan: LabelledScan) -> TruthFrame:
    truth = TrueObjects(scan.truth.class_ids, scan.truth.centre, scan.truth.size, scan.truth.yaw)
    solid = (scan.surface == Surface.OBJECT) | (scan.surface == Surface.STRUCTURE)
    judged = (scan.objects < 0) | (scan.height < CLEARANCE)
    return TruthFrame(scan.name, scan.cloud, scan.T_base_lidar, scan.objects, solid, judged, truth)


def _simulated(name: str, simulation: Simulation, frame: SimulatedFrame, time: float) -> TruthFrame:
    T_base_lidar = lidar_pose(simulation.scenario.config.lidar)
    T_world_base = simulation.world.ego.at(time).poses()[0]
    cloud = _compensated(simulation, frame, time, T_base_lidar)
    T_base_odom, truth = invert(frame.T_odom_base), frame.truth
    boxes = TrueObjects(
        truth.class_ids,
        apply(T_base_odom, truth.centre),
        truth.size,
        np.asarray(wrap_angle(truth.yaw + yaw_of(T_base_odom))),
    )
    world = apply(T_world_base @ T_base_lidar, cloud.xyz.astype(np.float64))
    judged = (frame.point_objects < 0) | (simulation.world.heights(world) < CLEARANCE)
    return TruthFrame(name, cloud, T_base_lidar, frame.point_objects, _solid(simulation, frame, world), judged, boxes)


def _compensated(simulation: Simulation, frame: SimulatedFrame, time: float, T_base_lidar: Transform) -> PointCloud:
    """Return the cloud as if all of it had been measured at the stamp, by the exact motion of the car."""
    offsets = frame.cloud.time_offset_ns
    if offsets is None:
        return frame.cloud
    times, which = np.unique(offsets, return_inverse=True)
    T_lidar_world = invert(simulation.world.ego.at(time).poses()[0] @ T_base_lidar)
    T = T_lidar_world @ simulation.world.ego.at(time + times * 1e-9).poses() @ T_base_lidar
    moved = np.einsum("nij,nj->ni", T[which, :3, :3], frame.cloud.xyz) + T[which, :3, 3]
    return PointCloud(moved, frame.stamp_ns, frame.cloud.frame, frame.cloud.intensity, frame.cloud.ring)


def _solid(simulation: Simulation, frame: SimulatedFrame, world: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Objects, and what else is neither ground nor rain nor hangs over the robot; bool (N,) of world points (N, 3)."""
    objects = frame.point_objects >= 0
    structure = np.flatnonzero(~(objects | frame.point_ground | frame.point_speck))
    columns = np.floor(world[structure, :2] / COLUMN).astype(np.int64)
    key = columns[:, 0] * 1_000_003 + columns[:, 1]
    low = simulation.world.heights(world[structure]) < CLEARANCE
    solid = objects.copy()
    solid[structure] = np.isin(key, key[low])
    return solid
