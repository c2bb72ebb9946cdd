"""Stones and bits of kerbs on ground made by hand: a street along x, 0.15 m lower than the ground left of y = 4."""

import numpy as np
import pytest

from perception_core.lidar import LidarConfig, LidarProcessor
from perception_core.lidar.config import GroundConfig
from perception_core.lidar.ground import GroundModel
from perception_core.lidar.kerbs import beside_higher_ground
from perception_core.lidar.polar import polar_grid

SENSOR = np.array([1.0, 0.0, 1.7])
KERB_Y, KERB = 4.0, 0.15


def street(slope: float = 0.0, seen: bool = True) -> GroundModel:
    """The street rises by ``slope`` to the left; z = 0 below the sensor."""
    grid = polar_grid(40.0)
    azimuth = 2.0 * np.pi * (np.arange(grid.sectors) + 0.5) / grid.sectors - np.pi
    left = grid.centres[:, None] * np.sin(azimuth)
    rise = np.where(left > KERB_Y, KERB, 0.0).astype(np.float32)
    noise = np.full(rise.shape, 0.02, np.float32)
    return GroundModel(grid, np.array([0.0, 0.0, slope]), rise, noise, noise, np.full(rise.shape, seen))


def found(model: GroundModel, *things: tuple[float, float, float, float], candidates: bool = True) -> list[bool]:
    """Things (x, y, z of the highest point, its height above ground), 0.2 m across."""
    table = np.array(things)
    asked = np.full(len(table), candidates)
    span, height = np.full(len(table), 0.2), table[:, 3].astype(np.float32)
    return beside_higher_ground(asked, table[:, :2], span, table[:, 2], height, model, SENSOR).tolist()


def test_a_bit_of_a_kerb_has_ground_as_high_as_itself_beside_it_and_a_stone_has_not() -> None:
    assert found(street(), (7.0, 3.8, 0.13, 0.13), (7.0, 0.0, 0.13, 0.13)) == [True, False]


def test_a_stone_on_the_sidewalk_has_a_foot_as_high_as_the_sidewalk() -> None:
    # Its top is 0.28 m above the street, its foot 0.15 m: no ground around is higher.
    assert found(street(), (7.0, 6.0, 0.28, 0.13)) == [False]


def test_a_cross_slope_is_no_kerb() -> None:
    # 10 %: at y = 0 the ground lies at 0, at y = 3.9 at 0.39.
    assert found(street(0.1), (7.0, 0.0, 0.13, 0.13), (7.0, 3.8, 0.51, 0.13)) == [False, True]


def test_ground_that_was_not_seen_says_nothing_and_what_is_no_candidate_is_not_asked() -> None:
    assert found(street(seen=False), (7.0, 3.8, 0.13, 0.13)) == [False]
    assert found(street(), (7.0, 3.8, 0.13, 0.13), candidates=False) == [False]


@pytest.mark.parametrize(("x", "y"), [(39.9, 0.0), (-39.9, 0.1), (1.0, 0.0), (200.0, 0.0)])
def test_the_edges_of_the_grid_are_met_safely(x: float, y: float) -> None:
    assert found(street(), (x, y, 0.13, 0.13)) == [False]


def test_a_stone_on_the_road_stays_and_with_a_kerb_for_an_obstacle_so_does_the_kerb(cast, block, T_base_sensor) -> None:
    stone, walk = block(6.0, 0.5, 0.15, 0.3, 0.0, 0.16), block(0.0, 6.0, 60.0, 4.0, -0.1, 0.15)
    cloud = cast([stone, walk])
    stones, kerbs = [], []
    for max_step in (0.2, 0.05):
        config = LidarConfig(ground=GroundConfig(max_step=max_step))
        centre = LidarProcessor(config).process(cloud, T_base_sensor).clusters.centre
        stones.append(int((np.hypot(centre[:, 0] - 6.0, centre[:, 1] - 0.5) < 0.2).sum()))
        kerbs.append(int((centre[:, 1] > 3.5).sum()))
    assert stones == [1, 1]
    assert kerbs[0] == 0
    assert kerbs[1] > 5
