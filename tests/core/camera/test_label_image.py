"""Label images from what the networks gave."""

import numpy as np
import pytest

from perception_core.camera import CameraResult, label_image
from perception_core.types import CLASSES, SEGMENTS, Detections2D, InstanceMasks, Segmentation
from perception_core.types.classes import INDEX


def detections(*names: str) -> Detections2D:
    n = len(names)
    ids = [INDEX[name] for name in names]
    return Detections2D(7, "front", np.tile([0.0, 0, 4, 2], (n, 1)), np.ones(n), ids, (4, 2))


def named(segmentation: Segmentation) -> list[list[str]]:
    return [[SEGMENTS[i] for i in row] for row in segmentation.labels]


def test_the_network_s_own_classes_win():
    own = Segmentation(7, "front", np.ones((2, 4), np.uint8))
    masks = InstanceMasks(7, "front", np.ones((2, 4), np.uint16))
    assert label_image(CameraResult(detections("car"), masks, own)) is own


def test_masks_tell_the_pixels_of_the_detections_and_nothing_else():
    instances = np.array([[0, 1, 2, 3], [0, 0, 4, 1]], np.uint16)
    result = CameraResult(detections("car", "person", "cyclist", "animal"), InstanceMasks(7, "front", instances), None)
    labels = label_image(result)
    assert (labels.stamp_ns, labels.frame) == (7, "front")
    assert named(labels) == [["unknown", "vehicle", "person", "person"], ["unknown", "unknown", "other", "vehicle"]]


def test_without_detections_all_is_unknown():
    result = CameraResult(detections(), InstanceMasks(7, "front", np.zeros((2, 4), np.uint16)), None)
    assert not label_image(result).labels.any()


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_has_a_class_of_pixels(name):
    masks = InstanceMasks(7, "front", np.ones((2, 4), np.uint16))
    assert label_image(CameraResult(detections(name), masks, None)).labels.min() > 0


def test_boxes_alone_are_no_label_image():
    assert label_image(CameraResult(detections("car"), None, None)) is None
    assert label_image(CameraResult(None, None, None)) is None
