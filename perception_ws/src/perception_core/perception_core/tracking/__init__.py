"""Tracking in a fixed frame: objects of one scan in, obstacles with identity and velocity out."""

from perception_core.tracking.config import TrackerConfig
from perception_core.tracking.tracker import Tracker, TrackerEvents, warm_up

__all__ = ["Tracker", "TrackerConfig", "TrackerEvents", "warm_up"]
