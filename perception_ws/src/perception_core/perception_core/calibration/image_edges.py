"""Where an image has edges, made wide enough to be found from some pixels away.

Edges are thin (the crest of the gradient), as strong as they stand out from what is around (foliage is full of
gradients and says nothing), and kept apart by direction: the outline of a post is looked for among upright edges only.
Each is then spread over its neighbourhood, and what a whole neighbourhood has in common is taken off: on average a
point laid anywhere scores nothing, so that the score cannot grow by moving points into busy regions.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Floats32 = NDArray[np.float32]

UPRIGHT, LEVEL = 0, 1
"""Edges that stand (the grey value changes to the side) and that lie (it changes up or down)."""

_GREY_NOISE = 6.0
"""Grey values a pixel: of gradients as weak as the noise of a camera, few are edges."""
_AROUND = 25
"""Pixels to either side over which an edge has to stand out."""
_STANDS_OUT = 1.5
"""Times the mean gradient around at which an edge counts by half."""
_WIDER = 4.0
"""The neighbourhood whose mean is taken off, in widths of the spread."""


def edge_strength(grey: NDArray[np.uint8]) -> Floats32:
    """Return float32 (2, H, W) in [0, 1]: how clearly each pixel is an upright, and a level, edge.

    Args:
        grey: uint8 (H, W).
    """
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.0)
    dx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=0.25)
    dy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=0.25)
    size = cv2.magnitude(dx, dy)
    side = 2 * _AROUND + 1
    around = cv2.blur(size, (side, side))
    square = size * size
    strength = square / (square + (_STANDS_OUT * around) ** 2 + _GREY_NOISE**2)
    upright = _crest(np.abs(dx), axis=1) & (np.abs(dx) >= np.abs(dy))
    level = _crest(np.abs(dy), axis=0) & (np.abs(dy) >= np.abs(dx))
    return np.stack([strength * upright, strength * level]).astype(np.float32)


def label_edges(labels: NDArray[np.integer]) -> Floats32:
    """Return float32 (2, H, W): 1 beside the borders between the classes or instances of pixels (H, W), else 0."""
    height, width = labels.shape
    out = np.zeros((2, height, width), np.float32)
    out[UPRIGHT, :, 1:] = labels[:, 1:] != labels[:, :-1]
    out[LEVEL, 1:, :] = labels[1:, :] != labels[:-1, :]
    return out


def spread_edges(strength: Floats32, widths: tuple[float, float]) -> Floats32:
    """Spread edges over their neighbourhood: 1 on a straight edge of strength 1 that stands alone, 0 on average.

    Args:
        strength: float32 (2, H, W).
        widths: standard deviation of the spread in pixels, of upright and of level edges.
    """
    out = np.empty_like(strength)
    for channel, width in enumerate(widths):
        narrow = cv2.GaussianBlur(strength[channel], (0, 0), width, borderType=cv2.BORDER_REPLICATE)
        wide = cv2.GaussianBlur(strength[channel], (0, 0), _WIDER * width, borderType=cv2.BORDER_REPLICATE)
        out[channel] = (narrow - wide) * np.float32(width * np.sqrt(2.0 * np.pi) / (1.0 - 1.0 / _WIDER))
    return out


def _crest(size: Floats32, axis: int) -> NDArray[np.bool_]:
    """Tell which pixels (H, W) are no smaller than both neighbours along an axis; the border is none."""
    before, after = np.roll(size, 1, axis), np.roll(size, -1, axis)
    crest = (size >= before) & (size > after)
    return np.asarray(crest)
