"""Headings of rectangles from their visible sides."""

import numpy as np
import pytest

from perception_core.lidar.lshape import best_heading


def corner(length: float, width: float, degrees: float) -> np.ndarray:
    """Two sides of a rectangle that meet, points every 0.1 m, turned."""
    u = np.concatenate([np.arange(0, length, 0.1), np.zeros(int(width / 0.1))])
    v = np.concatenate([np.zeros(len(np.arange(0, length, 0.1))), np.arange(0, width, 0.1)[: int(width / 0.1)]])
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.stack([c * u - s * v, s * u + c * v])


@pytest.mark.parametrize("degrees", [0.0, 10.0, 27.0, 45.0, 62.5, 89.0])
def test_two_sides_give_their_heading(degrees: float) -> None:
    x, y = corner(4.4, 1.8, degrees)
    error = np.degrees(best_heading(x, y, np.ones(len(x)))) - degrees
    assert abs((error + 45.0) % 90.0 - 45.0) < 1.0


def test_one_side_gives_its_heading() -> None:
    t = np.linspace(0, 3, 30)
    heading = best_heading(t * np.cos(0.5), t * np.sin(0.5), np.ones(30))
    assert heading == pytest.approx(0.5, abs=0.02)


def test_one_point_has_a_heading() -> None:
    assert 0.0 <= best_heading(np.array([3.0]), np.array([4.0]), np.ones(1)) < np.pi / 2


def test_an_outline_decides_where_a_side_is_hidden() -> None:
    """The rear of a car, 1.8 m, and of its roof a corner that runs slantwise into the shadow of something nearer."""
    rear, roof = np.arange(0, 1.81, 0.2), np.arange(0.2, 2.01, 0.2)
    x = np.concatenate([np.zeros(10), roof])
    y = np.concatenate([rear, np.linspace(0.2, 1.7, 10)])
    weights = np.concatenate([np.ones(10), np.full(10, 0.1)])
    for degrees in (0.0, 33.0, 70.0):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        heading = np.degrees(best_heading(c * x - s * y, s * x + c * y, weights, 10))
        assert abs((heading - degrees + 45.0) % 90.0 - 45.0) < 1.0
