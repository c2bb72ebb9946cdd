"""Paths of a sensor through a sweep: screws worked out by hand, and what is known only in part."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.errors import PerceptionError, TransformError
from perception_core.geometry.transforms import Transform, from_yaw
from perception_core.lidar.ego_path import EgoPath, exp_se3, log_se3, path_from_rates, path_from_transforms

MS = 1_000_000
QUARTER = math.pi / 2


def test_a_quarter_turn_on_an_arc_of_two_metres_radius() -> None:
    """From the origin, heading x, to (2, 2), heading y: half the time is 45 degrees along the arc around (0, 2)."""
    path = EgoPath(np.array([0, 100 * MS]), np.stack([np.eye(4), from_yaw(QUARTER, (2.0, 2.0, 0.0))]))
    half = path.at(np.array([50 * MS]))[0]
    np.testing.assert_allclose(half, from_yaw(QUARTER / 2, (math.sqrt(2), 2 - math.sqrt(2), 0.0)), atol=1e-12)


def test_beyond_the_ends_the_motion_goes_on() -> None:
    path = EgoPath(np.array([0, 10 * MS]), np.stack([np.eye(4), from_yaw(0.0, (0.1, 0.0, 0.0))]))
    at = path.at(np.array([-10 * MS, 30 * MS]))
    np.testing.assert_allclose(at[:, :3, 3], [[-0.1, 0, 0], [0.3, 0, 0]], atol=1e-12)
    assert path.missing_ns(-4 * MS, 13 * MS) == 4 * MS
    assert path.missing_ns(0, 10 * MS) == 0


def test_one_pose_stands_still() -> None:
    path = EgoPath(np.array([5]), np.eye(4)[None])
    np.testing.assert_array_equal(path.at(np.array([0, 9])), np.stack([np.eye(4)] * 2))


def test_a_mounted_frame_swings_with_its_lever() -> None:
    path = EgoPath(np.array([0, 100 * MS]), np.stack([np.eye(4), from_yaw(QUARTER)]))
    mounted = path.seen_from(from_yaw(0.0, (1.0, 0.0, 2.0)))
    half = mounted.at(np.array([50 * MS]))[0]
    np.testing.assert_allclose(half[:3, 3], [math.sqrt(0.5), math.sqrt(0.5), 2.0], atol=1e-12)


def drive(stamp_ns: int) -> Transform:
    return from_yaw(0.5 * stamp_ns * 1e-9, (10.0 * stamp_ns * 1e-9, 0.0, 0.0))


def test_poses_are_asked_for_every_ten_milliseconds() -> None:
    path = path_from_transforms(drive, 1000 * MS, 1100 * MS)
    np.testing.assert_array_equal(path.stamp_ns, np.arange(1000, 1101, 10) * MS)
    assert len(path_from_transforms(drive, 0, 10_000 * MS)) == 32


@pytest.mark.parametrize(("first", "last", "known"), [(0, 1050, (1000, 1050)), (1030, 9000, (1030, 1100))])
def test_a_path_is_as_long_as_the_odometry_reaches(first: int, last: int, known: tuple[int, int]) -> None:
    def odometry(stamp_ns: int) -> Transform:
        if not first * MS <= stamp_ns <= last * MS:
            raise TransformError("not known")
        return drive(stamp_ns)

    path = path_from_transforms(odometry, 1000 * MS, 1100 * MS)
    assert (path.stamp_ns[0], path.stamp_ns[-1]) == (known[0] * MS, known[1] * MS)


def test_without_two_poses_there_is_no_path() -> None:
    def nothing(stamp_ns: int) -> Transform:
        raise TransformError(f"nothing at {stamp_ns}")

    with pytest.raises(TransformError, match="nothing at 1100"):
        path_from_transforms(nothing, 1000, 1100)


def test_rates_are_integrated_to_a_circle() -> None:
    """10 m/s and pi/2 rad/s for a second: a quarter of a circle of 6.37 m radius."""
    stamps = np.arange(0, 1001, 10) * MS
    path = path_from_rates(stamps, np.tile([0, 0, QUARTER], (101, 1)), np.tile([10.0, 0, 0], (101, 1)))
    r = 10.0 / QUARTER
    np.testing.assert_allclose(path.poses[-1], from_yaw(QUARTER, (r, r, 0.0)), atol=1e-9)
    assert not path.turns_only


def test_a_rising_rate_counts_with_its_mean_and_a_gyro_turns_only() -> None:
    path = path_from_rates(np.array([0, 100 * MS]), np.array([[0, 0, 0.0], [0, 0, 2.0]]), None)
    np.testing.assert_allclose(path.poses[-1], from_yaw(0.1), atol=1e-12)
    assert path.turns_only


@given(st.lists(st.floats(-1.7, 1.7), min_size=6, max_size=6))
def test_logarithm_and_exponential_are_inverse(twist: list[float]) -> None:
    twists = np.array([twist])
    np.testing.assert_allclose(log_se3(exp_se3(twists)), twists, atol=1e-6)


@pytest.mark.parametrize(
    ("stamps", "poses"),
    [
        ([], np.empty((0, 4, 4))),
        ([1, 1], np.stack([np.eye(4)] * 2)),
        ([1], np.full((1, 4, 4), np.nan)),
        ([1], np.eye(4)),
    ],
)
def test_paths_that_cannot_be_are_refused(stamps: list[int], poses: np.ndarray) -> None:
    with pytest.raises(PerceptionError, match="path"):
        EgoPath(np.array(stamps, np.int64), poses)
