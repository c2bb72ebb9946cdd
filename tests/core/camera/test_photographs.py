"""YOLOX-nano on real photographs, against the boxes a person sees."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from perception_core.camera import CameraConfig, build_detector
from perception_core.geometry.boxes import iou_aligned
from perception_core.types import CLASSES, Image

OBJECT = "kitti_object/training/image_2"
DRIVE = "kitti_raw/2011_09_26/sample_sync/image_02/data"

SEEN = [
    (f"{OBJECT}/000000.png", "person", (712, 143, 811, 308)),
    (f"{DRIVE}/0000000002.png", "car", (552, 188, 702, 305)),
    (f"{DRIVE}/0000000002.png", "car", (8, 182, 408, 375)),
    (f"{DRIVE}/0000000030.png", "car", (540, 195, 740, 372)),
    (f"{DRIVE}/0000000030.png", "truck", (60, 118, 440, 345)),
    (f"{DRIVE}/0000000037.png", "car", (537, 195, 758, 375)),
]
"""Drawn by hand around the walker, the car ahead in our lane, the car on the left and the red truck."""


@pytest.fixture(scope="module")
def detector(perception_models):
    """YOLOX-nano, ready."""
    built = build_detector(CameraConfig(), [perception_models])
    built.warm_up()
    return built


def photograph(folder: Path, name: str) -> Image:
    pixels = cv2.imread(str(folder / name))
    if pixels is None:
        pytest.skip(f"{folder} has no {name}")
    return Image(np.asarray(pixels, np.uint8), 0, "camera")


@pytest.mark.parametrize(("name", "label", "box"), SEEN)
def test_what_a_person_sees_is_detected(detector, perception_data, name, label, box):
    found = detector.detect(photograph(perception_data, name))
    mine = found.boxes[[CLASSES[c] == label for c in found.class_ids]]
    assert iou_aligned(np.array([box], float), mine).max() > 0.75


def test_the_same_image_gives_the_same_boxes(detector, perception_data):
    picture = photograph(perception_data, SEEN[1][0])
    first, second = detector.detect(picture), detector.detect(picture)
    np.testing.assert_array_equal(first.boxes, second.boxes)
    np.testing.assert_array_equal(first.scores, second.scores)


def test_red_and_blue_exchanged_are_noticed(detector, perception_data):
    """The convention of the card is the right one: with the colours turned round the scores drop."""
    totals = {"bgr": 0.0, "rgb": 0.0}
    for name in sorted({name for name, *_ in SEEN}):
        picture = photograph(perception_data, name)
        turned = Image(np.ascontiguousarray(picture.pixels[:, :, ::-1]), 0, "camera")
        totals["bgr"] += detector.detect(picture).scores.sum()
        totals["rgb"] += detector.detect(turned).scores.sum()
    assert totals["bgr"] > totals["rgb"]
