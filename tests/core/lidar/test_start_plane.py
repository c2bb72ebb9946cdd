"""The plane under the robot, among things that stand on it and reflections below it."""

import numpy as np
import pytest

from perception_core.lidar.config import CropConfig
from perception_core.lidar.polar import polar_grid
from perception_core.lidar.scan_grid import grid_scan
from perception_core.lidar.start_plane import start_plane

GRID = polar_grid(80.0)


def plane_of(xyz, sigma=0.08):
    crop = CropConfig(min_height=-100.0, max_height=100.0)
    scan = grid_scan(np.asarray(xyz, np.float32), np.eye(4), GRID, crop)
    return start_plane(scan.lowest, GRID.centres, GRID.sectors, sigma)[0]


def seen_from(altitude, rng, count=8000, tilt=(0.17, -0.06)):
    """Points of a plane ``altitude`` below a tilted drone, seen at 25 to 75 degrees down, out to 60 m."""
    azimuth = rng.uniform(-np.pi, np.pi, count)
    reach = altitude / np.tan(np.radians(rng.uniform(15.0, 75.0, count)))
    x, y = reach * np.cos(azimuth), reach * np.sin(azimuth)
    near = reach < 60.0
    return np.column_stack([x, y, -altitude + tilt[0] * x + tilt[1] * y])[near]


def test_a_tilted_plane_is_found_under_clutter() -> None:
    rng = np.random.default_rng(5)
    xy = rng.uniform(-12, 12, (6000, 2))
    z = 0.02 + 0.08 * xy[:, 0] - 0.05 * xy[:, 1]
    z[xy[:, 1] > 5] += 1.2  # a wall of vehicles on one side hides the ground there
    z[rng.choice(6000, 300)] -= rng.uniform(0.5, 3.0, 300)
    np.testing.assert_allclose(plane_of(np.column_stack([xy, z])), [0.02, 0.08, -0.05], atol=0.02)


def test_without_points_the_plane_is_level() -> None:
    np.testing.assert_array_equal(plane_of(np.empty((0, 3))), [0.0, 0.0, 0.0])


@pytest.mark.parametrize("altitude", [1.0, 3.0, 10.0, 30.0])
def test_a_drone_finds_the_ground_below_roofs_and_walls(altitude: float) -> None:
    rng = np.random.default_rng(7)
    xyz = seen_from(altitude, rng)
    roof = (xyz[:, 0] > 5.0) & (xyz[:, 1] > 0.0)  # a flat roof over a quarter of the view
    xyz[roof, 2] += 0.5 * altitude
    tree = rng.choice(len(xyz), len(xyz) // 10)
    xyz[tree, 2] += rng.uniform(0.0, 0.8 * altitude, len(tree))
    below = rng.choice(len(xyz), len(xyz) // 100)
    xyz[below, 2] -= rng.uniform(1.0, 5.0, len(below))
    np.testing.assert_allclose(plane_of(xyz, sigma=50.0), [-altitude, 0.17, -0.06], atol=0.05)


def test_too_little_to_be_ground_lies_above_it() -> None:
    # Five returns of a tree: the ground is assumed half a metre below the lowest.
    xyz = [[10.0, 0.0, -3.0], [10.0, 2.0, -2.0], [12.0, 0.5, -1.0], [12.0, 3.0, 0.0], [11.0, -1.0, 1.0]]
    np.testing.assert_allclose(plane_of(xyz, sigma=50.0), [-3.5, 0.0, 0.0])


def test_an_unknown_start_without_points_is_level() -> None:
    np.testing.assert_array_equal(plane_of(np.empty((0, 3)), sigma=50.0), [0.0, 0.0, 0.0])
