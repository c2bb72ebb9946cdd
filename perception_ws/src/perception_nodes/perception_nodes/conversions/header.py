"""std_msgs/Header and the geometry of poses, shared by the other conversions."""

import math

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion
from numpy.typing import NDArray
from std_msgs.msg import Header

from perception_core.errors import PerceptionError
from perception_nodes.conversions.time import time_to_msg


def header_to_msg(stamp_ns: int, frame: str) -> Header:
    """Return a header."""
    return Header(stamp=time_to_msg(stamp_ns), frame_id=frame)


def half_turn(yaw: float) -> tuple[float, float]:
    """Return z and w of the quaternion that turns by ``yaw`` radians about +z; x and y are 0."""
    return math.sin(yaw / 2.0), math.cos(yaw / 2.0)


def half_turns(yaw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the same of many (N,), as (N, 2)."""
    return np.array([half_turn(angle) for angle in yaw.tolist()], np.float64).reshape(-1, 2)


def yaw_to_msg(yaw: float) -> Quaternion:
    """Return the rotation by ``yaw`` radians about +z."""
    z, w = half_turn(yaw)
    return Quaternion(x=0.0, y=0.0, z=z, w=w)


def yaw_from_msg(rotation: Quaternion) -> float:
    """Return the heading of the x axis in (-pi, pi], for a rotation about z alone exact to rounding.

    Raises:
        PerceptionError: a quaternion that is not finite or has no length.
    """
    x, y, z, w = rotation.x, rotation.y, rotation.z, rotation.w
    norm = x * x + y * y + z * z + w * w
    if not math.isfinite(norm) or norm < 1e-12:
        raise PerceptionError(f"orientation: quaternion ({x}, {y}, {z}, {w}) is no rotation")
    return math.atan2(2.0 * (w * z + x * y), w * w + x * x - y * y - z * z)


def pose_to_msg(x: float, y: float, z: float, yaw: float) -> Pose:
    """Return an upright pose."""
    return Pose(position=Point(x=x, y=y, z=z), orientation=yaw_to_msg(yaw))


def covariance_from_msg(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 (6, 6) of the 36 row-major numbers of a PoseWithCovariance or TwistWithCovariance."""
    return np.asarray(values, dtype=np.float64).reshape(6, 6)
