"""Four sectors of 90 degrees: behind right, ahead right, ahead left, behind left."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.geometry import boxes, transforms
from perception_core.planning.outlines import Outlines
from perception_core.planning.sectors import SectorConfig, median_of_sectors, nearest_in_sectors, sector_ranges

CONFIG = SectorConfig(sectors=4, range_min=0.3, range_max=20.0, free_range=10.0, position_sigmas=1.0, max_margin=1.0)
SEEN = np.full(360, 50.0, np.float32)


def ranges(obstacles, coverage=SEEN, T=None) -> list[float]:
    return sector_ranges(obstacles, np.eye(4) if T is None else T, coverage, CONFIG).ranges.tolist()


def test_the_layout_of_the_circle(obstacles) -> None:
    sectors = sector_ranges(obstacles(), np.eye(4), SEEN, CONFIG)
    np.testing.assert_allclose([sectors.angle_min, sectors.angle_increment], [-0.75 * np.pi, 0.5 * np.pi])
    assert (sectors.range_min, sectors.range_max) == (0.3, 20.0)
    assert sectors.ranges.dtype == np.float32
    assert np.isposinf(sectors.ranges).all()


def test_the_near_corner_counts(obstacles) -> None:
    got = ranges(obstacles((5.0, 5.0, 2.0, 2.0, 0.0)))
    np.testing.assert_allclose(got, [np.inf, np.inf, np.hypot(4.0, 4.0), np.inf])


def test_a_face_across_two_sectors(obstacles) -> None:
    np.testing.assert_allclose(ranges(obstacles((5.0, 0.0, 2.0, 2.0, 0.0))), [np.inf, 4.0, 4.0, np.inf])


def test_behind_across_the_seam(obstacles) -> None:
    np.testing.assert_allclose(ranges(obstacles((-5.0, 0.0, 2.0, 2.0, 0.0))), [4.0, np.inf, np.inf, 4.0])


def test_only_the_part_inside_a_sector_counts(obstacles) -> None:
    # a long wall 3 m to the left, from x = -1 to x = 9: straight left is the seam of two sectors
    np.testing.assert_allclose(ranges(obstacles((4.0, 3.5, 10.0, 1.0, 0.0))), [np.inf, np.inf, 3.0, 3.0])
    # from x = 1 on the sector behind left is free and the corner (1, 3) is nearest
    np.testing.assert_allclose(
        ranges(obstacles((6.0, 3.5, 10.0, 1.0, 0.0))), [np.inf, np.inf, np.hypot(1, 3), np.inf], rtol=1e-6
    )


def test_in_the_base_frame(obstacles) -> None:
    # the robot stands at (10, 0) and looks to the left: an obstacle at (10, 5) is straight ahead
    pose = transforms.from_yaw(np.pi / 2, (10.0, 0.0, 0.0))
    np.testing.assert_allclose(
        ranges(obstacles((10.0, 5.0, 2.0, 2.0, 0.0)), T=pose), [np.inf, 4.0, 4.0, np.inf], rtol=1e-6
    )


def test_nearest_of_many(obstacles) -> None:
    got = ranges(obstacles((9.0, 9.0, 1.0, 1.0, 0.0), (5.0, 5.0, 2.0, 2.0, 0.0), (7.0, 7.0, 1.0, 1.0, 0.4)))
    np.testing.assert_allclose(got[2], np.hypot(4.0, 4.0))


def test_uncertainty_brings_obstacles_nearer_up_to_the_limit(obstacles) -> None:
    np.testing.assert_allclose(ranges(obstacles((5.0, 0.0, 2.0, 2.0, 0.0), sigma=0.5))[2], 3.5)
    np.testing.assert_allclose(ranges(obstacles((5.0, 0.0, 2.0, 2.0, 0.0), sigma=9.0))[2], 3.0)


def test_limits_of_the_range(obstacles) -> None:
    assert ranges(obstacles((40.0, 40.0, 2.0, 2.0, 0.0)))[2] == np.inf
    np.testing.assert_allclose(ranges(obstacles((1.1, 1.1, 2.0, 2.0, 0.0)))[2], 0.3)
    np.testing.assert_allclose(ranges(obstacles((0.0, 0.0, 2.0, 2.0, 0.0))), [0.3] * 4)


def test_unknown_is_not_free(obstacles) -> None:
    coverage = np.repeat([50.0, 0.0, 9.0, 11.0], 90)
    got = ranges(obstacles((-5.0, -5.0, 2.0, 2.0, 0.0)), coverage)
    np.testing.assert_allclose(got, [np.hypot(4, 4), np.nan, np.nan, np.inf])
    assert np.isnan(ranges(obstacles(), None)).all()
    np.testing.assert_allclose(ranges(obstacles((5.0, 5.0, 2.0, 2.0, 0.0)), None)[2], np.hypot(4, 4))


def test_coverage_by_its_median() -> None:
    np.testing.assert_array_equal(median_of_sectors(np.array([1.0, 9.0, 8.0, 5.0, 6.0, 7.0]), 2), [8.0, 6.0])
    np.testing.assert_array_equal(median_of_sectors(np.array([1.0, 2.0]), 4), [1.0, 1.0, 2.0, 2.0])


@given(
    st.floats(-20, 20), st.floats(-20, 20), st.floats(0.1, 8), st.floats(0.1, 4), st.floats(-4, 4), st.integers(4, 90)
)
def test_no_point_of_an_outline_is_nearer_than_told(
    x: float, y: float, length: float, width: float, yaw: float, sectors: int
) -> None:
    corners = boxes.bev_corners(np.array([[x, y]]), np.array([[length, width]]), np.array([yaw]))[0]
    got = nearest_in_sectors(Outlines(corners, np.array([0, 4]), np.zeros(1)), np.eye(4), sectors)
    t = np.linspace(0.0, 1.0, 200)[:, None]
    outline = np.concatenate([corners[i] + t * (corners[(i + 1) % 4] - corners[i]) for i in range(4)])
    reach = np.hypot(*outline.T)
    turn = (np.arctan2(outline[:, 1], outline[:, 0]) + np.pi) / (2 * np.pi)
    sector = np.minimum((turn * sectors).astype(int), sectors - 1)
    assert (got[sector] <= reach + 1e-6).all()
    box = np.array([[x, y]]), np.array([[length, width]]), np.array([yaw])
    nearest = boxes.distance_to_boxes(np.zeros(2), *box)[0]
    assert got[np.isfinite(got)].min() == pytest.approx(nearest, abs=1e-9)
