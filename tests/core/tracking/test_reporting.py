"""Tracks as obstacles."""

import dataclasses
import uuid

import numpy as np

from perception_core.tracking import imm, life
from perception_core.tracking.config import LifeConfig, MeasurementConfig, MotionConfig, OutputConfig, TrackerConfig
from perception_core.tracking.measurements import from_objects
from perception_core.tracking.reporting import report
from perception_core.tracking.table import TrackTable, empty_table
from perception_core.tracking.tracker import Tracker
from perception_core.types import CLASSES, Mode, Objects, Obstacles, Sensor
from perception_core.types.classes import CAR, INDEX, TRUCK


def reported(tracks: TrackTable, **output: float) -> Obstacles:
    robot = np.zeros(2)
    return report(tracks, 5, "odom", True, robot, Mode.FUSED, (), OutputConfig(**output), MotionConfig(), LifeConfig())


def two_tracks(objects) -> TrackTable:
    seen, _ = from_objects(objects(0.0, [{"x": 10.0, "y": 0.0}] * 2), np.eye(4), MeasurementConfig())
    return life.born(seen, 0, np.zeros(2), uuid.UUID(int=0), 0, True, TrackerConfig())


def test_only_confirmed_tracks_are_told(objects) -> None:
    tracks = two_tracks(objects)
    assert len(reported(tracks)) == 0
    tracks.confirmed[1] = True
    told = reported(tracks)
    np.testing.assert_array_equal(told.ids, tracks.ids[1:])
    assert (told.stamp_ns, told.frame, told.mode) == (5, "odom", Mode.FUSED)


def test_what_nobody_sees_is_told_while_it_is_probable(objects) -> None:
    tracks = two_tracks(objects)
    tracks.confirmed[:] = True
    tracks.log_odds[:] = -0.1, 0.1
    assert len(reported(tracks)) == 2
    tracks.sensors[:] = Sensor.NONE
    np.testing.assert_array_equal(reported(tracks).ids, tracks.ids[1:])


def test_path_and_footprint_by_hand(objects) -> None:
    tracks = two_tracks(objects)
    tracks.confirmed[0] = True
    tracks.model_probability[0] = 0.0, 1.0, 0.0
    tracks.model_states[0, imm.STRAIGHT, 3:5] = 2.0, -1.0
    told = reported(tracks, prediction_steps=2, prediction_step=0.5)
    np.testing.assert_allclose(told.predicted_path[0], [[11.0, -0.5, 0.0], [12.0, -1.0, 0.0]])
    assert told.prediction_step_ns == 500_000_000
    np.testing.assert_allclose(told.footprints[0], [[12.1, 0.9], [7.9, 0.9], [7.9, -0.9], [12.1, -0.9]])


def test_the_covariance_of_the_path_grows_as_worked_out_by_hand(objects) -> None:
    """After 2 s: 0.01 + 2 * 2 * 0.02 + 4 * 0.25 + q * 8 / 3 along x; yaw 0.04 + 4 * 0.09 + 0.1 * 8 / 3.

    The box is 4.2 by 1.8 m: of its yaw it adds 0.5 exp(-(7 / 3 - 1) / 0.4) = 0.01784 times (pi / 2)^2 = 0.04401.
    """
    q = MotionConfig().acceleration_density * 8.0 / 3.0
    tracks = two_tracks(objects)
    tracks.confirmed[0] = True
    tracks.hidden_variance[0] = 0.0
    tracks.model_probability[0] = 0.0, 1.0, 0.0
    covariance = np.diag([0.01, 0.04, 0.01, 0.25, 0.16, 0.01, 0.04, 0.09])
    covariance[0, 3] = covariance[3, 0] = 0.02
    tracks.model_covariances[0, imm.STRAIGHT] = covariance
    told = reported(tracks, prediction_steps=4, prediction_step=0.5)
    expected = [0.09 + 1.0 + q, 0.04 + 4.0 * 0.16 + q, 0.04 + 0.36 + 0.8 / 3.0 + 0.044011]
    np.testing.assert_allclose(told.predicted_covariance[0, 3], np.diag(expected), rtol=1e-6)
    assert (np.diff(np.linalg.det(told.predicted_covariance[0])) > 0.0).all()


