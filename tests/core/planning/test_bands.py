"""Three bands of a drone that hovers at 20 m: 18.5 to 21.5 m is level with it."""

import dataclasses

import numpy as np
import pytest

from perception_core.errors import ConfigError
from perception_core.geometry import transforms
from perception_core.planning.bands import band_coverage, band_ranges
from perception_core.planning.sectors import SectorConfig

CONFIG = SectorConfig(
    sectors=4, range_min=0.3, range_max=40.0, free_range=10.0, band_edges=(-10.0, -1.5, 1.5, 10.0), max_margin=1.0
)
HOVERING = transforms.from_yaw(0.0, (0.0, 0.0, 20.0))
ELEVATION = 90.0 - (np.arange(90) + 0.5) * 2.0


def view(low: float, high: float, reach: float = 60.0) -> np.ndarray:
    """Returns at ``reach`` metres from all beams between two elevations in degrees."""
    out = np.zeros((90, 72), np.float32)
    out[(low < ELEVATION) & (high > ELEVATION)] = reach
    return out


def told(obstacles, seen=None, T=HOVERING, config=CONFIG) -> dict[str, list[float]]:
    return {name: band.ranges.tolist() for name, band in band_ranges(obstacles, T, seen, config).items()}


def at_heights(obstacles, bottom: float, top: float, sigma: float = 0.0):
    """A box from x = 4 to 6, y = 4 to 6 m, between two heights."""
    box = obstacles((5.0, 5.0, 2.0, 2.0, 0.0), sigma=sigma)
    centre, size = box.centre.copy(), box.size.copy()
    centre[0, 2], size[0, 2] = (bottom + top) / 2, top - bottom
    return dataclasses.replace(box, centre=centre, size=size)


@pytest.mark.parametrize(
    ("bottom", "top", "bands"),
    [
        (0.0, 9.0, set()),
        (0.0, 12.0, {"down"}),
        (0.0, 18.4, {"down"}),
        (0.0, 19.0, {"down", "level"}),
        (0.0, 60.0, {"down", "level", "up"}),
        (21.0, 21.2, {"level"}),
        (21.6, 25.0, {"up"}),
        (31.0, 35.0, set()),
    ],
)
def test_an_obstacle_counts_where_its_height_reaches(obstacles, bottom: float, top: float, bands: set[str]) -> None:
    got = told(at_heights(obstacles, bottom, top))
    assert {name for name, ranges in got.items() if ranges[2] == pytest.approx(np.hypot(4, 4))} == bands
    assert all(np.isnan(ranges[0]) for ranges in got.values())


def test_an_uncertain_height_reaches_farther(obstacles) -> None:
    assert np.isnan(told(at_heights(obstacles, 0.0, 18.0))["level"][2])
    assert told(at_heights(obstacles, 0.0, 18.0, sigma=0.6))["level"][2] < 6.0


def test_a_variance_a_rounding_below_zero_hides_no_obstacle(obstacles) -> None:
    box = at_heights(obstacles, 19.0, 21.0)
    covariance = box.pose_covariance.copy()
    covariance[0, 2, 2] = -1e-18
    assert told(dataclasses.replace(box, pose_covariance=covariance))["level"][2] == pytest.approx(np.hypot(4, 4))


def test_without_edges_there_are_no_bands(obstacles) -> None:
    assert band_ranges(obstacles(), HOVERING, None, dataclasses.replace(CONFIG, band_edges=())) == {}


@pytest.mark.parametrize("edges", [(1.0,), (-1.0, 0.0, 1.0), (-1.0, 1.0, 0.0, 2.0), (-1.0, 0.0, 0.0, 2.0)])
def test_edges_have_to_be_four_and_to_rise(edges: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="band_edges"):
        SectorConfig(band_edges=edges)
    with pytest.raises(ConfigError, match="field_of_view"):
        SectorConfig(field_of_view=(5.0, 5.0))


def test_what_beams_cross_is_free_and_the_rest_is_unknown(obstacles) -> None:
    """Beams of 15 degrees up and down fill the level band; at 10 m they reach 2.7 m up and down, too little."""
    got = told(obstacles(), view(-15, 15))
    assert np.isposinf(got["level"]).all()
    assert np.isnan(got["up"]).all()
    assert np.isnan(got["down"]).all()
    everywhere = told(obstacles(), view(-60, 60))
    assert all(np.isposinf(ranges).all() for ranges in everywhere.values())
    assert all(np.isnan(ranges).all() for ranges in told(obstacles(), None).values())


def test_beams_that_end_early_prove_nothing_beyond(obstacles) -> None:
    short = view(-15, 15)
    short[:, 36:] = np.minimum(short[:, 36:], 6.0)
    got = told(obstacles(), short)["level"]
    assert np.isposinf(got[:2]).all()
    assert np.isnan(got[2:]).all()


def test_ground_below_does_not_make_the_level_free(obstacles) -> None:
    """Beams from 10 to 40 degrees down that hit the ground 20 m lower leave the level band after 8.5 m at most."""
    down = np.zeros((90, 72), np.float32)
    rows = (ELEVATION < -10) & (ELEVATION > -40)
    down[rows] = (20.0 / np.sin(np.radians(-ELEVATION[rows])))[:, None]
    got = told(obstacles(), down)
    assert np.isnan(got["level"]).all()
    assert np.isposinf(got["down"]).all()


def test_a_tilted_drone_looks_along_the_world(obstacles) -> None:
    """Pitched 30 degrees nose down, beams of 15 degrees see below ahead and above behind; level is seen only aside."""
    c, s = np.cos(np.radians(30)), np.sin(np.radians(30))
    T = HOVERING.copy()
    T[:3, :3] = [[c, 0, s], [0, 1, 0], [-s, 0, c]]
    coverage = band_coverage(view(-15, 15), T, dataclasses.replace(CONFIG, sectors=72))
    down, level, up = coverage
    assert down[36] > 0.0
    assert up[36] == 0.0
    assert up[0] > 0.0
    assert down[0] == 0.0
    assert level[36] < 10.0
    assert level[18] >= 10.0
    assert level[54] >= 10.0


def test_silence_is_free_only_within_the_field_of_view_of_what_lives(obstacles) -> None:
    config = dataclasses.replace(CONFIG, silent_range=20.0, field_of_view=(-15.0, 15.0))
    some = np.zeros((90, 72), np.float32)
    some[60, :36] = 30.0
    got = told(obstacles(), some, config=config)
    assert np.isposinf(got["level"][:2]).all()
    assert np.isnan(got["level"][2:]).all()
    assert np.isnan(told(obstacles(), some)["level"]).all()


def test_more_sectors_than_columns(obstacles) -> None:
    got = told(obstacles(), view(-15, 15), config=dataclasses.replace(CONFIG, sectors=360))
    assert np.isposinf(got["level"]).all()


def test_a_lidar_on_a_mast_looks_from_up_there(obstacles) -> None:
    """Level beams of a LiDAR 3 m above the vehicle cross the upper band, not the one level with it."""
    got = told(obstacles(), view(-15, 15), config=dataclasses.replace(CONFIG, lidar_height=3.0, free_range=5.0))
    assert np.isnan(got["level"]).all()
    low = dataclasses.replace(CONFIG, lidar_height=3.0, free_range=5.0, band_edges=(-9.0, -1.5, 1.5, 4.5))
    assert np.isposinf(told(obstacles(), view(-30, 30), config=low)["up"]).all()
