"""Bayes' rule over labels, pixels and shape."""

import numpy as np
import pytest

from perception_core.fusion import classification, confusion
from perception_core.fusion.config import ClassConfig
from perception_core.types import CLASSES, SEGMENTS
from perception_core.types.class_prior import CLASS_PRIOR, class_prior
from perception_core.types.classes import CAR, INDEX, PERSON, TRUCK, UNKNOWN
from perception_core.types.segments import SEGMENT_INDEX

NOTHING = np.zeros((1, len(CLASSES)))
CONFIG = ClassConfig()


def label(name: str, r: float) -> np.ndarray:
    return np.log(confusion.label_likelihood(np.array([INDEX[name]]), np.array([r]), confusion.default_table()))


def belief(labels: np.ndarray, shape: np.ndarray = NOTHING, points: int = 100) -> np.ndarray:
    return classification.posterior(labels, NOTHING, shape, np.array([points]), CONFIG)[0]


def test_without_any_word_the_prior_stands() -> None:
    np.testing.assert_allclose(belief(NOTHING), class_prior())


@pytest.mark.parametrize(("score", "expected"), [(0.0, 0.0), (0.125, 0.5), (1.0, 1.0)])
def test_the_cube_root_of_a_score_is_its_precision(score: float, expected: float) -> None:
    found = classification.reliability(np.array([score]), np.array([0.8]), CONFIG)
    np.testing.assert_allclose(found, expected * CONFIG.camera_trust * 0.8)


def test_a_second_camera_adds_to_the_first_and_a_contradiction_takes_away() -> None:
    once = belief(label(CAR, 0.6))[INDEX[CAR]]
    assert belief(label(CAR, 0.6) + label(CAR, 0.6))[INDEX[CAR]] > once
    doubted = belief(label(CAR, 0.6) + label(PERSON, 0.6))
    assert doubted[INDEX[CAR]] < once
    siblings = belief(label(CAR, 0.6) + label(TRUCK, 0.6))
    assert siblings[INDEX[CAR]] + siblings[INDEX[TRUCK]] > doubted[INDEX[CAR]] + doubted[INDEX[PERSON]]


def test_what_few_returns_show_counts_little() -> None:
    shape = NOTHING.copy()
    shape[0, INDEX[CAR]] = 3.0
    few, many = belief(NOTHING, shape, 3)[INDEX[CAR]], belief(NOTHING, shape, 300)[INDEX[CAR]]
    assert CLASS_PRIOR[CAR] < few < 0.5 * many


def test_what_no_camera_names_stays_unknown() -> None:
    sure = np.zeros((2, len(CLASSES)))
    sure[:, INDEX[CAR]], sure[:, INDEX[UNKNOWN]] = 0.9, 0.1
    told = classification.reported(sure, sure, np.zeros_like(sure), np.array([True, False]))
    np.testing.assert_allclose(told[0], sure[0])
    assert told[1, INDEX[CAR]] == pytest.approx(0.1)
    np.testing.assert_allclose(told.sum(axis=1), 1.0)


def pixels(**counts: int) -> np.ndarray:
    row = np.zeros((1, len(SEGMENTS)), np.int64)
    for name, count in counts.items():
        row[0, SEGMENT_INDEX[name]] = count
    return classification.pixel_log_likelihood(row, 1.0)[0]


def test_pixels_speak_for_what_they_show_and_unknown_ones_say_nothing() -> None:
    assert pixels(vehicle=20).argmax() in [INDEX[c] for c in (CAR, TRUCK, "bus", "train")]
    assert pixels(person=20).argmax() == INDEX[PERSON]
    assert pixels(vegetation=20).argmax() == INDEX[UNKNOWN]
    np.testing.assert_array_equal(pixels(unknown=20), 0.0)
    np.testing.assert_allclose(pixels(vehicle=3), pixels(vehicle=6) / 2)


def test_pixels_take_from_what_the_shape_alone_tells_and_give_it_nothing() -> None:
    sure = np.zeros((3, len(CLASSES)))
    sure[:, INDEX[CAR]], sure[:, INDEX[UNKNOWN]] = 0.9, 0.1
    shown = np.stack([pixels(vegetation=20), pixels(vehicle=20), np.zeros(len(CLASSES))])
    leaves, vehicle, nothing = classification.reported(sure, sure, shown, np.zeros(3, np.bool_))
    odds = 0.1 / 0.9 * (0.25 / 7) / 0.3  # 0.3 of a nameless thing's pixels, a seventh of a car's rest
    assert leaves[INDEX[CAR]] == pytest.approx(odds / (1.0 + odds))
    np.testing.assert_allclose(vehicle, nothing)


def test_classes_below_a_thousandth_are_not_told() -> None:
    told = classification.without_crumbs(np.array([[0.5, 0.4995, 0.0005], [1.0, 1e-55, 0.0]]))
    np.testing.assert_allclose(told, [[0.5 / 0.9995, 0.4995 / 0.9995, 0.0], [1.0, 0.0, 0.0]])


def test_pixels_that_only_unmake() -> None:
    found = classification.pixels_against(pixels(vehicle=20)[None])[0]
    assert found.max() == found[INDEX[UNKNOWN]]
    assert found[INDEX[PERSON]] == pixels(vehicle=20)[INDEX[PERSON]]
