"""Column types refuse arrays that do not fit together and cannot be changed afterwards."""

import numpy as np
import pytest

from perception_core.errors import CloudError, ImageError
from perception_core.types import Detections2D, Image, PointCloud


def test_a_cloud_of_nothing_is_a_cloud() -> None:
    assert len(PointCloud(np.empty((0, 3)), 0, "lidar")) == 0


def test_columns_become_read_only_float32() -> None:
    cloud = PointCloud(np.ones((2, 3)), 5, "lidar", ring=np.array([1, 2]))
    assert cloud.xyz.dtype == np.float32
    assert cloud.ring is not None
    assert cloud.ring.dtype == np.uint16
    with pytest.raises(ValueError, match="read-only"):
        cloud.xyz[0, 0] = 2.0


def test_the_callers_array_stays_writable() -> None:
    mine = np.ones((2, 3), dtype=np.float32)
    PointCloud(mine, 0, "lidar")
    mine[0, 0] = 7.0
    assert mine[0, 0] == 7.0


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(CloudError, match=r"cloud.xyz: expected shape \(\*, 3\), got \(2, 4\)"):
        PointCloud(np.ones((2, 4)), 0, "lidar")
    with pytest.raises(CloudError, match=r"cloud.intensity: expected shape \(2\), got \(3,\)"):
        PointCloud(np.ones((2, 3)), 0, "lidar", intensity=np.ones(3))


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1), (0, 4, 3)])
def test_an_image_is_three_channels_with_pixels(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="expected uint8"):
        Image(np.zeros(shape, dtype=np.uint8), 0, "camera")


def test_detections_of_different_lengths_are_refused() -> None:
    with pytest.raises(ImageError, match=r"detections\.scores"):
        Detections2D(0, "camera", np.zeros((2, 4)), np.zeros(1), np.zeros(2), (640, 480))
