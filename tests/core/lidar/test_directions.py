"""Directions by hand: index 0 begins behind."""

import numpy as np
import pytest

from perception_core.lidar.directions import DIRECTIONS, direction_of, horizon_of, wrapped


@pytest.mark.parametrize(
    ("angle", "expected"), [(0.0, 0.0), (3.0, 3.0), (4.0, 4.0 - 2 * np.pi), (-7.0, 2 * np.pi - 7.0)]
)
def test_angles_are_wrapped(angle: float, expected: float) -> None:
    assert wrapped(angle) == pytest.approx(expected)


@pytest.mark.parametrize(("azimuth", "index"), [(-3.1, 0), (-1.6, 0), (-1.5, 1), (0.1, 2), (3.1, 3), (3.2, 0)])
def test_four_directions(azimuth: float, index: int) -> None:
    assert direction_of(azimuth, 4) == index


def test_the_horizon_is_the_nearest_of_each_direction() -> None:
    out = horizon_of(np.array([0.001, 0.002, 1.0]), np.array([9.0, 4.0, 7.0]))
    assert len(out) == DIRECTIONS
    assert out[DIRECTIONS // 2] == 4.0
    assert (out < 1e17).sum() == 2
    assert (horizon_of(np.empty(0), np.empty(0)) > 1e17).all()
