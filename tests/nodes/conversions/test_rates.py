import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Imu
from strategies import STAMPS

from perception_core.errors import CalibrationError
from perception_nodes.conversions.rates import rates_from_imu, rates_from_odometry
from perception_nodes.conversions.time import time_to_msg

NUMBERS = st.floats(-50, 50)


@given(STAMPS, st.lists(NUMBERS, min_size=6, max_size=6))
def test_a_twist_is_that_of_the_child(stamp_ns, values):
    msg = Odometry(child_frame_id="base_link")
    msg.header.stamp = time_to_msg(stamp_ns)
    msg.header.frame_id = "odom"
    linear, angular = msg.twist.twist.linear, msg.twist.twist.angular
    linear.x, linear.y, linear.z, angular.x, angular.y, angular.z = values
    rates = rates_from_odometry(msg)
    assert (rates.stamp_ns, rates.frame) == (stamp_ns, "base_link")
    np.testing.assert_array_equal([*rates.linear, *rates.angular], values)


def test_an_imu_gives_rotation_alone():
    msg = Imu()
    msg.header.frame_id = "imu"
    msg.angular_velocity.z = 0.5
    rates = rates_from_imu(msg)
    assert (rates.frame, rates.linear) == ("imu", None)
    np.testing.assert_array_equal(rates.angular, [0, 0, 0.5])


def test_what_is_not_measured_is_refused():
    with pytest.raises(CalibrationError, match="child_frame_id"):
        rates_from_odometry(Odometry())
    msg = Imu()
    msg.angular_velocity_covariance[0] = -1.0
    with pytest.raises(CalibrationError, match="no angular velocity"):
        rates_from_imu(msg)
