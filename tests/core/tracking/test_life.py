"""Birth, confirmation and death of single tracks, by hand."""

import uuid

import numpy as np
import pytest

from perception_core.tracking import existence, life
from perception_core.tracking.config import LifeConfig, MeasurementConfig, TrackerConfig
from perception_core.tracking.measurements import from_objects
from perception_core.tracking.table import TrackTable, empty_table
from perception_core.types import Sensor

NAMESPACE = uuid.UUID(int=5)
SECOND = 1_000_000_000
CONFIG = LifeConfig(
    confirm_time=0.15,
    confirm_existence=0.7,
    tentative_timeout=0.35,
    coast_time=1.0,
    occluded_coast_time=2.0,
    coast_ratio=2.0,
)


@pytest.fixture
def table(objects):
    """Makes tracks born at 0 s and last seen at the given times, confirmed ones."""

    def make(*last_seen: float) -> TrackTable:
        scan = objects(0.0, [{"x": 10.0 * k, "y": 5.0} for k in range(len(last_seen))])
        seen, _ = from_objects(scan, np.eye(4), MeasurementConfig())
        tracks = life.born(seen, 0, np.zeros(2), NAMESPACE, 7, True, TrackerConfig())
        tracks.last_seen_ns[:] = [round(t * SECOND) for t in last_seen]
        tracks.confirmed[:] = True
        return tracks

    return make


def test_ids_are_uuid5_of_the_running_number(table) -> None:
    tracks = table(0.0, 0.0)
    np.testing.assert_array_equal(tracks.serial, [7, 8])
    assert tracks.ids[1].tobytes() == uuid.uuid5(NAMESPACE, "8").bytes


def test_a_new_track_has_no_velocity_and_the_models_are_open(table) -> None:
    tracks = table(0.0)
    np.testing.assert_array_equal(tracks.state[0, 3:], 0.0)
    np.testing.assert_array_equal(tracks.model_probability[0], [0.5, 0.5, 0.0])
    assert np.linalg.eigvalsh(tracks.covariance).min() > 0.0


def test_coasting_times_by_hand(table) -> None:
    # all watched for 1 s: in the open 1 s, hidden 2 s
    tracks = table(1.0, 1.0)
    tracks.occluded[:] = [False, True]
    for seconds, gone in ((2.0, [False, False]), (2.1, [True, False]), (3.0, [True, False]), (3.1, [True, True])):
        np.testing.assert_array_equal(life.expired(tracks, round(seconds * SECOND), CONFIG), gone)


def test_what_was_hardly_watched_coasts_hardly(table) -> None:
    # watched for 0.1 s: 0.35 s, as if tentative; for 0.3 s: 0.6 s
    tracks = table(0.1, 0.3)
    np.testing.assert_array_equal(life.expired(tracks, round(0.44 * SECOND), CONFIG), [False, False])
    np.testing.assert_array_equal(life.expired(tracks, round(0.46 * SECOND), CONFIG), [True, False])
    np.testing.assert_array_equal(life.expired(tracks, round(0.91 * SECOND), CONFIG), [True, True])


def test_what_was_hardly_watched_and_stepped_behind_something_may_come_out_again(table) -> None:
    # watched for 0.1 s, then hidden: as long as anything may go unseen, 1 s; in the open 0.35 s
    tracks = table(0.1, 0.1)
    tracks.occluded[:] = [True, False]
    np.testing.assert_array_equal(life.expired(tracks, round(1.09 * SECOND), CONFIG), [False, True])
    np.testing.assert_array_equal(life.expired(tracks, round(1.11 * SECOND), CONFIG), [True, True])


def test_tentative_tracks_have_their_own_limit(table) -> None:
    tracks = table(1.0)
    tracks.confirmed[:] = False
    assert not life.expired(tracks, round(1.35 * SECOND), CONFIG)[0]
    assert life.expired(tracks, round(1.36 * SECOND), CONFIG)[0]


def test_confirmation_takes_time_and_probability(table) -> None:
    tracks = table(0.1, 0.15, 0.2, 0.2)
    tracks.log_odds[:] = existence.log_odds(np.array([0.99, 0.99, 0.71, 0.69]))
    np.testing.assert_array_equal(life.to_confirm(tracks, CONFIG), [False, True, True, False])


def test_confirmation_takes_two_looks_whatever_the_time(table) -> None:
    tracks = table(0.0)
    tracks.log_odds[:] = 5.0
    assert not life.to_confirm(tracks, LifeConfig(confirm_time=0.0))[0]


