"""Recordings for the tests of the tools: a simulated one, and a handmade one that tests can break."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from tf2_msgs.msg import TFMessage

from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import from_yaw
from perception_core.types import PointCloud
from perception_nodes.conversions.camera_info import camera_info_to_msg
from perception_nodes.conversions.cloud import cloud_to_msg
from perception_nodes.conversions.image import image_to_msg
from perception_nodes.conversions.tf import transform_to_msg
from perception_tools.bags import LATCHED, BagWriter
from perception_tools.simulated_bag import simulate_bag

START_NS = 1_000_000_000_000
PERIOD_NS = 100_000_000
POINTS, IMAGE, INFO = (
    "/sensors/lidar_top/points",
    "/sensors/camera_front/image_raw",
    "/sensors/camera_front/camera_info",
)


@pytest.fixture(scope="session")
def tiny_bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of the scenario `tiny`."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.mcap"
    simulate_bag("tiny", path, duration=1.0)
    return path


@dataclass
class HandmadeDrive:
    """Ten scans, images and poses at 10 Hz; a test changes messages before `write` puts them into a file."""

    messages: list[tuple[str, int, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for k in range(10):
            stamp = START_NS + k * PERIOD_NS
            for topic, message in _messages_at(stamp):
                self.messages.append((topic, stamp, message))

    def of(self, topic: str) -> list:
        """Messages of a topic, to be changed in place."""
        return [message for name, _, message in self.messages if name == topic]

    def drop(self, topic: str) -> None:
        """Leave a topic out."""
        self.messages = [m for m in self.messages if m[0] != topic]

    def write(self, path: Path) -> Path:
        """Write the file."""
        kinds = {POINTS: "sensor_msgs/msg/PointCloud2", IMAGE: "sensor_msgs/msg/Image",
                 INFO: "sensor_msgs/msg/CameraInfo", "/tf": "tf2_msgs/msg/TFMessage",
                 "/tf_static": "tf2_msgs/msg/TFMessage"}  # fmt: skip
        with BagWriter(path) as bag:
            for topic, log_ns, message in self.messages:
                bag.add_topic(topic, kinds[topic], (LATCHED,) if topic == "/tf_static" else ())
                bag.write(topic, log_ns, message)
        return path


@pytest.fixture
def drive() -> HandmadeDrive:
    """A drive in which nothing is wrong."""
    return HandmadeDrive()


def _messages_at(stamp: int):
    camera = CameraModel(64, 48, np.array([[60.0, 0, 31.5], [0, 60.0, 23.5], [0, 0, 1]]), frame="camera_front")
    if stamp == START_NS:
        lidar = transform_to_msg(from_yaw(0.0, (0.0, 0.0, 1.8)), "base_link", "lidar_top", stamp)
        optical = transform_to_msg(from_yaw(0.0, (0.3, 0.0, 1.6)), "base_link", "camera_front", stamp)
        yield "/tf_static", TFMessage(transforms=[lidar, optical])
    yield "/tf", TFMessage(transforms=[transform_to_msg(from_yaw(0.0), "odom", "base_link", stamp)])
    yield INFO, camera_info_to_msg(camera, stamp)
    yield IMAGE, image_to_msg(np.full((48, 64, 3), 90, np.uint8), stamp, "camera_front")
    yield (
        POINTS,
        cloud_to_msg(PointCloud(_street(), stamp, "lidar_top", intensity=np.zeros(len(_street()), np.float32))),
    )


def _street() -> np.ndarray:
    """Ground 1.8 m below the sensor, and a wall of 1 m x 1 m that stands 10 m ahead."""
    x, y = np.meshgrid(np.arange(-20.0, 20.0, 0.5), np.arange(-20.0, 20.0, 0.5))
    ground = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, -1.8)])
    v, w = np.meshgrid(np.arange(-0.5, 0.5, 0.05), np.arange(-1.7, -0.7, 0.05))
    wall = np.column_stack([np.full(v.size, 10.0), v.ravel(), w.ravel()])
    return np.vstack([ground, wall]).astype(np.float32)
