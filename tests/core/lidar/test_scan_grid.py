"""Transforming, cropping and sorting a scan."""

import numpy as np

from perception_core.lidar.config import CropConfig
from perception_core.lidar.polar import polar_grid
from perception_core.lidar.scan_grid import grid_scan

GRID = polar_grid(80.0)


def test_points_come_into_the_base_frame_and_are_counted_where_dropped() -> None:
    # Sensor at (1, 0, 2), turned a quarter turn left: its x is the base's y.
    T = np.array([[0.0, -1, 0, 1], [1, 0, 0, 0], [0, 0, 1, 2], [0, 0, 0, 1]])
    points = np.array([[0.1, 0, 0], [5, 0, -2], [200, 0, 0], [5, 0, 90], [0, 5, 0], [0.2, 1.6, -1]], np.float32)
    scan = grid_scan(points, T, GRID, CropConfig())
    np.testing.assert_allclose(scan.xyz, [[1, 5, 0], [-4, 0, 2]], atol=1e-6)
    np.testing.assert_allclose(scan.range, [5, 5])
    np.testing.assert_array_equal(scan.index, [1, 4])
    np.testing.assert_allclose(scan.sensor, [1, 0, 2])
    assert scan.dropped == {"range": 2, "height": 1, "body": 1, "intensity": 0}


def test_every_cell_knows_its_points_and_the_lowest() -> None:
    points = np.random.default_rng(0).uniform(-30, 30, (2000, 3)).astype(np.float32)
    scan = grid_scan(points, np.eye(4), GRID, CropConfig(min_height=-50.0, max_height=50.0))
    assert scan.counts.sum() == len(scan.xyz)
    for cell in np.unique(scan.cell)[:50]:
        assert scan.counts[cell] == np.count_nonzero(scan.cell == cell)
        assert scan.lowest[cell] == scan.xyz[scan.cell == cell, 2].min()
    assert np.isinf(scan.lowest[scan.counts == 0]).all()


def test_an_empty_scan_has_empty_columns() -> None:
    scan = grid_scan(np.empty((0, 3), np.float32), np.eye(4), GRID, CropConfig())
    assert len(scan.xyz) == scan.counts.sum() == 0


def test_returns_too_weak_or_too_strong_are_dropped_and_counted() -> None:
    points = np.array([[5, 0, 0], [6, 0, 0], [7, 0, 0], [8, 0, 0], [0.1, 0, 0]], np.float32)
    intensity = np.array([2, 3, 200, 201, 0], np.float32)
    crop = CropConfig(min_intensity=3.0, max_intensity=200.0)
    scan = grid_scan(points, np.eye(4), GRID, crop, intensity)
    np.testing.assert_array_equal(scan.xyz[:, 0], [6, 7])
    assert scan.dropped == {"range": 1, "height": 0, "body": 0, "intensity": 2}
    # Without intensities nothing is dropped by them.
    assert grid_scan(points, np.eye(4), GRID, crop).dropped["intensity"] == 0


def test_an_intensity_that_is_no_number_is_outside_any_limit() -> None:
    points = np.array([[5, 0, 0], [6, 0, 0]], np.float32)
    crop = CropConfig(max_intensity=200.0)
    scan = grid_scan(points, np.eye(4), GRID, crop, np.array([np.nan, 1.0], np.float32))
    assert scan.dropped["intensity"] == 1
