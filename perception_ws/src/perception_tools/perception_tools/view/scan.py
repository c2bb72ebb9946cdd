"""The scan that is looked at: one of a recording, or a file of points, with the robot it belongs to."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Imu, PointCloud2

from perception_core.datasets.calibration import load_body
from perception_core.datasets.kitti import read_points
from perception_core.errors import BagError, DatasetError, PerceptionError
from perception_core.geometry.transforms import Transform, apply, from_yaw, yaw_of
from perception_core.pipeline import TransformSource
from perception_core.types import PointCloud
from perception_core.types.body import BodyBox
from perception_interfaces.msg import ObstacleArray
from perception_nodes.config import FusionNodeConfig, LidarNodeConfig, TrackingNodeConfig
from perception_nodes.conversions.cloud import cloud_from_msg
from perception_nodes.conversions.obstacles import obstacles_from_msg
from perception_nodes.conversions.rates import BodyRates, rates_from_imu, rates_from_odometry
from perception_tools.bags import BagMessage, BagReader, header_stamp_ns
from perception_tools.drive_writer import STATIC_TF_TOPIC
from perception_tools.profile import Profile, calibration_folder
from perception_tools.scene import OBSTACLES_TOPIC
from perception_tools.transforms import RecordedTransforms
from perception_tools.view.when import When

POINT_FILES = (".pcd", ".ply", ".xyz", ".bin")
CLOUD_TYPE = "sensor_msgs/msg/PointCloud2"
_PLY_MAGIC = b"ply"
_OWN_TOPICS = ("/perception/", "/ground_truth/")
_NS = 1_000_000_000
_AROUND_NS = _NS, _NS
"""What arrived so long before and after a scan may belong to it: scans of other LiDARs, body rates."""
_CLOCK_NS = 10 * _NS
"""A stamp farther than this from when it was recorded is of another clock."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What reached the robot at ``log_ns``: a scan of the LiDAR of that name, or body rates."""

    log_ns: int
    lidar: str
    data: PointCloud | BodyRates


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan and what is needed to run the LiDAR path on it.

    Attributes:
        name: recording or file.
        topic: of the recording; '' for a file.
        at_s: seconds from the start of the recording.
        log_ns: when it was recorded.
        lidar: name of the LiDAR.
        cloud: in the sensor's frame.
        non_finite: points that were none.
        transforms: of the recording, or of a level sensor at a given height.
        profile: whose parameters hold.
        body: the robot's own boxes.
        arrivals: what reached the robot around the scan, in order: scans of all LiDARs, this one among them, and rates.
        notes: lines for a person.
    """

    name: str
    topic: str
    at_s: float
    log_ns: int
    lidar: str
    cloud: PointCloud
    non_finite: int
    transforms: TransformSource
    profile: Profile
    body: tuple[BodyBox, ...] = ()
    arrivals: tuple[Arrival, ...] = ()
    notes: tuple[str, ...] = ()


class LevelSensor:
    """Transforms of a robot of which only the height of its sensor is known: no turn, no shift, no motion."""

    def __init__(self, height: float) -> None:
        """Take metres above the ground."""
        self._T_base_sensor = from_yaw(0.0, (0.0, 0.0, height))

    def lookup(self, target: str, source: str, stamp_ns: int) -> Transform:
        """Return the height for every pair of frames, whatever the stamp."""
        del target, source, stamp_ns
        return self._T_base_sensor


def scan_of_bag(
    path: Path, when: When, profile: Profile | None = None, topic: str | None = None, height: float | None = None
) -> Scan:
    """Return the scan at ``when``, or the next one after it.

    Args:
        path: a rosbag2.
        when: the moment.
        profile: whose topic, parameters and calibration hold; None: the only cloud of the recording, the defaults.
        topic: of the clouds, in the place of the profile's.
        height: metres of the sensor above ground, in the place of the recorded transforms.

    Raises:
        BagError: no such recording, no clouds in it, or none at that moment.
        CloudError: the message is no cloud that can be read.
    """
    with BagReader(path) as bag:
        name = topic or (profile.lidar.points_topic if profile else _only_cloud(bag))
        bag.require([name])
        if bag.topics[name].type != CLOUD_TYPE:
            raise BagError(f"{path}: {name} is a {bag.topics[name].type}, expected {CLOUD_TYPE}")
        message = _message_at(bag, name, when)
        decoded = cloud_from_msg(deserialize_message(message.data, PointCloud2))
        profile = profile or default_profile(name)
        if topic is not None or height is not None:
            profile = _of_one_lidar(profile, name, moving=height is None)
        transforms = LevelSensor(height) if height is not None else _transforms(bag, profile, message.log_ns)
        stamp_ns = decoded.cloud.stamp_ns
        notes = [decoded.warning] if decoded.warning else []
        if abs(stamp_ns - message.log_ns) > _CLOCK_NS:
            off = (stamp_ns - message.log_ns) / _NS
            notes.append(f"the stamps are {off:.1f} s off the recording's clock: --at was taken by the latter")
        at_s = (_time_of(message) - bag.start_ns) / _NS
        return Scan(
            str(path),
            name,
            at_s,
            message.log_ns,
            profile.lidar.lidar_name,
            decoded.cloud,
            decoded.dropped_non_finite,
            transforms,
            profile,
            _body(profile),
            _arrivals(bag, profile, message.log_ns),
            tuple(notes),
        )


def scan_of_file(path: Path, height: float, profile: Profile | None = None) -> Scan:
    """Return the points of a PCD, PLY, XYZ (read by Open3D) or KITTI .bin file of a level sensor at ``height`` metres.

    Raises:
        DatasetError: no such file, or nothing in it.
    """
    if not path.is_file():
        raise DatasetError(f"{path}: no such file")
    intensity = None
    if path.suffix == ".bin":
        rows = read_points(path)
        xyz, intensity = np.ascontiguousarray(rows[:, :3]), np.ascontiguousarray(rows[:, 3])
    else:
        xyz = _read_points(path)
    good = np.isfinite(xyz).all(axis=1)
    if not good.any():
        raise DatasetError(f"{path}: no points in it")
    cloud = PointCloud(xyz[good], 0, "sensor", None if intensity is None else intensity[good])
    profile = _of_one_lidar(profile or default_profile(""), "", moving=False)
    lidar, lost = profile.lidar.lidar_name, int(len(xyz) - good.sum())
    arrivals = (Arrival(0, lidar, cloud),)
    return Scan(str(path), "", 0.0, 0, lidar, cloud, lost, LevelSensor(height), profile, _body(profile), arrivals)


def recorded_boxes(path: Path, scan: Scan) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return centre (M, 3), size (M, 3) and yaw (M,) in base of the obstacles recorded for a scan.

    Raises:
        BagError: the recording has none for this stamp.
        TransformError: their frame is not to be had at the stamp.
    """
    stamp = scan.cloud.stamp_ns
    with BagReader(path) as bag:
        bag.require([OBSTACLES_TOPIC])
        for message in bag.messages((OBSTACLES_TOPIC,)):
            if header_stamp_ns(message.data) == stamp:
                found = obstacles_from_msg(deserialize_message(message.data, ObstacleArray))
                T = scan.transforms.lookup(scan.profile.rig.base_frame, found.frame, stamp)
                return apply(T, found.centre), found.size, found.yaw + yaw_of(T)
    raise BagError(f"{path}: {OBSTACLES_TOPIC} has nothing for the scan of {stamp} ns")


