"""A grid of 8 x 8 cells of 1 m, by hand: first what is seen at one moment, then what is remembered."""

import dataclasses

import numpy as np
import pytest

from perception_core.errors import PerceptionError
from perception_core.geometry import transforms
from perception_core.planning.occupancy import OccupancyConfig, OccupancyGrid, OccupancyGridData
from perception_core.types import Motion, Obstacles

CONFIG = OccupancyConfig(extent=8.0, resolution=1.0, position_sigmas=1.0, max_margin=1.0)
EVERYWHERE = np.full(360, 100.0, np.float32)
WALL = (1.5, 0.5, 0.2, 1.0, 0.0)
"""From (1.4, 0) to (1.6, 1): hides bearings 0 to 35.5 degrees."""


def occupancy_grid(obstacles, T_fixed_base, coverage, config) -> OccupancyGridData:
    """The first grid of a robot."""
    return OccupancyGrid(config).update(obstacles, T_fixed_base, coverage)


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


# -- memory: looks every 0.1 s -----------------------------------------------------------------------------------------

AHEAD, ASIDE = np.array([0.0, 0.0, 100.0, 100.0]), np.array([100.0, 100.0, 0.0, 0.0])
"""The robot sees the half plane y > 0, or y < 0."""
THERE = 1.5, 0.5


def at(seconds: float, obstacles: Obstacles, motion: Motion = Motion.STATIC, sensors: int = 1) -> Obstacles:
    """The same obstacles at another time, standing or moving, seen or only predicted."""
    t = len(obstacles)
    return dataclasses.replace(
        obstacles,
        stamp_ns=round(seconds * 1e9),
        motion=np.full(t, motion, np.uint8),
        sensors=np.full(t, sensors, np.uint8),
    )


def look(grid: OccupancyGrid, obstacles: Obstacles, coverage, T=None) -> OccupancyGridData:
    return grid.update(obstacles, np.eye(4) if T is None else T, coverage)


@pytest.fixture
def grid() -> OccupancyGrid:
    return OccupancyGrid(dataclasses.replace(CONFIG, occupied_memory=10.0, free_memory=1.0))


def test_what_stood_there_is_remembered_and_fades_to_unknown_never_to_free(grid, obstacles) -> None:
    for k in range(3):
        look(grid, at(0.1 * k, obstacles(WALL)), AHEAD)
    told = {
        seconds: cell(look(grid, at(seconds, obstacles()), ASIDE), *THERE) for seconds in (0.3, 5.0, 10.1, 10.3, 99.0)
    }
    assert told == {0.3: 100, 5.0: 100, 10.1: 100, 10.3: -1, 99.0: -1}


def test_what_was_seen_free_fades_sooner(grid, obstacles) -> None:
    for k in range(3):
        look(grid, at(0.1 * k, obstacles()), AHEAD)
    told = [cell(look(grid, at(seconds, obstacles()), ASIDE), *THERE) for seconds in (0.3, 1.1, 1.3, 5.0)]
    assert told == [0, 0, -1, -1]


def test_what_stood_is_released_by_three_looks_and_in_between_it_is_unknown(grid, obstacles) -> None:
    for k in range(5):
        look(grid, at(0.1 * k, obstacles(WALL)), AHEAD)
    assert [cell(look(grid, at(0.5 + 0.1 * k, obstacles()), AHEAD), *THERE) for k in range(3)] == [100, -1, 0]


@pytest.mark.parametrize("motion", [Motion.MOVING, Motion.UNKNOWN])
def test_what_moves_leaves_no_trail(grid, obstacles, motion: Motion) -> None:
    """The cell it left is free at the first look and unknown without one, though it was free before it came."""
    for k in range(3):
        look(grid, at(0.1 * k, obstacles()), AHEAD)
    car, gone = (1.5, 1.5, 0.2, 0.2, 0.0), (-2.5, 1.5, 0.2, 0.2, 0.0)
    assert cell(look(grid, at(0.3, obstacles(car), motion), AHEAD), 1.5, 1.5) == 100
    unseen = OccupancyGrid(CONFIG)
    unseen.__dict__.update(grid.__dict__)
    assert cell(look(grid, at(0.4, obstacles(gone), motion), AHEAD), 1.5, 1.5) == 0
    assert cell(look(unseen, at(0.4, obstacles(gone), motion), ASIDE), 1.5, 1.5) == -1


