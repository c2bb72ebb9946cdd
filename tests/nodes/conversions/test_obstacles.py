import numpy as np
import pytest
from hypothesis import given, settings
from rclpy.serialization import serialize_message
from strategies import obstacles

from perception_core.errors import PerceptionError
from perception_core.types import CLASSES, Mode, Obstacles, SensorKind, SensorState, SensorStatus
from perception_core.types.classes import INDEX
from perception_interfaces.msg import ObstacleArray
from perception_nodes.conversions import obstacles as conversion


def one_obstacle():
    return Obstacles(
        stamp_ns=3_000_000_000,
        frame="odom",
        ids=np.arange(16, dtype=np.uint8)[None],
        centre=[[1.0, 2.0, 0.75]],
        size=[[4.0, 2.0, 1.5]],
        yaw=[0.5],
        pose_covariance=np.eye(6)[None],
        velocity=[[3.0, 0.0, 0.0]],
        yaw_rate=[0.1],
        twist_covariance=2.0 * np.eye(6)[None],
        class_probabilities=np.eye(len(CLASSES))[[INDEX["car"]]] * 0.75
        + np.eye(len(CLASSES))[[INDEX["unknown"]]] * 0.25,
        existence=[0.5],
        footprints=(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]),),
        motion=[2],
        sensors=[1],
        first_seen_ns=[1_000_000_000],
        last_seen_ns=[2_000_000_000],
        predicted_path=[[[2.5, 2.0, 0.55]]],
        prediction_step_ns=500_000_000,
        mode=Mode.LIDAR_ONLY,
        statuses=(SensorStatus("top", SensorKind.LIDAR, SensorState.OK, 3, 10.0),),
        predicted_covariance=[[np.diag([0.5, 0.25, 0.125])]],
    )


def test_one_obstacle_reads_as_the_message_says():
    msg = conversion.obstacles_to_msg(one_obstacle(), latency_ns=40_000_000)
    (obstacle,) = msg.obstacles
    assert (msg.header.stamp.sec, msg.header.frame_id, msg.mode) == (3, "odom", ObstacleArray.LIDAR_ONLY)
    assert (msg.latency.sec, msg.latency.nanosec) == (0, 40_000_000)
    assert list(obstacle.id.uuid) == list(range(16))
    assert [(c.label, c.probability) for c in obstacle.classes] == [("car", 0.75)]
    assert obstacle.existence_probability == 0.5
    assert (obstacle.pose.pose.position.x, obstacle.size.z, obstacle.twist.twist.linear.x) == (1.0, 1.5, 3.0)
    assert obstacle.twist.twist.angular.z == 0.1
    assert list(obstacle.twist.covariance) == list(2.0 * np.eye(6).ravel())
    assert [(p.x, p.y, p.z) for p in obstacle.footprint.points] == [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
    assert (obstacle.motion, obstacle.sensors) == (obstacle.MOVING, obstacle.LIDAR)
    assert (obstacle.first_seen.sec, obstacle.last_seen.sec) == (1, 2)
    assert [p.position.x for p in obstacle.predicted_path] == [2.5]
    assert obstacle.prediction_step.nanosec == 500_000_000
    assert list(obstacle.predicted_path_covariance) == [0.5, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0, 0.125]
    assert [(s.name, s.kind, s.state, s.rate_hz) for s in msg.sensors] == [("top", 1, 0, 10.0)]


@settings(max_examples=25, deadline=None)
@given(obstacles())
def test_obstacles_come_back(tracked):
    back = conversion.obstacles_from_msg(conversion.obstacles_to_msg(tracked))
    exact = [
        "ids",
        "centre",
        "size",
        "pose_covariance",
        "velocity",
        "yaw_rate",
        "twist_covariance",
        "motion",
        "sensors",
    ]
    for name in [
        *exact,
        "first_seen_ns",
        "last_seen_ns",
        "stamp_ns",
        "frame",
        "mode",
        "statuses",
        "prediction_step_ns",
    ]:
        np.testing.assert_array_equal(getattr(back, name), getattr(tracked, name), err_msg=name)
    np.testing.assert_allclose(np.exp(1j * back.yaw), np.exp(1j * tracked.yaw), atol=1e-12)
    np.testing.assert_allclose(back.class_probabilities, tracked.class_probabilities, atol=1e-6)
    np.testing.assert_allclose(back.existence, tracked.existence, atol=1e-6)
    np.testing.assert_allclose(back.predicted_path[..., :2], tracked.predicted_path[..., :2])
    np.testing.assert_array_equal(back.predicted_covariance, tracked.predicted_covariance)
    for left, right in zip(back.footprints, tracked.footprints, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-6, atol=1e-30)


@settings(max_examples=10, deadline=None)
@given(obstacles())
def test_the_bytes_are_as_long_as_rclpys(tracked):
    data = conversion.obstacles_to_cdr(tracked, 1)
    assert len(serialize_message(conversion.obstacles_to_msg(tracked, 1))) == len(data)


def test_the_status_alone_says_nothing_of_obstacles():
    statuses = (SensorStatus("front", SensorKind.CAMERA, SensorState.FAULTY, 0, 0.0, "no weights"),)
    msg = conversion.status_to_msg(9, "base_link", Mode.BLIND, statuses)
    assert msg.obstacles == []
    assert conversion.status_from_msg(msg) == (Mode.BLIND, statuses)


def test_an_unknown_mode_is_named():
    with pytest.raises(PerceptionError, match="mode: 9 is none of FUSED=0"):
        conversion.status_from_msg(ObstacleArray(mode=9))


def test_paths_of_different_lengths_are_refused():
    msg = conversion.obstacles_to_msg(one_obstacle())
    msg.obstacles.append(conversion.obstacles_to_msg(one_obstacle()).obstacles[0])
    msg.obstacles[1].predicted_path = []
    with pytest.raises(PerceptionError, match="predicted paths"):
        conversion.obstacles_from_msg(msg)


def test_a_path_may_have_no_covariance_but_not_half_of_one():
    msg = conversion.obstacles_to_msg(one_obstacle())
    msg.obstacles[0].predicted_path_covariance = []
    assert conversion.obstacles_from_msg(msg).predicted_covariance.shape == (1, 0, 3, 3)
    msg.obstacles[0].predicted_path_covariance = [1.0] * 8
    with pytest.raises(PerceptionError, match=r"path covariances of \[8\] numbers for 1 poses"):
        conversion.obstacles_from_msg(msg)
