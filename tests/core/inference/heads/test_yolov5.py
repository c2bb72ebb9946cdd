"""YOLOv5 by hand, decoded in the graph and not."""

import numpy as np
import pytest

from perception_core.errors import ModelError


def test_a_decoded_export(tmp_path, networks):
    raw = np.zeros((1, 252, 8), np.float32)  # three anchors for each of 84 cells
    raw[0, 7] = [20, 30, 8, 12, 0.9, 0.1, 0.8, 0.2]
    raw[0, 9] = [20, 30, 8, 12, 0.2, 0.9, 0.9, 0.9]  # no object
    found = networks.decode(tmp_path, networks.model_card("yolov5"), {"output0": raw})
    np.testing.assert_allclose(found.boxes, [[16, 24, 24, 36]])
    np.testing.assert_allclose(found.scores, [0.72], atol=1e-6)
    assert found.class_ids.tolist() == [1]


def test_boxes_in_shares_of_the_input(tmp_path, networks):
    raw = np.zeros((1, 10, 8), np.float32)
    raw[0, 0] = [0.5, 0.25, 0.25, 0.5, 1, 1, 0, 0]
    card = networks.model_card("yolov5", size=(64, 32), box_units="share")
    # centre (32, 8), size 16 x 16
    np.testing.assert_allclose(networks.decode(tmp_path, card, {"o": raw}).boxes, [[24, 0, 40, 16]])


def test_the_second_image_of_a_batch(tmp_path, networks):
    raw = np.zeros((2, 4, 8), np.float32)
    raw[1, 3] = [10, 10, 4, 4, 1, 0, 0, 1]
    card = networks.model_card("yolov5")
    assert len(networks.decode(tmp_path, card, {"o": raw})) == 0
    assert networks.decode(tmp_path, card, {"o": raw}, entry=1).class_ids.tolist() == [2]
    with pytest.raises(ModelError, match=r"output o \[2, 4, 8\] has no image 2 of the batch"):
        networks.decode(tmp_path, card, {"o": raw}, entry=2)


def log_odds(p: float) -> float:
    return float(np.log(p / (1 - p)))


@pytest.fixture
def scales() -> dict[str, np.ndarray]:
    """Two scales of two anchors over 64 x 32: strides 8 and 16, nothing detected (scores of 4.5e-5)."""
    return {
        "coarse": np.full((1, 2, 2, 4, 8), -10, np.float32),
        "fine": np.full((1, 2, 4, 8, 8), -10, np.float32),
    }


ANCHORS = (4, 8, 10, 6, 20, 10, 30, 30)


def test_raw_scales_with_the_anchors_of_the_card(tmp_path, networks, scales):
    # Fine, second anchor (10 x 6), row 1, column 3: sigmoids 0.5 0.75 0.5 0.25.
    scales["fine"][0, 1, 1, 3] = [0, log_odds(0.75), 0, log_odds(0.25), 30, -30, 30, -30]
    # centre ((2 * 0.5 - 0.5 + 3) * 8, (2 * 0.75 - 0.5 + 1) * 8) = (28, 16); size 10 * 1, 6 * 0.25
    # Coarse, first anchor (20 x 10), row 1, column 0: centre (0.5 * 16, 1.5 * 16) = (8, 24), size 20 x 10.
    scales["coarse"][0, 0, 1, 0] = [0, 0, 0, 0, 30, 30, -30, -30]
    card = networks.model_card("yolov5", size=(64, 32), anchors=ANCHORS)
    found = networks.decode(tmp_path, card, scales)
    np.testing.assert_allclose(found.boxes, [[23, 15.25, 33, 16.75], [-2, 19, 18, 29]], atol=1e-4)
    assert found.class_ids.tolist() == [1, 0]


def test_raw_scales_with_anchors_and_numbers_in_one_dimension(tmp_path, networks, scales):
    scales["coarse"][0, 1, 1, 3] = [0, 0, 0, 0, 30, -30, -30, 30]  # second anchor (30 x 30) around (56, 24)
    joined = {name: a.transpose(0, 1, 4, 2, 3).reshape(1, 16, *a.shape[2:4]) for name, a in scales.items()}
    card = networks.model_card("yolov5", size=(64, 32), anchors=ANCHORS)
    found = networks.decode(tmp_path, card, joined)
    np.testing.assert_allclose(found.boxes, [[41, 9, 71, 39]], atol=1e-4)
    assert found.class_ids.tolist() == [2]


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((1, 84, 9), r"expected an output \[1, anchors, 8\] for 3 classes, got o float32 \[1, 84, 9\]"),
        ((84, 8), r"expected an output \[1, anchors, 8\]"),
    ],
)
def test_other_shapes_are_refused(tmp_path, networks, shape, reason):
    with pytest.raises(ModelError, match=reason):
        networks.decode(tmp_path, networks.model_card("yolov5"), {"o": np.zeros(shape, np.float32)})


def test_anchors_that_do_not_fit_the_scales_are_refused(tmp_path, networks, scales):
    with pytest.raises(ModelError, match="3 anchors cannot be shared among 2 outputs"):
        networks.decode(tmp_path, networks.model_card("yolov5", anchors=ANCHORS[:6]), scales)
    with pytest.raises(ModelError, match=r"expected \[1, 1, rows, columns, 8\] or \[1, 8, rows, columns\]"):
        networks.decode(tmp_path, networks.model_card("yolov5", anchors=ANCHORS[:4]), scales)
