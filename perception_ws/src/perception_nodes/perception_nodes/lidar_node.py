"""lidar_node: scans of one LiDAR, or of several joined, in; obstacle points and clusters out."""

import functools
import time
from typing import Any

from nav_msgs.msg import Odometry
from sensor_msgs.msg import Image, Imu, LaserScan, PointCloud2
from vision_msgs.msg import Detection3DArray

from perception_core.datasets.calibration import load_body
from perception_core.errors import CloudError, TransformError
from perception_core.geometry.transforms import Transform
from perception_core.lidar import decoding
from perception_core.lidar.assembly import YES, AssembledScan, ScanAssembler
from perception_core.lidar.join import JoinedScan, ScanJoin
from perception_core.lidar.processor import LidarProcessor, LidarResult
from perception_core.lidar.rates import RateHistory
from perception_core.lidar.returns import ReturnsWatch
from perception_core.lidar.view import farthest_returns
from perception_core.types import PointCloud, SensorKind
from perception_nodes.config import LidarNodeConfig, check_lidars
from perception_nodes.conversions import boxes, cloud, scan
from perception_nodes.conversions.diagnostics import ERROR, OK, WARN
from perception_nodes.conversions.rates import BodyRates, rates_from_imu, rates_from_odometry
from perception_nodes.conversions.time import ns_from_msg, seconds
from perception_nodes.conversions.view import view_to_msg
from perception_nodes.node import qos
from perception_nodes.node.base import PerceptionNode
from perception_nodes.node.runner import run
from perception_nodes.node.sensor_report import SensorReport
from perception_nodes.node.transforms import PendingQueue, TransformBuffer

_SCAN_QUEUE = 5
"""Scans that may wait for the processor or for their transform."""

_POLL_SECONDS = 0.01
"""How late a scan may notice that its wait for poses, or for another LiDAR, is over."""

_MISSES = 5
"""Joined scans in a row without a LiDAR after which the diagnostics warn; a slow one is not in each."""

_RATES_QUEUE = 50


