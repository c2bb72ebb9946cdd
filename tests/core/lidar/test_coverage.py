"""How far each direction was seen."""

import numpy as np

from perception_core.lidar.config import CropConfig
from perception_core.lidar.coverage import ground_and_coverage
from perception_core.lidar.polar import polar_grid
from perception_core.lidar.scan_grid import grid_scan
from perception_core.types import PointClass

GRID = polar_grid(80.0)


def coverage(points, height, sensor=(0.0, 0.0), sectors=8):
    T = np.eye(4)
    T[:2, 3] = sensor
    xyz = np.array(points, np.float32) - [*sensor, 0.0]
    scan = grid_scan(xyz.astype(np.float32), T, GRID, CropConfig())
    heights = np.array(height)
    ground, obstacle, below = PointClass.GROUND, PointClass.OBSTACLE, PointClass.BELOW_GROUND
    classes = np.where(heights > 0.2, obstacle, np.where(heights < -0.2, below, ground)).astype(np.uint8)
    obstacles = np.array(points, np.float64)[heights > 0.2, :2]
    return ground_and_coverage(scan, classes, obstacles, GRID, sectors)


def test_a_sector_reaches_to_its_last_return_before_a_gap() -> None:
    ahead = [[x, 0.1, 0.0] for x in (5.0, 6.5, 8.0, 10.0, 20.0)]  # 10 to 20 m is a shadow
    ground, out = coverage(ahead, [0.0] * 5)
    assert len(ground) == 5
    np.testing.assert_allclose(out[4], np.hypot(10.0, 0.1), rtol=1e-6)
    assert out.sum() == out[4]


def test_an_obstacle_counts_as_seen_and_a_reflection_does_not() -> None:
    ground, out = coverage([[-5.0, -0.1, 0.0], [-6.0, -0.1, 1.0], [-7.0, -0.1, -1.0]], [0.0, 1.0, -1.0])
    assert len(ground) == 1
    np.testing.assert_allclose(out[0], np.hypot(6.0, 0.1), rtol=1e-6)


def test_sectors_count_from_the_base_frame_where_the_sensor_is_not() -> None:
    # Seen from a sensor at (4, 0) the point (5, 5) is nearly to the left; from the base it is at 45 degrees.
    _, out = coverage([[5.0, 5.001, 0.0]], [0.0], sensor=(4.0, 0.0), sectors=4)
    np.testing.assert_array_equal(out > 0, [False, False, True, False])
    np.testing.assert_allclose(out[2], np.hypot(5, 5), rtol=1e-3)
