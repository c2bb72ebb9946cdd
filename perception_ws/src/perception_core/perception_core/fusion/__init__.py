"""Camera and LiDAR results of one scan joined into objects with class, whole-object box and covariance."""

from perception_core.fusion.buffer import CameraBuffer
from perception_core.fusion.camera_results import CameraAnswer, CameraResults
from perception_core.fusion.config import FusionConfig
from perception_core.fusion.ego_motion import camera_from_base
from perception_core.fusion.fusion import CameraView, Fusion, warm_up
from perception_core.fusion.lidar_watch import LidarWatch
from perception_core.fusion.sensor_monitor import SensorMonitor, SensorMonitorConfig, mode_of

__all__ = [
    "CameraAnswer",
    "CameraBuffer",
    "CameraResults",
    "CameraView",
    "Fusion",
    "FusionConfig",
    "LidarWatch",
    "SensorMonitor",
    "SensorMonitorConfig",
    "camera_from_base",
    "mode_of",
    "warm_up",
]
