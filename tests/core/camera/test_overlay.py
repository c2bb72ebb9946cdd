"""The picture of the detections: the box where it belongs, the image itself untouched."""

import numpy as np

from perception_core.camera.overlay import draw_detections
from perception_core.types import CLASSES, Detections2D, Image


def detections(boxes, class_ids) -> Detections2D:
    n = len(boxes)
    return Detections2D(
        0, "c", np.array(boxes, float).reshape(-1, 4), np.full(n, 0.5), np.array(class_ids, int), (200, 100)
    )


def grey(width: int = 200, height: int = 100) -> Image:
    return Image(np.full((height, width, 3), 50, np.uint8), 0, "c")


def test_nothing_leaves_a_copy():
    image = grey()
    canvas = draw_detections(image, detections([], []))
    np.testing.assert_array_equal(canvas, image.pixels)
    assert not np.shares_memory(canvas, image.pixels)


def test_the_box_is_drawn_on_its_outermost_pixels():
    image = grey()
    canvas = draw_detections(image, detections([[40, 30, 80, 70]], [0]))
    changed = np.argwhere((canvas != 50).any(axis=2))
    assert (image.pixels == 50).all()
    assert canvas[69, 60].tolist() == canvas[50, 40].tolist() == canvas[50, 79].tolist() != [50, 50, 50]
    assert canvas[50, 60].tolist() == [50, 50, 50]
    assert changed[:, 0].max() == 69
    assert changed[:, 1].min() == 40


def test_every_class_has_a_colour_of_its_own():
    colours = {tuple(draw_detections(grey(), detections([[40, 30, 80, 70]], [c]))[69, 60]) for c in range(len(CLASSES))}
    assert len(colours) == len(CLASSES)


def test_boxes_at_the_edges_of_tiny_images():
    for width, height in ((1, 1), (3, 2), (8000, 10)):
        canvas = draw_detections(grey(width, height), detections([[0, 0, width, height], [0.2, 0.2, 0.4, 0.4]], [9, 3]))
        assert canvas.shape == (height, width, 3)
