"""From what a network says of its input's pixels to the pixels of the source image.

Both ways end in one array of the image's own size, so that a large image with many objects costs memory as one image
does. A network's map covers its whole input, at any resolution: coordinates are edges, as in :mod:`layout`.
"""

import itertools

import cv2
import numpy as np
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
    rows, columns = np.arange(height), np.arange(width)
    shares = []
    for first, end, window in _shares(placements, width):
        down = _cells(rows, 0, (window.scale[1], window.height, window.offset[1]), (len(labels), spec.height))
        across = (window.scale[0], window.width, window.offset[0]), (labels.shape[1], spec.width)
        shares.append(labels[:, _cells(columns[first:end], window.left, *across)].take(down, axis=0))
    return shares[0] if len(shares) == 1 else np.concatenate(shares, axis=1)


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


def _cells(
    pixels: NDArray[np.int64], origin: int, window: tuple[float, int, int], cells: tuple[int, int]
) -> NDArray[np.int64]:
    """Return int64 (P,): the cell of a map that lies at the centre of each row, or column, of the image.

    Args:
        pixels: int64 (P,) rows or columns of the image.
        origin: that at which the window begins.
        window: pixels of the network a pixel of the image, the window's size and its corner in the network's input.
        cells: how many the map has over the whole input, and that many pixels the input has.
    """
    scale, size, offset = window
    position = np.clip((pixels + 0.5 - origin) * scale, 0.0, np.nextafter(float(size), 0.0))
    found = ((position + offset) * (cells[0] / cells[1])).astype(np.int64)
    return np.asarray(np.minimum(found, cells[0] - 1))
