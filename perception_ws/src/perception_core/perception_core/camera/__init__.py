"""Cameras: image encodings, detection, overlay."""

from perception_core.camera.detector import CameraConfig, CameraDetector, build_detector
from perception_core.camera.encodings import decode_compressed, decode_image
from perception_core.camera.overlay import draw_detections

__all__ = [
    "CameraConfig",
    "CameraDetector",
    "build_detector",
    "decode_compressed",
    "decode_image",
    "draw_detections",
]
