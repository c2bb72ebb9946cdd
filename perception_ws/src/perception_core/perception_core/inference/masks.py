"""From what a network says of its input's pixels to the pixels of the source image.

Both ways end in one array of the image's own size, so that a large image with many objects costs memory as one image
does. A network's map covers its whole input, at any resolution: coordinates are edges, as in :mod:`layout`.
"""

import itertools

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.inference.layout import Placement
from perception_core.inference.model_card import InputSpec

_STRIP = 2048
"""Side of the blocks in which masks are resampled: bounds memory, and OpenCV wants sides below 32768."""


def labels_to_source(
    labels: NDArray[np.uint8], spec: InputSpec, placements: tuple[Placement, ...], width: int, height: int
) -> NDArray[np.uint8]:
    """Return uint8 (height, width): for each pixel of the image the label that lies at its centre.

    Args:
        labels: uint8 (h, w) over the whole input of the network.
        spec: the input's size.
        placements: where the image lies in it; where two windows overlap, each shows the half nearer to it.
        width, height: of the image, in pixels.
    """
    out = np.empty((height, width), np.uint8)
    for first, end, window in _shares(placements, width):
        down = (0, window.scale[1], window.height, window.offset[1], len(labels) / spec.height)
        across = (window.left, window.scale[0], window.width, window.offset[0], labels.shape[1] / spec.width)
        _copy_labels(labels, down, across, first, end, out)
    return out


def masks_to_source(
    logits: NDArray[np.float32],
    boxes: NDArray[np.float64],
    windows: list[Placement],
    instances: NDArray[np.int64],
    spec: InputSpec,
    width: int,
    height: int,
) -> NDArray[np.uint16]:
    """Return uint16 (height, width): 1 + the instance each pixel belongs to, 0 where none.

    Args:
        logits: float32 (K, h, w) over the whole input of the network, positive inside.
        boxes: float64 (K, 4) in source pixels; a mask ends at the last pixels whose centres are in its box.
        windows: the placement that each of the K was seen in.
        instances: int64 (K,) the number each mask is drawn with, less than 65535; the earlier one goes on top.
        spec: the input's size.
        width, height: of the image, in pixels.
    """
    out = np.zeros((height, width), np.uint16)
    for k in range(len(logits) - 1, -1, -1):
        x0, y0, x1, y1 = np.floor(np.clip(boxes[k], 0.0, [width, height] * 2) + 0.5).astype(int)
        for top in range(y0, y1, _STRIP):
            for left in range(x0, x1, _STRIP):
                part = out[top : min(top + _STRIP, y1), left : min(left + _STRIP, x1)]
                inside = _resampled(logits[k], windows[k], spec, left, top, part.shape) > 0
                part[inside] = instances[k] + 1
    return out


def _resampled(
    plane: NDArray[np.float32], window: Placement, spec: InputSpec, left: int, top: int, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Return float32 of ``shape``: the plane at the centres of source pixels from (left, top) on, bilinear."""
    transform = np.zeros((2, 3))
    per_pixel = (plane.shape[1] / spec.width, plane.shape[0] / spec.height)
    for axis, (start, origin) in enumerate(((left, window.left), (top, 0))):
        gain = window.scale[axis] * per_pixel[axis]
        offset = ((start + 0.5 - origin) * window.scale[axis] + window.offset[axis]) * per_pixel[axis] - 0.5
        transform[axis, axis], transform[axis, 2] = gain, offset
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (shape[1], shape[0])
    sampled = cv2.warpAffine(plane, transform, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.float32)


def _shares(placements: tuple[Placement, ...], width: int) -> list[tuple[int, int, Placement]]:
    """Return first and end column that each placement is asked for; the middle of an overlap parts them."""
    seams = [(after.left + before.left + before.columns) // 2 for before, after in itertools.pairwise(placements)]
    return list(zip([0, *seams], [*seams, width], placements, strict=True))


_Axis = tuple[int, float, int, int, float]
"""Of a window along an axis: its first pixel in the image, pixels of the network a pixel of the image, its size and
corner in the network's input, and cells of the map a pixel of the network."""


@njit(cache=True)
def _copy_labels(
    labels: NDArray[np.uint8], down: _Axis, across: _Axis, first: int, end: int, out: NDArray[np.uint8]
) -> None:  # pragma: no cover - compiled
    """Fill columns ``first`` to ``end`` of the image ``out``; rows that show the same cells are copied.

    It takes the whole image: a part of its columns would be another type of array, compiled when a wide image comes.
    """
    columns = np.empty(end - first, np.int64)
    for x in range(first, end):
        columns[x - first] = min(_cell(x, across), labels.shape[1] - 1)
    before = -1
    for y in range(len(out)):
        row = min(_cell(y, down), labels.shape[0] - 1)
        if row == before:
            out[y, first:end] = out[y - 1, first:end]
        else:
            for x in range(first, end):
                out[y, x] = labels[row, columns[x - first]]
        before = row


@njit(cache=True)
def _cell(pixel: int, axis: _Axis) -> int:  # pragma: no cover - compiled
    """Return the cell of the network's map at the centre of a row or column of the image."""
    origin, scale, size, offset, cells = axis
    position = min(max((pixel + 0.5 - origin) * scale, 0.0), np.nextafter(float(size), 0.0))
    return int((position + offset) * cells)
