"""Ends of boxes seen from the origin, worked out by hand."""

import numpy as np
import pytest

from perception_core.tracking.ends import End, lateral_ends, loose_ends, turned

ORIGIN = np.zeros(2)


def scene(*boxes: tuple[float, float, float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Boxes of x, y, length, width; 1.5 m high, yaw 0."""
    given = np.array(boxes, dtype=float).reshape(-1, 4)
    height = np.full((len(given), 1), 1.5)
    return np.hstack([given[:, :2], height / 2.0]), np.hstack([given[:, 2:], height]), np.zeros(len(given)), ORIGIN


def loose(*boxes: np.ndarray) -> np.ndarray:
    return loose_ends(*boxes, np.zeros(len(boxes[0]), bool))


def test_nothing_has_no_ends() -> None:
    assert lateral_ends(*scene()).shape == (0, 2)
    assert loose(*scene()).shape == (0, 2, 2)


def test_a_lone_box_ends_where_it_ends() -> None:
    np.testing.assert_array_equal(lateral_ends(*scene((10.0, 0.0, 4.0, 2.0))), [[End.FREE, End.FREE]])
    assert not loose(*scene((10.0, 0.0, 4.0, 2.0))).any()


def test_a_facade_between_two_parked_cars_has_two_hidden_ends() -> None:
    # ahead to the left, y = 10: the cars end at x = -+1, y 5..7, the gap shows -1 / 7 * 10 = -1.43 to 1.43 of the wall
    wall, left, right = (0.0, 10.0, 2.8, 0.1), (-3.0, 6.0, 4.0, 2.0), (3.0, 6.0, 4.0, 2.0)
    ends = lateral_ends(*scene(wall, left, right))
    np.testing.assert_array_equal(ends, [[End.HIDDEN, End.HIDDEN], [End.FREE, End.FREE], [End.FREE, End.FREE]])
    found = loose(*scene(wall, left, right))
    np.testing.assert_array_equal(found[0], [[True, True], [False, False]])
    assert not found[1:].any()


def test_one_car_hides_one_end() -> None:
    # seen from the origin towards +y the right is +x
    found = loose(*scene((0.0, 10.0, 2.8, 0.1), (3.0, 6.0, 4.0, 2.0)))
    np.testing.assert_array_equal(found[0], [[False, True], [False, False]])


def test_a_car_behind_hides_nothing() -> None:
    assert not loose(*scene((0.0, 6.0, 4.0, 1.8), (4.0, 12.0, 4.0, 1.8)))[0].any()


def test_pieces_of_a_cut_wall_continue_each_other() -> None:
    ends = lateral_ends(*scene((-5.0, 10.0, 10.0, 0.1), (5.2, 10.0, 10.0, 0.1)))
    np.testing.assert_array_equal(ends, [[End.CONTINUED, End.FREE], [End.FREE, End.CONTINUED]])


def test_the_near_corner_of_a_body_is_a_face_whatever_stands_before_its_ends() -> None:
    # a car ahead on the left, rear and right side seen; a pole hides the far end of its side
    car, pole = (10.0, 4.0, 4.0, 1.8), (6.0, 1.52, 0.2, 0.2)
    found = loose(*scene(car, pole))
    np.testing.assert_array_equal(found[0], [[False, True], [False, False]])


def test_slivers_have_no_end_to_hold_on_to() -> None:
    assert loose(*scene((10.0, 0.0, 0.1, 0.05))).all()


def test_a_quarter_turn_renames_ends() -> None:
    # the rear end, turned a quarter to the left, is the left end of the new width
    rear = np.array([[[True, False], [False, False]]])
    np.testing.assert_array_equal(turned(rear, np.array([1])), [[[False, False], [False, True]]])
    np.testing.assert_array_equal(turned(rear, np.array([2])), [[[False, True], [False, False]]])
    np.testing.assert_array_equal(turned(rear, np.array([-1])), [[[False, False], [True, False]]])
    np.testing.assert_array_equal(turned(rear, np.array([4])), rear)


def test_a_column_of_points_has_no_ends() -> None:
    """0.4 m along the line of sight 80 m away and 2 cm across it: 0.00025 rad; across it would be a wall's piece."""
    assert loose(*scene((80.0, 0.0, 0.4, 0.02))).all()
    assert not loose(*scene((80.0, 0.0, 0.02, 0.5))).any()


@pytest.mark.parametrize(
    ("height", "rail", "wanted"),
    [
        (0.7, (0.0, 6.0, 12.0, 0.2), End.FREE),  # before all of the car, and it is seen: over the rail
        (1.2, (0.0, 6.0, 12.0, 0.2), End.HIDDEN),  # not over what is higher than 1 m
        (0.7, (5.0, 6.0, 10.0, 0.2), End.HIDDEN),  # begins at its middle: may well cover the rest
        (0.7, (3.0, 6.0, 10.0, 0.2), End.FREE),  # from x = -2 on: before the middle and the right half
        (0.7, (1.0, 6.0, 0.4, 0.2), End.HIDDEN),  # a post at the end of what is seen
    ],
)
def test_a_car_is_seen_over_a_guard_rail(height: float, rail, wanted: End) -> None:
    """The car at y = 15, 4 m long: its right end at x = 2, seen at y = 14.1; what is before that at y = 6: 0.85 m."""
    centre, size, yaw, sensor, *_ = scene((0.0, 15.0, 4.0, 1.8), rail)
    size[:, 2] = 1.6, height
    assert lateral_ends(centre, size, yaw, sensor)[0, 0] == wanted
