"""Fragments of a car go to it; people do not."""

import numpy as np

from perception_core.lidar.merge import merge_fragments

SENSOR = np.array([0.0, 0.0, 1.7])


def merge(*things):
    """Owners of things (x, y of cells, bottom, top, points a cell), all with heading 0."""
    x = np.concatenate([t[0] for t in things]).astype(np.float64)
    y = np.concatenate([t[1] for t in things]).astype(np.float64)
    sizes = [len(t[0]) for t in things]
    bottom, top = (np.repeat([t[i] for t in things], sizes).astype(np.float32) for i in (2, 3))
    points = np.repeat([t[4] for t in things], sizes).astype(np.int32)
    piece = np.repeat(np.arange(len(things)), sizes).astype(np.int32)
    joined, headings = merge_fragments(
        x, y, np.arctan2(y, x), np.hypot(x, y), bottom, top, points, piece, np.zeros(len(things)), SENSOR
    )
    assert len(headings) == len(things)
    return [int(joined[piece == k][0]) for k in range(len(things))]


REAR = (np.full(9, 8.0), np.linspace(-0.8, 0.8, 9), 0.2, 1.0, 30)


def test_a_roof_in_the_shadow_of_a_rear_is_part_of_the_car() -> None:
    roof = (np.linspace(9.5, 11.0, 8), np.linspace(-0.5, 0.5, 8), 1.3, 1.45, 2)
    assert merge(REAR, roof) == [0, 0]


def test_a_person_looking_over_a_car_is_a_person() -> None:
    person = (np.array([12.0, 12.1]), np.array([0.0, 0.2]), 1.0, 1.8, 12)
    assert merge(REAR, person) == [0, 1]


def test_a_person_beside_a_car_is_a_person() -> None:
    person = (np.array([9.0, 9.1]), np.array([1.8, 2.0]), 0.2, 1.7, 40)
    assert merge(REAR, person) == [0, 1]


def test_a_seat_inside_the_rectangle_is_part_of_the_car() -> None:
    side = (np.linspace(8.0, 12.0, 20), np.full(20, -0.8), 0.2, 1.4, 20)
    shell = (np.concatenate([REAR[0], side[0]]), np.concatenate([REAR[1], side[1]]), 0.2, 1.4, 20)
    assert merge(shell, (np.array([10.0, 10.1]), np.array([0.0, 0.0]), 0.3, 1.0, 3)) == [0, 0]


def test_strips_of_a_grazed_side_lead_to_their_face() -> None:
    strips = [(np.array([x]), np.array([0.85]), 0.3, 1.3, 5) for x in (20.9, 21.8, 22.8)]
    rear = (np.full(9, 20.0), np.linspace(0.8, 2.4, 9), 0.2, 1.4, 20)
    assert merge(rear, *strips) == [0, 0, 0, 0]


def test_a_pole_well_behind_a_face_is_a_pole() -> None:
    rear = (np.full(9, 20.0), np.linspace(0.8, 2.4, 9), 0.2, 1.4, 20)
    assert merge(rear, (np.array([26.0]), np.array([0.85]), 0.2, 2.4, 20)) == [0, 1]
