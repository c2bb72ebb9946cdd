"""Run the core's rooms in a process of its own after their warm-ups, and print what is compiled then, as JSON by scene.

The arrays are as messages bring them (read-only) and as the core makes them, of none, one and several rows.
"""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from perception_core import fusion, planning, tracking
from perception_core.compiling import CompileWatch
from perception_core.fusion import Fusion, FusionConfig
from perception_core.fusion.views import CameraView
from perception_core.geometry import transforms
from perception_core.geometry.camera_model import CameraModel
from perception_core.lidar.config import ClusterConfig, LidarConfig
from perception_core.lidar.processor import LidarProcessor
from perception_core.planning import occupancy, sectors
from perception_core.tracking import Tracker, TrackerConfig
from perception_core.types import CLASSES, Clusters, Detections2D, Mode, Objects, Obstacles, PointCloud, Segmentation
from perception_core.types.classes import CAR, INDEX, PERSON

DRIVES, FLIES = LidarConfig(), LidarConfig(cluster=ClusterConfig(hanging_to=30.0))
LIDAR = transforms.from_yaw(0.0, (0.0, 0.0, 1.7))
CAMERA = transforms.invert(transforms.from_quaternion((0.3, 0.0, 1.6), (-0.5, 0.5, -0.5, 0.5)))
MODEL = CameraModel(320, 240, np.array([[200.0, 0.0, 160.0], [0.0, 200.0, 120.0], [0.0, 0.0, 1.0]]))


def as_received(value: Any) -> Any:
    """The dataclass with its arrays read-only, as they lie in a message."""
    changes = {}
    for field in dataclasses.fields(value):
        content = getattr(value, field.name)
        if isinstance(content, np.ndarray):
            changes[field.name] = content.copy()
            changes[field.name].flags.writeable = False
    return dataclasses.replace(value, **changes)


def scan(boxes: int, timed: bool) -> PointCloud:
    """Flat ground and some boxes in a row ahead, with a time of each point or without."""
    x, y = (a.ravel() for a in np.meshgrid(np.arange(-20.0, 20.0, 0.4), np.arange(-10.0, 10.0, 0.4)))
    parts = [np.column_stack([x, y, np.full(x.size, -1.7)])[np.abs(x) > 2.0]]
    y, z = (a.ravel() for a in np.meshgrid(np.arange(-0.8, 0.8, 0.1), np.arange(-1.5, 0.0, 0.1)))
    parts += [np.column_stack([np.full(y.size, 6.0 + k), y + 3.0 * k, z]) for k in range(boxes)]
    xyz = np.vstack(parts).astype(np.float32)
    offsets = np.arange(len(xyz)) if timed else None
    return PointCloud(xyz, 0, "lidar", intensity=np.ones(len(xyz), np.float32), time_offset_ns=offsets)


def lidar(receive: Callable[[Any], Any]) -> list[Clusters]:
    """No, one and three boxes, with times and without, as a vehicle and as a drone sees them."""
    return [
        LidarProcessor(config, "base_link").process(receive(scan(boxes, timed)), LIDAR).clusters
        for config in (DRIVES, FLIES)
        for boxes in (0, 1, 3)
        for timed in (False, True)
    ]


def in_one_place() -> Clusters:
    """A long body and its end, parted from it and askew; the rear of a car, whose guessed length lies on another."""
    centre = np.array([[12.0, -3.0, 1.0], [18.0, -3.0, 1.0], [10.0, 3.0, 0.75], [13.0, 1.5, 0.75]])
    size = np.array([[9.0, 2.4, 2.0], [2.5, 1.2, 2.0], [1.8, 0.1, 1.5], [4.0, 1.7, 1.5]])
    yaw, count = np.array([0.0, 0.4, np.pi / 2, 0.0]), np.array([60, 10, 40, 80], np.int32)
    labels = np.repeat(np.arange(4, dtype=np.int32), count)
    points = centre[labels] + np.random.default_rng(0).uniform(-0.5, 0.5, (len(labels), 3))
    covariance = np.tile(np.eye(3) * 0.01, (4, 1, 1))
    return Clusters(0, "base_link", centre, size, yaw, covariance, count, points.astype(np.float32), labels)


