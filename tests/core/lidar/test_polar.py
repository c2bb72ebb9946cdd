"""The polar grid: azimuths against arctan2, rings that grow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.lidar.polar import FIRST_WIDTH, WIDTH_GROWTH, polar_grid, sector_turns

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


def test_rings_grow_with_range_and_reach_the_limit() -> None:
    grid = polar_grid(80.0)
    widths = np.diff(grid.edges)
    assert grid.edges[0] == 0.0
    assert grid.edges[-1] > 80.0
    np.testing.assert_allclose(widths, FIRST_WIDTH + WIDTH_GROWTH * grid.edges[:-1], rtol=1e-4)
    assert grid.rings == len(grid.centres) == len(widths)


def test_the_table_names_the_ring_of_each_range() -> None:
    grid = polar_grid(50.0)
    for reach in (0.05, 0.45, 7.77, 49.95):
        ring = grid.table[int(reach / 0.1)]
        assert grid.edges[ring] - 0.06 <= reach <= grid.edges[ring + 1] + 0.06
