"""Motion between two scans of the same walls."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from perception_core.calibration.scan_motion import motion_between, planes_of
from perception_core.geometry.transforms import apply, from_yaw, invert


def street() -> np.ndarray:
    """Ground, two walls along the street, and the faces of houses and cars across it."""
    rng = np.random.default_rng(2)
    n = 6000
    ground = np.column_stack([rng.uniform(-25, 25, n), rng.uniform(-8, 8, n), np.zeros(n)])
    walls = [np.column_stack([rng.uniform(-25, 25, n), np.full(n, y), rng.uniform(0, 6, n)]) for y in (-8.0, 8.0)]
    faces = [
        np.column_stack([np.full(800, x), y + rng.uniform(-1, 1, 800), rng.uniform(0, 3, 800)])
        for x, y in ((-18, 5), (-9, -6), (4, 6), (9, -5), (15, 4), (21, -6))
    ]
    return np.concatenate([ground, *walls, *faces])


STREET = street()
PLANES = planes_of(STREET)


@pytest.mark.parametrize(("x", "y", "yaw"), [(0.0, 0.0, 0.0), (1.2, -0.1, 0.0), (0.4, 0.2, 0.04), (-1.0, 0.0, -0.05)])
def test_the_motion_is_found(x, y, yaw):
    T = from_yaw(yaw, (x, y, 0.0))
    found, share = motion_between(PLANES, planes_of(apply(invert(T), STREET)))
    assert share > 0.5
    assert np.allclose(found[:3, 3], T[:3, 3], atol=0.06)
    assert Rotation.from_matrix(found[:3, :3].T @ T[:3, :3]).magnitude() < 0.003


@pytest.mark.parametrize("count", [0, 1, 5, 50])
def test_too_few_points_say_nothing(count):
    found, share = motion_between(PLANES, planes_of(STREET[:count]))
    assert share == 0.0
    assert np.array_equal(found, np.eye(4))


def test_normals_are_unit_and_across_the_walls():
    assert np.allclose(np.linalg.norm(PLANES.normals, axis=1), 1.0)
    wall = np.abs(np.abs(PLANES.points[:, 1]) - 8.0) < 0.01
    inner = wall & (PLANES.points[:, 2] > 1.0)
    assert np.median(np.abs(PLANES.normals[inner, 1])) > 0.99
