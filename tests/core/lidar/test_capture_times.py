"""When clusters were seen."""

import numpy as np

from perception_core.lidar.capture_times import capture_times
from perception_core.lidar.processor import LidarProcessor
from perception_core.types import PointCloud


def test_means_by_hand() -> None:
    """Of points at 0, 10, .. 50 ms the kept ones are 1, 3, 4, 5; obstacles 3 and 4 are cluster 1, 5 is a speck."""
    times = np.arange(6) * 10_000_000
    index, obstacles = np.array([1, 3, 4, 5], np.int32), np.array([1, 2, 3], np.int32)
    out = capture_times(times, index, obstacles, np.array([1, 1, -1], np.int32), 2)
    np.testing.assert_allclose(out, [0.0, 0.035])


def test_without_times_all_is_seen_at_the_stamp() -> None:
    none = np.empty(0, np.int32)
    np.testing.assert_array_equal(capture_times(None, none, none, none, 3), np.zeros(3))


def test_posts_are_seen_when_the_beam_passes_them() -> None:
    """A ring of posts, each at its own time: the order of the clusters is that of neither time nor place."""
    angle = np.radians(np.arange(0.0, 360.0, 45.0))
    post = np.stack(np.meshgrid([-0.1, 0.0, 0.1], [-0.1, 0.0, 0.1], np.linspace(-1.5, 0.5, 40)), axis=-1).reshape(-1, 3)
    middle = 8.0 * np.column_stack([np.cos(angle), np.sin(angle), np.zeros(8)])
    floor = np.stack(np.meshgrid(np.arange(-12, 12.1, 0.4), np.arange(-12, 12.1, 0.4), [-1.8]), axis=-1).reshape(-1, 3)
    xyz = np.concatenate([(middle[:, None] + post).reshape(-1, 3), floor])
    times = np.concatenate([np.repeat(np.arange(8) * 10_000_000 - 40_000_000, len(post)), np.zeros(len(floor))])
    T = np.eye(4)
    T[2, 3] = 1.8
    clusters = LidarProcessor().process(PointCloud(xyz, 0, "lidar", time_offset_ns=times), T).clusters
    assert len(clusters) == 8
    which = np.linalg.norm(clusters.centre[:, None, :2] - middle[:, :2], axis=2).argmin(axis=1)
    np.testing.assert_allclose(clusters.time_offset, which * 0.01 - 0.04, atol=1e-9)
