"""Where an image lies in a network's input: letterboxed as a whole, or in tiles when it is much wider.

A network with a square input wastes most of it on a wide image: 1242 x 375 covers 126 of 416 rows. Cut into two
overlapping windows, one above the other, the same image fills the input at 1.66 times the scale, at no cost.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.inference.model_card import InputSpec

MOST_TILES = 4
_OVERLAP = 0.15
"""Least share of the image's width that neighbouring windows have in common."""

_LEAST_GAIN = 1.25
"""Tiles have to be this much larger than the whole image would be, to be worth their seams."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a window of an image lies in the network's input.

    ``network = (source - (left, 0)) * scale + offset``; coordinates are edges: pixel i covers [i, i + 1), as in
    ``cv2.resize``. The window has the whole height of the image.

    Attributes:
        left, columns: the window's first column and its width in source pixels.
        width, height: its size in pixels of the network.
        offset: (x, y) of its corner in pixels of the network.
        scale: (x, y) pixels of the network a source pixel; the two differ by the rounding of the size.
    """

    left: int
    columns: int
    width: int
    height: int
    offset: tuple[int, int]
    scale: tuple[float, float]


def lay_out(spec: InputSpec, width: int, height: int, split_wide: bool = False) -> tuple[Placement, ...]:
    """Return where an image of ``width`` x ``height`` pixels goes: one placement, or several from left to right.

    With ``split_wide`` an image that is much wider than the network's input is cut into overlapping windows that
    are stacked from top to bottom, as many as give the largest scale.
    """
    best: tuple[Placement, ...] = (_place(spec, width, height),)
    if not split_wide or spec.letterbox == "stretch":
        return best
    least = _LEAST_GAIN * best[0].scale[0]
    for count in range(2, min(MOST_TILES, spec.height) + 1):
        tiles = _stack(spec, width, height, count)
        if tiles[0].scale[0] >= max(least, best[0].scale[0]):
            best = tiles
    return best


def to_source(
    boxes: NDArray[np.float32], placements: tuple[Placement, ...]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Move boxes (K, 4) from pixels of the network to the source image, each by the placement its centre is in.

    Returns:
        boxes float64 (K, 4), clipped to their windows, and int64 (K,) the index of the placement of each.
    """
    windows = np.array([(*p.offset, p.width, p.height, *p.scale, p.left, 0.0) for p in placements], np.float64)
    moved: NDArray[np.float64]
    tiles: NDArray[np.int64]
    moved, tiles = _moved(boxes, windows)
    return moved, tiles


@njit(cache=True)
def _moved(
    boxes: NDArray[np.float32], windows: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:  # pragma: no cover - compiled
    """As :func:`to_source`; a window is (8,): x and y of its corner, size, scale, and corner in the image."""
    out = np.empty((len(boxes), 4), np.float64)
    tiles = np.zeros(len(boxes), np.int64)
    for k in range(len(boxes)):
        middle = np.float32(0.5) * (boxes[k, 1] + boxes[k, 3])
        while tiles[k] + 1 < len(windows) and windows[tiles[k] + 1, 1] <= middle:
            tiles[k] += 1
        window = windows[tiles[k]]
        for i in range(4):
            axis = i % 2
            inside = min(max(boxes[k, i] - window[axis], 0.0), window[2 + axis])
            out[k, i] = inside / window[4 + axis] + window[6 + axis]
    return out, tiles


def _place(spec: InputSpec, width: int, height: int) -> Placement:
    if spec.letterbox == "stretch":
        new_width, new_height = spec.width, spec.height
    else:
        ratio = min(spec.width / width, spec.height / height)
        new_width = min(spec.width, max(1, round(width * ratio)))
        new_height = min(spec.height, max(1, round(height * ratio)))
    offset = (0, 0)
    if spec.letterbox == "centre":
        offset = ((spec.width - new_width) // 2, (spec.height - new_height) // 2)
    return Placement(0, width, new_width, new_height, offset, (new_width / width, new_height / height))


def _stack(spec: InputSpec, width: int, height: int, count: int) -> tuple[Placement, ...]:
    rows = spec.height // count
    least_columns = (width + (count - 1) * _OVERLAP * width) / count
    ratio = min(rows / height, spec.width / least_columns)
    columns = max(1, min(width, round(spec.width / ratio)))
    new_width = min(spec.width, max(1, round(columns * ratio)))
    new_height = min(rows, max(1, round(height * ratio)))
    scale = (new_width / columns, new_height / height)
    lefts = [round(i * (width - columns) / (count - 1)) for i in range(count)]
    return tuple(Placement(left, columns, new_width, new_height, (0, i * rows), scale) for i, left in enumerate(lefts))
