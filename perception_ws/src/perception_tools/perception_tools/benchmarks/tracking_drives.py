"""Simulated drives as the pipeline meets them, with what its front ends make of them, each kept in memory once.

The LiDAR path and the networks cost ten times what fusion and tracking cost, and no variant changes what they see.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.camera.detector import CameraResult
from perception_core.errors import TransformError
from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import Transform, interpolate, invert
from perception_core.lidar.processor import LidarResult
from perception_core.pipeline import CameraReader, Pipeline, PipelineConfig, Rig
from perception_core.simulation import Message as Sent
from perception_core.simulation import Scenario, Simulation
from perception_core.simulation.rig import BASE_FRAME, ODOM_FRAME
from perception_core.simulation.scenario import MAIN_CAMERA, MAIN_LIDAR
from perception_core.types import Detections2D, Image, PointCloud, Truth
from perception_tools.profile import load_profile

NAMESPACE = bytes(range(16))
DRONE = "drone"
"""The profile for what flies."""

_TRUE_SCORE = 0.95
"""Score of a box that the truth stands in for: sure, but no more than a network would be."""
_LEAST_VISIBLE, _LEAST_SIDE = 0.3, 6.0
"""Share and pixels (of the longer side) from which on a box of the truth is one that a network can be asked for."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a sensor, without its content, which was read before.

    Attributes:
        arrival_ns: when it reaches the robot, int nanoseconds on the clock of the stamps.
        sensor: name of the camera or LiDAR.
        is_image: else it is a scan.
        stamp_ns: its stamp.
        frame: its frame.
    """

    arrival_ns: int
    sensor: str
    is_image: bool
    stamp_ns: int
    frame: str


class DriveTransforms:
    """The frames of a drive: sensors fixed to the base, the base moving in odom; a pipeline's ``TransformSource``."""

    def __init__(
        self, mounts: Mapping[str, Transform], stamps_ns: NDArray[np.int64], T_odom_base: NDArray[np.float64]
    ) -> None:
        """Keep ``T_base_sensor`` by frame, and K poses (K, 4, 4) at rising stamps."""
        self._mounts = {BASE_FRAME: np.eye(4), **mounts}
        self._stamps_ns = stamps_ns
        self._poses = T_odom_base

    def lookup(self, target: str, source: str, stamp_ns: int) -> Transform:
        """Return ``T_target_source`` at the stamp. Raises TransformError; nothing is guessed."""
        T_target_source: Transform = invert(self._in_base(target, stamp_ns)) @ self._in_base(source, stamp_ns)
        return T_target_source

    def turned(self, frame: str, T_frame_turned: Transform) -> "DriveTransforms":
        """Return the same with one sensor believed to be mounted with a turn (and shift) in its own frame."""
        mounts = {**self._mounts, frame: self._mounts[frame] @ T_frame_turned}
        return DriveTransforms(mounts, self._stamps_ns, self._poses)

    def _in_base(self, frame: str, stamp_ns: int) -> Transform:
        if frame == ODOM_FRAME:
            return invert(self._odom(stamp_ns))
        if frame not in self._mounts:
            raise TransformError(f"no frame {frame!r}")
        return self._mounts[frame]

    def _odom(self, stamp_ns: int) -> Transform:
        stamps = self._stamps_ns
        k = int(np.searchsorted(stamps, stamp_ns))
        if k == len(stamps) or stamp_ns < stamps[0]:
            raise TransformError(f"stamp {stamp_ns} ns lies outside the odometry {stamps[0]} to {stamps[-1]} ns")
        j = max(k - 1, 0)
        return interpolate(self._poses[j], int(stamps[j]), self._poses[k], int(stamps[k]), stamp_ns)


@dataclass(frozen=True, slots=True)
class Drive:
    """One drive, ready for any number of runs of fusion and tracking.

    Attributes:
        name, seed: of the scenario.
        rig: names and frames.
        models: intrinsics by camera.
        transforms: of the drive.
        messages: in order of arrival, without those that the pipeline refused.
        scans: what the LiDAR path made of each scan (or joined scan), by stamp.
        images: what the networks saw, by camera and stamp.
        truth: of every scan, in order.
        config: the parameters that such a robot is started with.
    """

    name: str
    seed: int
    rig: Rig
    models: Mapping[str, CameraModel]
    transforms: DriveTransforms
    messages: tuple[Message, ...]
    scans: Mapping[int, LidarResult]
    images: Mapping[tuple[str, int], CameraResult]
    truth: tuple[Truth, ...]
    config: PipelineConfig

    @property
    def middle_ns(self) -> int:
        """Stamp half-way through."""
        return (self.truth[0].stamp_ns + self.truth[-1].stamp_ns) // 2


