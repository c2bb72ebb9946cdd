"""KITTI scans, where PERCEPTION_DATA names a folder with them: the car ahead is one box, labelled objects are found."""

from pathlib import Path

import numpy as np
import pytest

from perception_core.types import PointCloud


def _scan(path: Path) -> PointCloud:
    return PointCloud(np.fromfile(path, np.float32).reshape(-1, 4)[:, :3], 0, "velo_link")


def test_the_car_ahead_is_one_cluster_in_every_frame(perception_data, processor, T_base_sensor) -> None:
    folder = perception_data / "kitti_raw/2011_09_26/sample_sync/velodyne_points/data"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: other recordings")
    for path in sorted(folder.glob("*.bin")):
        clusters = processor.process(_scan(path), T_base_sensor).clusters
        x, y = clusters.centre[:, 0], clusters.centre[:, 1]
        ahead = np.flatnonzero((x > 4.0) & (x < 12.0) & (np.abs(y) < 1.5))
        assert len(ahead) == 1, path.name
        yaw = clusters.yaw[ahead[0]]
        # Where less depth than width is seen, the rear is the longer side, and the yaw is the rear's.
        rear = 0 if abs(np.sin(yaw)) > np.sqrt(0.5) else 1
        assert 1.5 < clusters.size[ahead[0], rear] < 2.2, path.name
        assert abs(np.sin(2.0 * yaw)) < np.sin(np.radians(12.0)), path.name
        assert clusters.points[:, 2].max() < 6.0
