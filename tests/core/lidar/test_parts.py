"""Parts of one car are joined; cars, people and poles beside each other are not."""

import numpy as np

from perception_core.lidar.parts import join_parts


def owners(*things, headings=None):
    """Owners of things (x, y of cells, bottom, top, points a cell)."""
    x = np.concatenate([t[0] for t in things]).astype(np.float64)
    y = np.concatenate([t[1] for t in things]).astype(np.float64)
    sizes = [len(t[0]) for t in things]
    bottom, top = (np.repeat([t[i] for t in things], sizes).astype(np.float32) for i in (2, 3))
    points = np.repeat([t[4] for t in things], sizes).astype(np.int32)
    piece = np.repeat(np.arange(len(things)), sizes).astype(np.int32)
    headings = np.zeros(len(things)) if headings is None else np.asarray(headings)
    return join_parts(x, y, np.arctan2(y, x), np.hypot(x, y), bottom, top, points, piece, headings).tolist()


def across(x, y, width=1.7):
    """Cells of a face across the view."""
    return np.full(9, x), np.linspace(y - width / 2, y + width / 2, 9)


REAR = (*across(25.0, 0.0), 0.2, 0.9, 3)


def test_a_roof_beyond_the_rear_is_part_of_the_car() -> None:
    assert owners(REAR, (np.array([26.8, 27.0]), np.array([-0.5, 0.4]), 1.4, 1.45, 4)) == [0, 0]


def test_the_roof_of_the_car_ahead_of_it_is_not() -> None:
    assert owners(REAR, (np.array([31.5, 31.7]), np.array([-0.5, 0.4]), 1.4, 1.45, 4)) == [0, 1]


def test_the_side_that_leads_away_from_the_rear_is_part_of_the_car() -> None:
    side = (np.linspace(25.3, 28.5, 9), np.full(9, -0.95), 0.2, 1.2, 2)
    assert owners(REAR, side) == [0, 0]


def test_cars_parked_side_by_side_are_two() -> None:
    for beside in (2.4, 2.6):
        assert owners(REAR, (*across(25.4, beside), 0.2, 0.9, 3)) == [0, 1]


def test_cars_parked_bumper_to_bumper_are_two() -> None:
    """Two sides of 4.2 m, 0.5 m apart."""
    sides = [(np.linspace(low, low + 4.2, 22), np.full(22, 8.0), 0.2, 1.4, 3) for low in (-4.45, 0.25)]
    assert owners(*sides) == [0, 1]


def test_people_are_left_alone() -> None:
    person = (np.array([25.2, 25.3]), np.array([1.1, 1.4]), 0.1, 1.7, 10)
    child = (np.array([25.2, 25.3]), np.array([1.1, 1.3]), 0.1, 1.0, 5)
    assert owners(REAR, person) == [0, 1]
    assert owners(REAR, child) == [0, 1]
    two = [(np.array([12.0, 12.1]), np.array([y, y + 0.3]), 0.1, 1.7, 40) for y in (0.0, 0.8)]
    assert owners(*two) == [0, 1]


def test_what_something_nearer_hides_is_no_gap() -> None:
    rear = (np.full(5, 25.0), np.linspace(-1.05, -0.15, 5), 0.2, 1.4, 3)
    other = (np.full(4, 25.0), np.linspace(0.45, 0.85, 4), 0.2, 0.8, 2)
    pole = (np.full(6, 10.0), np.linspace(-0.06, 0.18, 6), 0.1, 4.0, 20)
    assert owners(rear, other, pole)[:2] == [0, 0]
    assert owners(rear, other)[:2] == [0, 1]


def test_nothing_has_no_owners() -> None:
    none, low = np.empty(0), np.empty(0, np.float32)
    assert len(join_parts(none, none, none, none, low, low, np.empty(0, np.int32), np.empty(0, np.int32), none)) == 0
