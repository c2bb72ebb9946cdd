"""fusion_node: clusters of the LiDAR and detections of the cameras in, fused objects out."""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, LaserScan, PointCloud2
from sensor_msgs.msg import Image as ImageMsg
from vision_msgs.msg import Detection2DArray, Detection3DArray

from perception_core import fusion
from perception_core.errors import CalibrationError, ConfigError, TransformError
from perception_core.fusion import (
    CameraAnswer,
    CameraResults,
    CameraView,
    Fusion,
    LidarWatch,
    SensorMonitor,
    camera_from_base,
    mode_of,
)
from perception_core.fusion.views import check_size
from perception_core.geometry.transforms import Transform
from perception_core.types import Clusters, InstanceMasks, Mode, Objects, Segmentation, SensorKind, SensorState
from perception_core.types import SensorStatus as SensorHealth
from perception_interfaces.msg import ObstacleArray, SensorStatus
from perception_nodes.config import FusionNodeConfig
from perception_nodes.conversions import boxes, cloud, detection3d
from perception_nodes.conversions.camera_info import camera_model_from_msg
from perception_nodes.conversions.detections import detections_from_msg
from perception_nodes.conversions.diagnostics import OK, WARN
from perception_nodes.conversions.obstacles import sensor_status_from_msg, status_to_msg
from perception_nodes.conversions.scan import coverage_from_msg
from perception_nodes.conversions.segmentation import masks_from_msg, segmentation_from_msg
from perception_nodes.conversions.time import ns_from_msg, seconds
from perception_nodes.node import qos
from perception_nodes.node.base import PerceptionNode
from perception_nodes.node.joining import StampJoin
from perception_nodes.node.runner import run
from perception_nodes.node.transforms import TransformBuffer

if TYPE_CHECKING:
    from perception_core.geometry.camera_model import CameraModel

_POLL_SECONDS = 0.005
"""How late a scan may notice that its wait for a camera is over."""

_STATUS_SECONDS = 0.2
"""Without objects for this long the status goes out alone."""


@dataclass(frozen=True, slots=True)
class _WaitingScan:
    clusters: Clusters
    coverage: NDArray[np.float32]
    arrived_ns: int
    deadline_ns: int


@dataclass(frozen=True, slots=True)
class _Views:
    """What the cameras say about one moment, the transforms that are missing for the rest, and what fits no camera."""

    usable: list[CameraView] = field(default_factory=list)
    missing: list[TransformError] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)


