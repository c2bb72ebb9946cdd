"""A grid of 8 x 8 cells of 1 m, by hand."""

import numpy as np
import pytest

from perception_core.errors import PerceptionError
from perception_core.geometry import transforms
from perception_core.planning.occupancy import OccupancyConfig, occupancy_grid

CONFIG = OccupancyConfig(extent=8.0, resolution=1.0, position_sigmas=1.0, max_margin=1.0)
EVERYWHERE = np.full(360, 100.0, np.float32)
WALL = (1.5, 0.5, 0.2, 1.0, 0.0)
"""From (1.4, 0) to (1.6, 1): hides bearings 0 to 35.5 degrees."""


def cell(grid, x: float, y: float) -> int:
    """The cell that holds a point of the fixed frame."""
    column, row = (int(np.floor((v - o) / grid.resolution)) for v, o in ((x, grid.origin[0]), (y, grid.origin[1])))
    return int(grid.cells[row, column])


def test_nothing_there_and_all_seen_is_free(obstacles) -> None:
    grid = occupancy_grid(obstacles(), np.eye(4), EVERYWHERE, CONFIG)
    assert grid.cells.shape == (8, 8)
    assert grid.cells.dtype == np.int8
    assert grid.origin == (-4.0, -4.0, 0.0)
    assert (grid.frame, grid.stamp_ns) == ("odom", 7)
    assert (grid.cells == 0).all()


@pytest.mark.parametrize("coverage", [None, np.zeros(360), np.empty(0), np.full(360, np.nan)])
def test_nobody_looked_is_unknown_not_free(obstacles, coverage) -> None:
    grid = occupancy_grid(obstacles(WALL), np.eye(4), coverage, CONFIG)
    assert cell(grid, 1.5, 0.5) == 100
    assert set(np.unique(grid.cells)) == {-1, 100}


def test_occupied_free_and_hidden_cells(obstacles) -> None:
    grid = occupancy_grid(obstacles(WALL), np.eye(4), EVERYWHERE, CONFIG)
    # occupied: middles within 0.707 m of the wall
    assert sorted(zip(*np.nonzero(grid.cells == 100), strict=True)) == [(3, 5), (4, 5), (5, 5)]
    assert cell(grid, 0.5, 0.5) == 0
    for hidden in ((2.5, 0.5), (3.5, 0.5), (3.5, 1.5), (2.5, 1.5)):
        assert cell(grid, *hidden) == -1
    for beside in ((3.5, -0.5), (-3.5, 0.5), (0.5, 3.5)):
        assert cell(grid, *beside) == 0


def test_uncertain_obstacles_are_wider_up_to_the_limit(obstacles) -> None:
    # margin 0.3: reach 1.007 m takes in (0.5, 0.5), 0.9 m away; (-0.5, 0.5), 1.9 m away, needs more than the limit
    assert cell(occupancy_grid(obstacles(WALL, sigma=0.3), np.eye(4), EVERYWHERE, CONFIG), 0.5, 0.5) == 100
    far = occupancy_grid(obstacles(WALL, sigma=50.0), np.eye(4), EVERYWHERE, CONFIG)
    assert cell(far, -0.5, 0.5) != 100


def test_cells_stay_on_the_ground_while_the_robot_moves(obstacles) -> None:
    for x, left in ((0.3, -4.0), (0.7, -3.0), (-12.2, -16.0)):
        assert occupancy_grid(obstacles(), transforms.from_yaw(0.0, (x, 0, 0)), None, CONFIG).origin[0] == left


def test_coverage_turns_with_the_robot(obstacles) -> None:
    # sees only ahead (sector 2 of 4 is 0 to 90 degrees); the robot looks to the left
    coverage = np.array([0.0, 0.0, 100.0, 0.0])
    grid = occupancy_grid(obstacles(), transforms.from_yaw(np.pi / 2), coverage, CONFIG)
    assert cell(grid, -2.5, 2.5) == 0
    assert cell(grid, 2.5, 2.5) == cell(grid, 2.5, -2.5) == -1


def test_coverage_ends_at_its_range(obstacles) -> None:
    grid = occupancy_grid(obstacles(), np.eye(4), np.full(4, 2.2), CONFIG)
    assert cell(grid, 1.5, 1.5) == 0  # 2.12 m
    assert cell(grid, 2.5, 0.5) == -1  # 2.55 m


def test_obstacles_beyond_the_grid_and_many(obstacles) -> None:
    grid = occupancy_grid(obstacles((100.0, 0.0, 4.0, 2.0, 0.3)), np.eye(4), EVERYWHERE, CONFIG)
    assert not (grid.cells == 100).any()
    rows = [(x + 0.5, y + 0.5, 0.4, 0.4, 0.0) for x in range(-4, 4) for y in range(-4, 4)]
    assert (occupancy_grid(obstacles(*rows), np.eye(4), EVERYWHERE, CONFIG).cells == 100).all()


def test_coverage_of_a_wrong_shape(obstacles) -> None:
    with pytest.raises(PerceptionError, match=r"coverage: expected shape \(S,\), got \(2, 2\)"):
        occupancy_grid(obstacles(), np.eye(4), np.ones((2, 2)), CONFIG)
