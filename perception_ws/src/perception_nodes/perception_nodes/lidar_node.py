"""lidar_node: scans of one LiDAR in, obstacle points and clusters out."""

import functools
import time
from typing import Any

from sensor_msgs.msg import LaserScan, PointCloud2
from vision_msgs.msg import Detection3DArray

from perception_core.errors import CloudError, TransformError
from perception_core.lidar.processor import LidarProcessor, LidarResult
from perception_core.types import SensorKind
from perception_nodes.config import LidarNodeConfig
from perception_nodes.conversions import boxes, cloud, scan
from perception_nodes.conversions.diagnostics import ERROR, OK
from perception_nodes.conversions.time import ns_from_msg, seconds
from perception_nodes.node import qos
from perception_nodes.node.base import PerceptionNode
from perception_nodes.node.runner import run
from perception_nodes.node.sensor_report import SensorReport
from perception_nodes.node.transforms import PendingQueue, TransformBuffer

_SCAN_QUEUE = 5
"""Scans that may wait for the processor or for their transform."""


class LidarNode(PerceptionNode[LidarNodeConfig]):
    """Decodes, takes out the ground and clusters each scan, in the base frame."""

    def __init__(self, **options: Any) -> None:
        """Declare the parameters; ``options`` are rclpy's. Raises ConfigError."""
        super().__init__("lidar_node", LidarNodeConfig, **options)

    def prepare(self) -> None:
        """Compile the hot loops and create the publishers."""
        config = self.config
        self._processor = LidarProcessor(config.lidar, config.base_frame)
        self._processor.warm_up()
        topics = f"lidar/{config.lidar_name}"
        self._obstacle_points = self.publish_to(PointCloud2, f"{topics}/obstacle_points")
        self._ground_points = self.publish_to(PointCloud2, f"{topics}/ground_points")
        self._clusters = self.publish_to(Detection3DArray, f"{topics}/clusters")
        self._coverage = self.publish_to(LaserScan, f"{topics}/coverage")
        self._sensor = SensorReport(self, f"{topics}/status", config.lidar_name, SensorKind.LIDAR)
        self._gate = self.gate(f"LiDAR {config.lidar_name}")
        self._pending = PendingQueue(seconds(config.transform_timeout), _SCAN_QUEUE, self._give_up)

    def start(self) -> None:
        """Subscribe."""
        self._tf = TransformBuffer(self, self._retry, self.listen)
        self.listen(PointCloud2, self.config.points_topic, self._on_points, qos.sensor_input(_SCAN_QUEUE))
        self.every(0.02, self._retry)
        self.every(1.0, lambda: self._sensor.publish(time.monotonic_ns()))

    def on_time_reset(self) -> None:
        """Forget scans that wait and poses of another time."""
        self._pending.clear()
        if hasattr(self, "_tf"):
            self._tf.clear()

    def health(self) -> tuple[int, str]:
        """Return what is wrong with the scans."""
        if self._sensor.fault:
            return ERROR, self._sensor.fault
        return OK, ""

    def hardware_id(self) -> str:
        """Return the LiDAR's name."""
        return self.config.lidar_name

    def _on_points(self, msg: PointCloud2) -> None:
        self.stats.received("points", time.monotonic_ns())
        self._gate.check(ns_from_msg(msg.header.stamp), self.now_ns())
        self._pending.add(functools.partial(self._process, msg), time.monotonic_ns())

    def _retry(self) -> None:
        self._pending.retry(time.monotonic_ns())

    def _give_up(self, error: TransformError) -> None:
        self._sensor.failed(str(error), time.monotonic_ns())
        self.drop("no_transform", str(error))

    def _process(self, msg: PointCloud2) -> None:
        began = time.perf_counter()
        stamp_ns = ns_from_msg(msg.header.stamp)
        T_base_sensor = self._tf.lookup(self.config.base_frame, msg.header.frame_id, stamp_ns)
        try:
            decoded = cloud.cloud_from_msg(msg)
        except CloudError as error:
            self._sensor.failed(str(error), time.monotonic_ns())
            raise
        if decoded.warning:
            self.warn_each_second("cloud", decoded.warning)
        self.stats.took("decode", (time.perf_counter() - began) * 1e3)
        result = self._processor.process(decoded.cloud, T_base_sensor)
        converting = time.perf_counter()
        self._publish(result)
        self.stats.took("publish", (time.perf_counter() - converting) * 1e3)
        self.stats.took("callback", (time.perf_counter() - began) * 1e3)
        self.stats.took("since_stamp", self.since_ms(stamp_ns))
        for stage, milliseconds in result.timings_ms.items():
            self.stats.took(stage, milliseconds)
        self._sensor.delivered(stamp_ns, time.monotonic_ns())

    def _publish(self, result: LidarResult) -> None:
        found = result.clusters
        stamp_ns, frame = found.stamp_ns, found.frame
        points = cloud.labelled_points_to_msg(found.points, found.labels, stamp_ns, frame)
        self._obstacle_points.publish(points)
        self._clusters.publish(boxes.clusters_to_cdr(found))
        self._coverage.publish(scan.coverage_to_msg(result.coverage, stamp_ns, frame))
        if self._ground_points.get_subscription_count():
            self._ground_points.publish(cloud.points_to_msg(result.ground_points, stamp_ns, frame))
        self.stats.received("clusters", time.monotonic_ns())


def main() -> int:
    """Run lidar_node until it is told to end."""
    return run(LidarNode)
