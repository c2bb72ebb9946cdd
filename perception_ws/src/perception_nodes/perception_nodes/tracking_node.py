"""tracking_node: fused objects in, tracked obstacles for the planner out."""

import dataclasses
import functools
import time
import uuid
from typing import Any

from nav_msgs.msg import OccupancyGrid
from numpy.typing import NDArray
from sensor_msgs.msg import Image, LaserScan
from vision_msgs.msg import Detection3DArray
from visualization_msgs.msg import MarkerArray

from perception_core import planning, tracking
from perception_core.errors import TransformError
from perception_core.geometry.transforms import Transform
from perception_core.planning import bands, occupancy, sectors
from perception_core.types import Mode, Obstacles, SensorKind, SensorState, SensorStatus
from perception_interfaces.msg import ObstacleArray
from perception_nodes.config import TrackingNodeConfig
from perception_nodes.conversions import detection3d
from perception_nodes.conversions.boxes import objects_from_cdr
from perception_nodes.conversions.diagnostics import ERROR, OK
from perception_nodes.conversions.markers import markers_to_cdr
from perception_nodes.conversions.obstacles import obstacles_to_cdr, status_from_msg
from perception_nodes.conversions.occupancy import occupancy_to_msg
from perception_nodes.conversions.scan import coverage_from_msg, sectors_to_mavlink_msg, sectors_to_msg
from perception_nodes.conversions.time import ns_from_msg, seconds
from perception_nodes.conversions.tracks import tracks_to_cdr
from perception_nodes.conversions.view import view_from_msg
from perception_nodes.node import qos
from perception_nodes.node.base import PerceptionNode
from perception_nodes.node.joining import StampJoin
from perception_nodes.node.runner import run
from perception_nodes.node.transforms import PendingQueue, TransformBuffer

_QUEUE = 5
_COVERAGES = 10
_STATUS_SILENCE_NS = 1_000_000_000
"""Without a word of fusion_node for this long its last report on the sensors is void."""


