"""Log-odds by hand: a look adds 1.992, at most 3.476 are kept, from 0.619 on a cell is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.planning.drawing import CLEAR, EXPECTED, NOTHING, PASSING, STANDING
from perception_core.planning.memory import Fading, fading, remember

ALL = Fading(1.0, 1.0)
CODES = [NOTHING, CLEAR, EXPECTED, PASSING, STANDING]


def one(odds: float, code: np.uint8, keep: Fading = ALL) -> tuple[float, int]:
    """A grid of one cell."""
    after, cells = remember(np.full((1, 1), odds, np.float32), (0, 0), keep, np.full((1, 1), code))
    return float(after[0, 0]), int(cells[0, 0])


@pytest.mark.parametrize(
    ("code", "unknown", "occupied", "free"),
    [
        (NOTHING, (0.0, -1), (3.0, 100), (-3.0, 0)),
        (CLEAR, (-1.992, 0), (1.008, 100), (-3.476, 0)),
        (EXPECTED, (0.0, 100), (3.0, 100), (0.0, 100)),
        (PASSING, (0.0, 100), (0.0, 100), (0.0, 100)),
        (STANDING, (1.992, 100), (3.476, 100), (1.992, 100)),
    ],
)
def test_what_a_look_makes_of_a_cell(code, unknown, occupied, free) -> None:
    for before, (odds, told) in ((0.0, unknown), (3.0, occupied), (-3.0, free)):
        after = one(before, code)
        assert after == (pytest.approx(odds, abs=1e-3), told)


def test_certainty_is_gone_after_the_time_that_is_named() -> None:
    keep = fading(4.0, occupied_for=4.0, free_for=8.0)
    assert one(3.48, NOTHING, keep) == (pytest.approx(0.6197, abs=1e-3), 100)
    assert one(3.47, NOTHING, keep)[1] == -1
    assert one(-3.476, NOTHING, keep) == (pytest.approx(-1.467, abs=1e-3), 0)
    assert fading(1.0, 0.0, 0.0) == Fading(0.0, 0.0)


def test_in_steps_as_at_once() -> None:
    half, whole = fading(0.5, 3.0, 1.0), fading(1.0, 3.0, 1.0)
    assert half.occupied**2 == pytest.approx(whole.occupied)
    assert half.free**2 == pytest.approx(whole.free)


def test_the_shift_moves_rows_and_columns_and_brings_in_the_unknown() -> None:
    odds = np.arange(6, dtype=np.float32).reshape(2, 3)
    after, _ = remember(odds, (1, -1), ALL, np.zeros((2, 3), np.uint8))
    np.testing.assert_array_equal(after, [[0, 3, 4], [0, 0, 0]])
    gone, cells = remember(odds, (2, 0), ALL, np.zeros((2, 3), np.uint8))
    assert not gone.any()
    assert (cells == -1).all()


@given(st.floats(0, 3.4), st.lists(st.sampled_from([NOTHING, EXPECTED]), max_size=20), st.floats(0.0, 5.0))
def test_what_was_occupied_is_never_free_unless_seen_so(odds: float, codes, seconds: float) -> None:
    keep = fading(seconds, 10.0, 1.0)
    for code in codes:
        odds, told = one(odds, code, keep)
        assert told != 0


@given(st.lists(st.sampled_from(CODES), max_size=30), st.floats(0.01, 1.0))
def test_the_log_odds_stay_within_their_bounds(codes, seconds: float) -> None:
    odds = 0.0
    for code in codes:
        odds, told = one(odds, code, fading(seconds, 10.0, 1.0))
        assert abs(odds) <= 3.477
        assert told in (100, 0, -1)
