"""Which topics of a recording the calibration check compares: those of a profile, or the only ones there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perception_core.errors import BagError, ConfigError
from perception_nodes.config import CameraNodeConfig
from perception_tools.bags import BagReader
from perception_tools.profile import Profile, calibration_folder

_CLOUD = "sensor_msgs/msg/PointCloud2"
_IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
_INFO = "sensor_msgs/msg/CameraInfo"
_OWN_TOPICS = ("/perception/", "/ground_truth/")


@dataclass(frozen=True, slots=True)
class Source:
    """What of a recording is compared.

    Attributes:
        camera: name for people.
        lidar: name for people.
        image, camera_info, points: topics.
        compressed: whether the images are.
        rectified: whether the images are rectified, so that P of CameraInfo holds.
        base_frame: in whose axes the correction is told.
        fixed_frames: frames of an odometry on /tf, in the order in which they are tried.
        odometry, imu: topics of body rates, '' for none.
        calibration: folder that stands in for /tf_static, None for none.
        settings: of the camera's networks, None without a profile.
    """

    camera: str
    lidar: str
    image: str
    camera_info: str
    points: str
    compressed: bool = False
    rectified: bool = False
    base_frame: str = "base_link"
    fixed_frames: tuple[str, ...] = ("odom", "map")
    odometry: str = ""
    imu: str = ""
    calibration: Path | None = None
    settings: CameraNodeConfig | None = None


def source_of_profile(profile: Profile, camera: str | None = None, lidar: str | None = None) -> Source:
    """Return the topics of a profile's camera and LiDAR, the first ones where none is named.

    Raises:
        ConfigError: the profile has none of that name.
    """
    cameras = {c.camera_name: c for c in profile.cameras}
    chosen = _named("camera", cameras, camera, profile)
    points = _named("LiDAR", profile.points_topics, lidar, profile)
    base, settings = profile.tracking.base_frame, cameras[chosen]
    fixed = dict.fromkeys((profile.lidar.fixed_frame, profile.tracking.fixed_frame))
    return Source(
        camera=chosen,
        lidar=points,
        image=settings.image_topic,
        camera_info=settings.camera_info_topic,
        points=profile.points_topics[points],
        compressed=settings.image_transport == "compressed",
        rectified=chosen in profile.fusion.rectified_cameras,
        base_frame=base,
        fixed_frames=tuple(frame for frame in fixed if frame not in ("", base)),
        odometry=profile.lidar.odometry_topic,
        imu=profile.lidar.imu_topic,
        calibration=calibration_folder(profile),
        settings=settings,
    )


def source_of_bag(bag: BagReader, camera: str | None = None, lidar: str | None = None) -> Source:
    """Return the only camera and LiDAR of a recording, or those whose topics are named.

    Raises:
        BagError: there is none, there are several, or the camera has no CameraInfo beside its images.
    """
    image = _only(bag, "image", _IMAGES, camera, "--camera")
    points = _only(bag, "PointCloud2", (_CLOUD,), lidar, "--lidar")
    folders = [image.rpartition("/")[0], image.rpartition("/")[0].rpartition("/")[0]]
    beside = [f"{folder}/camera_info" for folder in folders]
    infos = [t.name for t in bag.topics.values() if t.type == _INFO and t.count]
    info = next((topic for topic in beside if topic in infos), infos[0] if len(infos) == 1 else "")
    if not info:
        raise BagError(f"{bag.path}: no messages on {beside[0]}, the CameraInfo of {image}; there is: {_list(infos)}")
    rectified = "rect" in image.rpartition("/")[2]
    compressed = bag.topics[image].type == _IMAGES[1]
    return Source(image, points, image, info, points, compressed, rectified)


def _named(what: str, known: Mapping[str, object], name: str | None, profile: Profile) -> str:
    if not known:
        raise ConfigError(f"profile {profile.name!r}: no {what} in it")
    if name is not None and name not in known:
        raise ConfigError(f"profile {profile.name!r}: no {what} {name!r}; known: {', '.join(known)}")
    return name or next(iter(known))


def _only(bag: BagReader, what: str, types: tuple[str, ...], name: str | None, option: str) -> str:
    found = [t.name for t in bag.topics.values() if t.type in types and t.count and not t.name.startswith(_OWN_TOPICS)]
    if name is not None:
        if name not in found:
            raise BagError(f"{bag.path}: no {what} on {name}; recorded: {_list(found)}")
        return name
    if not found:
        there = _list([f"{t.name} ({t.type})" for t in bag.topics.values() if t.count])
        raise BagError(f"{bag.path}: no {what} is recorded; recorded: {there}")
    if len(found) > 1:
        raise BagError(f"{bag.path}: {len(found)} topics of type {what}, name one with {option}: {', '.join(found)}")
    return found[0]


def _list(names: list[str]) -> str:
    return ", ".join(names) or "nothing"