class TrackingNode(PerceptionNode[TrackingNodeConfig]):
    """Follows the objects; goes on saying what it knows, and that it is blind, when none arrive."""

    def __init__(self, **options: Any) -> None:
        """Declare the parameters; ``options`` are rclpy's. Raises ConfigError."""
        super().__init__("tracking_node", TrackingNodeConfig, **options)

    def prepare(self) -> None:
        """Compile the hot loops, make the tracker and the publishers."""
        config = self.config
        tracking.warm_up()
        planning.warm_up(with_bands=bool(config.sectors.band_edges))
        self._fixed = config.fixed_frame or config.base_frame
        self._tracker = tracking.Tracker(config.tracking, uuid.uuid4().bytes)
        self._grid = occupancy.OccupancyGrid(config.occupancy, config.base_frame)
        self._join = StampJoin(("objects", "status"))
        self._coverages: dict[int, NDArray[Any]] = {}
        self._views: dict[int, NDArray[Any]] = {}
        self._statuses: tuple[SensorStatus, ...] = ()
        self._statuses_ns = 0
        self._heard_ns = 0
        self._told_ns = 0
        self._mode = Mode.BLIND
        self._obstacles = self.publish_to(ObstacleArray, "obstacles")
        self._markers = self.publish_to(MarkerArray, "markers")
        self._tracks = self.publish_to(Detection3DArray, "tracks")
        self._occupancy = self.publish_to(OccupancyGrid, "occupancy", qos.result(1))
        self._sectors = self.publish_to(LaserScan, "obstacle_scan")
        self._mavlink = self.publish_to(LaserScan, "obstacle_scan/mavlink")
        names = bands.BANDS if config.sectors.band_edges else ()
        self._bands = {name: self.publish_to(LaserScan, f"obstacle_scan/{name}") for name in names}
        self._gate = self.gate("objects")
        self._pending = PendingQueue(seconds(config.transform_timeout), _QUEUE, self._give_up)

    def start(self) -> None:
        """Subscribe."""
        self._tf = TransformBuffer(self, self._retry, self.listen)
        self.listen(LaserScan, f"lidar/{self.config.lidar_name}/coverage", self._on_coverage, qos.result(5))
        if self.config.sectors.band_edges:
            self.listen(Image, f"lidar/{self.config.lidar_name}/view", self._on_view, qos.result(5))
        self.listen(ObstacleArray, "objects/status", self._on_status, qos.result(10))
        self.listen(Detection3DArray, "objects", self._on_objects, qos.result(5), raw=True)
        self._heard_ns = self.now_ns()
        self.every(0.02, self._retry)
        self.every(self.config.watchdog_period, self._watch)

    def on_time_reset(self) -> None:
        """Forget tracks and everything that waits; ids go on counting."""
        self._tracker.reset()
        self._grid.reset()
        self._join.clear()
        self._pending.clear()
        self._coverages.clear()
        self._views.clear()
        self._heard_ns = self._told_ns = 0
        if hasattr(self, "_tf"):
            self._tf.clear()

    def health(self) -> tuple[int, str]:
        """Return whether obstacles stand on anything."""
        return (ERROR, "blind: no objects arrive") if self._mode == Mode.BLIND else (OK, self._mode.name)

    # -- inputs --------------------------------------------------------------------------------------------------

    def _on_coverage(self, msg: LaserScan) -> None:
        self._coverages[ns_from_msg(msg.header.stamp)] = coverage_from_msg(msg)
        while len(self._coverages) > _COVERAGES:
            del self._coverages[min(self._coverages)]

    def _on_view(self, msg: Image) -> None:
        self._views[ns_from_msg(msg.header.stamp)] = view_from_msg(msg)
        while len(self._views) > _COVERAGES:
            del self._views[min(self._views)]

    def _on_status(self, msg: ObstacleArray) -> None:
        _, self._statuses = status_from_msg(msg)
        self._statuses_ns = time.monotonic_ns()
        self._on_part(ns_from_msg(msg.header.stamp), "status", msg)

    def _on_objects(self, data: bytes) -> None:
        self.stats.received("objects", time.monotonic_ns())
        stamp_ns = detection3d.stamp_ns(data)
        self._gate.check(stamp_ns, self.now_ns())
        self._on_part(stamp_ns, "objects", data)

    def _on_part(self, stamp_ns: int, part: str, msg: bytes | ObstacleArray) -> None:
        parts = self._join.add(stamp_ns, part, msg)
        if parts is not None:
            attempt = functools.partial(self._track, stamp_ns, parts["objects"], parts["status"])
            self._pending.add(attempt, time.monotonic_ns())

    def _retry(self) -> None:
        self._pending.retry(time.monotonic_ns())

    def _give_up(self, error: TransformError) -> None:
        self.drop("no_transform", str(error))

    # -- outputs -------------------------------------------------------------------------------------------------

    def _track(self, stamp_ns: int, objects_cdr: bytes, status_msg: ObstacleArray) -> None:
        began = time.perf_counter()
        T_fixed_base = self._tf.lookup(self._fixed, self.config.base_frame, stamp_ns)
        mode, statuses = status_from_msg(status_msg)
        objects = objects_from_cdr(objects_cdr, mode)
        obstacles = self._tracker.update(objects, T_fixed_base, self._fixed, statuses)
        self.stats.took("track", (time.perf_counter() - began) * 1e3)
        self._heard_ns = self.now_ns()
        self._publish(obstacles, T_fixed_base, self._coverages.get(stamp_ns))
        self.stats.took("callback", (time.perf_counter() - began) * 1e3)

    def _watch(self) -> None:
        """While no objects arrive, send the predicted obstacles as BLIND, so that the topic never falls silent."""
        now_ns = self.now_ns()
        if not 0 < self._heard_ns <= now_ns:  # a clock that has just begun, or was set back
            self._heard_ns = now_ns
        if now_ns - self._heard_ns <= seconds(self.config.objects_timeout) or now_ns <= self._told_ns:
            return  # a simulated clock that stands still ages nothing
        obstacles = self._tracker.predict_only(now_ns, self._fixed, Mode.BLIND, self._current_statuses())
        self._publish(obstacles, self._pose_about(now_ns), None)

    def _pose_about(self, now_ns: int) -> Transform | None:
        """Return the pose of now, or the newest: that of now is on its way. None of one that would have come by now."""
        longest_ns = seconds(self.config.transform_timeout)
        try:
            return self._tf.newest(self._fixed, self.config.base_frame, now_ns, longest_ns)
        except TransformError:
            return None

    def _publish(self, obstacles: Obstacles, T_fixed_base: Transform | None, coverage: NDArray[Any] | None) -> None:
        self._mode = obstacles.mode
        self._told_ns = obstacles.stamp_ns
        now_ns = self.now_ns()
        self._obstacles.publish(obstacles_to_cdr(obstacles, now_ns - obstacles.stamp_ns))
        self.stats.received("obstacles", time.monotonic_ns())
        self.stats.took("since_stamp", (now_ns - obstacles.stamp_ns) / 1e6)
        if self._markers.get_subscription_count():
            self._markers.publish(markers_to_cdr(obstacles))
        if self._tracks.get_subscription_count():
            self._tracks.publish(tracks_to_cdr(obstacles))
        if T_fixed_base is not None:
            self._publish_free_space(obstacles, T_fixed_base, coverage)

    def _publish_free_space(self, obstacles: Obstacles, T_fixed_base: Transform, coverage: NDArray[Any] | None) -> None:
        stamp_ns, base = obstacles.stamp_ns, self.config.base_frame
        ranges = sectors.sector_ranges(obstacles, T_fixed_base, coverage, self.config.sectors)
        self._sectors.publish(sectors_to_msg(ranges, stamp_ns, base))
        of_bands = bands.band_ranges(obstacles, T_fixed_base, self._views.get(stamp_ns), self.config.sectors)
        for name, of_band in of_bands.items():
            self._bands[name].publish(sectors_to_msg(of_band, stamp_ns, base))
        if self._mavlink.get_subscription_count():
            self._mavlink.publish(sectors_to_mavlink_msg(of_bands.get("level", ranges), stamp_ns, base))
        if self._occupancy.get_subscription_count():
            grid = self._grid.update(obstacles, T_fixed_base, coverage)
            self._occupancy.publish(occupancy_to_msg(grid))

    def _current_statuses(self) -> tuple[SensorStatus, ...]:
        """Return what fusion_node said last, or that it says nothing."""
        silent_ns = time.monotonic_ns() - self._statuses_ns
        if self._statuses and silent_ns <= _STATUS_SILENCE_NS:
            return self._statuses
        reason = "fusion_node reports nothing"
        if self._statuses:
            reason += f" for {silent_ns / 1e9:.1f} s"
            return tuple(
                dataclasses.replace(s, state=SensorState.MISSING, rate_hz=0.0, reason=reason) for s in self._statuses
            )
        kinds = dict.fromkeys((self.config.lidar_name, *self.config.other_lidars), SensorKind.LIDAR)
        kinds |= dict.fromkeys(self.config.cameras, SensorKind.CAMERA)
        return tuple(SensorStatus(name, kind, SensorState.MISSING, 0, 0.0, reason) for name, kind in kinds.items())


def main() -> int:
    """Run tracking_node until it is told to end."""
    return run(TrackingNode)