def fuse(receive: Callable[[Any], Any], scans: list[Clusters]) -> list[Objects]:
    """Each scan without a camera, and with one that sees none to two things, with classes of pixels or without; and
    what stands in one place, with a camera that names it, or takes the rear of the car for two people.
    """
    joined, coverage = Fusion(FusionConfig()), np.full(90, 20.0, np.float32)
    views: list[list[CameraView]] = [[]]
    boxes = np.array([[100.0, 80.0, 220.0, 180.0], [10.0, 80.0, 60.0, 180.0]])
    pixels = receive(Segmentation(0, "", np.ones((240, 320), np.uint8)))
    for n in range(3):
        seen = receive(Detections2D(0, "", boxes[:n], np.full(n, 0.8), np.zeros(n, np.int32), (320, 240)))
        views += [[CameraView("", MODEL, CAMERA, seen, labels)] for labels in (None, pixels)]
    cars = np.array([[80.0, 122.0, 116.0, 153.0], [116.0, 121.0, 149.0, 150.0]])
    people = np.array([[80.0, 122.0, 100.0, 153.0], [94.0, 122.0, 118.0, 153.0]])
    out = [joined.fuse(receive(clusters), view, coverage) for clusters in scans for view in views]
    for two, name in ((cars, CAR), (people, PERSON)):
        seen = receive(Detections2D(0, "", two, np.full(2, 0.9), np.full(2, INDEX[name]), (320, 240)))
        out.append(joined.fuse(receive(in_one_place()), [CameraView("", MODEL, CAMERA, seen)], coverage))
    return out


def objects(n: int, stamp_ns: int) -> Objects:
    """Boxes in a row; of an odd count the last lies within the one before."""
    centre = np.outer(np.arange(1.0, n + 1.0), [10.0, 0.0, 0.1])
    if n % 2:
        centre[-1] = centre[max(n - 2, 0)]
    return Objects(
        stamp_ns=stamp_ns, frame="base_link", centre=centre, size=np.full((n, 3), 2.0), yaw=np.zeros(n),
        covariance=np.tile(np.eye(6) * 0.01, (n, 1, 1)),
        class_probabilities=np.full((n, len(CLASSES)), 1 / len(CLASSES)), existence=np.ones(n),
        sensors=np.ones(n, np.uint8), point_count=np.full(n, 100, np.int32), mode=Mode.LIDAR_ONLY,
    )  # fmt: skip


def track(receive: Callable[[Any], Any]) -> list[Obstacles]:
    """Numbers of objects that go up and down, in a frame fixed to the ground and in the robot's own."""
    out = []
    for frame in ("odom", "base_link"):
        tracker = Tracker(TrackerConfig(), bytes(16))
        for k, n in enumerate((0, 0, 1, 1, 1, 0, 2, 2, 3, 3, 5, 5, 4, 1, 0, 0)):
            out.append(tracker.update(receive(objects(n, k * 100_000_000)), np.eye(4), frame))
    return out


def plan(receive: Callable[[Any], Any], scenes: list[Obstacles]) -> None:
    """A grid and sectors of each."""
    grid = occupancy.OccupancyGrid(occupancy.OccupancyConfig(), "base_link")
    coverage = np.full(90, 20.0, np.float32)
    coverage.flags.writeable = receive is not as_received
    for obstacles in scenes:
        grid.update(obstacles, np.eye(4), coverage)
        sectors.sector_ranges(obstacles, np.eye(4), coverage, sectors.SectorConfig())


def main() -> None:
    """Warm up as the nodes do, then look at one room after the other."""
    for config in (DRIVES, FLIES):
        LidarProcessor(config, "base_link").warm_up()
    fusion.warm_up()
    tracking.warm_up()
    planning.warm_up(with_bands=False)
    watch, late = CompileWatch(), {}
    for name, receive in (("made", lambda value: value), ("received", as_received)):
        scans = lidar(receive)
        late[f"lidar, {name}"] = watch.late()
        found = fuse(receive, scans)
        late[f"fusion, {name}"] = watch.late()
        scenes = track(receive)
        late[f"tracking, {name}"] = watch.late()
        plan(receive, scenes)
        late[f"planning, {name}"] = watch.late()
    print(json.dumps({"late": late, "objects": sum(len(o) for o in found), "obstacles": sum(len(o) for o in scenes)}))


if __name__ == "__main__":
    main()
