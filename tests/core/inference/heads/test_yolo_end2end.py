"""YOLOv10 and YOLO26 by hand: corners, score, class."""

import numpy as np
import pytest

from perception_core.errors import ModelError


@pytest.fixture
def raw() -> np.ndarray:
    """Two objects, one below the threshold, and 297 rows that are not used."""
    out = np.zeros((1, 300, 6), np.float32)
    out[0, :3] = [[1, 2, 30, 40, 0.9, 2], [5, 6, 7, 8, 0.5, 0], [0, 0, 9, 9, 0.1, 1]]
    return out


def test_boxes_are_corners(tmp_path, networks, raw):
    found = networks.decode(tmp_path, networks.model_card("yolo_end2end"), {"output0": raw})
    np.testing.assert_allclose(found.boxes, [[1, 2, 30, 40], [5, 6, 7, 8]])
    np.testing.assert_allclose(found.scores, [0.9, 0.5], atol=1e-6)
    assert found.class_ids.tolist() == [2, 0]


def test_in_shares_of_the_input(tmp_path, networks, raw):
    raw[0, 0, :4] = [0.25, 0.5, 0.5, 1.0]
    card = networks.model_card("yolo_end2end", size=(64, 32), box_units="share")
    np.testing.assert_allclose(networks.decode(tmp_path, card, {"o": raw}, 0.6).boxes, [[16, 16, 32, 32]])


@pytest.mark.parametrize("number", [3, -1, 0.5, np.nan, np.inf])
def test_a_class_that_is_none_of_the_card_s_is_an_error(tmp_path, networks, raw, number):
    raw[0, 1, 5] = number
    with pytest.raises(ModelError, match=f"class {number:g} in output o is none of the card's 3 classes"):
        networks.decode(tmp_path, networks.model_card("yolo_end2end"), {"o": raw})


def test_other_shapes_are_refused(tmp_path, networks):
    with pytest.raises(ModelError, match=r"expected an output \[1, boxes, 6\], got o float32 \[1, 300, 7\]"):
        networks.decode(tmp_path, networks.model_card("yolo_end2end"), {"o": np.zeros((1, 300, 7), np.float32)})
