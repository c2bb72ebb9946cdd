"""What each node can be told, beside the parameters of the core component that it runs."""

from dataclasses import dataclass, replace

from perception_core.camera.detector import CameraConfig
from perception_core.camera.image_watch import ImageWatchConfig
from perception_core.config import Config, group, param
from perception_core.errors import ConfigError
from perception_core.fusion import FusionConfig, SensorMonitorConfig
from perception_core.lidar.config import LidarConfig
from perception_core.planning.occupancy import OccupancyConfig
from perception_core.planning.sectors import SectorConfig
from perception_core.tracking import TrackerConfig


@dataclass(frozen=True)
class NodeConfig(Config):
    """What every node takes."""

    autostart: bool = param(True, "configure and activate without being asked, also after a respawn")
    max_age: float = param(0.5, "older messages are dropped on arrival", unit="s", low=0.01, high=60.0)
    max_future: float = param(
        0.1, "messages stamped later than this after now are dropped", unit="s", low=0.0, high=10.0
    )


@dataclass(frozen=True)
class CameraNodeConfig(NodeConfig):
    """camera_node: one camera, or several that share the networks."""

    camera_name: str = param("front", "name of the camera in topics and in the status of sensors")
    image_topic: str = param("/sensors/camera_front/image_raw", "input: sensor_msgs/Image or CompressedImage")
    camera_info_topic: str = param("/sensors/camera_front/camera_info", "input: its CameraInfo, to check image sizes")
    other_cameras: tuple[str, ...] = param((), "names of further cameras that share the networks")
    other_image_topics: tuple[str, ...] = param((), "inputs: images of each of those, in the order")
    other_camera_info_topics: tuple[str, ...] = param((), "inputs: CameraInfo of each of those, in the order")
    image_transport: str = param("raw", "type of the image topics", choices=("raw", "compressed"))
    batching: str = param(
        "auto",
        "read images of several cameras that are there at once in one run of the network: auto where measuring shows "
        "that it pays, off: one by one, on: always",
        choices=("auto", "off", "on"),
    )
    camera: CameraConfig = group(CameraConfig)
    images: ImageWatchConfig = group(ImageWatchConfig)


def each_camera(config: CameraNodeConfig) -> tuple[CameraNodeConfig, ...]:
    """Return the configuration of each camera of a node as if it had a node of its own. Raises ConfigError."""
    check_cameras(config)
    alone = replace(config, other_cameras=(), other_image_topics=(), other_camera_info_topics=())
    others = zip(config.other_cameras, config.other_image_topics, config.other_camera_info_topics, strict=True)
    return alone, *(
        replace(alone, camera_name=name, image_topic=images, camera_info_topic=info) for name, images, info in others
    )


def check_cameras(config: CameraNodeConfig) -> None:
    """Check that every camera has a name of its own and topics of its own. Raises ConfigError."""
    names = config.other_cameras
    for what, first in (("image", config.image_topic), ("camera_info", config.camera_info_topic)):
        topics = config.other_image_topics if what == "image" else config.other_camera_info_topics
        if len(names) != len(topics):
            raise ConfigError(
                f"other_{what}_topics: {len(topics)} topics, but other_cameras names {len(names)}: {names}"
            )
        _check_distinct(f"{what} topics", (first, *topics))
    _check_distinct("other_cameras", (config.camera_name, *names))


def _check_distinct(what: str, values: tuple[str, ...]) -> None:
    if len(set(values)) != len(values):
        raise ConfigError(f"{what}: one of {', '.join(values)} is named twice")


@dataclass(frozen=True)
class LidarNodeConfig(NodeConfig):
    """lidar_node: one LiDAR, or several of one robot joined."""

    lidar_name: str = param("top", "name of the LiDAR in topics and in the status of sensors; of several, the leading")
    points_topic: str = param("/sensors/lidar_top/points", "input: sensor_msgs/PointCloud2")
    other_lidars: tuple[str, ...] = param((), "names of further LiDARs whose scans are joined with the first one's")
    other_points_topics: tuple[str, ...] = param((), "inputs: sensor_msgs/PointCloud2 of each of those, in the order")
    base_frame: str = param("base_link", "frame of the results: on the ground, x forward, z up")
    transform_timeout: float = param(0.2, "how long a scan waits for its transform", unit="s", low=0.0, high=5.0)
    fixed_frame: str = param("", "frame of the odometry on /tf that takes ego motion out of the scans; '' without")
    odometry_topic: str = param(
        "", "input: nav_msgs/Odometry whose twist serves where fixed_frame does not; '' for none"
    )
    imu_topic: str = param("", "input: sensor_msgs/Imu whose angular rates serve without odometry; '' for none")
    calibration: str = param("", "calibration folder whose extrinsics.yaml holds the robot's own boxes; '' for none")
    lidar: LidarConfig = group(LidarConfig)


def check_lidars(config: LidarNodeConfig) -> None:
    """Check that every LiDAR has a name of its own and a topic. Raises ConfigError."""
    names, topics = config.other_lidars, config.other_points_topics
    if len(names) != len(topics):
        raise ConfigError(f"other_points_topics: {len(topics)} topics, but other_lidars names {len(names)}: {names}")
    _check_distinct("other_lidars", (config.lidar_name, *names))
    _check_distinct("points", (config.points_topic, *topics))


@dataclass(frozen=True)
class FusionNodeConfig(NodeConfig):
    """fusion_node."""

    base_frame: str = param("base_link", "frame of the objects")
    fixed_frame: str = param("", "frame that does not move, through which ego motion is taken out; '' without odometry")
    lidar_name: str = param("top", "name of the LiDAR; of several, the leading")
    other_lidars: tuple[str, ...] = param((), "names of the LiDARs that lidar_node joins with it")
    cameras: tuple[str, ...] = param(("front",), "names of the cameras, the most important first")
    camera_info_topics: tuple[str, ...] = param(
        ("/sensors/camera_front/camera_info",), "inputs: CameraInfo of each camera, in the same order"
    )
    rectified_cameras: tuple[str, ...] = param((), "cameras whose detections were made on rectified images (P, not K)")
    fusion: FusionConfig = group(FusionConfig)
    monitor: SensorMonitorConfig = group(SensorMonitorConfig)


@dataclass(frozen=True)
class TrackingNodeConfig(NodeConfig):
    """tracking_node."""

    base_frame: str = param("base_link", "frame of the objects")
    fixed_frame: str = param(
        "", "frame of the obstacles, in which the world stands still; '' without odometry: base_frame"
    )
    lidar_name: str = param("top", "name of the LiDAR; of several, the leading")
    other_lidars: tuple[str, ...] = param((), "names of the LiDARs that lidar_node joins with it")
    cameras: tuple[str, ...] = param(("front",), "names of the cameras")
    objects_timeout: float = param(
        0.3,
        "without objects for longer the obstacles are predicted and the mode is BLIND",
        unit="s",
        low=0.05,
        high=10.0,
    )
    watchdog_period: float = param(0.1, "period of messages while there are no objects", unit="s", low=0.02, high=1.0)
    transform_timeout: float = param(0.2, "how long objects wait for the ego pose", unit="s", low=0.0, high=5.0)
    tracking: TrackerConfig = group(TrackerConfig)
    occupancy: OccupancyConfig = group(OccupancyConfig)
    sectors: SectorConfig = group(SectorConfig)


NODE_CONFIGS: dict[str, type[NodeConfig]] = {
    "camera_node": CameraNodeConfig,
    "lidar_node": LidarNodeConfig,
    "fusion_node": FusionNodeConfig,
    "tracking_node": TrackingNodeConfig,
}
"""Config class of each node by its name."""