class FusionNode(PerceptionNode[FusionNodeConfig]):
    """Fuses each scan with the camera results nearest in time; a late camera never holds a scan up for long."""

    def __init__(self, **options: Any) -> None:
        """Declare the parameters; ``options`` are rclpy's.

        Raises:
            ConfigError: a parameter that does not fit, or not one camera_info topic a camera.
        """
        super().__init__("fusion_node", FusionNodeConfig, **options)
        names, topics = self.config.cameras, self.config.camera_info_topics
        if len(names) != len(topics):
            raise ConfigError(f"camera_info_topics: {len(topics)} topics, but cameras names {len(names)}: {names}")

    def prepare(self) -> None:
        """Make the core objects and the publishers."""
        config = self.config
        self._fixed = config.fixed_frame or config.base_frame
        self._fusion = Fusion(config.fusion)
        fusion.warm_up()
        self._cameras = CameraResults(config.fusion)
        self._monitor = self._new_monitor()
        self._models: dict[str, CameraModel] = {}
        self._camera_faults: dict[str, str] = {}
        self._join = StampJoin(("clusters", "points", "coverage"))
        self._scans: list[_WaitingScan] = []
        self._watch = LidarWatch(config.fusion, config.cameras)
        self._published_ns = 0
        self._status_stamp_ns = 0
        self._objects = self.publish_to(Detection3DArray, "objects")
        self._status = self.publish_to(ObstacleArray, "objects/status")
        self._scan_gate = self.gate(f"clusters of {config.lidar_name}")
        self._camera_gates = {name: self.gate(f"detections of {name}") for name in config.cameras}
        self._pixel_gates = {name: self.gate(f"label images of {name}") for name in config.cameras}

    def start(self) -> None:
        """Subscribe."""
        lidar = f"lidar/{self.config.lidar_name}"
        for other in self.config.other_lidars:
            self.listen(SensorStatus, f"lidar/{other}/status", self._on_sensor_status, qos.result(5))
        self._tf = TransformBuffer(self, self._advance, self.listen)
        for camera, topic in zip(self.config.cameras, self.config.camera_info_topics, strict=True):
            on_info = functools.partial(self._on_camera_info, camera)
            on_detections = functools.partial(self._on_detections, camera)
            self.listen(CameraInfo, topic, on_info, qos.sensor_input(1))
            self.listen(Detection2DArray, f"camera/{camera}/detections", on_detections, qos.result(5))
            self.listen(SensorStatus, f"camera/{camera}/status", self._on_sensor_status, qos.result(2))
            if self.config.fusion.segmentation_trust > 0.0:
                on_labels = functools.partial(self._on_pixels, camera, segmentation_from_msg)
                on_masks = functools.partial(self._on_pixels, camera, masks_from_msg)
                self.listen(ImageMsg, f"camera/{camera}/segmentation", on_labels, qos.result(2))
                self.listen(ImageMsg, f"camera/{camera}/instances", on_masks, qos.result(2))
        self.listen(SensorStatus, f"{lidar}/status", self._on_sensor_status, qos.result(5))
        self.listen(PointCloud2, f"{lidar}/obstacle_points", self._on_points, qos.result(5))
        self.listen(LaserScan, f"{lidar}/coverage", self._on_coverage, qos.result(5))
        self.listen(Detection3DArray, f"{lidar}/clusters", self._on_clusters, qos.result(5), raw=True)
        self.every(_POLL_SECONDS, self._advance)
        self.every(_STATUS_SECONDS / 2.0, self._on_silence)

    def on_time_reset(self) -> None:
        """Forget everything of another time; intrinsics stay."""
        self._cameras.clear()
        self._monitor = self._new_monitor()
        self._join.clear()
        self._scans.clear()
        self._watch.clear()
        self._status_stamp_ns = 0
        if hasattr(self, "_tf"):
            self._tf.clear()

    def health(self) -> tuple[int, str]:
        """Return which sensors are not well."""
        ill = [s for s in self._monitor.statuses(self.now_ns()) if s.state != SensorState.OK]
        return (WARN, "; ".join(f"{s.name}: {s.state.name} {s.reason}" for s in ill)) if ill else (OK, "")

    # -- cameras -------------------------------------------------------------------------------------------------

    def _on_camera_info(self, camera: str, msg: CameraInfo) -> None:
        try:
            self._models[camera] = camera_model_from_msg(msg, camera in self.config.rectified_cameras)
            self._camera_faults.pop(camera, None)
        except CalibrationError as error:
            self._models.pop(camera, None)
            self._camera_faults[camera] = str(error)
            self._monitor.failed(camera, str(error))
            raise

    def _on_detections(self, camera: str, msg: Detection2DArray) -> None:
        self.stats.received(f"detections.{camera}", time.monotonic_ns())
        stamp_ns = ns_from_msg(msg.header.stamp)
        self._camera_gates[camera].check(stamp_ns, self.now_ns())
        model = self._models.get(camera)
        if model is None:
            fault = self._camera_faults.get(camera, f"no CameraInfo of camera {camera} yet")
            self._monitor.failed(camera, fault)
            self.drop("no_camera_info", fault)
            return
        self._cameras.add(camera, detections_from_msg(msg, (model.width, model.height)))
        self._monitor.delivered(camera, stamp_ns)
        self._watch.image(camera, stamp_ns, time.monotonic_ns())
        self._advance()

    def _on_pixels(self, camera: str, read: Callable[[ImageMsg], Segmentation | InstanceMasks], msg: ImageMsg) -> None:
        """Take a label image, or masks; a camera that gives nothing else is alive by them."""
        stamp_ns = ns_from_msg(msg.header.stamp)
        self.stats.received(f"pixels.{camera}", time.monotonic_ns())
        self._pixel_gates[camera].check(stamp_ns, self.now_ns())
        model = self._models.get(camera)
        if model is None:
            fault = self._camera_faults.get(camera, f"no CameraInfo of camera {camera} yet")
            if not self._cameras.finds_objects(camera):  # else the detections of the same image say so
                self._monitor.failed(camera, fault)
            return
        pixels = read(msg)
        check_size(pixels, model)
        self._cameras.add(camera, pixels)
        if not self._cameras.finds_objects(camera):
            self._monitor.delivered(camera, stamp_ns)
        self._advance()

    def _on_sensor_status(self, msg: SensorStatus) -> None:
        status = sensor_status_from_msg(msg)
        lidars = (self.config.lidar_name, *self.config.other_lidars)
        if status.name not in (*lidars, *self.config.cameras):
            return
        faulty = status.state == SensorState.FAULTY
        self._monitor.impaired(status.name, status.reason if faulty else "")
        if self.config.other_lidars and status.name in lidars and status.last_stamp_ns > 0:
            self._monitor.delivered(status.name, status.last_stamp_ns)
        if faulty:
            self._monitor.failed(status.name, status.reason)

    # -- scans ---------------------------------------------------------------------------------------------------

    def _on_points(self, msg: PointCloud2) -> None:
        self._on_part(ns_from_msg(msg.header.stamp), "points", msg)

    def _on_coverage(self, msg: LaserScan) -> None:
        self._on_part(ns_from_msg(msg.header.stamp), "coverage", msg)

    def _on_clusters(self, data: bytes) -> None:
        self.stats.received("clusters", time.monotonic_ns())
        self._on_part(detection3d.stamp_ns(data), "clusters", data)

    def _on_part(self, stamp_ns: int, part: str, msg: PointCloud2 | LaserScan | bytes) -> None:
        lost_before = self._join.lost
        parts = self._join.add(stamp_ns, part, msg)
        if self._join.lost > lost_before:
            self.drop("unjoined", f"a scan before {stamp_ns} ns came without its points, clusters or coverage")
        if parts is not None:
            self._on_scan(stamp_ns, parts["clusters"], parts["points"], parts["coverage"])

    def _on_scan(self, stamp_ns: int, clusters_cdr: bytes, points_msg: PointCloud2, coverage_msg: LaserScan) -> None:
        self._scan_gate.check(stamp_ns, self.now_ns())
        points, labels = cloud.labelled_points_from_msg(points_msg)
        clusters = boxes.clusters_from_cdr(clusters_cdr, points, labels)
        now_ns = time.monotonic_ns()
        self._watch.scan(stamp_ns, now_ns)
        if not self.config.other_lidars:  # of several, each LiDAR's status says what it gave
            self._monitor.delivered(self.config.lidar_name, stamp_ns)
        deadline_ns = now_ns + seconds(self.config.fusion.camera_wait)
        self._scans.append(_WaitingScan(clusters, coverage_from_msg(coverage_msg), now_ns, deadline_ns))
        self._advance()

    def _advance(self) -> None:
        """Fuse the scans whose cameras have answered or whose wait is over, in order; then what has no scan."""
        self._fuse_scans()
        self._fuse_without_lidar()

    def _fuse_scans(self) -> None:
        while self._scans:
            scan = self._scans[0]
            over = time.monotonic_ns() >= scan.deadline_ns
            stamp_ns = scan.clusters.stamp_ns
            if not over and self._waits_for_cameras(stamp_ns):
                return
            views = self._views(stamp_ns)
            if views.missing and not over:
                return
            self._tell_left_out(views)
            self._scans.pop(0)
            self._fuse(scan, views.usable)

    def _waits_for_cameras(self, stamp_ns: int) -> bool:
        """Whether detections, or a label image, of a camera may still come for a scan."""
        return bool(self._cameras.waiting_for(self.config.cameras, stamp_ns))

    def _fuse(self, scan: _WaitingScan, views: Sequence[CameraView]) -> None:
        began = time.perf_counter()
        self.stats.took("camera_wait", (time.monotonic_ns() - scan.arrived_ns) / 1e6)
        objects = self._fusion.fuse(scan.clusters, views, scan.coverage)
        self._tell_dropped()
        self._publish(objects)
        self.stats.took("fuse", (time.perf_counter() - began) * 1e3)

    def _fuse_without_lidar(self) -> None:
        """Let the cameras stand alone at the moments for which no scan came."""
        for stamp_ns in self._watch.due(time.monotonic_ns()):
            views = self._views(stamp_ns)
            self._tell_left_out(views)
            if views.usable:
                objects = self._fusion.camera_only(views.usable, stamp_ns, self.config.base_frame)
                self._tell_dropped()
                self._publish(objects)

    def _tell_left_out(self, views: _Views) -> None:
        for error in views.missing:
            self.drop("no_transform", f"{error}; that camera is left out")
        for misfit in views.misfits:
            self.drop("misfit", misfit)

    def _tell_dropped(self) -> None:
        """Count what fusion could not use, each box and each cluster."""
        for reason, count in self._fusion.take_dropped().items():
            self.drop("unusable", f"{count} times: {reason}", count)

    # -- both ----------------------------------------------------------------------------------------------------

    def _views(self, stamp_ns: int) -> _Views:
        """Return what the cameras say about a stamp, and what of that cannot be used."""
        views = _Views()
        for camera in self.config.cameras:
            answer, model = self._cameras.nearest(camera, stamp_ns), self._models.get(camera)
            if answer is None or model is None:
                continue
            views.misfits.extend(f"camera {camera}: {misfit}" for misfit in answer.misfits(model))
            if not answer.fits(model):  # the intrinsics have changed since
                continue
            try:
                T_camera_base = self._camera_pose(answer, stamp_ns)
            except TransformError as error:
                views.missing.append(error)
                continue
            views.usable.append(answer.view(camera, model, T_camera_base, stamp_ns))
        return views

    def _camera_pose(self, answer: CameraAnswer, scan_ns: int) -> Transform:
        base, image_ns = self.config.base_frame, answer.stamp_ns
        T_camera_base = self._tf.lookup(answer.frame, base, image_ns)
        if self._fixed == base or image_ns == scan_ns:
            return T_camera_base
        at_scan = self._tf.lookup(self._fixed, base, scan_ns)
        return camera_from_base(T_camera_base, at_scan, self._tf.lookup(self._fixed, base, image_ns))

    def _publish(self, objects: Objects) -> None:
        statuses = self._monitor.statuses(objects.stamp_ns)
        self._status.publish(status_to_msg(objects.stamp_ns, objects.frame, objects.mode, statuses))
        self._objects.publish(boxes.objects_to_cdr(objects))
        self._published_ns = time.monotonic_ns()
        self.stats.received("objects", self._published_ns)
        self.stats.took("since_stamp", self.since_ms(objects.stamp_ns))

    def _on_silence(self) -> None:
        """Tell how the sensors are while there are no objects to send."""
        now_ns = self.now_ns()
        silent_ns = time.monotonic_ns() - self._published_ns
        if silent_ns < seconds(_STATUS_SECONDS) or now_ns <= max(self._status_stamp_ns, 0):
            return  # a simulated clock that stands still ages nothing
        self._status_stamp_ns = now_ns
        statuses = self._monitor.statuses(now_ns)
        self._status.publish(status_to_msg(now_ns, self.config.base_frame, self._mode_of(statuses), statuses))

    def _mode_of(self, statuses: tuple[SensorHealth, ...]) -> Mode:
        labels_only = frozenset(c for c in self.config.cameras if not self._cameras.finds_objects(c))
        return mode_of(statuses, labels_only)

    def _new_monitor(self) -> SensorMonitor:
        lidars = dict.fromkeys((self.config.lidar_name, *self.config.other_lidars), SensorKind.LIDAR)
        cameras = dict.fromkeys(self.config.cameras, SensorKind.CAMERA)
        return SensorMonitor({**lidars, **cameras}, self.config.monitor)


def main() -> int:
    """Run fusion_node until it is told to end."""
    return run(FusionNode)
