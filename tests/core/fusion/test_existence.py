"""Existence, and what label images may do to it."""

import numpy as np
import pytest
from fusion_scenes import Box, clusters_of, view_of
from test_pixel_classes import with_labels

from perception_core.fusion import Fusion, FusionConfig, existence
from perception_core.types import SEGMENTS
from perception_core.types.segments import SEGMENT_INDEX


def test_both_sensors_count() -> None:
    """Ten returns: 0.45; with a detection of 0.8: 1 - 0.55 x 0.2."""
    found = existence.of_sensors(np.array([10, 10, 0]), np.array([0.0, 0.8, 0.0]))
    np.testing.assert_allclose(found, [0.45, 0.89, 0.0])


def counts(**seen: int) -> np.ndarray:
    row = np.zeros((1, len(SEGMENTS)), np.int64)
    for name, count in seen.items():
        row[0, SEGMENT_INDEX[name]] = count
    return row


@pytest.mark.parametrize(
    ("pixels", "bodiless", "factor"),
    [
        (counts(ground=8, vehicle=2), True, 6.0),
        (counts(sky=7, vehicle=3), True, 6.0),
        (counts(sky=4, ground=4), False, 1.5),
        (counts(ground=6, vehicle=4), True, 1.0),
        (counts(vegetation=10), True, 1.0),
        (counts(ground=2), True, 1.0),
    ],
)
def test_ground_and_sky_divide_the_odds(pixels: np.ndarray, bodiless: bool, factor: float) -> None:
    found = existence.weakened(np.array([0.5]), pixels, np.array([bodiless]), 3)[0]
    assert found / (1 - found) == pytest.approx(1.0 / factor)


SPECK: Box = (10.0, 1.0, 1.2, 0.2, 0.2, 0.2)
WIRE: Box = (10.0, 0.0, 2.0, 0.05, 6.0, 0.05)
CRATE: Box = (10.0, -1.0, 0.25, 0.4, 0.5, 0.5)


def left(thing: Box, returns: int, label: str) -> int:
    """How many objects are left of a thing on pixels of a class."""
    view = with_labels(view_of(), (None, label))
    return len(Fusion(FusionConfig()).fuse(clusters_of(thing, per_cluster=returns), [view]))


def test_specks_before_the_sky_go_and_whatever_has_a_body_stays() -> None:
    assert left(SPECK, 4, "sky") == 0
    assert left(SPECK, 4, "structure") == 1
    assert left(SPECK, 40, "sky") == 1
    assert left(WIRE, 6, "sky") == 1
    assert left(CRATE, 12, "ground") == 1


def test_a_bit_of_grazed_ground_goes_where_the_camera_shows_ground() -> None:
    low: Box = (15.0, 0.0, 0.08, 1.0, 0.3, 0.1)
    assert left(low, 5, "ground") == 0
    assert left(low, 5, "vehicle") == 1
