"""A picture of the detections for people."""

import cv2
import numpy as np
from numpy.typing import NDArray

from perception_core.types import CLASSES, Detections2D, Image

_COLOURS: tuple[tuple[int, int, int], ...] = (
    (80, 200, 60),  # car
    (200, 160, 40),  # truck
    (200, 80, 140),  # bus
    (30, 150, 250),  # motorcycle
    (60, 220, 240),  # bicycle
    (40, 90, 250),  # cyclist
    (60, 60, 230),  # person
    (190, 120, 240),  # animal
    (150, 150, 40),  # train
    (170, 170, 170),  # unknown
)
"""Blue, green, red of each class in the order of CLASSES."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_detections(image: Image, detections: Detections2D) -> NDArray[np.uint8]:
    """Return a copy uint8 (H, W, 3) BGR of the image with each box, its class and its score in per cent."""
    canvas = image.pixels.copy()
    height, width = canvas.shape[:2]
    thickness = max(1, round(min(width, height) / 400))
    for box, score, class_id in zip(detections.boxes, detections.scores, detections.class_ids, strict=True):
        colour = _COLOURS[class_id]
        x0, y0, x1, y1 = (round(float(v)) for v in box)
        cv2.rectangle(canvas, (x0, y0), (max(x0, x1 - 1), max(y0, y1 - 1)), colour, thickness)
        _label(canvas, f"{CLASSES[class_id]} {round(float(score) * 100)}", (x0, y0), colour)
    return canvas


def _label(canvas: NDArray[np.uint8], text: str, corner: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """Write on a filled strip above the corner, or below it where there is no room."""
    scale = 0.4 if canvas.shape[0] < 720 else 0.6
    (width, height), baseline = cv2.getTextSize(text, _FONT, scale, 1)
    x = max(0, min(corner[0], canvas.shape[1] - width))
    bottom = corner[1] if corner[1] >= height + baseline else corner[1] + height + baseline
    cv2.rectangle(canvas, (x, bottom - height - baseline), (x + width, bottom), colour, cv2.FILLED)
    cv2.putText(canvas, text, (x, bottom - baseline), _FONT, scale, (0, 0, 0), 1, cv2.LINE_AA)
