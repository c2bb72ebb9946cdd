"""A live run: the nodes as processes, a recording played to them, everything they say recorded and timed."""

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rclpy.serialization import deserialize_message

from perception_core.errors import PerceptionError
from perception_core.types import Mode, SensorState
from perception_interfaces.msg import ObstacleArray
from perception_nodes.config import NODE_CONFIGS
from perception_tools.bags import BagReader, BagWriter, header_stamp_ns
from perception_tools.latency import Published, between_ms, by_stamp, lost, read_publish_log, recording_time
from perception_tools.monitor import Monitor
from perception_tools.output import progress, say
from perception_tools.processes import ProcessTree, python
from perception_tools.profile import Profile, bringup_folder
from perception_tools.replay import percentiles
from perception_tools.scene import OBSTACLES_TOPIC

START_TIMEOUT_S = 180.0
"""Compiling the numba kernels for the first time takes most of it."""

_DRAIN_S = 3.0
_SAMPLE_S = 0.5
_CANNOT_START = "the nodes did not become active"


class LiveError(PerceptionError):
    """The nodes or the player did not do what they were started for."""


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How to play: rate, and seconds of the recording (0: all of it)."""

    rate: float = 1.0
    duration: float = 0.0


@dataclass(slots=True)
class LiveResult:
    """What a live run gave.

    Attributes:
        scans_published, scans_lost: those without an ObstacleArray of their stamp are lost.
        images_published, images_lost: the same for detections; None where no camera detects.
        arrays: ObstacleArrays with the stamp of a scan, and ``modes`` counts theirs.
        arrays_between: those of other stamps, which say that nothing comes.
        stages_ms: milliseconds by stage, the end to end first.
        peak_rss_mb: by node.
        start_s: from the launch until all nodes were active.
        notes: warnings of the nodes, sensors that are not well.
        killed: processes that did not end by themselves.
    """

    scans_published: int = 0
    scans_lost: int = 0
    images_published: int = 0
    images_lost: int | None = None
    arrays: int = 0
    arrays_between: int = 0
    modes: Counter[str] = field(default_factory=Counter)
    stages_ms: dict[str, list[float]] = field(default_factory=dict)
    peak_rss_mb: dict[str, float] = field(default_factory=dict)
    start_s: float = 0.0
    notes: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Return one plain object for --json."""
        return {
            "scans_in": self.scans_published,
            "scans_lost": self.scans_lost,
            "images_in": self.images_published,
            "images_lost": self.images_lost,
            "arrays_out": self.arrays,
            "arrays_between_scans": self.arrays_between,
            "modes": dict(self.modes),
            "latency_ms": {name: percentiles(values) for name, values in self.stages_ms.items()},
            "peak_rss_mb": self.peak_rss_mb,
            "start_s": round(self.start_s, 1),
            "clean_shutdown": not self.killed,
            "notes": self.notes,
        }


def result_topics(profile: Profile) -> dict[str, str]:
    """Topics that a live run records, with their types; images and clouds are left out, they would weigh on it."""
    topics = {
        OBSTACLES_TOPIC: "perception_interfaces/msg/ObstacleArray",
        "/perception/objects": "vision_msgs/msg/Detection3DArray",
        "/perception/markers": "visualization_msgs/msg/MarkerArray",
        "/perception/obstacle_scan": "sensor_msgs/msg/LaserScan",
        "/diagnostics": "diagnostic_msgs/msg/DiagnosticArray",
        clusters_topic(profile): "vision_msgs/msg/Detection3DArray",
    }
    for camera in profile.cameras:
        topics[detections_topic(camera.camera_name)] = "vision_msgs/msg/Detection2DArray"
    return topics


def clusters_topic(profile: Profile) -> str:
    """Topic of the LiDAR's clusters."""
    return f"/perception/lidar/{profile.lidar.lidar_name}/clusters"


def detections_topic(camera: str) -> str:
    """Topic of a camera's detections."""
    return f"/perception/camera/{camera}/detections"


def run_live(drive: Path, profile: Profile, output: Path, work: Path, options: LiveOptions) -> LiveResult:
    """Launch the profile, play ``drive``, record the results into ``output``; ``work`` takes logs.

    Raises:
        BagError: the recording cannot be read or lacks an input of the profile.
        LiveError: the nodes do not start, another stack runs in this ROS domain, or the player fails.
    """
    with BagReader(drive) as bag:
        bag.require([profile.lidar.points_topic])
        seconds = (bag.end_ns - bag.start_ns) / 1e9
    seconds = min(seconds, options.duration) if options.duration else seconds
    result = LiveResult()
    publish_log = work / "published.csv"
    publish_log.unlink(missing_ok=True)
    nodes = ProcessTree(_launch_command(profile), work / "launch.log")
    player = ProcessTree(_player_command(drive, profile, publish_log, options), work / "player.log")
    with Monitor(result_topics(profile)) as monitor:
        _refuse_company(monitor)
        began = time.monotonic()
        with nodes:
            _wait_active(monitor, nodes)
            result.start_s = time.monotonic() - began
            with player:
                _watch(monitor, nodes, player, seconds / options.rate)
                failed = player.returncode
            _drain(monitor)
        result.killed = nodes.killed + player.killed
        if failed != 0:
            raise LiveError(f"the player ended with {failed}: {player.last_lines(2)}")
        _evaluate(result, monitor, read_publish_log(publish_log), profile)
        _write(output, monitor, read_publish_log(publish_log)[profile.lidar.points_topic], profile, options.rate)
    result.peak_rss_mb = {name: round(size / 1e6, 1) for name, size in {**nodes.peak_rss, **player.peak_rss}.items()}
    result.notes += [f"{count} x {text}" if count > 1 else text for text, count in monitor.warnings.most_common(12)]
    return result


