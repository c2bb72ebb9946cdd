"""Scan lines from rings, from the order of the points, from elevations."""

import numpy as np

from perception_core.calibration.rows import laser_rows
from perception_core.types import PointCloud

ELEVATION = np.radians([-10.0, -5.0, 0.0, 2.1, 6.0])
AZIMUTH = np.radians(np.arange(0.5, 360.0, 1.0))


def cloud(order: list[int], ring: bool = False, reach: float = 10.0) -> PointCloud:
    """One row after the other, each from azimuth 0 on."""
    e = np.repeat(ELEVATION[order], len(AZIMUTH))
    a = np.tile(AZIMUTH, len(order))
    xyz = reach * np.column_stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    rings = np.repeat(np.arange(len(order)), len(AZIMUTH)) if ring else None
    return PointCloud(xyz.astype(np.float32), 0, "lidar", ring=rings)


def test_rings_are_numbered_from_the_lowest_on():
    rows = laser_rows(cloud([3, 0, 4], ring=True))
    assert rows[:: len(AZIMUTH)].tolist() == [1, 0, 2]
    assert rows.dtype == np.int32


def test_rows_follow_from_the_order_of_the_points():
    rows = laser_rows(cloud([4, 3, 2, 1, 0]))
    assert rows.tolist() == np.repeat([4, 3, 2, 1, 0], len(AZIMUTH)).tolist()


def test_rows_that_turn_clockwise_are_as_good():
    forward = cloud([0, 1, 2, 3, 4])
    backward = PointCloud(forward.xyz[::-1].copy(), 0, "lidar")
    assert laser_rows(backward).tolist() == laser_rows(forward)[::-1].tolist()


def test_points_in_any_order_are_put_into_bins_of_elevation():
    whole = cloud([0, 1, 2, 3, 4])
    mixed = np.random.default_rng(1).permutation(len(whole))
    rows = laser_rows(PointCloud(whole.xyz[mixed], 0, "lidar"))
    elevation = np.repeat(np.arange(5), len(AZIMUTH))[mixed]
    assert len(np.unique(rows)) == 5
    assert all(len(np.unique(rows[elevation == k])) == 1 for k in range(5))
    assert (np.diff([rows[elevation == k][0] for k in range(5)]) > 0).all()


def test_an_empty_cloud_and_a_single_point_have_rows():
    assert laser_rows(PointCloud(np.empty((0, 3), np.float32), 0, "lidar")).tolist() == []
    assert len(laser_rows(PointCloud(np.ones((1, 3), np.float32), 0, "lidar"))) == 1
