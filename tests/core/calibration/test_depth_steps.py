"""Outlines of a board that stands before a wall, or before nothing."""

import numpy as np
import pytest

from perception_core.calibration.depth_steps import DOWN, LEFT, RIGHT, UP, DepthSteps, depth_steps
from perception_core.errors import PerceptionError
from perception_core.types import PointCloud

STEP, ROW = np.radians(0.2), np.radians(0.5)
AZIMUTH = (np.arange(-900, 900) + 0.5) * STEP
ELEVATION = np.arange(-30, 31) * ROW
DISTANCE = 10.0
# The board covers the rays of azimuth -49.5 .. 50.5 steps and of rows -10..10.
WIDE, HIGH = 50, 10


def scan(wall: float | None = None) -> tuple[PointCloud, np.ndarray]:
    """A round board 10 m away (equal range), and maybe a wall behind it."""
    e, a = np.meshgrid(np.arange(-30, 31), np.arange(-900, 900), indexing="ij")
    board = (np.abs(e) <= HIGH) & (np.abs(a) <= WIDE)
    reach = np.where(board, DISTANCE, np.inf if wall is None else wall)
    row, col = np.nonzero(np.isfinite(reach))
    el, az, r = ELEVATION[row], AZIMUTH[col], reach[row, col]
    xyz = r[:, None] * np.column_stack([np.cos(el) * np.cos(az), np.cos(el) * np.sin(az), np.sin(el)])
    _, rows = np.unique(row, return_inverse=True)
    return PointCloud(xyz.astype(np.float32), 0, "lidar"), rows.astype(np.int32)


@pytest.mark.parametrize("wall", [15.0, None], ids=["before a wall", "before nothing"])
def test_the_outline_lies_half_a_step_outside_of_the_last_rays(wall):
    cloud, rows = scan(wall)
    steps = depth_steps(cloud, rows, cloud.xyz, 50.0)
    azimuth = np.arctan2(steps.points[:, 1], steps.points[:, 0])
    elevation = np.arctan2(steps.points[:, 2], np.hypot(steps.points[:, 0], steps.points[:, 1]))
    sides = (LEFT, RIGHT) if wall is None else (LEFT, RIGHT, UP, DOWN)
    assert set(steps.side.tolist()) == set(sides)  # below a board that floats before nothing nothing is known
    assert np.allclose(azimuth[steps.side == LEFT], (WIDE + 1.0) * STEP, atol=0.06 * STEP)
    assert np.allclose(azimuth[steps.side == RIGHT], -WIDE * STEP, atol=0.06 * STEP)
    if wall is not None:
        assert np.allclose(elevation[steps.side == UP], (HIGH + 0.5) * ROW, atol=0.02 * ROW)
        assert np.allclose(elevation[steps.side == DOWN], -(HIGH + 0.5) * ROW, atol=0.02 * ROW)
        assert (steps.side == UP).sum() == 2 * WIDE + 1
    assert (steps.side == LEFT).sum() == 2 * HIGH + 1
    assert np.allclose(np.linalg.norm(steps.points, axis=1), DISTANCE, atol=0.001)


def test_beams_that_do_not_keep_to_columns_show_the_outline_in_the_middle_still():
    cloud, rows = scan(15.0)
    turn = np.random.default_rng(0).normal(0.0, 0.2 * STEP, len(cloud))
    c, s = np.cos(turn), np.sin(turn)
    x, y, z = cloud.xyz.astype(np.float64).T
    shaken = PointCloud(np.column_stack([c * x - s * y, s * x + c * y, z]).astype(np.float32), 0, "lidar")
    steps = depth_steps(shaken, rows, shaken.xyz, 50.0)
    azimuth = np.arctan2(steps.points[:, 1], steps.points[:, 0])
    assert abs(azimuth[steps.side == LEFT].mean() - (WIDE + 1.0) * STEP) < 0.25 * STEP
    assert abs(azimuth[steps.side == RIGHT].mean() + WIDE * STEP) < 0.25 * STEP


def test_the_outward_direction_is_across_the_line_of_sight():
    cloud, rows = scan(15.0)
    steps = depth_steps(cloud, rows, cloud.xyz, 50.0)
    assert np.allclose(np.linalg.norm(steps.outward, axis=1), 1.0)
    assert np.abs((steps.outward * steps.points).sum(axis=1)).max() < 0.05
    assert (steps.outward[steps.side == LEFT, 1] > 0.9).all()
    assert (steps.outward[steps.side == RIGHT, 1] < -0.9).all()
    assert (steps.outward[steps.side == UP, 2] > 0.9).all()
    assert (steps.outward[steps.side == DOWN, 2] < -0.9).all()
    assert np.allclose(steps.step[steps.side == UP], ROW, rtol=0.01)


def test_outlines_are_placed_where_the_points_have_been_moved_to():
    cloud, rows = scan(15.0)
    moved = cloud.xyz.astype(np.float64) + np.array([1.0, 0.0, 0.0])
    here, there = (depth_steps(cloud, rows, xyz, 50.0) for xyz in (cloud.xyz, moved))
    assert len(here) == len(there)
    assert np.allclose(there.points - here.points, (1.0, 0.0, 0.0), atol=0.02)


def test_what_is_far_is_left_out():
    cloud, rows = scan(15.0)
    assert len(depth_steps(cloud, rows, cloud.xyz, 9.0)) == 0


def test_a_small_step_is_none():
    cloud, rows = scan(10.9)
    assert len(depth_steps(cloud, rows, cloud.xyz, 50.0)) == 0


def test_flat_ground_has_no_outlines():
    e, a = np.meshgrid(np.radians(np.arange(-24.0, -1.0, 0.4)), AZIMUTH, indexing="ij")
    reach = 1.7 / np.sin(-e)
    xyz = reach[..., None] * np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=-1)
    rows = np.repeat(np.arange(len(e), dtype=np.int32), e.shape[1])
    steps = depth_steps(PointCloud(xyz.reshape(-1, 3).astype(np.float32), 0, "lidar"), rows, xyz.reshape(-1, 3), 60.0)
    assert len(steps) == 0


def test_single_returns_have_no_outlines():
    cloud = PointCloud(np.array([[10.0, 0, 0], [0, 10, 0], [-10, 0, 0], [0, -10, 1]], np.float32), 0, "lidar")
    assert len(depth_steps(cloud, np.zeros(4, np.int32), cloud.xyz, 50.0)) == 0


def test_an_empty_cloud_has_no_outlines():
    cloud = PointCloud(np.empty((0, 3), np.float32), 0, "lidar")
    assert len(depth_steps(cloud, np.empty(0, np.int32), cloud.xyz, 50.0)) == 0


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(PerceptionError, match=r"steps.step: expected shape \(2\), got \(3,\)"):
        DepthSteps(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(3), np.zeros(2, np.uint8))
