"""Sides that may be exchanged and neighbours in a box, by hand."""

import dataclasses
import uuid

import numpy as np
import pytest

from perception_core.tracking import Tracker, doubt, life
from perception_core.tracking.config import MeasurementConfig, TrackerConfig
from perception_core.tracking.measurements import from_objects
from perception_core.tracking.table import TrackTable, empty_table
from perception_core.types import Sensor
from perception_core.types.classes import CAR, PERSON, TRUCK, UNKNOWN


@pytest.fixture
def track(objects):
    """Makes one track of a size and a name."""

    def make(length: float, width: float, label: str = CAR, *, oriented: bool = False) -> TrackTable:
        box = {"x": 10.0, "y": 0.0, "size": (length, width, 1.5), "label": label, "p": 0.95}
        seen, _ = from_objects(objects(0.0, [box]), np.eye(4), MeasurementConfig())
        table = life.born(seen, 0, np.zeros(2), uuid.UUID(int=0), 0, True, TrackerConfig())
        table.oriented[:] = oriented
        return table

    return make


def exchanged(table: TrackTable, *, moving: bool = False) -> float:
    return float(doubt.exchanged(table, np.array([moving]))[0])


def test_the_longer_the_surer(track) -> None:
    assert exchanged(track(2.0, 2.0)) == 0.5
    np.testing.assert_allclose(exchanged(track(2.8, 2.0)), 0.5 / np.e)  # longer by 0.4 widths
    np.testing.assert_allclose(exchanged(track(2.0, 2.8)), 0.5 / np.e)
    assert exchanged(track(12.0, 2.5)) == 0.005  # never sure


def test_motion_shows_the_front_also_of_what_is_as_broad_as_long(track) -> None:
    assert exchanged(track(2.0, 2.0, oriented=True), moving=True) == 0.02
    assert exchanged(track(2.0, 2.0, oriented=True)) == 0.1
    assert exchanged(track(12.0, 2.5, oriented=True)) == 0.005


def test_people_and_small_things_that_stand_face_anywhere(track) -> None:
    assert exchanged(track(1.4, 0.5, PERSON)) == 0.5
    assert exchanged(track(1.2, 0.3, UNKNOWN)) == 0.5
    assert exchanged(track(0.8, 0.6, PERSON, oriented=True), moving=True) == 0.02


def test_a_quarter_turn_is_told_with_its_probability(track) -> None:
    # error of pi / 2 in every second case: 0.5 * 2.4674 rad^2
    np.testing.assert_allclose(doubt.yaw_variance(track(2.0, 2.0), np.array([False])), 0.5 * 2.4674011)


@pytest.mark.parametrize(
    ("length", "width", "label", "wanted"),
    [
        (4.2, 1.8, CAR, [0.0, 0.0]),
        (4.2, 2.9, CAR, [0.0, 0.16]),  # 0.8 m too broad: 0.4 m to either side
        (2.9, 4.2, CAR, [0.16, 0.0]),
        (8.0, 2.5, TRUCK, [0.0, 0.0]),
        (8.0, 3.0, TRUCK, [0.0, 0.04]),
        (8.0, 6.0, UNKNOWN, [0.0, 0.0]),
    ],
)
def test_who_is_broader_than_vehicles_are_has_a_neighbour_in_the_box(
    track, length: float, width: float, label: str, wanted: list[float]
) -> None:
    np.testing.assert_allclose(doubt.centre_variance(track(length, width, label))[0], wanted, atol=1e-12)


def test_no_tracks() -> None:
    none = empty_table()
    assert doubt.yaw_variance(none, np.zeros(0, bool)).shape == (0,)
    assert doubt.centre_variance(none).shape == (0, 2)


def camera_only(objects, seconds: float, sensors: int = Sensor.CAMERA):
    """A car 20 m ahead: 4 m of range and 0.5 m to the side are not known."""
    box = {"x": 20.0, "y": 0.0, "size": (4.5, 1.8, 1.5), "label": CAR, "p": 0.9}
    covariance = np.diag([16.0, 0.25, 0.25, 1e-3, 1e-3, 1.0])
    made = objects(seconds, [box])
    return dataclasses.replace(made, sensors=np.array([sensors], np.uint8), covariance=covariance[None])


def test_most_of_what_a_camera_gets_wrong_it_gets_wrong_again(objects) -> None:
    seen, _ = from_objects(camera_only(objects, 0.0), np.eye(4), MeasurementConfig())
    np.testing.assert_allclose(doubt.shared(seen)[0], 0.7 * np.diag([16.0, 0.25, 0.25]))
    seen, _ = from_objects(camera_only(objects, 0.0, Sensor.LIDAR | Sensor.CAMERA), np.eye(4), MeasurementConfig())
    assert (doubt.shared(seen) == 0.0).all()


