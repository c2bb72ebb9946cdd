"""Column data of the stack: frozen dataclasses of NumPy arrays, checked when they are made, no ROS."""

from perception_core.types.classes import CLASSES
from perception_core.types.cloud import PointCloud
from perception_core.types.clusters import Clusters, PointClass
from perception_core.types.image import Detections2D, Image
from perception_core.types.objects import Mode, Objects, Sensor
from perception_core.types.obstacles import Motion, Obstacles, SensorKind, SensorState, SensorStatus
from perception_core.types.segments import SEGMENTS, InstanceMasks, Segmentation
from perception_core.types.truth import Truth

__all__ = [
    "CLASSES",
    "SEGMENTS",
    "Clusters",
    "Detections2D",
    "Image",
    "InstanceMasks",
    "Mode",
    "Motion",
    "Objects",
    "Obstacles",
    "PointClass",
    "PointCloud",
    "Segmentation",
    "Sensor",
    "SensorKind",
    "SensorState",
    "SensorStatus",
    "Truth",
]
