"""Loops over points, and that they are compiled before the first scan."""

import numpy as np
import pytest
from fusion_scenes import REAR_OF_CAR, clusters_of, pixel_box, view_of

from perception_core.fusion import Fusion, FusionConfig, sampling, warm_up
from perception_core.types.classes import CAR


def test_large_clusters_are_thinned_evenly_and_small_ones_kept() -> None:
    """Seven points of at most three: every third."""
    labels = np.array([0, 1, 0, 0, -1, 0, 0, 1, 0, 0], np.int32)
    rows = sampling.sampled(labels, np.array([7, 2], np.int32), 3)
    assert rows.tolist() == [0, 1, 5, 7, 9]


def test_the_nearest_in_each_quarter() -> None:
    points = np.array([[3, 4, 0], [1, 1, 0], [-2, 1, 9], [0, 0, 0]], np.float32)
    found = sampling.nearest_by_direction(points, np.array([0, 1, 2]), 4)
    np.testing.assert_allclose(found, [np.sqrt(2), np.sqrt(5), np.inf, np.inf])


@pytest.mark.parametrize("counted", [np.ones((2, 3), np.bool_), np.empty((2, 0), np.bool_)])
def test_points_inside_boxes(counted: np.ndarray) -> None:
    pixels = np.array([[1.0, 1.0], [5.0, 5.0], [9.0, 1.0]])
    boxes = np.array([[0.0, 0.0, 5.0, 5.0], [8.0, 0.0, 10.0, 10.0]])
    found = sampling.inside_counts(pixels, np.array([0, 0, 1], np.int32), boxes, counted, 2)
    assert found.tolist() == [[2, 0], [0, 1]]


def test_the_first_scan_compiles_nothing() -> None:
    kernels = (sampling.sampled, sampling.nearest_by_direction, sampling.inside_counts)
    warm_up()
    known = [list(kernel.signatures) for kernel in kernels]
    view = view_of((*pixel_box(REAR_OF_CAR), CAR, 0.9))
    Fusion(FusionConfig()).fuse(clusters_of(REAR_OF_CAR), [view], np.ones(360, np.float32))
    assert [list(kernel.signatures) for kernel in kernels] == known
