"""Azimuths against arctan2."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.geometry.azimuth import sector_turns

SMALL = st.floats(-100, 100, width=32)


@pytest.mark.parametrize(("x", "y", "turns"), [(-1, 0, 0.0), (0, -1, 0.25), (1, 0, 0.5), (0, 1, 0.75), (1, 1, 0.625)])
def test_turns_count_counter_clockwise_from_behind(x: float, y: float, turns: float) -> None:
    assert sector_turns(np.float32(x), np.float32(y)) == pytest.approx(turns, abs=1e-5)


@given(SMALL, SMALL)
def test_turns_agree_with_arctan2(x: float, y: float) -> None:
    turns = float(sector_turns(np.float32(x), np.float32(y)))
    assert 0.0 <= turns < 1.0
    if np.hypot(x, y) > 1e-6:
        error = turns - (np.arctan2(y, x) + np.pi) / (2 * np.pi)
        assert abs(error - round(error)) < 1e-5