def test_a_hundred_images_do_not_make_a_camera_surer_than_it_may_be(objects, tracker) -> None:
    """Nor its velocities: the shared error may change by as much as it is within a second. A LiDAR then ends it."""
    for k in range(100):
        told = tracker.update(camera_only(objects, 0.1 * k), np.eye(4), "odom")
    variance = told.pose_covariance[0, 0, 0]
    assert 0.7 * 16.0 <= variance < 16.0
    assert told.pose_covariance[0, 1, 1] < 0.5
    assert told.twist_covariance[0, 0, 0] >= 0.7 * 16.0
    assert (told.predicted_covariance[0, :, 0, 0] >= variance).all()
    for k in range(100, 110):
        told = tracker.update(camera_only(objects, 0.1 * k, Sensor.LIDAR | Sensor.CAMERA), np.eye(4), "odom")
    assert told.pose_covariance[0, 0, 0] < 0.7 * 16.0


SECOND = 1_000_000_000


def test_what_went_out_of_sight_may_have_gone_on(track) -> None:
    """It left at 2 m/s with one half: half a second later it is 0 or 1 m on, told as where it was, 0.5 * 1 m^2."""
    table = track(4.2, 1.8)
    table.first_seen_ns[:], table.last_seen_ns[:] = -10 * SECOND, 0
    table.model_probability[:] = 0.98, 0.02, 0.0
    table.model_covariances[:] = np.diag([0.01, 0.01, 0.01, 0.0, 0.0, 0.0, 0.01, 0.01])
    table.dropped_motion[0, 0, 0] = 0.5 * 2.0**2
    before = table.state.copy()
    doubt.unrest(table, SECOND // 2)
    np.testing.assert_allclose(table.state, before)
    np.testing.assert_allclose(np.diag(table.covariance[0]), [0.01 + 0.5, 0.01, 0.01, 2.0, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(table.covariance[0, 0, 3], 2.0 * 0.5)  # who is ahead was fast


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        (0.1, 9.0 - 0.09),  # 0.3 m within 0.1 s: 3 m/s
        (0.5, 0.36 - 0.09),
        (1.0, 0.0),
        (7.0, 0.0),
    ],
)
def test_who_was_watched_for_a_moment_is_not_known_to_stand(track, seconds: float, wanted: float) -> None:
    table = track(0.6, 0.5)
    table.last_seen_ns[:] = round(seconds * SECOND)
    table.model_probability[:] = 0.98, 0.02, 0.0
    table.model_covariances[:] = np.diag([0.01, 0.01, 0.01, 0.0025, 0.0025, 0.0025, 0.01, 0.01])
    table.sum_up()
    doubt.unrest(table, round(seconds * SECOND))
    speed = np.diag(table.covariance[0])[3:]
    np.testing.assert_allclose(speed, [0.0025 + wanted, 0.0025 + wanted, 0.0025], rtol=1e-9)


def test_who_is_seen_to_move_is_left_as_it_is(track) -> None:
    table = track(0.6, 0.5)
    table.last_seen_ns[:] = SECOND // 5
    table.model_probability[:] = 0.1, 0.9, 0.0
    table.sum_up()
    before = table.covariance.copy()
    doubt.unrest(table, SECOND // 5)
    np.testing.assert_array_equal(table.covariance, before)


def test_a_walker_taken_for_a_post_lies_within_what_is_told(objects) -> None:
    """Seen three times, 0.13 m apart, by a sensor good to 0.1 m; then not, and told for three scans more."""
    tracker = Tracker(TrackerConfig(), bytes(16))
    for k in range(9):
        t, x = 0.1 * k, 8.0 + 0.13 * k
        seen = [{"x": x, "y": 0.0, "size": (0.6, 0.5, 1.7), "label": PERSON, "p": 0.9}] if k < 3 else []
        told = tracker.update(objects(t, seen), np.eye(4), "odom")
        if 2 <= k < 6:
            assert len(told) == 1
            e = told.velocity[0, :2] - [1.3, 0.0]
            assert e @ np.linalg.solve(told.twist_covariance[0, :2, :2], e) < 9.21  # chi-square, 99 %
            d = told.centre[0, 0] - x
            assert d**2 / told.pose_covariance[0, 0, 0] < 6.63
    for k in range(9, 30):
        told = tracker.update(
            objects(0.1 * k, [{"x": 8.3, "y": 0.0, "size": (0.6, 0.5, 1.7), "label": PERSON, "p": 0.9}]),
            np.eye(4),
            "odom",
        )
    assert told.twist_covariance[0, 0, 0] < 0.15**2  # now it is known
