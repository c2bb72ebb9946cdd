"""Boxes and polygons against areas worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.geometry import boxes

CAR = np.array([4.0, 2.0, 1.5])
ORIGIN = np.zeros(3)


def test_corners_start_front_left_and_go_counter_clockwise() -> None:
    corners = boxes.bev_corners(np.array([[10.0, 5.0]]), CAR[None], np.array([math.pi / 2]))[0]
    np.testing.assert_allclose(corners, [[9, 7], [9, 3], [11, 3], [11, 7]], atol=1e-12)
    assert boxes.polygon_area(corners) == pytest.approx(8.0)


def test_3d_corners_are_the_bottom_then_the_top() -> None:
    corners = boxes.corners_3d(np.array([[0.0, 0.0, 1.0]]), CAR[None], np.zeros(1))[0]
    assert corners[:4, 2].tolist() == [0.25] * 4
    assert corners[4:, 2].tolist() == [1.75] * 4


def test_bev_overlap_by_hand() -> None:
    """Shift by 1 m: 3 x 2 of 8 + 8 - 6; crossed: 2 x 2 of 8 + 8 - 4; apart: none."""
    assert boxes.iou_bev(ORIGIN, CAR, 0.0, np.array([1.0, 0, 0]), CAR, 0.0) == pytest.approx(6 / 10)
    assert boxes.iou_bev(ORIGIN, CAR, 0.0, ORIGIN, CAR, math.pi / 2) == pytest.approx(4 / 12)
    assert boxes.iou_bev(ORIGIN, CAR, 0.0, np.array([9.0, 0, 0]), CAR, 1.0) == 0.0


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(-math.pi, math.pi))
def test_bev_overlap_is_symmetric_and_bounded(x: float, y: float, yaw: float) -> None:
    other = np.array([x, y, 0.0])
    a = boxes.iou_bev(ORIGIN, CAR, 0.0, other, CAR, yaw)
    b = boxes.iou_bev(other, CAR, yaw, ORIGIN, CAR, 0.0)
    assert a == pytest.approx(b, abs=1e-9)
    assert 0.0 <= a <= 1.0 + 1e-9


def test_aligned_overlap_by_hand() -> None:
    """Intersection 50, union 150; and boxes of no area overlap nothing."""
    a = np.array([[0.0, 0.0, 10.0, 10.0], [5.0, 5.0, 5.0, 5.0]])
    b = np.array([[0.0, 5.0, 10.0, 15.0]])
    np.testing.assert_allclose(boxes.iou_aligned(a, b), [[50 / 150], [0.0]])
    assert boxes.iou_aligned(np.empty((0, 4)), b).shape == (0, 1)


def test_hull_of_a_square_with_its_middle() -> None:
    hull = boxes.convex_hull(np.array([[0, 0], [2, 0], [2, 2], [0, 2], [1, 1], [2, 2]], dtype=float))
    assert len(hull) == 4
    assert boxes.polygon_area(hull) == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("points", "corners"),
    [([], 0), ([[1, 1]], 1), ([[1, 1], [1, 1]], 1), ([[0, 0], [1, 1]], 2), ([[0, 0], [1, 1], [2, 2]], 2)],
)
def test_hull_of_too_little_is_the_extremes(points: list[list[float]], corners: int) -> None:
    assert len(boxes.convex_hull(np.array(points, dtype=float).reshape(-1, 2))) == corners


def test_distance_to_a_turned_box() -> None:
    """Seen from 10 m ahead, a car lying across is 1 m deep on our side: 9 m; inside is 0."""
    centre = np.array([[10.0, 0.0, 0.0], [0.5, 0.0, 0.0]])
    size = np.stack([CAR, CAR])
    distances = boxes.distance_to_boxes(ORIGIN[:2], centre, size, np.array([math.pi / 2, 0.0]))
    np.testing.assert_allclose(distances, [9.0, 0.0])
