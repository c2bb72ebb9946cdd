"""Intersection over union of classes of pixels, by hand."""

import numpy as np
import pytest

from perception_core.evaluation.segmentation import segmentation_scores


def scores(predicted, truth, classes=(1, 2)):
    return segmentation_scores(np.array(predicted, np.uint8), np.array(truth, np.uint8), classes)


def test_by_hand():
    # Class 1: 2 hits, 1 taken for 2: 2 of 3. Class 2: 1 hit, 1 said wrongly, 1 unsaid: 1 of 3.
    result = scores([[1, 1, 2], [2, 0, 1]], [[1, 1, 1], [2, 2, 0]])
    assert result.confusion.tolist() == [[2, 1], [0, 1]]
    assert result.unsaid.tolist() == [0, 1]
    np.testing.assert_allclose(result.iou, [2 / 3, 1 / 3])
    assert result.mean_iou == pytest.approx(0.5)


def test_a_class_that_never_was_does_not_count():
    result = scores([[1]], [[1]])
    assert result.iou[0] == 1.0
    assert np.isnan(result.iou[1])
    assert result.mean_iou == 1.0
    assert np.isnan(scores([[0]], [[0]]).mean_iou)


def test_images_add_up():
    one, other = scores([[1]], [[1]]), scores([[1]], [[2]])
    assert (one + other).confusion.tolist() == [[1, 0], [1, 0]]
    assert (one + other).iou.tolist() == [0.5, 0.0]


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"\(1, 1\) and \(1, 2\)"):
        scores([[1]], [[1, 2]])
