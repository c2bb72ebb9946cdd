"""The near side of a component, by hand."""

import numpy as np

from perception_core.lidar.contour import contour_of, solid_cells


def test_the_contour_is_the_nearest_cell_of_each_direction() -> None:
    x, y = np.array([5.0, 6.0, 5.0, 7.0]), np.array([0.0, 0.0, 1.0, 1.4])
    contour = contour_of(np.arctan2(y, x), np.hypot(x, y), np.arange(4, dtype=np.int32))
    assert sorted(contour.tolist()) == [0, 2]


def test_cells_with_few_points_are_not_solid() -> None:
    points = np.array([20, 30, 1, 25], np.int32)
    np.testing.assert_array_equal(solid_cells(points, np.arange(4, dtype=np.int32)), [0, 1, 3])
    np.testing.assert_array_equal(solid_cells(points, np.array([2], np.int32)), [2])
