"""Measured sizes along the axes of the tracks, and what follows them."""

import numpy as np

from perception_core.tracking import sizes
from perception_core.tracking.config import MeasurementConfig, ShapeConfig
from perception_core.tracking.measurements import Measurements, from_objects


def measured(objects, *size: tuple[float, float, float], z: float = 0.8) -> Measurements:
    """Boxes of these sizes ten metres apart."""
    boxes = [{"x": 10.0 * k + 10.0, "y": 0.0, "z": z, "size": one} for k, one in enumerate(size)]
    return from_objects(objects(0.0, boxes), np.eye(4), MeasurementConfig())[0]


def test_quarter_turns_exchange_length_and_width(objects) -> None:
    """Of what is as long as wide any box is taken as it lies; what is long is made no wider by one across."""
    seen = measured(objects, *[(4.0, 2.0, 1.5)] * 4)
    turns = np.array([0, 1, 2, -1])
    square, long = np.tile([3.0, 3.0, 1.5], (4, 1)), np.tile([3.5, 1.8, 1.5], (4, 1))
    np.testing.assert_array_equal(sizes.along(square, turns, seen)[:, 0], [4.0, 2.0, 4.0, 2.0])
    np.testing.assert_array_equal(sizes.along(long, turns, seen)[:, :2], [[4.0, 2.0], [2.0, 1.8]] * 2)


def test_sizes_follow_by_hand(objects) -> None:
    """0.3 s: longer, as twice measured, by 1 - 1/e; narrower and lower by 1 - exp(-0.3 / 4), where both ends show."""
    config = ShapeConfig(grow_time=0.3, shrink_time=4.0)
    rows = np.tile([4.0, 2.0, 2.0], (3, 1))
    seen = measured(objects, (6.0, 1.0, 1.0), (6.0, 1.0, 1.0), (3.0, 1.0, 1.0))
    before = np.array([[5.0, 1.0], [3.0, 1.0], [3.0, 1.0]])
    sides, shrinks = np.array([[1.0, 0.0], [1.0, 0.0], [0.5, 1.0]]), np.array([[True, True]] * 2 + [[False, True]])
    got = sizes.followed(rows, seen.size, before, sides, seen.lidar, shrinks, np.full(3, 0.3), config)
    grow, shrink = 1.0 - np.exp(-1.0), 1.0 - np.exp(-0.075)
    np.testing.assert_allclose(got[0], [4.0 + grow, 2.0 - shrink, 2.0 - shrink])
    np.testing.assert_allclose(got[1], [4.0, 2.0 - shrink, 2.0 - shrink])
    np.testing.assert_allclose(got[2], [4.0, 2.0 - 0.5 * shrink, 2.0 - shrink])


def test_the_middle_follows_a_height_that_changes_at_one_end(objects) -> None:
    """Seen from 0 to 1 m: a track from 0 to 2 m that shrinks to 1.5 m goes down by 0.25 m, and not more."""
    seen = measured(objects, (1.0, 1.0, 1.0), z=0.5)
    got = sizes.height_shift(np.array([1.0]), np.array([2.0]), np.array([1.5]), seen)
    np.testing.assert_allclose(got, -0.25)
