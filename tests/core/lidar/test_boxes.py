"""Extents, boxes and the uncertainty of their centres."""

import numpy as np

from perception_core.lidar.boxes import centre_covariance, extents, oriented_boxes


def test_a_box_is_measured_along_its_heading_and_longer_than_wide() -> None:
    # A square's corners (1 x 3 m) turned by 30 degrees around (5, 2); heading given along the short side.
    c, s = np.cos(np.radians(30)), np.sin(np.radians(30))
    uv = np.array([[-0.5, -1.5], [0.5, -1.5], [0.5, 1.5], [-0.5, 1.5]])
    xyz = np.column_stack([5 + uv @ [c, -s], 2 + uv @ [s, c], [0.1, 0.2, 1.5, 1.7]]).astype(np.float32)
    extent, count = extents(xyz, xyz[:, 2].copy(), np.zeros(4, np.int32), np.array([np.radians(30)]))
    centre, size, yaw = oriented_boxes(extent, np.array([np.radians(30)]))
    np.testing.assert_array_equal(count, [4])
    np.testing.assert_allclose(centre, [[5, 2, 0.9]], atol=1e-5)
    np.testing.assert_allclose(size, [[3, 1, 1.6]], atol=1e-5)
    np.testing.assert_allclose(yaw, np.radians([120 - 180]), atol=1e-9)


def test_only_the_axis_along_the_line_of_sight_is_uncertain() -> None:
    # The rear of a car, 1.8 m wide and 0.3 m deep, straight ahead: up to 2.5 * 1.8 - 0.3 = 4.2 m are hidden.
    covariance = centre_covariance(
        np.array([[10.0, 0.0, 0.8]]), np.array([[1.8, 0.3, 1.2]]), np.array([np.pi / 2]), np.array([0.0, 0.0, 1.7])
    )[0]
    seen = (0.05 + 0.04) ** 2
    np.testing.assert_allclose(covariance[0, 0], seen + 4.2**2 / 12, rtol=1e-6)
    np.testing.assert_allclose(covariance[1, 1], seen, rtol=1e-6)
    np.testing.assert_allclose(covariance, covariance.T)


def test_no_boxes_have_no_covariance() -> None:
    none = np.empty((0, 3))
    assert centre_covariance(none, none, np.empty(0), np.zeros(3)).shape == (0, 3, 3)
