"""camera_node: images of one camera in, detections out."""

import os
import time
from typing import Any

import cv2
from sensor_msgs.msg import CameraInfo, CompressedImage
from sensor_msgs.msg import Image as ImageMsg
from vision_msgs.msg import Detection2DArray

from perception_core.camera.detector import CameraDetector, build_detector
from perception_core.camera.overlay import draw_detections
from perception_core.errors import ImageError, ModelError, PerceptionError
from perception_core.types import Detections2D, Image, SensorKind
from perception_nodes.config import CameraNodeConfig
from perception_nodes.conversions.camera_info import sent_size
from perception_nodes.conversions.detections import detections_to_msg
from perception_nodes.conversions.diagnostics import ERROR, OK
from perception_nodes.conversions.image import image_from_compressed_msg, image_from_msg, image_to_msg
from perception_nodes.conversions.time import ns_from_msg
from perception_nodes.node import qos
from perception_nodes.node.base import PerceptionNode
from perception_nodes.node.runner import run
from perception_nodes.node.sensor_report import SensorReport

MODELS_VARIABLE = "PERCEPTION_MODELS"
"""Folders to search for weights, separated like PATH."""

_IMAGE_QUEUE = 2
"""Old images are worth nothing, so no queue; but one may be in the way of the next for a moment without a loss."""


class CameraNode(PerceptionNode[CameraNodeConfig]):
    """Detects objects in the newest images; older ones are passed over when detection cannot keep up.

    Without weights it stays active and says so, and publishes nothing: no detections would mean that nothing is there.
    """

    def __init__(self, **options: Any) -> None:
        """Declare the parameters; ``options`` are rclpy's. Raises ConfigError."""
        super().__init__("camera_node", CameraNodeConfig, **options)

    def prepare(self) -> None:
        """Load the network and create the publishers."""
        cv2.setNumThreads(1)
        topics = f"camera/{self.config.camera_name}"
        self._detections = self.publish_to(Detection2DArray, f"{topics}/detections")
        self._overlay = self.publish_to(ImageMsg, f"{topics}/overlay", qos.result(1))
        self._sensor = SensorReport(self, f"{topics}/status", self.config.camera_name, SensorKind.CAMERA)
        self._gate = self.gate(f"camera {self.config.camera_name}")
        self._announced_size: tuple[int, int] | None = None
        self._model_fault = ""
        self._detector = self._load()

    def start(self) -> None:
        """Subscribe."""
        compressed = self.config.image_transport == "compressed"
        self._decode = image_from_compressed_msg if compressed else image_from_msg
        kind = CompressedImage if compressed else ImageMsg
        self.listen(kind, self.config.image_topic, self._on_image, qos.sensor_input(_IMAGE_QUEUE))
        self.listen(CameraInfo, self.config.camera_info_topic, self._on_camera_info, qos.sensor_input(1))
        self._sensor.failed(self._model_fault, time.monotonic_ns())
        self.every(1.0, lambda: self._sensor.publish(time.monotonic_ns()))

    def health(self) -> tuple[int, str]:
        """Return what keeps the camera from detecting."""
        if self._sensor.fault:
            return ERROR, self._sensor.fault
        return OK, ""

    def hardware_id(self) -> str:
        """Return the camera's name."""
        return self.config.camera_name

    def _load(self) -> CameraDetector | None:
        folders = [folder for folder in os.environ.get(MODELS_VARIABLE, "").split(os.pathsep) if folder]
        try:
            detector = build_detector(self.config.camera, folders)
            detector.warm_up()
        except ModelError as error:
            self._model_fault = f"no detections: {error}"
            self.stats.last_error = self._model_fault
            self.get_logger().error(f"{self._model_fault}; obstacles will be LIDAR_ONLY as far as this camera goes")
            return None
        backend = detector.backend
        self.get_logger().info(f"model {detector.card.name} on {backend.name}")
        return detector

    def _on_camera_info(self, msg: CameraInfo) -> None:
        self._announced_size = sent_size(msg)

    def _on_image(self, msg: ImageMsg | CompressedImage) -> None:
        self.stats.received("image", time.monotonic_ns())
        stamp_ns = ns_from_msg(msg.header.stamp)
        self._gate.check(stamp_ns, self.now_ns())
        if self._detector is None:
            return
        try:
            self._process(msg, self._detector)
        except PerceptionError as error:
            self._sensor.failed(str(error), time.monotonic_ns())
            raise
        self._sensor.delivered(stamp_ns, time.monotonic_ns())

    def _process(self, msg: ImageMsg | CompressedImage, detector: CameraDetector) -> None:
        began = time.perf_counter()
        image = self._decode(msg)
        self._check_size(image)
        decoded = time.perf_counter()
        detections = detector.detect(image)
        self._detections.publish(detections_to_msg(detections))
        self.stats.took("decode", (decoded - began) * 1e3)
        self.stats.took("callback", (time.perf_counter() - began) * 1e3)
        self.stats.took("since_stamp", self.since_ms(image.stamp_ns))
        for stage, milliseconds in detector.timings.items():
            self.stats.took(stage, milliseconds)
        self.stats.received("detections", time.monotonic_ns())
        self._show(image, detections)

    def _show(self, image: Image, detections: Detections2D) -> None:
        if self._overlay.get_subscription_count():
            self._overlay.publish(image_to_msg(draw_detections(image, detections), image.stamp_ns, image.frame))

    def _check_size(self, image: Image) -> None:
        height, width = image.pixels.shape[:2]
        if self._announced_size not in (None, (0, 0), (width, height)):
            expected = "{}x{}".format(*self._announced_size)
            raise ImageError(f"image of {width}x{height}, but {self.config.camera_info_topic} says {expected}")


def main() -> int:
    """Run camera_node until it is told to end."""
    return run(CameraNode)
