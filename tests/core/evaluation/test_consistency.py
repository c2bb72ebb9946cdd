"""Consistency: Gaussian errors are consistent with the covariance they were drawn from, and with no other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception_core.evaluation.consistency import bounds, consistency


def test_nothing():
    scores = consistency(np.empty((0, 3)), np.empty((0, 3, 3)), np.empty(0, dtype=np.int64))
    assert (scores.samples, scores.runs, scores.unusable) == (0, 0, 0)
    assert np.isnan([scores.anees, scores.low, scores.high, scores.inside_1, scores.median]).all()
    assert not scores.consistent


def test_by_hand():
    """(1, 0) and (0, 4) with variances 1 and 4: NEES 1 and 4; 1, 0, 0 and 2 sigma."""
    P = np.tile(np.diag([1.0, 4.0]), (2, 1, 1))
    scores = consistency(np.array([[1.0, 0.0], [0.0, 4.0]]), P, np.array([3, 9]))
    assert (scores.dimension, scores.samples, scores.runs) == (2, 2, 2)
    assert scores.anees == pytest.approx(2.5)
    assert (scores.inside_1, scores.inside_2, scores.inside_3) == (0.75, 1.0, 1.0)


def test_bounds_of_the_books_tables():
    """Chi-square with 100 degrees of freedom: 74.22 and 129.56 (Bar-Shalom et al. 2001, table 1.5.4-1)."""
    assert bounds(2, 50) == pytest.approx((1.484, 2.591), abs=1e-3)
    assert bounds(4, 1) == pytest.approx((0.484, 11.143), abs=1e-3)


def test_correlated_scans_of_one_object_are_one_run():
    errors, P = np.full((100, 1), 1.4), np.ones((100, 1, 1))
    one, many = consistency(errors, P, np.zeros(100, int)), consistency(errors, P, np.arange(100))
    assert one.anees == many.anees == pytest.approx(1.96)
    assert one.consistent
    assert not many.consistent
    assert (one.low_samples, one.high_samples) == (many.low, many.high)


def test_what_is_no_covariance_is_counted_and_left_out():
    P = np.array([[[1.0]], [[0.0]], [[-1.0]], [[np.nan]], [[np.inf]], [[4.0]]])
    scores = consistency(np.array([[1.0], [1.0], [1.0], [1.0], [1.0], [np.nan]]), P, np.arange(6))
    assert (scores.samples, scores.unusable) == (1, 4)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), factor=st.sampled_from([0.5, 1.0, 2.0]))
def test_errors_drawn_from_the_covariance(seed, factor):
    """The figures of 2000 independent draws are within six standard deviations of what the distribution says."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(3, 3)) + 3.0 * np.eye(3)
    P = A @ A.T
    errors = rng.normal(size=(2000, 3)) @ A.T
    scores = consistency(errors, np.tile(P * factor, (2000, 1, 1)), np.arange(2000))
    deviation = 6.0 * np.sqrt(2.0 * 3.0 / 2000) / factor
    assert scores.anees == pytest.approx(3.0 / factor, abs=deviation)
    if factor == 1.0:
        assert (scores.inside_1, scores.inside_2, scores.inside_3) == pytest.approx((0.683, 0.954, 0.997), abs=0.05)
    else:
        assert not scores.consistent


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_change_of_coordinates_changes_nees(seed):
    rng = np.random.default_rng(seed)
    errors, P = rng.normal(size=(5, 3)), np.tile(np.diag(rng.uniform(0.1, 2.0, 3)), (5, 1, 1))
    R = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turned = consistency(errors @ R.T, R @ P @ R.T, np.arange(5))
    assert turned.anees == pytest.approx(consistency(errors, P, np.arange(5)).anees)
