"""The topics of one camera of camera_node: its images decoded, and what was seen in them published."""

import time
from typing import TYPE_CHECKING, Any

from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage
from sensor_msgs.msg import Image as ImageMsg
from vision_msgs.msg import Detection2DArray, LabelInfo

from perception_core.camera.detector import CameraResult
from perception_core.camera.image_watch import ImageWatch
from perception_core.camera.label_image import label_image
from perception_core.camera.overlay import draw_result
from perception_core.errors import ImageError
from perception_core.types import Image, SensorKind
from perception_nodes.config import CameraNodeConfig
from perception_nodes.conversions import cdr
from perception_nodes.conversions.camera_info import sent_size
from perception_nodes.conversions.detections import detections_to_msg
from perception_nodes.conversions.image import image_from_compressed_msg, image_from_msg, image_to_msg
from perception_nodes.conversions.segmentation import label_info_to_msg, masks_to_msg, segmentation_to_msg
from perception_nodes.node import qos
from perception_nodes.node.base import PerceptionNode
from perception_nodes.node.sensor_report import SensorReport

if TYPE_CHECKING:
    from collections.abc import Callable

_SEGMENTATION_QUEUE = 2
"""Label images are as large as images; who is late takes the newest."""


class CameraPort:
    """One camera: :meth:`check` is for the thread that listens, the rest for the one that works."""

    def __init__(self, node: PerceptionNode[Any], config: CameraNodeConfig) -> None:
        """Create the publishers of the camera that ``config`` names first, and its age limits."""
        topics = f"camera/{config.camera_name}"
        self.name = config.camera_name
        self.config = config
        self.sensor = SensorReport(node, f"{topics}/status", self.name, SensorKind.CAMERA)
        self._node = node
        self._detections = node.publish_to(Detection2DArray, f"{topics}/detections")
        self._segmentation = node.publish_to(ImageMsg, f"{topics}/segmentation", qos.result(_SEGMENTATION_QUEUE))
        self._instances = node.publish_to(ImageMsg, f"{topics}/instances", qos.result(_SEGMENTATION_QUEUE))
        self._labels = node.publish_to(LabelInfo, f"{topics}/labels", qos.latched())
        self._overlay = node.publish_to(ImageMsg, f"{topics}/overlay", qos.result(1))
        self._gate = node.gate(f"camera {self.name}")
        self._watch = ImageWatch(config.images)
        self._announced_size: tuple[int, int] | None = None
        compressed = config.image_transport == "compressed"
        self.kind: type = CompressedImage if compressed else ImageMsg
        self._decode: Callable[[Any], Image] = image_from_compressed_msg if compressed else image_from_msg

    @property
    def wants_pixels(self) -> bool:
        """Whether somebody listens to the label image or to the masks, or looks at the overlay."""
        return any(p.get_subscription_count() for p in (self._segmentation, self._instances, self._overlay))

    def check(self, data: bytes) -> None:
        """Check the stamp of an image that has just come. Raises StampRefusedError."""
        self._gate.check(cdr.stamp_ns(data, self.kind), self._node.now_ns())

    def on_camera_info(self, msg: CameraInfo) -> None:
        """Take the size that images should have."""
        self._announced_size = sent_size(msg)

    def decode(self, data: bytes) -> Image:
        """Return the image of a message's bytes.

        Raises:
            ImageError: it is none, has another size than the CameraInfo, or is no view of anything.
        """
        try:
            msg = deserialize_message(data, self.kind)
        except Exception as error:  # rclpy's own errors share no base
            raise ImageError(f"camera {self.name}: a message of {len(data)} bytes cannot be read: {error}") from error
        image = self._decode(msg)
        height, width = image.pixels.shape[:2]
        if self._announced_size not in (None, (0, 0), (width, height)):
            expected = "{}x{}".format(*self._announced_size)
            raise ImageError(f"image of {width}x{height}, but {self.config.camera_info_topic} says {expected}")
        self._watch.check(image)
        return image

    def announce_labels(self) -> None:
        """Publish, for all who come, what the ids of the label images mean."""
        self._labels.publish(label_info_to_msg(max(self._node.now_ns(), 0), ""))

    def publish(self, image: Image, result: CameraResult) -> None:
        """Publish what was seen; label image and masks first, so that they are there when the detections come."""
        if self._segmentation.get_subscription_count() and (labels := label_image(result)) is not None:
            self._segmentation.publish(segmentation_to_msg(labels))
            self._node.stats.received(self.key("segmentation"), time.monotonic_ns())
        if self._instances.get_subscription_count() and result.masks is not None:
            self._instances.publish(masks_to_msg(result.masks))
            self._node.stats.received(self.key("instances"), time.monotonic_ns())
        if result.detections is not None:
            self._detections.publish(detections_to_msg(result.detections))
            self._node.stats.received(self.key("detections"), time.monotonic_ns())
        self._node.stats.took("since_stamp", self._node.since_ms(image.stamp_ns))

    def show(self, image: Image, result: CameraResult) -> None:
        """Publish the picture for people, if one of them looks."""
        if self._overlay.get_subscription_count():
            self._overlay.publish(image_to_msg(draw_result(image, result), image.stamp_ns, image.frame))

    def key(self, what: str) -> str:
        """Return what something of this camera is counted as: with the camera's name where there are several."""
        return f"{what}.{self.name}" if self._node.config.other_cameras else what
