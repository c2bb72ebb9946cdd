"""Words on a picture, none over another."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_FONT, _FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.5

Pixels = NDArray[np.uint8]
Label = tuple[str, tuple[int, int], tuple[float, ...]]
Area = tuple[int, int, int, int]


def write_labels(
    canvas: Pixels, labels: Sequence[Label], scale: float = _FONT_SCALE, taken: Sequence[Area] = ()
) -> None:
    """Write labels (text, left end of the base line, colour), the first first, leaving out what would lie on another.

    Args:
        canvas: uint8 (H, W, 3), written to.
        labels: in any order of channels, which is that of the canvas.
        scale: of the font.
        taken: left, top, right, bottom of areas to be left free.
    """
    areas = list(taken)
    for text, (u, v), colour in labels:
        width, height = text_size(text, scale)
        x = int(np.clip(u, 0, canvas.shape[1] - width - 6))
        y = int(np.clip(v - 5, height + 6, canvas.shape[0] - 6))
        area = (x, y - height - 4, x + width + 6, y + 4)
        if any(area[0] < t[2] and t[0] < area[2] and area[1] < t[3] and t[1] < area[3] for t in areas):
            continue
        areas.append(area)
        patch = canvas[area[1] : area[3], area[0] : area[2]]
        patch[:] = patch // 4
        cv2.putText(canvas, text, (x + 3, y), _FONT, scale, _light(colour), 1, cv2.LINE_AA)


def write_text(canvas: Pixels, text: str, at: tuple[int, int], colour: tuple[float, ...], scale: float) -> None:
    """Write a text with the left end of its base line at a pixel."""
    cv2.putText(canvas, text, at, _FONT, scale, colour, 1, cv2.LINE_AA)


def text_size(text: str, scale: float = _FONT_SCALE) -> tuple[int, int]:
    """Return width and height in pixels."""
    (width, height), _ = cv2.getTextSize(text, _FONT, scale, 1)
    return int(width), int(height)


def _light(colour: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(0.5 * c + 127.5 for c in colour)
