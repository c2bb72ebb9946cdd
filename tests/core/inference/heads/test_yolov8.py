"""YOLOv8, v9 and v11 by hand: no objectness, numbers first."""

import numpy as np
import pytest

from perception_core.errors import ModelError


@pytest.fixture
def raw() -> np.ndarray:
    """Two objects among 84 anchors of 64 x 64, and one of a class that is the second best."""
    out = np.zeros((1, 7, 84), np.float32)
    out[0, :, 5] = [20, 30, 8, 12, 0.1, 0.8, 0.2]
    out[0, :, 83] = [32, 32, 64, 64, 0.95, 0.9, 0]
    return out


def test_boxes_are_centre_and_size_in_pixels(tmp_path, networks, raw):
    found = networks.decode(tmp_path, networks.model_card("yolov8"), {"output0": raw})
    np.testing.assert_allclose(found.boxes, [[16, 24, 24, 36], [0, 0, 64, 64]])
    np.testing.assert_allclose(found.scores, [0.8, 0.95], atol=1e-6)
    assert found.class_ids.tolist() == [1, 0]
    assert found.rows.tolist() == [5, 83]


def test_anchors_first_is_read_too(tmp_path, networks, raw):
    turned = np.ascontiguousarray(raw.transpose(0, 2, 1))
    found = networks.decode(tmp_path, networks.model_card("yolov8"), {"output0": turned})
    np.testing.assert_allclose(found.boxes, [[16, 24, 24, 36], [0, 0, 64, 64]])


def test_nothing_one_and_everything(tmp_path, networks, raw):
    card = networks.model_card("yolov8")
    assert len(networks.decode(tmp_path, card, {"o": np.zeros_like(raw)})) == 0
    assert len(networks.decode(tmp_path, card, {"o": raw}, 0.9)) == 1
    assert len(networks.decode(tmp_path, card, {"o": np.full_like(raw, 0.7)})) == 84


@pytest.mark.parametrize("value", [np.nan, 7.0, -0.5, np.inf])
def test_scores_that_are_none_are_an_error(tmp_path, networks, raw, value):
    raw[0, 5, 17] = value
    with pytest.raises(ModelError, match=f"a score of {value:g} is not in 0..1 \\(output o\\)"):
        networks.decode(tmp_path, networks.model_card("yolov8"), {"o": raw})


def test_class_names_that_do_not_fit_the_head_are_named(tmp_path, networks, raw):
    with pytest.raises(ModelError, match=r"expected an output \[1, 83, anchors\] for 79 classes, got o float32 \[1, 7"):
        networks.decode(tmp_path, networks.model_card("yolov8", 79), {"o": raw})


def test_open_shapes_are_checked_when_the_outputs_come(tmp_path, networks, raw):
    declared = {"o": ["batch", "numbers", "anchors"]}
    found = networks.decode(tmp_path, networks.model_card("yolov8"), {"o": raw}, declared=declared)
    assert len(found) == 2
    with pytest.raises(ModelError, match=r"expected an output \[1, 8, anchors\] for 4 classes"):
        networks.decode(tmp_path, networks.model_card("yolov8", 4), {"o": raw}, declared=declared)
