"""Counts and rates of a ground segmentation, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from perception_core.evaluation.ground import GroundScores, ground_scores, total


def flags(text: str) -> np.ndarray:
    return np.array([letter == "g" for letter in text], dtype=bool)


def test_counts_and_rates_by_hand():
    # called   g g g g . .
    # is       g g g . g .    3 right, 1 too many, 1 too few
    scores = ground_scores(flags("gggg.."), flags("ggg.g."))
    assert scores == GroundScores(hits=3, false=1, missed=1)
    assert scores.precision == 0.75
    assert scores.recall == 0.75
    assert scores.f1 == 0.75


def test_f1_is_the_harmonic_mean():
    scores = GroundScores(hits=30, false=10, missed=30)  # precision 3/4, recall 1/2
    assert scores.f1 == pytest.approx(2 * 0.75 * 0.5 / (0.75 + 0.5))


@pytest.mark.parametrize(
    ("called", "is_", "precision", "recall", "f1"),
    [
        ("", "", 1.0, 1.0, 1.0),
        ("...", "...", 1.0, 1.0, 1.0),
        ("...", "g..", 1.0, 0.0, 0.0),
        ("g..", "...", 0.0, 1.0, 0.0),
    ],
)
def test_nothing_called_and_nothing_there(called, is_, precision, recall, f1):
    scores = ground_scores(flags(called), flags(is_))
    assert (scores.precision, scores.recall, scores.f1) == (precision, recall, f1)


def test_scans_are_pooled_by_points_not_by_scans():
    many, few = GroundScores(99, 1, 0), GroundScores(0, 1, 0)
    assert total([many, few]).precision == 99 / 101
    assert total([]) == GroundScores(0, 0, 0)


def test_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"\(2,\) and \(3,\)"):
        ground_scores(flags("gg"), flags("ggg"))


@given(arrays(bool, 20), arrays(bool, 20))
def test_rates_are_shares_and_f1_lies_between_them(called, is_):
    scores = ground_scores(called, is_)
    low, high = sorted((scores.precision, scores.recall))
    assert 0.0 <= low <= high <= 1.0
    if called.any() and is_.any():
        assert low - 1e-12 <= scores.f1 <= high + 1e-12
    assert scores.hits + scores.missed == is_.sum()


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_turning_the_roles_round_swaps_precision_and_recall(hits, false, missed):
    one, other = GroundScores(hits, false, missed), GroundScores(hits, missed, false)
    assert one.precision == other.recall
    assert one.f1 == other.f1
