"""Clouds of several LiDARs as one."""

import dataclasses

import numpy as np
import pytest

from perception_core.errors import CloudError
from perception_core.geometry.transforms import from_yaw
from perception_core.lidar.joined_cloud import joined_cloud
from perception_core.types import PointCloud

FRONT = from_yaw(0.0, (2.0, 0.0, 1.0))
REAR = from_yaw(np.pi, (-2.0, 0.0, 1.0))


def cloud(xyz: list[list[float]], frame: str, intensity: list[float] | None = None) -> PointCloud:
    return PointCloud(np.reshape(xyz, (-1, 3)), 7, frame, intensity, [3] * len(xyz), [0] * len(xyz))


def test_points_come_into_the_frame_of_the_first() -> None:
    # 5 m ahead of a LiDAR that looks back from x = -2 is x = -7, which is 9 m behind the one at x = 2.
    front, rear = cloud([[1, 2, 3]], "front", [0.5]), cloud([[5, 1, 0]], "rear", [0.25])
    whole, T = joined_cloud([(front, FRONT), (rear, REAR)])
    np.testing.assert_allclose(whole.xyz, [[1, 2, 3], [-9, -1, 0]], atol=1e-6)
    np.testing.assert_array_equal(T, FRONT)
    assert (whole.frame, whole.stamp_ns) == ("front", 7)
    np.testing.assert_array_equal(whole.intensity, [0.5, 0.25])
    assert whole.ring is None
    np.testing.assert_array_equal(whole.time_offset_ns, [0, 0])


def test_intensities_and_times_are_there_where_all_have_them() -> None:
    front, rear = (
        cloud([[1, 2, 3]], "front", [0.5]),
        dataclasses.replace(cloud([[5, 1, 0]], "rear"), time_offset_ns=None),
    )
    whole, _ = joined_cloud([(front, FRONT), (rear, REAR)])
    assert whole.intensity is None
    assert whole.time_offset_ns is None


def test_times_count_from_the_stamp_of_the_first() -> None:
    front, rear = cloud([[1, 2, 3]], "front"), dataclasses.replace(cloud([[5, 1, 0]], "rear"), stamp_ns=17)
    np.testing.assert_array_equal(joined_cloud([(front, FRONT), (rear, REAR)])[0].time_offset_ns, [0, 10])


def test_one_stays_as_it_is_an_empty_one_adds_nothing_and_none_is_refused() -> None:
    front = cloud([[1, 2, 3]], "front")
    assert joined_cloud([(front, FRONT)])[0] is front
    assert len(joined_cloud([(front, FRONT), (cloud([], "rear"), REAR)])[0]) == 1
    with pytest.raises(CloudError, match="no cloud"):
        joined_cloud([])
