"""Average precision against values worked out by hand, and against pycocotools."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools import coco, cocoeval

from perception_core.evaluation.detections import THRESHOLDS, ImageBoxes, detection_scores, overlaps


def image(boxes=(), scores=(), truths=(), class_ids=None, truth_class_ids=None, ignored=None):
    boxes, truths = np.array(boxes, float).reshape(-1, 4), np.array(truths, float).reshape(-1, 4)
    return ImageBoxes(
        boxes,
        np.array(scores, float),
        np.zeros(len(boxes), np.int32) if class_ids is None else np.array(class_ids, np.int32),
        truths,
        np.zeros(len(truths), np.int32) if truth_class_ids is None else np.array(truth_class_ids, np.int32),
        np.zeros(len(truths), bool) if ignored is None else np.array(ignored, bool),
    )


def test_overlaps_by_hand():
    # 10 x 10 and one moved by 5: they share 50 of 150.
    assert overlaps(np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 15, 10], [20, 0, 30, 10]])).tolist() == [
        [pytest.approx(1 / 3), 0.0]
    ]


def test_nothing_and_perfect():
    empty = detection_scores([], [0])
    assert np.isnan(empty.map50)
    assert empty.truths.tolist() == [0]
    box = [0, 0, 10, 10]
    perfect = detection_scores([image([box], [0.5], [box])], [0])
    assert perfect.map50 == perfect.map50_95 == 1.0
    missed = detection_scores([image(truths=[box])], [0])
    assert missed.map50 == 0.0
    assert missed.recall[0, 0] == 0.0
    assert np.isnan(detection_scores([image([box], [0.5])], [0]).map50)  # wrong, but there was nothing to find


def test_a_curve_by_hand():
    # Best first: right, wrong, right of 2. Recalls 0.5, 0.5, 1 at precisions 1, 1/2, 2/3: without dips 1 for the 51
    # recalls 0 .. 0.5, 2/3 for the other 50.
    truths = [[0, 0, 10, 10], [50, 0, 60, 10]]
    boxes = [[0, 0, 10, 10], [100, 0, 110, 10], [50, 0, 60, 10]]
    scores = detection_scores([image(boxes, [0.9, 0.8, 0.7], truths)], [0])
    assert scores.map50 == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_overlap_decides_at_which_thresholds():
    # 10 x 10 against 10 x 8 inside it: 0.8, right at 0.50 .. 0.80, that is 7 of 10.
    scores = detection_scores([image([[0, 0, 10, 8]], [0.9], [[0, 0, 10, 10]])], [0])
    assert scores.average_precision[0].tolist() == [1.0] * 7 + [0.0] * 3
    assert scores.map50_95 == pytest.approx(0.7)
    assert THRESHOLDS[6] == pytest.approx(0.8)


def test_the_second_on_one_object_is_wrong():
    # Right, wrong, and a second object never found: precision 1 up to recall 0.5.
    truths = [[0, 0, 10, 10], [50, 0, 60, 10]]
    scores = detection_scores([image([[0, 0, 10, 10], [0, 0, 10, 9]], [0.9, 0.8], truths)], [0])
    assert scores.map50 == pytest.approx(51 / 101)
    assert scores.recall[0, 0] == 0.5


def test_ignored_objects_are_no_misses_and_no_errors():
    truths = [[0, 0, 10, 10], [50, 0, 60, 10]]
    both = image([[50, 0, 60, 10], [0, 0, 10, 10]], [0.9, 0.8], truths, ignored=[False, True])
    assert detection_scores([both], [0]).map50 == 1.0
    assert detection_scores([both], [0]).truths.tolist() == [1]


def test_classes_and_images_are_apart():
    box = [0, 0, 10, 10]
    first = image([box], [0.9], [box], class_ids=[1], truth_class_ids=[0])
    second = image([box], [0.8], [box], class_ids=[0], truth_class_ids=[0])
    scores = detection_scores([first, second], [0, 1])
    assert scores.average_precision[0, 0] == pytest.approx(51 / 101)
    assert np.isnan(scores.average_precision[1, 0])


def test_parity_with_pycocotools():
    rng = np.random.default_rng(2)
    images = [_random_image(rng) for _ in range(30)]
    with contextlib.redirect_stdout(io.StringIO()):
        reference = cocoeval.COCOeval(*_as_coco(coco, images), "bbox")
        reference.evaluate()
        reference.accumulate()
    ours = detection_scores(images, [0, 1, 2])
    theirs = reference.eval["precision"][:, :, :, 0, 2].mean(axis=1).T
    np.testing.assert_allclose(ours.average_precision, theirs, atol=1e-12)
    assert 0.2 < ours.map50_95 < 0.8


def _random_image(rng):
    truths = np.concatenate([low := rng.uniform(0, 200, (8, 2)), low + rng.uniform(20, 90, (8, 2))], axis=1)
    moved = truths + rng.normal(0, 3.0, truths.shape)
    kept = rng.uniform(size=8) < 0.8
    wild = np.concatenate([low := rng.uniform(0, 200, (3, 2)), low + rng.uniform(20, 90, (3, 2))], axis=1)
    boxes = np.concatenate([moved[kept], wild])
    names = rng.integers(0, 3, 8)
    said = np.concatenate([np.where(rng.uniform(size=8) < 0.9, names, 2)[kept], rng.integers(0, 3, 3)])
    return image(boxes, rng.uniform(size=len(boxes)), truths, said, names, rng.uniform(size=8) < 0.2)


def _as_coco(coco, images):
    def entry(i, box, class_id):
        size = [box[2] - box[0], box[3] - box[1]]
        return {
            "image_id": i,
            "category_id": int(class_id),
            "bbox": [box[0], box[1], *size],
            "area": size[0] * size[1],
            "iscrowd": 0,
        }

    truths, found = [], []
    for i, each in enumerate(images):
        for box, class_id, ignored in zip(each.truth_boxes, each.truth_class_ids, each.ignored, strict=True):
            # Its area puts an ignored box out of the range of areas that are asked for.
            far = {"area": 1e12} if ignored else {}
            truths.append({**entry(i, box, class_id), "id": len(truths) + 1, **far})
        for box, class_id, score in zip(each.boxes, each.class_ids, each.scores, strict=True):
            found.append({**entry(i, box, class_id), "score": float(score)})
    reference = coco.COCO()
    reference.dataset = {
        "images": [{"id": i} for i in range(len(images))],
        "categories": [{"id": c} for c in range(3)],
        "annotations": truths,
    }
    reference.createIndex()
    return reference, reference.loadRes(found)
