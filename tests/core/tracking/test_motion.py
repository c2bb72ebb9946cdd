"""Moving, standing, unknown; which way is forward."""

import uuid

import numpy as np
import pytest

from perception_core.tracking import imm, life, motion
from perception_core.tracking.config import MeasurementConfig, OutputConfig, TrackerConfig
from perception_core.tracking.measurements import from_objects
from perception_core.tracking.table import TrackTable, empty_table
from perception_core.types import CLASSES, Motion
from perception_core.types.classes import INDEX

CONFIG = OutputConfig(moving_speed=0.6, static_speed=1.0, motion_significance=2.0, model_certainty=0.9)


@pytest.fixture
def track(objects):
    """Makes one track with a velocity along x, its sigma and the probability that it moves."""

    def make(speed: float, sigma: float, moving: float, **box: object) -> TrackTable:
        scan = objects(0.0, [{"x": 10.0, "y": 0.0} | box])
        seen, _ = from_objects(scan, np.eye(4), MeasurementConfig())
        table = life.born(seen, 0, np.zeros(2), uuid.UUID(int=0), 0, True, TrackerConfig())
        table.state[0, 3:] = speed, 0.0, 0.0
        table.covariance[0, 3:, 3:] = np.eye(3) * sigma**2
        table.model_probability[0] = 1.0 - moving, moving, 0.0
        table.witnessed[:] = 1.0
        return table

    return make


def test_by_hand(track) -> None:
    def told(*args: float, over_ground: bool = True) -> Motion:
        return Motion(motion.classify(track(*args), over_ground, np.zeros(2), CONFIG)[0])

    assert told(1.4, 0.5, 0.95) == Motion.MOVING  # 2.8 sigma
    assert told(1.4, 0.5, 0.85) == Motion.UNKNOWN  # the models have not decided
    assert told(1.4, 0.8, 0.95) == Motion.UNKNOWN  # 1.75 sigma, up to 3 m/s
    assert told(0.1, 0.4, 0.6) == Motion.STATIC  # at most 0.9 m/s
    assert told(0.1, 0.5, 0.6) == Motion.UNKNOWN  # up to 1.1 m/s
    assert told(0.1, 0.5, 0.05) == Motion.STATIC  # the model of standing still holds
    assert told(0.5, 0.01, 0.99) == Motion.STATIC  # significant, but slower than moving_speed
    assert told(20.0, 0.1, 0.99, over_ground=False) == Motion.UNKNOWN


def test_no_tracks() -> None:
    assert motion.classify(empty_table(), True, np.zeros(2), CONFIG).shape == (0,)
    assert motion.wheeled(empty_table()).shape == (0,)


def test_x_points_along_the_length_before_any_motion(track) -> None:
    across = track(0.0, 1.0, 0.5, size=(1.8, 4.2, 1.5))
    motion.orient(across, np.array([False]))
    np.testing.assert_allclose(across.size[0, :2], [4.2, 1.8])
    np.testing.assert_allclose(across.heading[0, 0], np.pi / 2)
    assert not across.oriented[0]


@pytest.mark.parametrize(
    ("size", "label", "moving", "renamed"),
    [
        ((1.8, 4.2, 1.5), "car", 0.02, True),  # no car is broader than long
        ((1.8, 4.2, 1.5), "unknown", 0.02, True),  # nor is anything on wheels broader than 2.7 m
        ((0.3, 1.8, 1.5), "unknown", 0.02, False),  # the rear of one that stopped
        ((1.8, 4.2, 1.5), "car", 0.9, False),  # it does not stand
        ((4.2, 1.8, 1.5), "car", 0.02, False),
    ],
)
def test_what_stands_and_is_no_vehicles_width_did_not_move_that_way(track, size, label, moving, renamed) -> None:
    table = track(0.0, 0.1, moving, size=size, label=label, p=0.95)
    table.oriented[0] = True
    motion.orient(table, np.array([False]))
    assert table.oriented[0] != renamed
    np.testing.assert_allclose(table.size[0, :2], size[1::-1] if renamed else size[:2])


def test_x_points_where_it_moves_even_along_the_short_side(track) -> None:
    # only the rear of a car was seen: 1.8 m across the road, and it drives along x
    rear = track(8.0, 0.3, 1.0, size=(1.8, 0.3, 1.5), yaw=np.pi / 2)
    motion.orient(rear, np.array([True]))
    np.testing.assert_allclose(rear.size[0, :2], [0.3, 1.8])
    np.testing.assert_allclose(rear.heading[0, 0], 0.0, atol=1e-12)
    motion.orient(rear, np.array([False]))
    np.testing.assert_allclose(rear.size[0, :2], [0.3, 1.8])


def test_wheels_by_name_and_by_shape(track) -> None:
    """Half a nameless long thing, nothing without axes; a car but for a slip, a person not at all."""
    table = track(8.0, 0.3, 1.0)
    table.class_probabilities[0] = np.eye(len(CLASSES))[INDEX["unknown"]]
    assert motion.wheeled(table)[0] == 0.0
    table.oriented[0] = True
    assert motion.wheeled(table)[0] == 0.5
    table.size[0, :2] = 1.0, 0.5
    assert motion.wheeled(table)[0] == 0.0
    for name, share in (("car", 0.95), ("cyclist", 0.95), ("person", 0.0)):
        table.class_probabilities[0] = np.eye(len(CLASSES))[INDEX[name]]
        assert motion.wheeled(table)[0] == share


def test_what_rests_unseen_keeps_in_mind_how_fast_it_may_be(track) -> None:
    """Half of it stands, half goes 2 m/s +- 0.3: second moment about standing still 0.5 * 2^2 + 0.5 * 0.09."""
    table = track(0.0, 1.0, 0.5)
    table.model_states[0, :, 3:6] = 0.0
    table.model_states[0, imm.STRAIGHT, 3] = 2.0
    table.model_covariances[0, :, 3:6, 3:6] = 0.0
    table.model_covariances[0, imm.STRAIGHT, 3:6, 3:6] = np.eye(3) * 0.09
    table.sum_up()
    for _ in range(2):  # the second scan without it knows no more
        motion.rest(table, np.array([True]))
        np.testing.assert_allclose(np.diag(table.dropped_motion[0]), [2.045, 0.045, 0.045])
        assert table.model_probability[0, imm.STILL] == 0.98
    motion.rest(other := track(0.0, 1.0, 0.5), np.array([False]))
    assert not other.dropped_motion.any()
