"""A camera that looked 0.1 s earlier while the robot drove 1 m."""

import numpy as np

from perception_core.fusion.ego_motion import camera_from_base
from perception_core.geometry import transforms


def test_a_point_ten_metres_ahead_was_eleven_metres_ahead_when_the_image_was_taken() -> None:
    T = camera_from_base(np.eye(4), transforms.from_yaw(0.3, (1.0, 0.0, 0.0)), transforms.from_yaw(0.3))
    moved = transforms.apply(T, np.array([[10.0, 0.0, 0.0]]))
    forward = np.array([np.cos(0.3), -np.sin(0.3), 0.0])  # the metre along fixed x, in base axes
    np.testing.assert_allclose(moved, [np.array([10.0, 0.0, 0.0]) + forward], atol=1e-12)


def test_no_motion_leaves_the_mount() -> None:
    mount = transforms.from_yaw(1.0, (0.1, 0.2, 0.3))
    pose = transforms.from_yaw(-2.0, (5.0, 6.0, 7.0))
    np.testing.assert_allclose(camera_from_base(mount, pose, pose), mount, atol=1e-12)
