"""Cells in the order of their labels."""

import numpy as np

from perception_core.lidar.jit import I32, kernel


@kernel
def cells_by_label(labels: I32, count: int) -> tuple[I32, I32]:
    """Counting sort: (cells in the order of their labels, where each of the ``count`` labels begins)."""
    starts = np.zeros(count + 1, np.int32)
    for k in labels:
        starts[k + 1] += 1
    for k in range(count):
        starts[k + 1] += starts[k]
    place = starts.copy()
    order = np.empty(len(labels), np.int32)
    for i in range(len(labels)):
        order[place[labels[i]]] = i
        place[labels[i]] += 1
    return order, starts
