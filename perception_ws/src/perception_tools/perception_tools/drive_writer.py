"""Writes a drive of cameras and LiDARs as a recording: what a rig's drivers would have published."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from tf2_msgs.msg import TFMessage

from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import Transform
from perception_core.types import Obstacles, PointCloud, Truth
from perception_nodes.conversions.camera_info import camera_info_to_msg
from perception_nodes.conversions.cloud import cloud_to_msg, rows_to_msg
from perception_nodes.conversions.image import image_to_msg
from perception_nodes.conversions.obstacles import obstacles_to_msg
from perception_nodes.conversions.tf import transform_to_msg
from perception_tools.bags import LATCHED, BagWriter

TRUTH_TOPIC = "/ground_truth/obstacles"
VISIBILITY_TOPIC = "/ground_truth/visibility"
TF_TOPIC = "/tf"
STATIC_TF_TOPIC = "/tf_static"


VISIBILITY = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("visible_fraction", "<f4"), ("point_count", "<i4")])
"""Layout of /ground_truth/visibility: rows as the obstacles of /ground_truth/obstacles; x, y, z are their centres."""


@dataclass(frozen=True, slots=True)
class CameraTopics:
    """Where a camera's messages go."""

    image: str
    camera_info: str


@dataclass(frozen=True, slots=True)
class DriveTopics(CameraTopics):
    """Where the messages of the main sensors go."""

    points: str


class DriveWriter:
    """Writes sensor messages at the log time of their own stamps; to be used in a ``with`` statement.

    What is not said to arrive later is written at its stamp. Within one stamp the order is: transforms, CameraInfo,
    image, cloud, truth, so that a player sends what is needed to understand a message before the message.

    Raises:
        BagError: as BagWriter.
    """

    def __init__(self, path: Path, topics: DriveTopics) -> None:
        """Begin the recording."""
        self._topics = topics
        self._bag = BagWriter(path)
        self._bag.add_topic(STATIC_TF_TOPIC, "tf2_msgs/msg/TFMessage", (LATCHED,))
        self._bag.add_topic(topics.camera_info, "sensor_msgs/msg/CameraInfo")
        self._bag.add_topic(topics.image, "sensor_msgs/msg/Image")
        self._bag.add_topic(topics.points, "sensor_msgs/msg/PointCloud2")

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete or discard the recording."""
        self._bag.__exit__(kind, value, trace)

    def static_transforms(self, stamp_ns: int, transforms: Iterable[tuple[str, str, Transform]]) -> None:
        """Write one /tf_static message of (parent, child, T_parent_child)."""
        self._transforms(STATIC_TF_TOPIC, stamp_ns, transforms)

    def transform(self, stamp_ns: int, parent: str, child: str, T_parent_child: Transform) -> None:
        """Write one moving transform on /tf."""
        self._bag.add_topic(TF_TOPIC, "tf2_msgs/msg/TFMessage")
        self._transforms(TF_TOPIC, stamp_ns, [(parent, child, T_parent_child)])

    def image(
        self,
        stamp_ns: int,
        pixels: NDArray[np.uint8],
        camera: CameraModel,
        topics: CameraTopics | None = None,
        arrival_ns: int | None = None,
    ) -> None:
        """Write CameraInfo and a bgr8 image, uint8 (H, W, 3), on the topics of the main camera where none are named."""
        topics = topics or self._topics
        log_ns = stamp_ns if arrival_ns is None else arrival_ns
        self._bag.add_topic(topics.camera_info, "sensor_msgs/msg/CameraInfo")
        self._bag.add_topic(topics.image, "sensor_msgs/msg/Image")
        self._bag.write(topics.camera_info, log_ns, camera_info_to_msg(camera, stamp_ns))
        self._bag.write(topics.image, log_ns, image_to_msg(pixels, stamp_ns, camera.frame))

    def cloud(self, cloud: PointCloud, topic: str | None = None, arrival_ns: int | None = None) -> None:
        """Write a scan, on the topic of the main LiDAR where none is named."""
        if topic is not None:
            self._bag.add_topic(topic, "sensor_msgs/msg/PointCloud2")
        log_ns = cloud.stamp_ns if arrival_ns is None else arrival_ns
        self._bag.write(topic or self._topics.points, log_ns, cloud_to_msg(cloud))

    def truth(self, truth: Obstacles) -> None:
        """Write what is really there as an ObstacleArray."""
        self._bag.add_topic(TRUTH_TOPIC, "perception_interfaces/msg/ObstacleArray")
        self._bag.write(TRUTH_TOPIC, truth.stamp_ns, obstacles_to_msg(truth))

    def visibility(self, truth: Truth) -> None:
        """Write what the sensors could see of each true object, as a cloud of rows :data:`VISIBILITY`."""
        rows = np.empty(len(truth), dtype=VISIBILITY)
        rows["x"], rows["y"], rows["z"] = truth.centre.T
        rows["visible_fraction"], rows["point_count"] = truth.visible_fraction, truth.point_count
        self._bag.add_topic(VISIBILITY_TOPIC, "sensor_msgs/msg/PointCloud2")
        self._bag.write(VISIBILITY_TOPIC, truth.stamp_ns, rows_to_msg(rows, truth.stamp_ns, truth.frame))

    def _transforms(self, topic: str, stamp_ns: int, transforms: Iterable[tuple[str, str, Transform]]) -> None:
        messages = [transform_to_msg(T, parent, child, stamp_ns) for parent, child, T in transforms]
        self._bag.write(topic, stamp_ns, TFMessage(transforms=messages))