def default_profile(topic: str) -> Profile:
    """Return the defaults of every node, for a recording that no profile describes."""
    lidar = replace(LidarNodeConfig(), points_topic=topic)
    return Profile("defaults", Path(), (), lidar, FusionNodeConfig(), TrackingNodeConfig())


def _of_one_lidar(profile: Profile, topic: str, moving: bool) -> Profile:
    """Return a profile with one LiDAR on a topic; without odometry where the robot does not move."""
    lidar = replace(profile.lidar, points_topic=topic, other_lidars=(), other_points_topics=())
    if not moving:
        lidar = replace(lidar, fixed_frame="", odometry_topic="", imu_topic="")
    return replace(profile, lidar=lidar)


def _body(profile: Profile) -> tuple[BodyBox, ...]:
    """Return the robot's own boxes, from where a replay takes them."""
    folder = profile.lidar.calibration or (calibration_folder(profile) if profile.path.name else None)
    return load_body(folder, profile.lidar.base_frame) if folder else ()


def _arrivals(bag: BagReader, profile: Profile, log_ns: int) -> tuple[Arrival, ...]:
    """Return the scans of all LiDARs and the body rates around the log time of a scan."""
    lidar, names = profile.lidar, {topic: name for name, topic in profile.points_topics.items()}
    rates = lidar.odometry_topic or lidar.imu_topic
    around = _AROUND_NS if rates or len(names) > 1 else (0, 1)
    found: list[Arrival] = []
    for message in bag.messages((*names, rates), start_ns=log_ns - around[0], stop_ns=log_ns + around[1]):
        try:
            if message.topic in names:
                data = cloud_from_msg(deserialize_message(message.data, PointCloud2)).cloud
                found.append(Arrival(message.log_ns, names[message.topic], data))
            elif lidar.odometry_topic:
                found.append(
                    Arrival(message.log_ns, "", rates_from_odometry(deserialize_message(message.data, Odometry)))
                )
            else:
                found.append(Arrival(message.log_ns, "", rates_from_imu(deserialize_message(message.data, Imu))))
        except PerceptionError:
            continue  # a replay drops it, too
    return tuple(found)


