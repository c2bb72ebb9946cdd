"""Cameras: image encodings, detection, segmentation, undistortion, overlay."""

from perception_core.camera.detector import CameraConfig, CameraDetector, CameraResult, build_detector
from perception_core.camera.encodings import decode_compressed, decode_image
from perception_core.camera.label_image import label_image
from perception_core.camera.networks import CameraNetworks, build_networks
from perception_core.camera.overlay import draw_detections, draw_result
from perception_core.camera.undistortion import Undistortion

__all__ = [
    "CameraConfig",
    "CameraDetector",
    "CameraNetworks",
    "CameraResult",
    "Undistortion",
    "build_detector",
    "build_networks",
    "decode_compressed",
    "decode_image",
    "draw_detections",
    "draw_result",
    "label_image",
]
