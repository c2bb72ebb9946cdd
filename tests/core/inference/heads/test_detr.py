"""RT-DETR's three exports and RF-DETR by hand."""

import numpy as np
import pytest

from perception_core.errors import ModelError


def log_odds(p: float) -> float:
    return float(np.log(p / (1 - p)))


def test_ultralytics_export_has_shares_and_probabilities(tmp_path, networks):
    raw = np.zeros((1, 300, 7), np.float32)
    raw[0, 4] = [0.5, 0.5, 0.25, 0.5, 0, 0.6, 0.1]  # 64 x 32: centre (32, 16), size 16 x 16
    found = networks.decode(tmp_path, networks.model_card("rtdetr", size=(64, 32)), {"output0": raw})
    np.testing.assert_allclose(found.boxes, [[24, 8, 40, 24]])
    np.testing.assert_allclose(found.scores, [0.6], atol=1e-6)
    assert found.class_ids.tolist() == [1]


def test_ultralytics_newer_export_has_the_number_of_the_class(tmp_path, networks):
    raw = np.zeros((1, 300, 6), np.float32)
    raw[0, :2] = [[0.5, 0.5, 0.25, 0.5, 0.9, 2], [0.25, 0.25, 0.5, 0.5, 0.6, 0]]
    found = networks.decode(tmp_path, networks.model_card("rtdetr", size=(64, 32)), {"output0": raw})
    np.testing.assert_allclose(found.boxes, [[24, 8, 40, 24], [0, 0, 32, 16]])
    np.testing.assert_allclose(found.scores, [0.9, 0.6], atol=1e-6)
    assert found.class_ids.tolist() == [2, 0]


def test_two_classes_of_either_export_are_told_by_their_numbers(tmp_path, networks):
    card = networks.model_card("rtdetr", 2)
    raw = np.zeros((1, 30, 6), np.float32)
    raw[0, :2] = [[0.5, 0.5, 0.5, 0.5, 0.9, 1], [0.5, 0.5, 0.5, 0.5, 0.6, 0]]
    assert networks.decode(tmp_path, card, {"o": raw}).class_ids.tolist() == [1, 0]
    raw[0, :2, 4:] = [[0.9, 0.2], [0.1, 0.7]]
    assert networks.decode(tmp_path, card, {"o": raw}).class_ids.tolist() == [0, 1]


@pytest.mark.parametrize("order", [("logits", "pred_boxes"), ("pred_boxes", "logits")])
def test_hugging_face_export_has_logits(tmp_path, networks, order):
    outputs = {"logits": np.full((1, 30, 3), -9, np.float32), "pred_boxes": np.zeros((1, 30, 4), np.float32)}
    outputs["logits"][0, 7] = [log_odds(0.4), log_odds(0.2), log_odds(0.8)]
    outputs["pred_boxes"][0, 7] = [0.25, 0.75, 0.5, 0.5]
    found = networks.decode(tmp_path, networks.model_card("rtdetr"), {name: outputs[name] for name in order})
    np.testing.assert_allclose(found.boxes, [[0, 32, 32, 64]])
    np.testing.assert_allclose(found.scores, [0.8], atol=1e-6)
    assert found.class_ids.tolist() == [2]


def test_four_classes_look_like_boxes_and_the_names_tell(tmp_path, networks):
    outputs = {"logits": np.full((1, 30, 4), -9, np.float32), "pred_boxes": np.full((1, 30, 4), 0.5, np.float32)}
    outputs["logits"][0, 7, 3] = 9
    found = networks.decode(tmp_path, networks.model_card("rtdetr", 4), outputs)
    np.testing.assert_allclose(found.boxes, [[16, 16, 48, 48]])
    assert found.class_ids.tolist() == [3]