def _only_cloud(bag: BagReader) -> str:
    clouds = [t for t in bag.topics.values() if t.type == CLOUD_TYPE and t.count]
    names = [t.name for t in clouds if not t.name.startswith(_OWN_TOPICS)]
    if not names:
        there = ", ".join(f"{t.name} ({t.type})" for t in bag.topics.values()) or "nothing"
        raise BagError(f"{bag.path}: no PointCloud2 is recorded; recorded: {there}")
    if len(names) > 1:
        raise BagError(f"{bag.path}: {len(names)} topics of clouds, name one with --topic: {', '.join(names)}")
    return names[0]


def _message_at(bag: BagReader, topic: str, when: When) -> BagMessage:
    """Return the message whose stamp is the first at or after ``when``; the last one for the end."""
    target = when.target_ns(bag.start_ns, bag.end_ns)
    for message in bag.messages((topic,), start_ns=max(bag.start_ns, target - _CLOCK_NS)):
        if when.kind == "first" or (when.kind != "last" and _time_of(message) >= target):
            return message
    last = _last(bag, topic)
    if when.kind == "number":
        at = (_time_of(last) - bag.start_ns) / _NS
        raise BagError(f"--at {when.text}: no scan on {topic} at or after it; the last one is at {at:.3f} s")
    return last


def _last(bag: BagReader, topic: str) -> BagMessage:
    """Return the last message of a topic that has some, looking from the end."""
    span = _NS
    while True:
        begin = max(bag.start_ns, bag.end_ns - span)
        found = deque(bag.messages((topic,), start_ns=begin), maxlen=1)
        if found:
            return found[0]
        if begin == bag.start_ns:
            raise BagError(f"{bag.path}: no messages on {topic}")
        span *= 8


def _time_of(message: BagMessage) -> int:
    """Return the stamp, or when it was recorded where the stamp is of another clock."""
    stamp = header_stamp_ns(message.data)
    return stamp if abs(stamp - message.log_ns) <= _CLOCK_NS else message.log_ns


def _transforms(bag: BagReader, profile: Profile, log_ns: int) -> RecordedTransforms:
    calibration = calibration_folder(profile) if profile.path.name else None
    transforms = RecordedTransforms(bag, calibration)
    for message in _until(bag.messages((STATIC_TF_TOPIC,)), log_ns):
        transforms.add_static(message)
    return transforms


def _until(messages: Iterator[BagMessage], log_ns: int) -> Iterator[BagMessage]:
    for message in messages:
        if message.log_ns > log_ns:
            return
        yield message


def _read_points(path: Path) -> NDArray[np.float32]:
    import open3d

    if path.suffix == ".ply" and path.read_bytes()[: len(_PLY_MAGIC)] != _PLY_MAGIC:
        raise DatasetError(f"{path}: not a PLY file")
    with open3d.utility.VerbosityContextManager(open3d.utility.VerbosityLevel.Error):
        cloud = open3d.io.read_point_cloud(path)
    points = np.asarray(cloud.points, dtype=np.float32).reshape(-1, 3)
    if not len(points):
        raise DatasetError(f"{path}: no points in it, or no file that Open3D can read")
    return points
