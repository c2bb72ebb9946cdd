"""Counting sort by label."""

import numpy as np

from perception_core.lidar.cell_order import cells_by_label


def test_cells_are_ordered_by_label() -> None:
    order, starts = cells_by_label(np.array([2, 0, 2, 0], np.int32), 3)
    np.testing.assert_array_equal(order, [1, 3, 0, 2])
    np.testing.assert_array_equal(starts, [0, 2, 2, 4])


def test_labels_without_cells_and_no_cells_at_all() -> None:
    order, starts = cells_by_label(np.array([1], np.int32), 3)
    assert (order.tolist(), starts.tolist()) == ([0], [0, 0, 1, 1])
    order, starts = cells_by_label(np.empty(0, np.int32), 0)
    assert (order.tolist(), starts.tolist()) == ([], [0])
