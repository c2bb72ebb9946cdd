"""What the network sees and says, and what it can be asked for; NumPy alone, for both environments."""

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 448, 192
"""Pixels of the network's input."""

MEAN, STD, PAD = 115.0, 64.0, 114
"""Pixel values 0..255 become (value - MEAN) / STD; PAD lies around what is smaller."""

CLASSES = ("car", "truck", "bus", "person", "cyclist", "other")
"""In the order of the outputs; `other` is what the stack calls unknown: a thing in the way."""

SEGMENTS = ("ground", "vehicle", "person", "vegetation", "structure", "sky")
"""In the order of the outputs; the stack's ids are one more, for 0 is unknown."""

LEAST_VISIBLE = 0.3
LEAST_HEIGHT, LEAST_WIDTH = 6.0, 3.0
"""Pixels of the input. What is smaller or more hidden is neither asked for nor held against the network."""


def is_asked(boxes: NDArray[np.floating], visible: NDArray[np.floating], scale: float = 1.0) -> NDArray[np.bool_]:
    """Tell which objects the network can be asked for.

    Args:
        boxes: (M, 4) x_min, y_min, x_max, y_max in pixels of an image.
        visible: (M,) share of each that nothing hides.
        scale: pixels of the input a pixel of the image.
    """
    size = (boxes[:, 2:] - boxes[:, :2]) * scale
    return np.asarray((visible >= LEAST_VISIBLE) & (size[:, 1] >= LEAST_HEIGHT) & (size[:, 0] >= LEAST_WIDTH))