def test_a_neighbour_in_the_box_is_doubted_now_and_on_the_path(objects) -> None:
    """2.5 m is 0.4 m too broad for a car, 0.2 m to either side, and not for a truck."""
    tracks = two_tracks(objects)
    tracks.confirmed[:], tracks.size[:, 1] = True, 2.5
    tracks.class_probabilities[:] = np.eye(len(CLASSES))[[INDEX[CAR], INDEX[TRUCK]]]
    told = reported(tracks, prediction_steps=3)
    wanted = np.diag([0.0, 0.04, 0.0])
    np.testing.assert_allclose(told.pose_covariance[0, :3, :3] - told.pose_covariance[1, :3, :3], wanted, atol=1e-9)
    np.testing.assert_allclose(told.predicted_covariance[0] - told.predicted_covariance[1], [wanted] * 3, atol=1e-9)


def test_what_is_hidden_widens_the_covariance_along_its_axis(objects) -> None:
    tracks = two_tracks(objects)
    tracks.confirmed[0] = True
    tracks.heading[0, 0] = np.pi / 2
    tracks.covariance[0, :3, :3] = np.eye(3) * 0.01
    tracks.hidden_variance[0] = 1.0, 0.04  # along the length, which lies along y
    told = reported(tracks)
    np.testing.assert_allclose(np.diag(told.pose_covariance[0])[:3], [0.05, 1.01, 0.01])


def test_yaw_is_wrapped_and_no_tracks_no_steps(objects) -> None:
    tracks = two_tracks(objects)
    tracks.confirmed[0] = True
    tracks.heading[0, 0] = 3.0 * np.pi / 2
    np.testing.assert_allclose(reported(tracks).yaw, [-np.pi / 2])
    assert reported(empty_table(), prediction_steps=0).predicted_path.shape == (0, 0, 3)


TRIANGLE = np.array([[8.0, -1.0], [12.0, -1.0], [12.0, 1.0]])


def with_hull(scan: Objects, count: int = 3) -> Objects:
    return dataclasses.replace(scan, hull=TRIANGLE[:count], hull_start=[0, count])


def test_what_has_no_class_has_the_footprint_that_was_seen(objects, tracker) -> None:
    """It stays in its place while nothing is seen; a car, and what is only a line, has that of its box."""
    for k in range(8):
        wall = tracker.update(with_hull(objects(k / 10, [{"x": 10.0, "y": 0.0}])), np.eye(4), "odom")
    np.testing.assert_allclose(wall.footprints[0], TRIANGLE, atol=1e-9)
    later = tracker.predict_only(900_000_000, "odom", Mode.LIDAR_ONLY)
    np.testing.assert_allclose(later.footprints[0], TRIANGLE, atol=0.05)
    for label, count in (("car", 3), ("unknown", 2)):
        other = Tracker(TrackerConfig(), bytes(16))
        for k in range(8):
            scan = with_hull(objects(k / 10, [{"x": 10.0, "y": 0.0, "label": label, "p": 0.95}]), count)
            told = other.update(scan, np.eye(4), "odom")
        assert told.footprints[0].shape == (4, 2)


def test_of_what_is_partly_hidden_the_box_is_the_footprint(objects, tracker) -> None:
    for k in range(8):
        tracker.update(with_hull(objects(k / 10, [{"x": 10.0, "y": 0.0}])), np.eye(4), "odom")
    part = with_hull(objects(0.8, [{"x": 9.0, "y": 0.0, "size": (2.2, 1.8, 1.5)}]))
    told = tracker.update(part, np.eye(4), "odom")
    assert told.footprints[0].shape == (4, 2)
    assert np.ptp(told.footprints[0][:, 0]) > 3.0
