"""How well a cluster fits a box, where the directions are taken for exact and where they are not."""

import numpy as np
import pytest
from fusion_scenes import REAR_OF_CAR, clusters_of, pixel_box, view_of

from perception_core.fusion import Fusion, FusionConfig
from perception_core.fusion.config import AssociationConfig
from perception_core.fusion.pair_scores import _overlap
from perception_core.types.classes import CAR, INDEX

BOX = np.array([[100.0, 100.0, 140.0, 120.0]])


def test_without_play_nothing_is_shifted_and_nothing_is_paid() -> None:
    """Bounds 10 pixels to the left of the box: 30 x 20 of 50 x 20 are shared."""
    bounds = np.array([[90.0, 100.0, 130.0, 120.0], [100.0, 100.0, 140.0, 120.0], [np.nan] * 4])
    iou, cost = _overlap(bounds, BOX, np.zeros((3, 1)))
    assert iou[:, 0].tolist() == pytest.approx([600.0 / 1000.0, 1.0, 0.0])
    assert cost[:, 0].tolist() == [1.0, 1.0, 1.0]


def test_a_shift_within_the_play_is_made_and_paid() -> None:
    """10 of 20 pixels: all of it, strain (10 / 20)^2; of 5 pixels: 5, strain 1, and 35 x 20 of 45 x 20 are shared."""
    bounds = np.array([[90.0, 100.0, 130.0, 120.0]])
    iou, cost = _overlap(bounds, BOX, np.array([[20.0]]))
    assert (iou.item(), cost.item()) == (pytest.approx(1.0), pytest.approx(np.exp(-0.25 * 0.25)))
    iou, cost = _overlap(bounds, BOX, np.array([[5.0]]))
    assert (iou.item(), cost.item()) == (pytest.approx(35.0 / 45.0), pytest.approx(np.exp(-0.25)))


def test_a_calibration_that_is_taken_for_exact_still_matches_an_image_of_the_scans_own_moment() -> None:
    fusion = Fusion(FusionConfig(association=AssociationConfig(calibration_sigma=0.0)))
    objects = fusion.fuse(clusters_of(REAR_OF_CAR), [view_of((*pixel_box(REAR_OF_CAR), CAR, 0.9))])
    assert len(objects) == 1
    assert objects.class_probabilities[0, INDEX[CAR]] > 0.9
