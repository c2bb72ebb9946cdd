"""Camera and LiDAR results of one scan joined into objects with class, whole-object box and covariance."""

from perception_core.fusion.buffer import CameraBuffer
from perception_core.fusion.config import FusionConfig
from perception_core.fusion.fusion import CameraView, Fusion

__all__ = ["CameraBuffer", "CameraView", "Fusion", "FusionConfig"]