class LidarNode(PerceptionNode[LidarNodeConfig]):
    """Decodes, joins, deskews, takes out the ground and clusters each scan, in the base frame."""

    def __init__(self, **options: Any) -> None:
        """Declare the parameters; ``options`` are rclpy's.

        Raises:
            ConfigError: a parameter that does not fit, or not one topic a LiDAR.
        """
        super().__init__("lidar_node", LidarNodeConfig, **options)
        check_lidars(self.config)

    def prepare(self) -> None:
        """Compile the hot loops and create the publishers. Raises CalibrationError: boxes that cannot be."""
        config = self.config
        names = (config.lidar_name, *config.other_lidars)
        body = load_body(config.calibration, config.base_frame) if config.calibration else ()
        self._processor = LidarProcessor(config.lidar, config.base_frame, body)
        self._processor.warm_up()
        decoding.warm_up()
        self._join: ScanJoin[PointCloud] = ScanJoin(names, config.lidar.join)
        self._rates = RateHistory() if config.odometry_topic or config.imu_topic else None
        self._assembler = ScanAssembler(
            config.lidar.deskew, config.base_frame, config.fixed_frame, self._lookup, self._rates
        )
        topics = f"lidar/{config.lidar_name}"
        self._obstacle_points = self.publish_to(PointCloud2, f"{topics}/obstacle_points")
        self._ground_points = self.publish_to(PointCloud2, f"{topics}/ground_points")
        self._clusters = self.publish_to(Detection3DArray, f"{topics}/clusters")
        self._coverage = self.publish_to(LaserScan, f"{topics}/coverage")
        self._view = self.publish_to(Image, f"{topics}/view")
        self._sensors = {name: SensorReport(self, f"lidar/{name}/status", name, SensorKind.LIDAR) for name in names}
        crop = config.lidar.crop
        self._returns = {name: ReturnsWatch(config.lidar.returns, crop.min_range, crop.max_range) for name in names}
        self._impairments = dict.fromkeys(names, "")
        self._scan_gates = {name: self.gate(f"LiDAR {name}") for name in names}
        self._pending = PendingQueue(seconds(config.transform_timeout), _SCAN_QUEUE, self._give_up)
        self._misses = dict.fromkeys(names, 0)
        self.stats.states["body_boxes"] = f"{1 + len(body)} (crop.body and {len(body)} of the calibration)"

    def start(self) -> None:
        """Subscribe."""
        config = self.config
        self._tf = TransformBuffer(self, self._retry, self.listen)
        topics = (config.points_topic, *config.other_points_topics)
        for name, topic in zip(self._sensors, topics, strict=True):
            self.listen(PointCloud2, topic, functools.partial(self._on_points, name), qos.sensor_input(_SCAN_QUEUE))
        if config.odometry_topic:
            self.listen(Odometry, config.odometry_topic, self._on_odometry, qos.sensor_input(_RATES_QUEUE))
        elif config.imu_topic:
            self.listen(Imu, config.imu_topic, self._on_imu, qos.sensor_input(_RATES_QUEUE))
        self.every(_POLL_SECONDS, self._retry)
        self.every(1.0, self._report_sensors)

    def on_time_reset(self) -> None:
        """Forget scans that wait and poses of another time."""
        self._pending.clear()
        self._join.clear()
        for watch in self._returns.values():
            watch.reset()
        if self._rates is not None:
            self._rates.clear()
        if hasattr(self, "_tf"):
            self._tf.clear()

    def health(self) -> tuple[int, str]:
        """Return what is wrong with the scans: an error when no LiDAR is without fault."""
        faults = [f"{name}: {report.fault}" if self._joins else report.fault for name, report in self._sensors.items()]
        faults = [fault for fault, report in zip(faults, self._sensors.values(), strict=True) if report.fault]
        if faults:
            return (ERROR if len(faults) == len(self._sensors) else WARN), "; ".join(faults)
        missing = [name for name, misses in self._misses.items() if misses >= _MISSES]
        return (WARN, f"no scans of {', '.join(missing)}") if missing else (OK, "")

    def hardware_id(self) -> str:
        """Return the LiDARs' names."""
        return ", ".join(self._sensors) if hasattr(self, "_sensors") else self.config.lidar_name

    @property
    def _joins(self) -> bool:
        return bool(self.config.other_lidars)

    def _of(self, name: str, what: str) -> str:
        """Return the key of something that each LiDAR has; one LiDAR needs no name."""
        return f"{what}.{name}" if self._joins else what

    def _lookup(self, target: str, source: str, stamp_ns: int) -> Transform:
        return self._tf.lookup(target, source, stamp_ns)

    # -- inputs --------------------------------------------------------------------------------------------------

    def _on_points(self, name: str, msg: PointCloud2) -> None:
        now_ns = time.monotonic_ns()
        stamp_ns = ns_from_msg(msg.header.stamp)
        self.stats.received(self._of(name, "points"), now_ns)
        self._scan_gates[name].check(stamp_ns, self.now_ns())
        began = time.perf_counter()
        decoded = self._decode(name, msg)
        self.stats.took("decode", (time.perf_counter() - began) * 1e3)
        self._queue(self._join.add(name, stamp_ns, decoded, now_ns), now_ns)

    def _decode(self, name: str, msg: PointCloud2) -> PointCloud:
        try:
            decoded = cloud.cloud_from_msg(msg)
        except CloudError as error:
            self._sensors[name].failed(str(error), time.monotonic_ns())
            raise
        self._judge(name, decoded.cloud)
        counts, states = self.stats.counts, self.stats.states
        counts["points.dropped.non_finite"] += decoded.dropped_non_finite
        counts["points.dropped.far"] += decoded.dropped_far
        crop, key = self.config.lidar.crop, self._of(name, "cloud")
        note = decoded.warning
        if crop.limits_intensity and decoded.cloud.intensity is None:
            note = "; ".join(filter(None, (note, "no intensity, its limits are without effect")))
        if note and not states.get(key):
            self.warn_each_second(key, note)
        states[key] = note
        return decoded.cloud

    def _judge(self, name: str, points: PointCloud) -> None:
        """Note how much of its surroundings the LiDAR still sees. Raises CloudError: it sees nothing."""
        seen = self._returns[name].look(points)
        states = self.stats.states
        states[self._of(name, "view.directions")] = f"{seen.seen:.2f}"
        states[self._of(name, "view.range")] = f"{seen.reach:.1f} m"
        self._impairments[name] = seen.reason
        if not seen.usable:
            self._sensors[name].failed(seen.reason, time.monotonic_ns())
            raise CloudError(f"LiDAR {name}: {seen.reason}")

    def _on_odometry(self, msg: Odometry) -> None:
        self._take_rates(rates_from_odometry(msg))

    def _on_imu(self, msg: Imu) -> None:
        self._take_rates(rates_from_imu(msg))

    def _take_rates(self, rates: BodyRates) -> None:
        assert self._rates is not None
        T_base_frame = self._tf.lookup(self.config.base_frame, rates.frame, rates.stamp_ns)
        self._rates.add(rates.stamp_ns, rates.angular, rates.linear, T_base_frame)
        self._retry()

    # -- scans ---------------------------------------------------------------------------------------------------

    def _queue(self, joined: list[JoinedScan[PointCloud]], now_ns: int) -> None:
        for one in joined:
            self._pending.add(functools.partial(self._process, one, now_ns), now_ns)

    def _retry(self) -> None:
        now_ns = time.monotonic_ns()
        if self._joins:
            self._queue(self._join.due(now_ns), now_ns)
        self._pending.retry(now_ns)

    def _give_up(self, error: TransformError) -> None:
        for sensor in self._sensors.values():
            sensor.failed(str(error), time.monotonic_ns())
        self.drop("no_transform", str(error))

    def _process(self, joined: JoinedScan[PointCloud], queued_ns: int) -> None:
        began = time.perf_counter()
        patient = time.monotonic_ns() - queued_ns < seconds(self.config.lidar.deskew.wait)
        assembled = self._assembler.assemble(joined, patient)
        self.stats.took("deskew", (time.perf_counter() - began) * 1e3)
        result = self._processor.process_joined(assembled.clouds)
        self._count(joined, assembled, result)
        converting = time.perf_counter()
        if self._joins:  # fusion_node hears from these which LiDARs a scan stands on
            self._delivered(joined, assembled)
        self._publish_view(assembled, result)
        self._publish(result)
        self.stats.took("publish", (time.perf_counter() - converting) * 1e3)
        self.stats.took("callback", (time.perf_counter() - began) * 1e3)
        self.stats.took("since_stamp", self.since_ms(joined.stamp_ns))
        for stage, milliseconds in result.timings_ms.items():
            self.stats.took(stage, milliseconds)
        if not self._joins:
            self._delivered(joined, assembled)

    def _delivered(self, joined: JoinedScan[PointCloud], assembled: AssembledScan) -> None:
        now_ns = time.monotonic_ns()
        for name, why in assembled.left_out.items():
            self._sensors[name].failed(why, now_ns)
            self.stats.dropped("no_transform", why)
        for name in assembled.names:
            self._sensors[name].delivered(joined.scans[name].stamp_ns, now_ns, self._impairments[name])
            if self._joins:
                self._sensors[name].publish(now_ns)

    def _count(self, joined: JoinedScan[PointCloud], assembled: AssembledScan, result: LidarResult) -> None:
        stats = self.stats
        for reason, count in result.dropped.items():
            stats.counts[f"points.dropped.{reason}"] += count
        for name, state in assembled.deskewed.items():
            key = self._of(name, "deskewed")
            if stats.states.get(key) != state and (state != YES or key in stats.states):
                self.get_logger().info(f"{key}: {state}", throttle_duration_sec=10.0)
            stats.states[key] = state
        if assembled.extrapolated_ns:
            stats.took("deskew_extrapolation", assembled.extrapolated_ns / 1e6)
            stats.counts["deskew_extrapolated"] += 1
        for name in self._misses:
            self._misses[name] = self._misses[name] + 1 if name in joined.missing else 0
        if self._joins:
            stats.counts["scans.joined"] += len(joined.scans)
            stats.counts.update(f"scans.missing.{name}" for name in joined.missing)
            stats.states["joined"] = ", ".join(assembled.names)

    def _report_sensors(self) -> None:
        for sensor in self._sensors.values():
            sensor.publish(time.monotonic_ns())

    def _publish_view(self, assembled: AssembledScan, result: LidarResult) -> None:
        """Publish how far the beams got, if somebody asks, before the clusters that it belongs to."""
        if self._view.get_subscription_count():
            far = farthest_returns(assembled.clouds, self.config.lidar.crop.min_range)
            self._view.publish(view_to_msg(far, result.clusters.stamp_ns, result.clusters.frame))

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
