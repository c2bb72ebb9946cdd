"""Masks by hand: sums of prototypes weighted by the numbers behind the classes."""

import numpy as np
import pytest

from perception_core.errors import ModelError
from perception_core.inference.heads import MaskHead, create_head

TABLE = np.arange(3, dtype=np.int32)

# The prototypes of 64 x 64 at a quarter: the left half, the upper half.
PROTOTYPES = np.full((1, 2, 16, 16), -1, np.float32)
PROTOTYPES[0, 0, :, :8] = 1
PROTOTYPES[0, 1, :8] = 1

BOX = [32, 32, 16, 16]
WEIGHTS = [3, 1]
"""3 x left half + upper half: positive in the left half only."""


def outputs(family: str) -> dict[str, np.ndarray]:
    """Return boxes, one of which is an object, and the prototypes."""
    if family == "yolov5":
        boxes = np.zeros((1, 252, 10), np.float32)
        boxes[0, 9] = [*BOX, 1, 0, 0.8, 0, *WEIGHTS]
    elif family == "yolov8":
        boxes = np.zeros((1, 9, 84), np.float32)
        boxes[0, :, 9] = [*BOX, 0, 0.8, 0, *WEIGHTS]
    else:
        boxes = np.zeros((1, 30, 8), np.float32)
        boxes[0, 9] = [24, 24, 40, 40, 0.8, 1, *WEIGHTS]
    return {"output0": boxes, "output1": PROTOTYPES}


@pytest.mark.parametrize("family", ["yolov5", "yolov8", "yolo_end2end"])
def test_a_mask_is_a_weighted_sum(tmp_path, networks, family):
    card = networks.model_card(family, task="instances")
    arrays = outputs(family)
    found = networks.decode(tmp_path, card, arrays)
    np.testing.assert_allclose(found.boxes, [[24, 24, 40, 40]])
    assert found.class_ids.tolist() == [1]
    assert found.rows.tolist() == [9]
    head = create_head(card)
    assert isinstance(head, MaskHead)
    masks = head.masks(arrays, found.rows)
    assert masks.shape == (1, 16, 16)
    # 3 + 1, 3 - 1; -3 + 1, -3 - 1
    assert [masks[0, y, x] for y in (0, 15) for x in (0, 15)] == [4, -2, 2, -4]


def test_masks_of_anchors_first(networks):
    arrays = outputs("yolov8")
    arrays["output0"] = arrays["output0"].transpose(0, 2, 1)
    head = create_head(networks.model_card("yolov8", task="instances"))
    assert head.masks(arrays, np.array([9]))[0, 0, 0] == 4


def test_no_masks_and_masks_that_are_no_numbers(networks):
    head = create_head(networks.model_card("yolov8", task="instances"))
    arrays = outputs("yolov8")
    assert head.masks(arrays, np.empty(0, np.int64)).shape == (0, 16, 16)
    arrays["output0"][0, 7, 9] = np.nan
    assert (head.masks(arrays, np.array([9])) == -1).all()


def test_outputs_of_other_kinds_are_refused(tmp_path, networks):
    card = networks.model_card("yolov8", task="instances")
    boxes = outputs("yolov8")["output0"]
    with pytest.raises(ModelError, match="expected boxes of three dimensions and prototypes"):
        networks.decode(tmp_path, card, {"output0": boxes})
    with pytest.raises(ModelError, match=r"expected an output \[1, 10, anchors\] for 3 classes"):
        networks.decode(tmp_path, card, {"output0": boxes, "output1": np.zeros((1, 3, 16, 16), np.float32)})
