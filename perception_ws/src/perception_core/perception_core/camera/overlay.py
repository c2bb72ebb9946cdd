"""A picture of what the camera saw, for people."""

import cv2
import numpy as np
from numpy.typing import NDArray

from perception_core.camera.detector import CameraResult
from perception_core.errors import ImageError
from perception_core.types import CLASSES, Detections2D, Image, InstanceMasks, Segmentation

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

_SEGMENT_COLOURS = np.array(
    [
        (0, 0, 0),  # unknown: left as it is
        (128, 64, 128),  # ground
        (142, 0, 0),  # vehicle
        (60, 20, 220),  # person
        (35, 142, 107),  # vegetation
        (70, 70, 70),  # structure
        (180, 130, 70),  # sky
        (0, 220, 220),  # other
    ],
    np.uint8,
)
"""Blue, green, red of each class of pixels in the order of SEGMENTS: the habit of Cityscapes."""

_SEGMENT_SHARE = 0.4
_MASK_SHARE = 0.5
"""Weight of the colour against the image."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_result(image: Image, result: CameraResult) -> NDArray[np.uint8]:
    """Return a copy uint8 (H, W, 3) BGR of the image with all that a network said: classes of pixels, masks, boxes."""
    canvas = image.pixels.copy()
    if result.segmentation is not None:
        _tint_segments(canvas, result.segmentation)
    if result.detections is None:
        return canvas
    if result.masks is not None:
        _tint_masks(canvas, result.masks, result.detections)
    _draw_boxes(canvas, result.detections)
    return canvas


def draw_detections(image: Image, detections: Detections2D) -> NDArray[np.uint8]:
    """Return a copy uint8 (H, W, 3) BGR of the image with each box, its class and its score in per cent."""
    canvas = image.pixels.copy()
    _draw_boxes(canvas, detections)
    return canvas


def colour_labels(segmentation: Segmentation) -> NDArray[np.uint8]:
    """Return uint8 (H, W, 3) BGR: the colour of each pixel's class, black where unknown."""
    return _SEGMENT_COLOURS[segmentation.labels]


def _tint_segments(canvas: NDArray[np.uint8], segmentation: Segmentation) -> None:
    _check_size(canvas, segmentation.labels.shape, "the label image")
    tinted = cv2.addWeighted(canvas, 1 - _SEGMENT_SHARE, colour_labels(segmentation), _SEGMENT_SHARE, 0)
    np.copyto(canvas, tinted, where=(segmentation.labels > 0)[:, :, np.newaxis])


def _tint_masks(canvas: NDArray[np.uint8], masks: InstanceMasks, detections: Detections2D) -> None:
    _check_size(canvas, masks.instances.shape, "the masks")
    colours = np.array([(0, 0, 0), *(_COLOURS[c] for c in detections.class_ids)], np.uint8)
    tinted = cv2.addWeighted(canvas, 1 - _MASK_SHARE, colours[masks.instances], _MASK_SHARE, 0)
    np.copyto(canvas, tinted, where=(masks.instances > 0)[:, :, np.newaxis])


def _check_size(canvas: NDArray[np.uint8], shape: tuple[int, ...], what: str) -> None:
    if canvas.shape[:2] != shape:
        raise ImageError(f"{what} has {shape[1]}x{shape[0]} pixels, the image {canvas.shape[1]}x{canvas.shape[0]}")


def _draw_boxes(canvas: NDArray[np.uint8], detections: Detections2D) -> None:
    height, width = canvas.shape[:2]
    thickness = max(1, round(min(width, height) / 400))
    for box, score, class_id in zip(detections.boxes, detections.scores, detections.class_ids, strict=True):
        colour = _COLOURS[class_id]
        x0, y0, x1, y1 = (round(float(v)) for v in box)
        cv2.rectangle(canvas, (x0, y0), (max(x0, x1 - 1), max(y0, y1 - 1)), colour, thickness)
        _label(canvas, f"{CLASSES[class_id]} {round(float(score) * 100)}", (x0, y0), colour)


def _label(canvas: NDArray[np.uint8], text: str, corner: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """Write on a filled strip above the corner, or below it where there is no room."""
    scale = 0.4 if canvas.shape[0] < 720 else 0.6
    (width, height), baseline = cv2.getTextSize(text, _FONT, scale, 1)
    x = max(0, min(corner[0], canvas.shape[1] - width))
    bottom = corner[1] if corner[1] >= height + baseline else corner[1] + height + baseline
    cv2.rectangle(canvas, (x, bottom - height - baseline), (x + width, bottom), colour, cv2.FILLED)
    cv2.putText(canvas, text, (x, bottom - baseline), _FONT, scale, (0, 0, 0), 1, cv2.LINE_AA)
