"""Ego motion from GPS/IMU records."""

import numpy as np
import pytest

from perception_core.datasets.kitti_odometry import EARTH_RADIUS, odometry
from perception_core.errors import DatasetError
from perception_core.geometry.transforms import from_yaw

DEGREES_PER_METRE = np.degrees(1.0 / EARTH_RADIUS)
T_BASE_VELO = from_yaw(0.0, (0.0, 0.0, 1.73))


def write(folder, records):
    paths = []
    for i, record in enumerate(records):
        paths.append(folder / f"{i:010d}.txt")
        paths[-1].write_text(" ".join(repr(float(v)) for v in [*record, 0.0, 0.0]))
    return paths, np.arange(len(records), dtype=np.int64) * 100_000_000


def test_three_metres_east_on_the_equator(tmp_path):
    # yaw 0 looks east; the height is 5 m above the first record's.
    paths, stamps = write(tmp_path, [(0, 8, 100, 0, 0, 0), (0, 8 + 3 * DEGREES_PER_METRE, 105, 0, 0, 0)])
    poses = odometry(paths, stamps, np.eye(4), T_BASE_VELO)
    np.testing.assert_allclose(poses.T_odom_base[0], np.eye(4), atol=1e-9)
    np.testing.assert_allclose(poses.T_odom_base[1][:3, 3], [3.0, 0.0, 5.0], atol=1e-6)


def test_driving_north_looking_north_is_forward(tmp_path):
    yaw = np.pi / 2
    paths, stamps = write(tmp_path, [(0, 8, 0, 0, 0, yaw), (2 * DEGREES_PER_METRE, 8, 0, 0, 0, yaw)])
    poses = odometry(paths, stamps, np.eye(4), T_BASE_VELO)
    np.testing.assert_allclose(poses.T_odom_base[1][:3, 3], [2.0, 0.0, 0.0], atol=1e-6)


def test_turning_about_the_imu_swings_the_lidar(tmp_path):
    # The velodyne stands 1 m before the IMU; a quarter turn to the left takes it from (1, 0) to (0, 1) of the IMU,
    # that is to (-1, 1) of where base_link was.
    T_velo_imu = from_yaw(0.0, (-1.0, 0.0, 0.0))
    paths, stamps = write(tmp_path, [(0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, np.pi / 2)])
    poses = odometry(paths, stamps, T_velo_imu, T_BASE_VELO)
    np.testing.assert_allclose(poses.T_odom_base[1][:3, 3], [-1.0, 1.0, 0.0], atol=1e-6)


def test_no_records_give_no_poses():
    assert odometry([], np.empty(0, dtype=np.int64), np.eye(4), T_BASE_VELO).T_odom_base.shape == (0, 4, 4)


@pytest.mark.parametrize("text", ["", "1 2 3", "1 2 3 4 5 nan", "a b c d e f"])
def test_malformed_records_are_named(tmp_path, text):
    path = tmp_path / "0000000000.txt"
    path.write_text(text)
    with pytest.raises(DatasetError, match=r"0000000000\.txt"):
        odometry([path], np.zeros(1, dtype=np.int64), np.eye(4), T_BASE_VELO)
