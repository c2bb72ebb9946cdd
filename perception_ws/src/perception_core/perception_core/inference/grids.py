"""Pyramids of grids over a network's input: which strides make a number of cells, and where the cells are."""

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError

_FINEST, _COARSEST = 2, 8
"""Pyramids are searched among strides of 2^2 to 2^8 pixels."""


def find_strides(width: int, height: int, anchors: int) -> tuple[int, ...]:
    """Return the successive powers of two whose grids over ``width`` x ``height`` have ``anchors`` cells.

    416 x 416 and 3549 anchors: 52^2 + 26^2 + 13^2, so (8, 16, 32). The answer is unique: the finest grid has
    about three quarters of the cells, and each grid has four times as many as the next.

    Raises:
        ModelError: no such strides; the message gives the three numbers.
    """
    found = whole_strides(width, height, anchors)
    if not found:
        raise ModelError(f"{anchors} anchors fit no pyramid of strides over an input of {width}x{height}")
    return found


def whole_strides(width: int, height: int, cells: int) -> tuple[int, ...]:
    """Return the strides of :func:`find_strides`, empty where there are none."""
    for first in range(_FINEST, _COARSEST + 1):
        for last in range(first, _COARSEST + 1):
            strides = tuple(2**k for k in range(first, last + 1))
            if width % strides[-1] or height % strides[-1]:
                break
            if sum((width // s) * (height // s) for s in strides) == cells:
                return strides
    return ()


def count_cells(width: int, height: int, strides: tuple[int, ...]) -> int:
    """Return the number of cells of a pyramid, a last column or row that is not whole counted as one."""
    return sum(-(-width // s) * -(-height // s) for s in strides)


def grid_cells(width: int, height: int, strides: tuple[int, ...]) -> NDArray[np.float32]:
    """Return float32 (anchors, 3): column, row and stride of each cell, fine grids first, row by row.

    A last column or row that is not whole counts as one.
    """
    blocks = []
    for stride in strides:
        rows, columns = np.mgrid[: -(-height // stride), : -(-width // stride)]
        strides_of_cells = np.full(rows.size, stride)
        blocks.append(np.stack([columns.ravel(), rows.ravel(), strides_of_cells], axis=1))
    return np.concatenate(blocks).astype(np.float32)
