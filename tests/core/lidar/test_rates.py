"""Body rates kept for a sweep."""

import numpy as np
import pytest

from perception_core.errors import TransformError
from perception_core.geometry.transforms import from_yaw
from perception_core.lidar.rates import RateHistory

MS = 1_000_000
HERE = np.eye(4)


def kept(first: int, last: int, step: int = 10, linear: bool = True) -> RateHistory:
    rates = RateHistory()
    for stamp in range(first, last + 1, step):
        rates.add(stamp * MS, np.array([0, 0, 1.0]), np.array([5.0, 0, 0]) if linear else None, HERE)
    return rates


def test_the_path_covers_the_sweep_and_a_little_more() -> None:
    path = kept(0, 1000).path(500 * MS, 600 * MS)
    assert (path.stamp_ns[0], path.stamp_ns[-1]) == (480 * MS, 620 * MS)
    moved = np.linalg.inv(path.at(np.array([500 * MS]))[0]) @ path.at(np.array([600 * MS]))[0]
    # 0.1 rad on a circle of 5 m: 5 sin 0.1, 5 (1 - cos 0.1)
    np.testing.assert_allclose(moved, from_yaw(0.1, (0.499167, 0.024979, 0.0)), atol=1e-6)


def test_rates_of_a_mounted_frame_are_those_of_the_base() -> None:
    """A gyro turned by 90 degrees and odometry of an axle 2 m ahead, which moves sideways when the base turns."""
    rates = RateHistory()
    T_base_axle = from_yaw(np.pi / 2, (2.0, 0.0, 0.0))
    for stamp in (0, 100):  # the base turns at 1 rad/s on the spot: the axle moves with 2 m/s along its own x axis
        rates.add(stamp * MS, np.array([0, 0, 1.0]), np.array([2.0, 0, 0]), T_base_axle)
    np.testing.assert_allclose(rates.path(0, 100 * MS).poses[-1], from_yaw(0.1), atol=1e-12)


def test_a_gyro_gives_rotation_only() -> None:
    assert kept(0, 100, linear=False).path(0, 100 * MS).turns_only


def test_high_rates_are_thinned() -> None:
    rates = RateHistory()
    for k in range(1000):
        rates.add(1 + k * MS // 4, np.zeros(3), None, HERE)
    assert len(rates.path(0, 250 * MS)) <= 128


def test_what_is_not_finite_or_not_newer_stays_out_and_time_set_back_begins_anew() -> None:
    rates = kept(0, 20)
    rates.add(20 * MS, np.zeros(3), None, HERE)
    rates.add(30 * MS, np.array([0, np.nan, 0]), None, HERE)
    rates.add(30 * MS, np.zeros(3), np.array([np.inf, 0, 0]), HERE)
    assert len(rates) == 3
    late = kept(5000, 5020)
    late.add(3000 * MS, np.zeros(3), None, HERE)
    assert len(late) == 1


def test_too_few_or_a_gap_is_no_path() -> None:
    with pytest.raises(TransformError, match="0 rates"):
        kept(0, 100).path(500 * MS, 600 * MS)
    gap = kept(0, 500, step=150)
    with pytest.raises(TransformError, match=r"no rates for 0\.150 s"):
        gap.path(0, 300 * MS)
