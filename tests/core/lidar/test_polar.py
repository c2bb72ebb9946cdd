"""The polar grid: rings that grow."""

import numpy as np

from perception_core.lidar.polar import FIRST_WIDTH, WIDTH_GROWTH, polar_grid


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
