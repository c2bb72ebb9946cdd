"""LiDAR: decode a cloud, find the ground, and box what stands on it."""

from perception_core.lidar.config import ClusterConfig, CropConfig, GroundConfig, LidarConfig
from perception_core.lidar.decoding import CloudField, CloudLayout, DecodedCloud, decode_cloud
from perception_core.lidar.processor import LidarProcessor, LidarResult

__all__ = [
    "CloudField",
    "CloudLayout",
    "ClusterConfig",
    "CropConfig",
    "DecodedCloud",
    "GroundConfig",
    "LidarConfig",
    "LidarProcessor",
    "LidarResult",
    "decode_cloud",
]
