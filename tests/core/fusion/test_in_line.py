"""Pieces of a long body lie as it does."""

import numpy as np
import pytest

from perception_core.fusion.completion import Boxes
from perception_core.fusion.in_line import in_line
from perception_core.geometry.boxes import bev_corners

TRUCK = (5.0, -3.65, 10.0, 2.7, 0.0)
"""From 0 to 10 m ahead, its near side at y = -2.3 m."""

CORNER = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, -2.0]])
"""A right-angled triangle with legs of 4 m and 2 m: what is seen of the corner of a box."""


def boxes_of(*rows: tuple[float, float, float, float, float]) -> Boxes:
    x, y, length, width, yaw = np.array(rows).reshape(-1, 5).T
    none = np.zeros(len(x))
    return Boxes(
        np.column_stack([x, y, none + 1.0]),
        np.column_stack([length, width, none + 2.0]),
        yaw,
        np.zeros((len(x), 6, 6)),
    )


def on_its_longest_side(outline: np.ndarray) -> tuple[float, float, float, float, float]:
    """The rectangle on the hypotenuse, 4.47 m by 1.79 m: as large as that on the legs, at 26.6 degrees."""
    yaw = float(np.arctan2(2.0, 4.0))
    along, across = np.array([np.cos(yaw), np.sin(yaw)]), np.array([-np.sin(yaw), np.cos(yaw)])
    u, v = outline @ along, outline @ across
    middle = along * (u.min() + u.max()) / 2 + across * (v.min() + v.max()) / 2
    return (middle[0], middle[1], float(np.ptp(u)), float(np.ptp(v)), yaw)


def with_piece(outline: np.ndarray, points: tuple[int, int] = (900, 100)) -> Boxes:
    boxes = boxes_of(TRUCK, on_its_longest_side(outline))
    return in_line(boxes, [np.empty((0, 2)), outline], np.array(points))


def test_the_corner_at_the_end_of_a_truck_lies_as_the_truck() -> None:
    """From 10.5 to 14.5 m, its side at -2.3 m as the truck's."""
    found = with_piece(CORNER + np.array([10.5, -2.3]))
    np.testing.assert_allclose(found.centre[1], [12.5, -3.3, 1.0])
    np.testing.assert_allclose(found.size[1], [4.0, 2.0, 2.0])
    assert found.yaw[1] == pytest.approx(0.0)
    np.testing.assert_allclose(found.centre[0, :2], TRUCK[:2])


@pytest.mark.parametrize(
    ("at", "points"),
    [
        ((10.5, -3.3), (900, 100)),  # a metre behind the truck's side
        ((11.5, -2.3), (900, 100)),  # a metre and a half beyond its end
        ((10.5, -2.3), (100, 900)),  # seen better than the truck
    ],
)
def test_what_stands_elsewhere_or_is_seen_better_keeps_its_heading(
    at: tuple[float, float], points: tuple[int, int]
) -> None:
    found = with_piece(CORNER + np.array(at), points)
    assert found.yaw[1] == pytest.approx(np.arctan2(2.0, 4.0))


def test_a_car_that_stands_at_an_angle_keeps_it() -> None:
    """Along the truck it would take twice its own room."""
    car = boxes_of((13.0, -3.9, 4.2, 1.8, np.radians(30.0)))
    outline = bev_corners(car.centre, car.size, car.yaw)[0]
    outline[:, 1] += -2.3 - outline[:, 1].max()
    box = (float(outline[:, 0].mean()), float(outline[:, 1].mean()), 4.2, 1.8, float(np.radians(30.0)))
    found = in_line(boxes_of(TRUCK, box), [np.empty((0, 2)), outline], np.array([900, 100]))
    assert found.yaw[1] == pytest.approx(np.radians(30.0))


def test_no_things_and_one() -> None:
    none = np.empty((0, 2))
    assert len(in_line(boxes_of(), [], np.empty(0, np.int64)).yaw) == 0
    assert in_line(boxes_of(TRUCK), [none], np.array([5])).yaw[0] == 0.0
