"""Where to cut, by hand."""

import numpy as np
import pytest

from perception_core.lidar.cuts import least_area_cut, widest_gap


def frame(u, v):
    """Points (N, 2) with the lowest corner and the size of their rectangle."""
    uv = np.column_stack([u, v]).astype(np.float64)
    low = uv.min(axis=0)
    return uv, low, uv.max(axis=0) - low


def test_the_widest_gap_is_found_between_its_ends() -> None:
    # 6.4 m in 64 slices of 0.1 m; nothing between 2.0 and 3.0, and less between 4.0 and 4.5.
    u = np.concatenate([np.arange(0.0, 2.01, 0.05), np.arange(3.0, 4.01, 0.05), np.arange(4.5, 6.41, 0.05)])
    uv, low, size = frame(u, np.zeros(len(u)))
    place, width = widest_gap(uv, 0, low, size, 1.0)
    assert place == pytest.approx(2.5, abs=0.1)
    assert width == pytest.approx(1.0, abs=0.2)
    # Within 3 m of the ends only the narrower one is left.
    assert widest_gap(uv, 0, low, size, 3.2)[1] == 0.0
    assert widest_gap(uv, 0, low, size, 3.05)[1] <= 0.3


def test_what_has_no_gap_has_none_of_any_width() -> None:
    u = np.arange(0.0, 6.4, 0.02)
    uv, low, size = frame(u, np.zeros(len(u)))
    assert widest_gap(uv, 0, low, size, 1.0)[1] == 0.0
    assert widest_gap(uv, 1, low, size, 0.0)[1] == 0.0, "no extent at all"


def test_two_walls_at_a_corner_are_cut_there() -> None:
    # 8 m along x at y = 0, then 4 m along y at x = 8. The last slice of 0.125 m holds the points from 7.9 m: what
    # is left is 7.8 m long and counts as 0.2 m wide, the other 0.1 m and 4 m.
    along = np.arange(0.0, 8.01, 0.1)
    up = np.arange(0.0, 4.01, 0.1)
    uv, low, size = frame(np.concatenate([along, np.full(len(up), 8.0)]), np.concatenate([along * 0.0, up]))
    place, area = least_area_cut(uv, 0, low, size)
    assert place == pytest.approx(7.875)
    assert area == pytest.approx(7.8 * 0.2 + 0.1 * 4.0)
