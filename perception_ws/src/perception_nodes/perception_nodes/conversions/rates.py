"""Body rates from nav_msgs/Odometry and sensor_msgs/Imu."""

from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import Vector3
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from sensor_msgs.msg import Imu

from perception_core.errors import CalibrationError
from perception_nodes.conversions.time import ns_from_msg


@dataclass(frozen=True, slots=True)
class BodyRates:
    """How a frame fixed to the robot moves, in its own axes.

    Attributes:
        stamp_ns: int nanoseconds.
        frame: whose motion it is.
        angular: float64 (3,) rad/s.
        linear: float64 (3,) m/s, None where it is not measured.
    """

    stamp_ns: int
    frame: str
    angular: NDArray[np.float64]
    linear: NDArray[np.float64] | None


def rates_from_odometry(msg: Odometry) -> BodyRates:
    """Return the twist, which REP-147 and the message give in ``child_frame_id``.

    Raises:
        CalibrationError: no child_frame_id.
    """
    if not msg.child_frame_id:
        raise CalibrationError("odometry: child_frame_id is empty, so nobody knows whose twist it is")
    twist = msg.twist.twist
    return BodyRates(ns_from_msg(msg.header.stamp), msg.child_frame_id, _xyz(twist.angular), _xyz(twist.linear))


def rates_from_imu(msg: Imu) -> BodyRates:
    """Return the angular velocity in the axes of the IMU.

    Raises:
        CalibrationError: the IMU says that it measures none (covariance[0] = -1).
    """
    if msg.angular_velocity_covariance[0] == -1.0:
        raise CalibrationError("imu: angular_velocity_covariance[0] is -1: it measures no angular velocity")
    return BodyRates(ns_from_msg(msg.header.stamp), msg.header.frame_id, _xyz(msg.angular_velocity), None)


def _xyz(v: Vector3) -> NDArray[np.float64]:
    return np.array([v.x, v.y, v.z])
