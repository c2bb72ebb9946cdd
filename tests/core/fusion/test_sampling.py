"""Loops over points, and that they are compiled before the first scan."""

import numpy as np
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


def test_the_nearest_of_two_in_one_direction_whichever_comes_first() -> None:
    points = np.array([[6, 8, 0], [3, 4, 0], [30, 40, 0]], np.float32)
    for rows in ([0, 1, 2], [2, 1, 0]):
        assert sampling.nearest_by_direction(points, np.array(rows), 1).tolist() == [5.0]


def test_points_of_wanted_clusters_are_turned_and_shifted() -> None:
    """A quarter turn to the left and 10 m forward; of three clusters the one in the middle stays out."""
    T = np.array([[0, -1, 0, 10], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], np.float32)
    points = np.array([[1, 0, 0], [0, 0, 5], [0, 2, 1], [9, 9, 9]], np.float32)
    labels, wanted = np.array([0, 1, 2, -1], np.int32), np.array([True, False, True])
    index, there, looked_at = sampling.moved(points, labels, np.array([0, 1, 2]), wanted, T)
    assert index.tolist() == [0, 2]
    assert there.tolist() == [[10, 1, 0], [8, 0, 1]]
    assert looked_at.tolist() == [1, 1, 1]


def test_what_the_points_of_a_cluster_have_in_common() -> None:
    """Of cluster 2 three points, whose middle depth is 4; of cluster 0 two, of which the farther counts; of 1 none."""
    labels = np.array([2, 0, 2, 0, 2], np.int32)
    pixels = np.array([[1.0, 9.0], [5.0, 5.0], [3.0, 7.0], [6.0, 2.0], [2.0, 8.0]])
    depth = np.array([9, 1, 4, 2, 3], np.float32)
    order, count, bounds, middle = sampling.by_cluster(labels, pixels, depth, 3)
    assert order.tolist() == [1, 3, 0, 2, 4]
    assert count.tolist() == [2, 0, 3]
    assert bounds[[0, 2]].tolist() == [[5.0, 2.0, 6.0, 5.0], [1.0, 7.0, 3.0, 9.0]]
    assert np.isnan(bounds[1]).all()
    np.testing.assert_array_equal(middle, [2.0, np.nan, 4.0])


def test_no_points_have_nothing_in_common() -> None:
    order, count, bounds, middle = sampling.by_cluster(np.zeros(0, np.int32), np.empty((0, 2)), np.zeros(0, "f4"), 2)
    assert len(order) == 0
    assert count.tolist() == [0, 0]
    assert np.isnan(bounds).all()
    assert np.isnan(middle).all()


def test_points_inside_boxes_and_those_that_fit() -> None:
    """A point on a border is inside. The first box takes pixels of class 1, the second those of none."""
    pixels, count = np.array([[1.0, 1.0], [5.0, 5.0], [9.0, 1.0]]), np.array([2, 0, 1])
    bounds = np.array([[1.0, 1.0, 5.0, 5.0], [np.nan] * 4, [9.0, 1.0, 9.0, 1.0]])
    boxes = np.array([[0.0, 0.0, 5.0, 5.0], [8.0, 0.0, 10.0, 10.0]])
    assert sampling.inside_counts(pixels, count, bounds, boxes).tolist() == [[2, 0], [0, 0], [0, 1]]
    shown, fits = np.array([1, 0, 1], np.uint8), np.array([[False, True], [False, False]])
    inside, fitting = sampling.fitting_counts(pixels, count, bounds, boxes, shown, fits)
    assert inside.tolist() == [[2, 0], [0, 0], [0, 1]]
    assert fitting.tolist() == [[1, 0], [0, 0], [0, 0]]


def test_the_pixel_under_a_point_is_the_nearest() -> None:
    labels = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    pixels = np.array([[-0.5, -0.5], [0.49, 0.49], [1.5, 0.5], [2.49, 1.49]])
    assert sampling.labels_under(pixels, labels).tolist() == [1, 1, 6, 6]


def test_the_share_of_a_window_that_shows_what_is_wanted() -> None:
    """The whole image, its right half, a window that goes beyond it, and one beside it."""
    labels = np.array([[0, 0, 1, 1], [0, 0, 0, 1]], np.uint8)
    windows = np.array([[0, 0, 4, 2], [2, 0, 4, 2], [3, 0, 9, 9], [4, 0, 9, 2]])
    shows = np.tile([False, True], (4, 1))
    assert sampling.shares_shown(labels, windows, shows, 100).tolist() == [3 / 8, 3 / 4, 1.0, 0.0]
    # Every second row and column: 0 and 1 of the first row.
    assert sampling.shares_shown(labels, windows[:1], shows[:1], 1).tolist() == [0.0]
    assert sampling.shares_shown(labels, windows[:1], shows[:1], 2).tolist() == [1 / 4]


def test_the_first_scan_compiles_nothing() -> None:
    kernels = (sampling.sampled, sampling.nearest_by_direction, sampling.inside_counts, sampling.moved)
    warm_up()
    known = [list(kernel.signatures) for kernel in kernels]
    view = view_of((*pixel_box(REAR_OF_CAR), CAR, 0.9))
    Fusion(FusionConfig()).fuse(clusters_of(REAR_OF_CAR), [view], np.ones(360, np.float32))
    assert [list(kernel.signatures) for kernel in kernels] == known
