"""Shares of boxes by hand."""

import numpy as np

from perception_core.tracking.fragments import inside_share

CAR = np.array([[10.0, 0.0, 0.75]]), np.array([[4.0, 2.0, 1.5]]), np.zeros(1)


def share(x: float, y: float, z: float = 0.75, size: tuple[float, ...] = (1.0, 1.0, 1.5), yaw: float = 0.0) -> float:
    return float(inside_share(np.array([[x, y, z]]), np.array([size]), np.array([yaw]), *CAR)[0, 0])


def test_wholly_inside() -> None:
    assert share(10.0, 0.0) == 1.0


def test_a_quarter_at_the_corner() -> None:
    np.testing.assert_allclose(share(12.0, 1.0), 0.25)


def test_outside_and_touching() -> None:
    assert share(13.0, 0.0) == 0.0
    assert share(12.5, 0.0) == 0.0


def test_above() -> None:
    assert share(10.0, 0.0, z=4.0) == 0.0


def test_nothing_with_nothing() -> None:
    none = np.empty((0, 3)), np.empty((0, 3)), np.empty(0)
    assert inside_share(*none, *CAR).shape == (0, 1)
    assert inside_share(*CAR, *none).shape == (1, 0)