def finished() -> dict[str, np.ndarray]:
    outputs = {
        "labels": np.zeros((1, 300), np.int64),
        "boxes": np.zeros((1, 300, 4), np.float32),
        "scores": np.zeros((1, 300), np.float32),
    }
    outputs["labels"][0, :2] = [2, 1]
    outputs["boxes"][0, :2] = [[1, 2, 30, 40], [3, 4, 5, 6]]
    outputs["scores"][0, :2] = [0.9, 0.4]
    return outputs


def test_the_authors_export_has_finished_boxes(tmp_path, networks):
    extra = {"orig_target_sizes": (1, 2)}
    found = networks.decode(tmp_path, networks.model_card("rtdetr"), finished(), extra_inputs=extra)
    np.testing.assert_allclose(found.boxes, [[1, 2, 30, 40], [3, 4, 5, 6]])
    np.testing.assert_allclose(found.scores, [0.9, 0.4], atol=1e-6)
    assert found.class_ids.tolist() == [2, 1]


def test_the_authors_export_with_labels_the_card_does_not_know(tmp_path, networks):
    with pytest.raises(ModelError, match="class 2 in output labels is none of the card's 2 classes"):
        networks.decode(tmp_path, networks.model_card("rtdetr", 2), finished())


def test_the_authors_export_whose_parts_do_not_fit(tmp_path, networks):
    outputs = finished() | {"scores": np.zeros((1, 299), np.float32)}
    with pytest.raises(ModelError, match="labels, boxes and scores do not fit together"):
        networks.decode(tmp_path, networks.model_card("rtdetr"), outputs)


@pytest.mark.parametrize("columns", [3, 4])
def test_rf_detr_may_have_one_class_more_than_the_card(tmp_path, networks, columns):
    outputs = {"dets": np.zeros((1, 30, 4), np.float32), "labels": np.full((1, 30, columns), -9, np.float32)}
    outputs["dets"][0, 7] = [0.5, 0.5, 0.5, 0.25]
    outputs["labels"][0, 7, 1] = log_odds(0.7)
    outputs["labels"][0, 8, -1] = 9 if columns == 4 else -9  # the class nobody named
    found = networks.decode(tmp_path, networks.model_card("rfdetr"), outputs)
    np.testing.assert_allclose(found.boxes, [[16, 24, 48, 40]])
    np.testing.assert_allclose(found.scores, [0.7], atol=1e-6)
    assert found.class_ids.tolist() == [1]


@pytest.mark.parametrize(
    ("family", "shapes", "reason"),
    [
        (
            "rtdetr",
            {"o": (1, 300, 8)},
            r"expected \[1, queries, 7 or 6\], or .* for 3 classes, got o float32 \[1, 300, 8\]",
        ),
        ("rtdetr", {"logits": (1, 30, 5), "pred_boxes": (1, 30, 4)}, "for 3 classes"),
        ("rtdetr", {"labels": (1, 30), "boxes": (1, 30, 5), "scores": (1, 30)}, "for 3 classes"),
        ("rfdetr", {"dets": (1, 30, 4), "labels": (1, 30, 6)}, r"\[1, queries, 3 or 4\] for 3 classes"),
        ("rfdetr", {"dets": (1, 30, 4)}, "for 3 classes"),
        ("rfdetr", {"dets": (1, 30, 4), "labels": (1, 29, 4)}, "for 3 classes"),
    ],
)
def test_other_shapes_are_refused(tmp_path, networks, family, shapes, reason):
    outputs = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    with pytest.raises(ModelError, match=reason):
        networks.decode(tmp_path, networks.model_card(family), outputs)


def test_a_logit_that_is_no_number_is_an_error(tmp_path, networks):
    outputs = {"dets": np.zeros((1, 30, 4), np.float32), "labels": np.full((1, 30, 4), -9, np.float32)}
    outputs["labels"][0, 3, 0] = np.nan
    with pytest.raises(ModelError, match="a score of nan is not a number"):
        networks.decode(tmp_path, networks.model_card("rfdetr"), outputs)
