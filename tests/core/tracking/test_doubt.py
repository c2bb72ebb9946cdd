"""Sides that may be exchanged and neighbours in a box, by hand."""

import dataclasses
import uuid

import numpy as np
import pytest

from perception_core.tracking import doubt, life
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
