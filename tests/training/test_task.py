"""What the network is asked for, by hand."""

import numpy as np

from perception_core.inference.registry import packaged_cards
from perception_training.task import CLASSES, SEGMENTS, is_asked


def test_small_and_hidden_objects_are_not_asked_for():
    boxes = np.array([[0.0, 0, 3, 6], [0, 0, 2.9, 6], [0, 0, 3, 5.9], [0, 0, 30, 60]])
    visible = np.array([1.0, 1.0, 1.0, 0.29])
    assert is_asked(boxes, visible).tolist() == [True, False, False, False]
    assert is_asked(boxes, visible, scale=0.5).tolist() == [False] * 4
    assert is_asked(np.empty((0, 4)), np.empty(0)).shape == (0,)


def test_the_card_lists_the_same_classes_in_the_same_order():
    card = packaged_cards()["simulated_street"]
    assert card.classes == CLASSES
    assert card.segments == SEGMENTS
