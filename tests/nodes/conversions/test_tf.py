import numpy as np
import pytest
import tf2_py
from geometry_msgs.msg import TransformStamped
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from perception_core.errors import CalibrationError, TransformError
from perception_core.geometry import transforms
from perception_nodes.conversions import tf

SECOND = 1_000_000_000


@given(st.tuples(*[st.floats(-1e3, 1e3)] * 3), st.tuples(*[st.floats(-3, 3)] * 3))
def test_transforms_come_back(translation, rotation_vector):
    T = np.eye(4)
    T[:3, :3] = Rotation.from_rotvec(rotation_vector).as_matrix()
    T[:3, 3] = translation
    msg = tf.transform_to_msg(T, "a", "b", 7)
    assert (msg.header.frame_id, msg.child_frame_id, msg.header.stamp.nanosec) == ("a", "b", 7)
    np.testing.assert_allclose(tf.transform_from_msg(msg), T, atol=1e-12)


def test_a_quaternion_of_zeros_is_refused_with_both_frames():
    msg = TransformStamped(child_frame_id="lidar")
    msg.header.frame_id = "base_link"
    msg.transform.rotation.w = 0.0
    with pytest.raises(CalibrationError, match="base_link->lidar"):
        tf.transform_from_msg(msg)


@pytest.fixture
def buffer():
    core = tf2_py.BufferCore()
    core.set_transform_static(tf.transform_to_msg(transforms.from_yaw(0.0, (1, 0, 2)), "base_link", "lidar"), "test")
    for second, x in ((1, 0.0), (2, 10.0)):
        pose = transforms.from_yaw(0.0, (x, 0, 0))
        core.set_transform(tf.transform_to_msg(pose, "odom", "base_link", second * SECOND), "test")
    return core


def test_a_look_up_is_at_the_stamp(buffer):
    T = tf.lookup(buffer, "odom", "lidar", SECOND + SECOND // 2)
    np.testing.assert_allclose(T[:3, 3], [6.0, 0.0, 2.0])


def test_static_frames_hold_at_any_stamp(buffer):
    np.testing.assert_allclose(tf.lookup(buffer, "base_link", "lidar", 99 * SECOND)[:3, 3], [1.0, 0.0, 2.0])


@pytest.mark.parametrize(
    ("target", "source", "stamp_ns"),
    [
        ("odom", "lidar", 3 * SECOND),  # newer than the last pose: nothing is extrapolated
        ("odom", "lidar", SECOND // 2),
        ("map", "lidar", SECOND),
        ("base_link", "camera", SECOND),
        ("odom", "lidar", 0),  # tf2 would take it for "the latest"
    ],
)
def test_what_is_missing_is_an_error_that_names_both_frames(buffer, target, source, stamp_ns):
    with pytest.raises(TransformError, match=f"{target} <- {source}"):
        tf.lookup(buffer, target, source, stamp_ns)


@pytest.mark.parametrize(
    ("stamp_ns", "x"),
    [(SECOND + SECOND // 2, 6.0), (2 * SECOND, 11.0), (2 * SECOND + 1, 11.0), (2 * SECOND + SECOND // 5, 11.0)],
)
def test_the_newest_is_that_of_the_stamp_or_else_a_little_older(buffer, stamp_ns, x):
    np.testing.assert_allclose(tf.newest(buffer, "odom", "lidar", stamp_ns, SECOND // 5)[:3, 3], [x, 0.0, 2.0])


@pytest.mark.parametrize(
    ("target", "stamp_ns"),
    [("odom", 2 * SECOND + SECOND // 5 + 1), ("odom", SECOND // 2), ("map", SECOND), ("odom", 0)],
)
def test_what_is_older_or_of_the_future_or_missing_is_not_taken_for_the_newest(buffer, target, stamp_ns):
    with pytest.raises(TransformError, match=f"{target} <- lidar at {stamp_ns} ns|stamp 0 ns is not set"):
        tf.newest(buffer, target, "lidar", stamp_ns, SECOND // 5)


def test_a_frame_in_itself_is_identity():
    np.testing.assert_array_equal(tf.lookup(tf2_py.BufferCore(), "a", "a", 5), np.eye(4))