def record(
    scenario: Scenario, seed: int | None, network: CameraReader | None, scans: int | None = None, truth_2d: bool = False
) -> Drive:
    """Drive through a scenario and keep what the pipeline's front ends make of it.

    Args:
        scenario: where.
        seed: None takes the scenario's own.
        network: reads the images; None without cameras.
        scans: at most so many from the beginning, None for all.
        truth_2d: boxes of the images from the truth instead of the network's, whose classes of pixels stay.

    Raises:
        ConfigError: a path or speed profile that cannot be driven.
    """
    simulation = Simulation(scenario, seed)
    count = min(len(simulation), scans or len(simulation))
    transforms = _transforms(simulation, count)
    rig, config = _rig(simulation, network is not None), _config(scenario)
    readings = _Readings({}, {}, [], [], {})
    readers = dict.fromkeys(rig.cameras, network) if network is not None else {}
    pipeline = Pipeline(config, rig, transforms, readers, NAMESPACE, with_occupancy=False, on_lidar=readings.keep_scan)
    pipeline.warm_up()
    for name in readers:
        pipeline.on_camera_model(name, simulation.rig.cameras[scenario.all_cameras[name].frame])
    for message in _arrivals(simulation, count, readings.truth):
        readings.take(message, pipeline)
    pipeline.flush()
    images = readings.images
    if truth_2d:
        truths = {truth.stamp_ns: truth for truth in readings.truth}
        images = {key: _with_true_boxes(result, truths[key[1]]) for key, result in images.items() if key[1] in truths}
    return Drive(
        scenario.name,
        simulation.seed,
        rig,
        {name: simulation.rig.cameras[frame] for name, frame in readings.frames.items()},
        transforms,
        tuple(readings.messages),
        readings.scans,
        images,
        tuple(readings.truth),
        config,
    )


def _rig(simulation: Simulation, with_cameras: bool) -> Rig:
    scenario = simulation.scenario
    cameras = (MAIN_CAMERA, *(name for name, _ in scenario.cameras)) if with_cameras else ()
    others = tuple(name for name, _ in scenario.lidars)
    return Rig(MAIN_LIDAR, cameras, BASE_FRAME, ODOM_FRAME, others, ODOM_FRAME)


def _config(scenario: Scenario) -> PipelineConfig:
    """Return the parameters of the profile that flies, or of any vehicle: the defaults."""
    return load_profile(DRONE).pipeline if scenario.config.ego.altitude else PipelineConfig()


def _transforms(simulation: Simulation, count: int) -> DriveTransforms:
    mounts = {child: T for parent, child, T in simulation.rig.transforms if parent == BASE_FRAME}
    parts = [simulation.odometry(k) for k in range(count)]
    return DriveTransforms(
        mounts,
        np.concatenate([part.stamp_ns for part in parts]),
        np.concatenate([part.T_odom_base for part in parts]),
    )


def _arrivals(simulation: Simulation, count: int, truth: list[Truth]) -> Iterator[Sent]:
    """Yield the messages of the first frames in order of arrival, images before scans; collect the truth of each."""
    waiting: list[Sent] = []
    for k in range(count):
        frame = simulation.frame(k)
        truth.append(frame.truth)
        waiting += frame.messages
        waiting.sort(key=lambda message: (message.arrival_ns, isinstance(message.content, PointCloud)))
        while waiting and waiting[0].arrival_ns <= frame.stamp_ns:
            yield waiting.pop(0)
    yield from waiting


@dataclass(frozen=True, slots=True)
class _Readings:
    """What the front ends of a pipeline gave, collected while it runs."""

    scans: dict[int, LidarResult]
    images: dict[tuple[str, int], CameraResult]
    messages: list[Message]
    truth: list[Truth]
    frames: dict[str, str]

    def take(self, sent: Sent, pipeline: Pipeline) -> None:
        """Hand a message to the pipeline, which joins, deskews and reads as on the robot; keep it if it was taken."""
        content, is_image = sent.content, isinstance(sent.content, Image)
        name, refused = sent.sensor.split("_", 1)[1], pipeline.drops.total()
        if isinstance(content, PointCloud):
            pipeline.on_scan(content, sent.arrival_ns, name)
        else:
            self.frames[name] = content.frame
            result = pipeline.on_image(name, content, sent.arrival_ns)
            if result is not None:
                self.images[name, content.stamp_ns] = result
        if pipeline.drops.total() == refused:
            self.messages.append(Message(sent.arrival_ns, name, is_image, content.stamp_ns, content.frame))
        pipeline.ready(sent.arrival_ns)

    def keep_scan(self, result: LidarResult) -> None:
        """Keep a result, without what nothing behind the LiDAR path reads."""
        self.scans[result.clusters.stamp_ns] = dataclasses.replace(
            result,
            ground_points=result.ground_points[:0].copy(),
            point_class=result.point_class[:0].copy(),
            point_height=result.point_height[:0].copy(),
        )


def _with_true_boxes(result: CameraResult, truth: Truth) -> CameraResult:
    """Return a result with the boxes that a perfect network would have given."""
    if result.detections is None:
        return result
    sides = truth.boxes_2d[:, 2:] - truth.boxes_2d[:, :2]
    shown = np.flatnonzero((truth.visible_fraction >= _LEAST_VISIBLE) & (sides.max(axis=1) >= _LEAST_SIDE))
    order = shown[np.argsort(-np.prod(sides[shown], axis=1), kind="stable")]
    old = result.detections
    boxes = Detections2D(
        old.stamp_ns,
        old.frame,
        truth.boxes_2d[order],
        np.full(len(order), _TRUE_SCORE),
        truth.class_ids[order],
        old.image_size,
    )
    return dataclasses.replace(result, detections=boxes, masks=None)
