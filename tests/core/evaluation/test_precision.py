"""Curves of precision over recall that can be drawn by hand."""

import numpy as np
import pytest

from perception_core.evaluation.precision import Candidates, average_precision, curve

TENTHS = np.arange(1, 11) / 10.0


def test_nothing():
    empty = curve([], 0.5)
    assert (empty.objects, len(empty.scores)) == (0, 0)
    assert np.isnan(average_precision(empty, TENTHS))
    unfound = curve([Candidates(np.empty((2, 0)), np.empty(0))], 0.5)
    assert average_precision(unfound, TENTHS) == 0.0
    false = curve([Candidates(np.empty((0, 2)), np.array([0.9, 0.8]))], 0.5)
    assert (false.objects, false.partner.tolist()) == (0, [-1, -1])


def test_the_surest_takes_the_closest_that_is_free():
    """Detection 1 (0.9) takes object 0; detection 0 (0.5) would rather have it too and gets object 1."""
    found = curve([Candidates(np.array([[0.8, 0.9], [0.6, 0.1]]), np.array([0.5, 0.9]))], 0.5)
    assert found.scores.tolist() == [0.9, 0.5]
    assert found.column.tolist() == [1, 0]
    assert found.partner.tolist() == [0, 1]
    assert found.recall.tolist() == [0.5, 1.0]


def test_average_precision_over_two_scans():
    """Right, wrong, right of two objects: precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1; 5 tenths at 1, 5 at 2/3."""
    scans = [
        Candidates(np.array([[1.0, 0.0]]), np.array([0.9, 0.8])),
        Candidates(np.array([[1.0]]), np.array([0.7])),
    ]
    found = curve(scans, 0.5)
    assert found.scan.tolist() == [0, 0, 1]
    assert found.precision == pytest.approx([1.0, 0.5, 2 / 3])
    assert average_precision(found, TENTHS) == pytest.approx((5 * 1.0 + 5 * 2 / 3) / 10)


def test_below_the_least_affinity_is_none():
    assert curve([Candidates(np.array([[0.49]]), np.array([1.0]))], 0.5).partner.tolist() == [-1]
    assert curve([Candidates(np.array([[0.5]]), np.array([1.0]))], 0.5).partner.tolist() == [0]


def test_of_one_score_right_and_wrong_are_spread_evenly():
    """Two right and two wrong of one score, two objects: precision is 1/2 all along, in whatever order they came."""
    for affinity in ([[1, 0, 0, 0], [0, 1, 0, 0]], [[0, 0, 0, 1], [0, 1, 0, 0]]):
        found = curve([Candidates(np.array(affinity, dtype=np.float64), np.full(4, 0.7))], 0.5)
        assert found.recall == pytest.approx([0.25, 0.5, 0.75, 1.0])
        assert found.precision == pytest.approx([0.5] * 4)
        assert average_precision(found, TENTHS) == pytest.approx(0.5)


def test_of_one_score_the_closest_pairs_are_made_first():
    """The first would take the only object although the second is closer."""
    found = curve([Candidates(np.array([[0.6, 0.9]]), np.full(2, 0.7))], 0.5)
    assert found.partner.tolist() == [-1, 0]
