"""ROS 2 lifecycle nodes around perception_core."""

__version__ = "0.1.0"
