"""What is too thin to be a thing, by hand: 60 points times metres of range in 0.6 x 0.6 m."""

import numpy as np

from perception_core.lidar.specks import density_of, find_specks


def specks(*cells, density=60.0, height=1.0):
    """Cells (x, y, points, top, range), sorted by place, whose points lie in so many metres of ``height``."""
    table = np.array(cells, np.float64).reshape(-1, 5)
    index, count, top = table[:, :2].astype(np.int32), table[:, 2].astype(np.int32), table[:, 3].astype(np.float32)
    return find_specks(index, count, top - np.float32(height), top, table[:, 4].copy(), density).tolist()


def test_a_drop_is_a_speck_and_a_pole_is_none() -> None:
    # At 5 m twelve points are asked for.
    assert specks((100, 100, 2, 1.5, 5.0), (200, 100, 20, 1.5, 5.0)) == [True, False]


def test_a_wire_counts_with_its_neighbours() -> None:
    # At 10 m six are asked for: three cells in a row of two points each; the ends have four.
    assert specks(*[(50, y, 2, 1.2, 10.0) for y in range(5)]) == [True, False, False, False, True]


def test_the_points_of_a_wire_lie_at_one_height_and_fewer_are_enough() -> None:
    # The same wire as level as its cells are: 0.4 x 6 points are enough, but no fewer than four, which the ends have.
    assert specks(*[(50, y, 2, 1.2, 10.0) for y in range(5)], height=0.05) == [False] * 5
    # Two cells as level in themselves, one half a metre above the other, and three drops by chance at one height.
    assert specks((50, 0, 2, 1.2, 10.0), (50, 1, 2, 1.7, 10.0), height=0.05) == [True, True]
    assert specks((50, 0, 3, 1.2, 10.0), height=0.05) == [True]


def test_a_few_points_on_the_ground_are_a_small_thing() -> None:
    assert specks((100, 100, 4, 0.15, 8.0)) == [False]


def test_far_away_three_points_are_enough_and_none_are_none() -> None:
    assert specks((100, 100, 3, 1.0, 20.0)) == [False]
    assert specks((100, 100, 1, 1.0, 30.0)) == [False]
    assert specks() == []
    assert specks((100, 100, 1, 1.5, 5.0), density=0.0) == [False]


def test_few_beams_meet_things_as_seldom_as_drops() -> None:
    # Half of the points that are a full scan: half of them in each window.
    assert density_of(60.0, 7_500) == 30.0
    assert density_of(60.0, 15_000) == density_of(60.0, 120_000) == 60.0
