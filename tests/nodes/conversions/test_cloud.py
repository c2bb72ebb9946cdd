import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import STAMPS, table

from perception_core.errors import CloudError
from perception_core.types import PointCloud
from perception_nodes.conversions import cloud

COORDINATES = st.floats(-9e3, 9e3, width=32)


def test_one_point_with_everything():
    one = PointCloud([[1.0, 2.0, 3.0]], 5, "lidar", [0.5], [7], [-2_000_000])
    msg = cloud.cloud_to_msg(one)
    assert [f.name for f in msg.fields] == ["x", "y", "z", "intensity", "ring", "time"]
    assert (msg.width, msg.height, msg.point_step, msg.row_step, len(msg.data)) == (1, 1, 22, 22, 22)
    decoded = cloud.cloud_from_msg(msg).cloud
    assert decoded.xyz.tolist() == [[1.0, 2.0, 3.0]]
    assert (decoded.intensity[0], decoded.ring[0]) == (0.5, 7)
    assert (decoded.stamp_ns, decoded.frame) == (5, "lidar")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 20), st.data(), STAMPS, st.booleans(), st.booleans())
def test_clouds_come_back(n, data, stamp_ns, with_intensity, with_ring):
    whole = PointCloud(
        data.draw(table(n, 3, elements=COORDINATES, dtype=np.float32)),
        stamp_ns,
        "lidar",
        data.draw(table(n, elements=COORDINATES, dtype=np.float32)) if with_intensity else None,
        data.draw(hnp.arrays(np.uint16, n)) if with_ring else None,
    )
    decoded = cloud.cloud_from_msg(cloud.cloud_to_msg(whole))
    assert decoded.dropped_non_finite == 0
    for name in ("xyz", "intensity", "ring", "stamp_ns", "frame"):
        np.testing.assert_array_equal(getattr(decoded.cloud, name), getattr(whole, name))


def test_times_come_back_to_ten_nanoseconds():
    offsets = np.linspace(-100_000_000, 0, 500).astype(np.int64)
    whole = PointCloud(np.ones((500, 3), np.float32), 10**18, "lidar", time_offset_ns=offsets)
    decoded = cloud.cloud_from_msg(cloud.cloud_to_msg(whole))
    assert decoded.has_time
    np.testing.assert_allclose(decoded.cloud.time_offset_ns, offsets, atol=10)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 20), st.data())
def test_labelled_points_come_back(n, data):
    points = data.draw(table(n, 3, elements=COORDINATES, dtype=np.float32))
    labels = data.draw(table(n, elements=st.integers(-1, 2**31 - 1), dtype=np.int32))
    msg = cloud.labelled_points_to_msg(points, labels, 1, "base_link")
    back_points, back_labels = cloud.labelled_points_from_msg(msg)
    np.testing.assert_array_equal(back_points, points)
    np.testing.assert_array_equal(back_labels, labels)
    np.testing.assert_array_equal(cloud.cloud_from_msg(msg).cloud.xyz, points)  # as Nav2 reads it


@pytest.mark.parametrize("n", [0, 1, 114_000])
def test_bare_points(n):
    points = np.arange(3 * n, dtype=np.float32).reshape(n, 3) % 100
    decoded = cloud.cloud_from_msg(cloud.points_to_msg(points, 1, "base_link"))
    np.testing.assert_array_equal(decoded.cloud.xyz, points)


def test_labelled_points_of_another_layout_are_refused():
    with pytest.raises(CloudError, match="expected fields x, y, z"):
        cloud.labelled_points_from_msg(cloud.points_to_msg(np.zeros((1, 3), np.float32), 1, "b"))


def test_labelled_points_whose_size_disagrees_are_refused():
    msg = cloud.labelled_points_to_msg(np.zeros((2, 3), np.float32), np.zeros(2, np.int32), 1, "b")
    msg.width = 3
    with pytest.raises(CloudError, match="3 x 1 points of 16 bytes, but 32 bytes"):
        cloud.labelled_points_from_msg(msg)
