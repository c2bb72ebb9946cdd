"""The class of each point of a cloud, by hand."""

import numpy as np

from perception_core.lidar.point_classes import classify
from perception_core.types import PointClass


def test_every_point_has_its_class_in_the_order_of_the_cloud() -> None:
    # Seven points, the first and the fifth cropped.
    index = np.array([1, 2, 3, 5, 6], np.int32)
    height = np.array([0.15, -0.3, 3.0, 1.0, 0.5], np.float32)
    ground, obstacle, below = PointClass.GROUND, PointClass.OBSTACLE, PointClass.BELOW_GROUND
    classes = np.array([ground, below, obstacle, obstacle, obstacle], np.uint8)
    obstacles, labels = np.array([4, 3], np.int32), np.array([-1, 0], np.int32)
    point_class, point_height = classify(7, index, height, classes, obstacles, labels)
    expected = [
        PointClass.DROPPED,
        PointClass.GROUND,
        PointClass.BELOW_GROUND,
        PointClass.OVERHEAD,
        PointClass.DROPPED,
        PointClass.OBSTACLE,
        PointClass.SPECK,
    ]
    assert point_class.tolist() == expected
    np.testing.assert_array_equal(point_height, np.float32([np.nan, 0.15, -0.3, 3.0, np.nan, 1.0, 0.5]))


def test_an_empty_cloud_has_no_classes() -> None:
    none, nothing = np.empty(0, np.int32), np.empty(0, np.float32)
    point_class, point_height = classify(0, none, nothing, np.empty(0, np.uint8), none, none)
    assert len(point_class) == len(point_height) == 0