def test_who_may_be_anywhere_is_lost_unless_seen(table) -> None:
    tracks = table(0.0, 0.0, 0.0)
    tracks.covariance[:, 0, 0] = tracks.covariance[:, 1, 1] = [9.0, 9.0, 1.0]
    tracks.sensors[:] = [Sensor.NONE, Sensor.LIDAR, Sensor.NONE]
    np.testing.assert_array_equal(life.lost(tracks, LifeConfig(max_position_sigma=2.0)), [True, False, False])


def test_two_in_one_place_are_one(table) -> None:
    # the second and third coast at the place of the first, which is seen now; the third only since 0.2 s
    tracks = table(1.0, 0.5, 0.8, 0.5)
    tracks.state[:, 0] = [10.0, 11.0, 11.0, 30.0]
    np.testing.assert_array_equal(life.crowded_out(tracks, SECOND, 0.5, CONFIG), [False, True, False, False])


def test_no_tracks() -> None:
    none = empty_table()
    assert life.expired(none, 0, CONFIG).shape == life.to_confirm(none, CONFIG).shape == (0,)
    assert life.crowded_out(none, 0, 0.5, CONFIG).shape == (0,)
    assert life.lost(none, CONFIG).shape == life.reunite(none, 0, 0.5, CONFIG).shape == (0,)


def test_what_lies_on_a_confirmed_one_waits_until_it_is_settled(objects) -> None:
    # boxes of 4.2 m at x = 0 and beside it: 2.1 m on they share half, 3 m on not even a third
    for x, seconds, waits in ((2.1, 0.4, True), (2.1, 0.5, False), (3.0, 0.4, False)):
        seen, _ = from_objects(objects(0.0, [{"x": 0.0, "y": 8.0}, {"x": x, "y": 8.0}]), np.eye(4), MeasurementConfig())
        tracks = life.born(seen, 0, np.zeros(2), NAMESPACE, 0, True, TrackerConfig())
        tracks.confirmed[0] = True
        tracks.log_odds[:] = 3.0
        tracks.last_seen_ns[:] = round(seconds * SECOND)
        np.testing.assert_array_equal(life.within_another(tracks, CONFIG), [False, waits])


def test_a_person_on_a_car_is_told_at_once(objects) -> None:
    boxes = [{"x": 0.0, "y": 8.0, "label": "car", "p": 0.95}]
    boxes += [{"x": 1.8, "y": 7.4, "size": (0.6, 0.5, 1.7), "label": "person", "p": 0.95}]
    seen, _ = from_objects(objects(0.0, boxes), np.eye(4), MeasurementConfig())
    tracks = life.born(seen, 0, np.zeros(2), NAMESPACE, 0, True, TrackerConfig())
    tracks.confirmed[0] = True
    tracks.log_odds[:] = 3.0
    tracks.last_seen_ns[:] = 4 * SECOND // 10
    assert not life.within_another(tracks, CONFIG).any()


@pytest.mark.parametrize(("stands", "speed"), [(0.5, 25.0), (0.95, 0.0), (0.05, 0.0)])
def test_who_was_seen_to_move_goes_on_if_what_takes_its_place_leaves_that_open(objects, stands, speed: float) -> None:
    """The older one at 25 m/s until 1.0 s; at its place since 1.1 s a younger one that has no velocity of its own."""
    boxes = [{"x": 10.0, "y": 5.0}, {"x": 10.0, "y": 5.0, "size": (6.0, 1.8, 1.5)}]
    seen, _ = from_objects(objects(0.0, boxes), np.eye(4), MeasurementConfig())
    tracks = life.born(seen, 0, np.zeros(2), NAMESPACE, 7, True, TrackerConfig())
    tracks.confirmed[0], tracks.log_odds[:] = True, 3.0
    tracks.first_seen_ns[:] = 0, 11 * SECOND // 10
    tracks.last_seen_ns[:] = SECOND, 13 * SECOND // 10
    tracks.witnessed[0] = 0.8
    tracks.model_states[0, :, 3], tracks.model_probability[0] = 25.0, [0.0, 1.0, 0.0]
    tracks.model_probability[1] = stands, 1.0 - stands, 0.0
    tracks.sum_up()
    kept = life.reunite(tracks, 13 * SECOND // 10, 0.5, CONFIG)
    np.testing.assert_array_equal(kept, [True, False])
    np.testing.assert_allclose(tracks.state[0, 3], speed)
    np.testing.assert_allclose(tracks.size[0, 0], 6.0)
    assert np.linalg.eigvalsh(tracks.covariance[0]).min() > 0.0
