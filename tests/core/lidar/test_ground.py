"""Heights above ground on planes, slopes, kerbs, behind trucks and under reflections."""

import numpy as np
import pytest

from perception_core.lidar.config import CropConfig, GroundConfig
from perception_core.lidar.ground import fit_ground, height_above_ground
from perception_core.lidar.polar import polar_grid
from perception_core.lidar.scan_grid import grid_scan

GRID = polar_grid(80.0)


def heights(cloud, T):
    """The kept points in the base frame, and what the model says is their height above ground."""
    scan = grid_scan(cloud.xyz, T, GRID, CropConfig())
    model = fit_ground(scan, GRID, GroundConfig())
    assert np.isfinite(model.height).all()
    return scan.xyz, height_above_ground(scan, model)


def test_a_flat_street_is_flat(cast, T_base_sensor) -> None:
    _, height = heights(cast(noise=0.015), T_base_sensor)
    assert np.abs(height).max() < 0.1
    assert np.abs(height).mean() < 0.02


@pytest.mark.parametrize("slope", [0.1, -0.08])
def test_a_slope_is_ground_and_a_box_on_it_has_its_height(slope: float, cast, block, T_base_sensor) -> None:
    base = slope * 20.0
    xyz, height = heights(cast([block(20.0, 0.0, 2.0, 2.0, base - 1.0, base + 1.0)], slope=slope), T_base_sensor)
    on_box = (np.abs(xyz[:, 0] - 20.0) < 1.1) & (np.abs(xyz[:, 1]) < 1.1)
    true = xyz[:, 2] - slope * xyz[:, 0]
    assert np.percentile(np.abs(height - true)[~on_box], 99) < 0.12
    # Top of the box's face at x = 19: 1 m + slope * 1 m above ground there, or where the highest beam (2 degrees) ends.
    visible = 1.73 + 19.0 * np.tan(np.radians(2.0)) - 19.0 * slope
    assert height[on_box].max() == pytest.approx(min(1.0 + slope, visible), abs=0.15)


def test_a_pavement_behind_a_kerb_is_ground(cast, block, T_base_sensor) -> None:
    xyz, height = heights(cast([block(10.0, 10.0, 60.0, 12.0, -0.5, 0.12)]), T_base_sensor)
    pavement = (xyz[:, 1] > 5.0) & (np.hypot(xyz[:, 0], xyz[:, 1]) < 20.0)
    assert pavement.sum() > 1000
    assert np.mean(np.abs(height[pavement]) < 0.1) > 0.97


def test_a_car_is_no_ground_even_where_it_hides_it(cast, block, T_base_sensor) -> None:
    xyz, height = heights(
        cast([block(8.0, 0.0, 4.4, 1.8, 0.3, 0.9), block(20.0, -3.0, 6.0, 2.4, 0.3, 3.0)]), T_base_sensor
    )
    for low, high in ((5.7, 10.3), (16.9, 23.1)):
        inside = (xyz[:, 0] > low) & (xyz[:, 0] < high) & (xyz[:, 2] > 0.4)
        np.testing.assert_allclose(height[inside], xyz[inside, 2], atol=0.12)


def test_reflections_below_ground_do_not_pull_it_down(cast, T_base_sensor) -> None:
    cloud = cast()
    xyz = cloud.xyz.copy()
    hit = np.random.default_rng(2).choice(len(xyz), 800, replace=False)
    xyz[hit] *= 1.4  # the mirror image lies farther along the same ray
    scan = grid_scan(xyz, T_base_sensor, GRID, CropConfig())
    height = height_above_ground(scan, fit_ground(scan, GRID, GroundConfig()))
    true_ground = np.abs(scan.xyz[:, 2]) < 0.05
    assert np.percentile(np.abs(height[true_ground]), 99.5) < 0.1


def test_no_points_leave_the_ground_under_the_robot(T_base_sensor) -> None:
    scan = grid_scan(np.empty((0, 3), np.float32), T_base_sensor, GRID, CropConfig())
    model = fit_ground(scan, GRID, GroundConfig())
    assert not model.seen.any()
    np.testing.assert_array_equal(model.height, 0.0)
