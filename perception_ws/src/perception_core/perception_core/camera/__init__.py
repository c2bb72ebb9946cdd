"""Cameras: image encodings, detection, segmentation, undistortion, overlay."""

from perception_core.camera.detector import CameraConfig, CameraDetector, CameraResult, build_detector
from perception_core.camera.encodings import decode_compressed, decode_image
from perception_core.camera.overlay import draw_detections, draw_result
from perception_core.camera.undistortion import Undistortion

__all__ = [
    "CameraConfig",
    "CameraDetector",
    "CameraResult",
    "Undistortion",
    "build_detector",
    "decode_compressed",
    "decode_image",
    "draw_detections",
    "draw_result",
]
