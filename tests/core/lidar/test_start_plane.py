"""The plane under the robot, among things that stand on it and reflections below it."""

import numpy as np

from perception_core.lidar.config import CropConfig
from perception_core.lidar.polar import polar_grid
from perception_core.lidar.scan_grid import grid_scan
from perception_core.lidar.start_plane import start_plane

GRID = polar_grid(80.0)


def plane_of(xyz):
    scan = grid_scan(np.asarray(xyz, np.float32), np.eye(4), GRID, CropConfig())
    return start_plane(scan.lowest, GRID.centres, GRID.sectors, 0.08)[0]


def test_a_tilted_plane_is_found_under_clutter() -> None:
    rng = np.random.default_rng(5)
    xy = rng.uniform(-12, 12, (6000, 2))
    z = 0.02 + 0.08 * xy[:, 0] - 0.05 * xy[:, 1]
    z[xy[:, 1] > 5] += 1.2  # a wall of vehicles on one side hides the ground there
    z[rng.choice(6000, 300)] -= rng.uniform(0.5, 3.0, 300)
    np.testing.assert_allclose(plane_of(np.column_stack([xy, z])), [0.02, 0.08, -0.05], atol=0.02)


def test_without_points_the_plane_is_level() -> None:
    np.testing.assert_array_equal(plane_of(np.empty((0, 3))), [0.0, 0.0, 0.0])
