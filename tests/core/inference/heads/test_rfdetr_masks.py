"""RF-DETR-Seg by hand: one mask a query."""

import numpy as np
import pytest

from perception_core.errors import ModelError
from perception_core.inference.heads import MaskHead, create_head


def outputs() -> dict[str, np.ndarray]:
    """Return 9 queries, of which the fifth is an object with its own mask."""
    arrays = {
        "dets": np.zeros((1, 9, 4), np.float32),
        "labels": np.full((1, 9, 4), -9, np.float32),
        "masks": np.full((1, 9, 16, 16), -1, np.float32),
    }
    arrays["dets"][0, 4] = [0.5, 0.5, 0.5, 0.25]
    arrays["labels"][0, 4, 1] = 9
    arrays["masks"][0, 4, :, :8] = 2
    return arrays


def test_boxes_and_the_mask_of_their_query(tmp_path, networks):
    card = networks.model_card("rfdetr", task="instances")
    found = networks.decode(tmp_path, card, outputs())
    np.testing.assert_allclose(found.boxes, [[16, 24, 48, 40]])
    assert (found.class_ids.tolist(), found.rows.tolist()) == ([1], [4])
    head = create_head(card)
    head.warm_up()
    assert isinstance(head, MaskHead)
    masks = head.masks(outputs(), found.rows)
    assert masks.shape == (1, 16, 16)
    assert (masks[0, :, :8] == 2).all()
    assert (masks[0, :, 8:] == -1).all()
    assert head.masks(outputs(), np.empty(0, np.int64)).shape == (0, 16, 16)


def test_masks_that_are_no_numbers_are_nowhere_and_missing_ones_are_named(networks):
    head = create_head(networks.model_card("rfdetr", task="instances"))
    arrays = outputs()
    arrays["masks"][0, 4] = np.nan
    assert (head.masks(arrays, np.array([4])) == -1).all()
    arrays["masks"] = arrays["masks"][:, :3]
    with pytest.raises(ModelError, match="output masks has 3 masks, query 4 has none"):
        head.masks(arrays, np.array([4]))


def test_without_masks_it_is_refused(tmp_path, networks):
    arrays = outputs()
    del arrays["masks"]
    with pytest.raises(ModelError, match="expected one output of masks"):
        networks.decode(tmp_path, networks.model_card("rfdetr", task="instances"), arrays)
    assert not isinstance(create_head(networks.model_card("rfdetr")), MaskHead)