def test_what_stood_and_drives_off_leaves_nothing_where_it_was_seen_moving(grid, obstacles) -> None:
    car = (1.5, 1.5, 0.2, 0.2, 0.0)
    for k in range(5):
        look(grid, at(0.1 * k, obstacles(car)), AHEAD)
    look(grid, at(0.5, obstacles(car), Motion.MOVING), AHEAD)
    assert cell(look(grid, at(0.6, obstacles((-2.5, 1.5, 0.2, 0.2, 0.0)), Motion.MOVING), AHEAD), 1.5, 1.5) == 0


def test_what_is_only_predicted_is_drawn_and_proves_nothing(grid, obstacles) -> None:
    assert cell(look(grid, at(0.0, obstacles(WALL), sensors=0), None), *THERE) == 100
    assert cell(look(grid, at(0.1, obstacles()), None), *THERE) == -1


def test_the_memory_stays_on_the_ground_while_the_robot_moves_and_turns(grid, obstacles) -> None:
    for k in range(3):
        look(grid, at(0.1 * k, obstacles(WALL)), AHEAD)
    moved = look(grid, at(0.3, obstacles()), None, transforms.from_yaw(2.0, (2.3, -1.2, 0.0)))
    assert moved.origin[:2] == (-2.0, -5.0)
    assert cell(moved, *THERE) == 100
    assert cell(moved, -0.5, 0.5) == 0
    far = look(grid, at(0.4, obstacles()), None, transforms.from_yaw(0.0, (40.0, 0.0, 0.0)))
    assert (far.cells == -1).all()
    back = look(grid, at(0.5, obstacles()), None)
    assert (back.cells == -1).all()


def test_time_set_back_and_another_frame_start_afresh(grid, obstacles) -> None:
    look(grid, at(50.0, obstacles(WALL)), AHEAD)
    assert cell(look(grid, at(49.9, obstacles()), None), *THERE) == 100
    assert (look(grid, at(3.0, obstacles()), None).cells == -1).all()
    look(grid, at(3.1, obstacles(WALL)), AHEAD)
    other = dataclasses.replace(at(3.2, obstacles()), frame="map")
    assert (look(grid, other, None).cells == -1).all()


def test_without_odometry_nothing_is_remembered(obstacles) -> None:
    grid = OccupancyGrid(CONFIG, base_frame="odom")
    look(grid, at(0.0, obstacles(WALL)), AHEAD)
    assert (look(grid, at(0.1, obstacles()), None).cells == -1).all()


def test_a_memory_of_no_time_is_none(obstacles) -> None:
    grid = OccupancyGrid(dataclasses.replace(CONFIG, occupied_memory=0.0, free_memory=0.0))
    look(grid, at(0.0, obstacles(WALL)), AHEAD)
    assert (look(grid, at(0.1, obstacles()), None).cells == -1).all()


def test_it_rolls_as_one_large_grid_would_stand(obstacles) -> None:
    """Random looks while the robot walks about: the rolling grid tells what a large one does where both reach."""
    generator = np.random.default_rng(5)
    small, large = OccupancyGrid(CONFIG), OccupancyGrid(dataclasses.replace(CONFIG, extent=40.0))
    for k in range(30):
        T = transforms.from_yaw(float(generator.uniform(-3, 3)), (*np.cumsum(generator.uniform(-0.2, 0.2, 2)), 0.0))
        rows = [(*generator.uniform(-5, 5, 2), 0.8, 0.4, 0.3) for _ in range(3)]
        seen = at(0.1 * k, obstacles(*rows), Motion(int(generator.integers(3))), int(generator.integers(2)))
        coverage = generator.uniform(0.0, 8.0, 16)
        a, b = small.update(seen, T, coverage), large.update(seen, T, coverage)
        column, row = (round(a.origin[i] - b.origin[i]) for i in (0, 1))
        np.testing.assert_array_equal(a.cells, b.cells[row : row + 8, column : column + 8])
