"""Boxes around hulls, and what stands on them."""

import numpy as np

from perception_core.lidar.boxes import columns, extents, oriented_boxes


def test_a_box_is_measured_along_its_heading_and_longer_than_wide() -> None:
    # A rectangle's corners (1 x 3 m) turned by 30 degrees around (5, 2); heading given along the short side.
    c, s = np.cos(np.radians(30)), np.sin(np.radians(30))
    uv = np.array([[-0.5, -1.5], [0.5, -1.5], [0.5, 1.5], [-0.5, 1.5]])
    hull = np.column_stack([5 + uv @ [c, -s], 2 + uv @ [s, c]])
    heading = np.array([np.radians(30)])
    extent = extents(hull, np.array([0, 4], np.int32), heading)
    centre, size, yaw = oriented_boxes(extent, np.array([[0.1, 1.7]]), heading)
    np.testing.assert_allclose(centre, [[5, 2, 0.9]], atol=1e-9)
    np.testing.assert_allclose(size, [[3, 1, 1.6]], atol=1e-9)
    np.testing.assert_allclose(yaw, np.radians([120 - 180]), atol=1e-9)


def test_the_cells_of_a_cluster_are_summed_up() -> None:
    count = np.array([3, 4, 5], np.int32)
    levels = np.array([[0.1, 0.5], [0.3, 1.5], [0.2, 0.4]], np.float32)
    bounds = np.array([[5.0, 3.0, 5.2, 3.2], [5.5, 3.1, 5.6, 3.4], [9, 0, 9, 0]], np.float32)
    bottom, top = np.array([0.2, 0.4, 0.3], np.float32), np.array([0.6, 1.6, 0.5], np.float32)
    found = columns(count, bounds, levels, bottom, top, np.array([7.0, 6.0, 9.0]), np.array([1, 1, 0], np.int32), 2)
    np.testing.assert_array_equal(found.count, [5, 7])
    np.testing.assert_allclose(found.z, [[0.2, 0.4], [0.1, 1.5]])
    np.testing.assert_allclose(found.height, [[0.3, 0.5], [0.2, 1.6]])
    np.testing.assert_allclose(found.reach, [9.0, 6.0])
    np.testing.assert_allclose(found.span, [0.0, np.hypot(0.6, 0.4)], atol=1e-6)


def test_none() -> None:
    hull, start = np.empty((0, 2)), np.zeros(1, np.int32)
    extent = extents(hull, start, np.empty(0))
    centre, size, yaw = oriented_boxes(extent, np.empty((0, 2)), np.empty(0))
    assert (len(centre), len(size), len(yaw)) == (0, 0, 0)
