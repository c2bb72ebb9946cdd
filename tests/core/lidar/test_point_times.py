"""Times of points: the unit follows from magnitude, and a sweep that cannot be switches deskewing off."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.lidar.point_times import relative_times

STAMP = 1_700_000_000_000_000_000


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([0.0, 0.05, 0.1], "f4", [0, 50_000_000, 100_000_000]),
        ([0.0, 50.0, 100.0], "f4", [0, 50_000_000, 100_000_000]),  # ms
        ([0, 50_000, 100_000], "u4", [0, 50_000_000, 100_000_000]),  # us
        ([0, 50_000_000, 100_000_000], "u4", [0, 50_000_000, 100_000_000]),  # ns
        ([-100_000, -50_000, 0], "i4", [-100_000_000, -50_000_000, 0]),
        ([1.7e9 - 0.1, 1.7e9], "f8", [-100_000_000, 0]),  # absolute seconds
        ([1.7e15 - 1e5, 1.7e15], "f8", [-100_000_000, 0]),  # absolute microseconds
        ([1.7e18 - 1e8, 1.7e18], "f8", [-100_000_000, 0]),  # absolute nanoseconds
    ],
)
def test_units_are_told_by_magnitude(values: list[float], dtype: str, expected: list[int]) -> None:
    for order in "<>":
        out, problem = relative_times(np.array(values, order + dtype), STAMP)
        assert problem == ""
        assert out is not None
        assert out.dtype == np.int64
        np.testing.assert_allclose(out, expected, atol=300)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ([0.0, 0.0, 0.0], "span 0"),
        ([5.0], "span 0"),
        ([0.0, np.nan], "not finite"),
        ([0.0, 0.7], "span 0.7"),  # neither 0.7 s nor 0.7 ms is a sweep
        ([1.7e9 + 5, 1.7e9 + 5.1], "another clock"),
        ([3.0, 3.1], "another clock"),
    ],
)
def test_impossible_times_are_left_out_and_told(values: list[float], word: str) -> None:
    out, problem = relative_times(np.array(values, np.float64), STAMP)
    assert out is None
    assert word in problem


def test_an_empty_cloud_has_no_times_and_no_problem() -> None:
    assert relative_times(np.empty(0, np.float32), STAMP) == (None, "")


@given(st.lists(st.floats(width=64), max_size=20), st.integers(0, 2**62))
def test_any_values_give_bounded_offsets_or_a_reason(values: list[float], stamp_ns: int) -> None:
    out, problem = relative_times(np.array(values, np.float64), stamp_ns)
    if out is None:
        assert problem or not values
    else:
        assert np.abs(out).max() <= 1_000_000_000
        assert 10_000_000 <= out.max() - out.min() <= 500_000_001