def _launch_command(profile: Profile) -> list[str]:
    file = str(bringup_folder("launch") / "perception.launch.py")
    told = {"profile": profile.name, "params_file": str(profile.path.resolve())}
    arguments = {**told, "use_sim_time": "true", "publish_static_tf": "false"}
    return python("perception_tools.launching", file, *(f"{key}:={value}" for key, value in arguments.items()))


def _player_command(drive: Path, profile: Profile, publish_log: Path, options: LiveOptions) -> list[str]:
    parameters = {
        "bag": drive,
        "publish_log": publish_log,
        "rate": float(options.rate),
        "duration": float(options.duration),
        "exclude": "['/perception','/diagnostics']",
        "wait_for_topics": str(_awaited(profile)),
    }
    words = [word for key, value in parameters.items() for word in ("-p", f"{key}:={value}")]
    return python("perception_nodes.player_node", "--ros-args", "--params-file", str(profile.path), *words)


def _awaited(profile: Profile) -> list[str]:
    """Inputs, once for each node that subscribes to them: fusion_node wants each CameraInfo too."""
    return [*profile.input_topics.values(), *(camera.camera_info_topic for camera in profile.cameras)]


def _refuse_company(monitor: Monitor) -> None:
    time.sleep(0.5)
    others = monitor.others()
    if others:
        domain = os.environ.get("ROS_DOMAIN_ID", "0")
        raise LiveError(
            f"{', '.join(others)} run already in ROS domain {domain}: stop them, or set another ROS_DOMAIN_ID"
        )


def _wait_active(monitor: Monitor, nodes: ProcessTree) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    say("starting the nodes (compiles for a minute the first time)")
    wanted: list[str] = []
    while len(wanted) < len(NODE_CONFIGS):
        if not nodes.running or time.monotonic() > deadline:
            raise LiveError(f"{_CANNOT_START}: the launch ended\n{nodes.last_lines()}")
        time.sleep(0.2)
        wanted = [name for name in nodes.sample() if name in NODE_CONFIGS]
    late = monitor.wait_active(wanted, lambda: nodes.running, deadline - time.monotonic())
    if late:
        raise LiveError(f"{_CANNOT_START}: {', '.join(late)}\n{nodes.last_lines()}")


def _watch(monitor: Monitor, nodes: ProcessTree, player: ProcessTree, seconds: float) -> None:
    """Show the progress until the player ends."""
    with progress(total=round(seconds, 1), desc="playing", unit="s") as bar:
        began = None
        while player.running:
            if not nodes.running:
                raise LiveError(f"the launch ended while playing\n{nodes.last_lines()}")
            time.sleep(_SAMPLE_S)
            nodes.sample()
            player.sample()
            if began is None and monitor.received:
                began = time.monotonic()
            if began is not None:
                bar.update(min(time.monotonic() - began, bar.total) - bar.n)


def _drain(monitor: Monitor) -> None:
    """Wait until nothing has come for half a second."""
    deadline = time.monotonic() + _DRAIN_S
    count = -1
    while len(monitor.received) != count and time.monotonic() < deadline:
        count = len(monitor.received)
        time.sleep(0.5)


def _evaluate(result: LiveResult, monitor: Monitor, log: dict[str, Published], profile: Profile) -> None:
    scans = _of(log, profile.lidar.points_topic)
    clusters, objects = monitor.times(clusters_topic(profile)), monitor.times("/perception/objects")
    obstacles = monitor.times(OBSTACLES_TOPIC)
    result.scans_published = len(scans)
    result.scans_lost = len(lost(scans, obstacles))
    result.stages_ms = {
        "scan published -> obstacles received": between_ms(scans, obstacles),
        "scan published -> clusters": between_ms(scans, clusters),
        "clusters -> objects": between_ms(clusters, objects),
        "objects -> obstacles": between_ms(objects, obstacles),
    }
    for camera in profile.cameras:
        images, found = _of(log, camera.image_topic), monitor.times(detections_topic(camera.camera_name))
        result.images_published += len(images)
        if found:
            result.images_lost = (result.images_lost or 0) + len(lost(images, found))
            result.stages_ms[f"image {camera.camera_name} published -> detections"] = between_ms(images, found)
    _count_arrays(result, monitor, scans)


def _count_arrays(result: LiveResult, monitor: Monitor, scans: dict[int, int]) -> None:
    last = None
    for message in monitor.received:
        if message.topic != OBSTACLES_TOPIC:
            continue
        last = deserialize_message(message.data, ObstacleArray)
        if header_stamp_ns(message.data) in scans:
            result.arrays += 1
            result.modes[Mode(last.mode).name] += 1
        else:  # the watchdog's, while no scan comes
            result.arrays_between += 1
    if last is not None:
        result.notes += [f"{s.name}: {SensorState(s.state).name}: {s.reason}" for s in last.sensors if s.reason]


def _of(log: dict[str, Published], topic: str) -> dict[int, int]:
    return by_stamp(log[topic]) if topic in log else {}


def _write(output: Path, monitor: Monitor, scans: Published, profile: Profile, rate: float) -> None:
    """Record what came, at the recording's own time of its arrival."""
    topics = result_topics(profile)
    with BagWriter(output) as writer:
        for topic, type_name in topics.items():
            writer.add_topic(topic, type_name)
        for message in monitor.received:
            writer.write(message.topic, recording_time(scans, message.monotonic_ns, rate), message.data)
