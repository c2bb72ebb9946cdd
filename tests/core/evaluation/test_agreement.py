"""What a stand-in keeps of a network's boxes: pairs worked out by hand."""

import numpy as np
import pytest

from perception_core.evaluation.agreement import Agreement, compare, total
from perception_core.types import Detections2D


def detections(*boxes: tuple[float, float, float, float], classes: tuple[int, ...] | None = None) -> Detections2D:
    count = len(boxes)
    ids = np.array(classes if classes is not None else [0] * count, np.int32)
    array = np.array(boxes, np.float64).reshape(-1, 4)
    return Detections2D(0, "camera", array, np.full(count, 0.9), ids, (100, 100))


SQUARE = (0.0, 0.0, 10.0, 10.0)
HALF = (0.0, 0.0, 10.0, 5.0)
LESS = (0.0, 0.0, 10.0, 4.9)


@pytest.mark.parametrize(
    ("expected", "found", "kept"),
    [
        (detections(), detections(), 0),
        (detections(SQUARE), detections(), 0),
        (detections(), detections(SQUARE), 0),
        (detections(SQUARE), detections(SQUARE), 1),
        (detections(SQUARE), detections(HALF), 1),  # intersection 50, union 100
        (detections(SQUARE), detections(LESS), 0),
        (detections(SQUARE), detections(SQUARE, classes=(1,)), 0),
        (detections(SQUARE), detections(SQUARE, SQUARE), 1),  # one box of the stand-in stands for one
        (detections(SQUARE, HALF), detections(HALF), 1),
    ],
)
def test_pairs_have_one_class_and_overlap_by_half(expected, found, kept):
    assert compare(expected, found) == Agreement(len(expected.boxes), len(found.boxes), kept)


def test_loss_is_the_share_of_the_expected_boxes():
    assert Agreement(4, 9, 3).loss == 0.25
    assert Agreement(0, 5, 0).loss == 0.0
    assert total([Agreement(1, 2, 1), Agreement(3, 1, 1)]) == Agreement(4, 3, 2)
