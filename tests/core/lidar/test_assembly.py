"""Joined scans brought to one stamp: what is waited for, what is taken as it is, and what is said about it."""

import math

import numpy as np
import pytest

from perception_core.errors import TransformError
from perception_core.geometry.transforms import Transform, from_yaw
from perception_core.lidar.assembly import (
    NO_ODOMETRY,
    NO_POSES,
    NO_TIMES,
    PARTLY,
    ROTATION_ONLY,
    SWITCHED_OFF,
    YES,
    DeskewConfig,
    Lookup,
    ScanAssembler,
)
from perception_core.lidar.join import JoinedScan
from perception_core.lidar.rates import RateHistory
from perception_core.types import PointCloud

MS = 1_000_000
STAMP = 1_000_000 * MS
MOUNTS = {"front": from_yaw(0.0, (2.0, 0.0, 1.0)), "rear": from_yaw(math.pi, (-2.0, 0.0, 1.0))}
SPEED = 20.0


class Robot:
    """Drives straight ahead at 20 m/s; its odometry is known from ``first`` to ``last``, in ms around the stamp."""

    def __init__(self, first: int = -1000, last: int = 1000, mounts: dict[str, Transform] = MOUNTS) -> None:
        self.known = (STAMP + first * MS, STAMP + last * MS)
        self.mounts = dict(mounts)

    def lookup(self, target: str, source: str, stamp_ns: int) -> Transform:
        if (target, source) == ("odom", "base"):
            if not self.known[0] <= stamp_ns <= self.known[1]:
                raise TransformError(f"no odometry at {(stamp_ns - STAMP) / MS:.0f}")
            return from_yaw(0.0, (SPEED * (stamp_ns - STAMP) * 1e-9, 0.0, 0.0))
        if target == "base" and source in self.mounts:
            return self.mounts[source]
        raise TransformError(f"{target} <- {source}: unknown")


def cloud(frame: str, offset_ms: int = 0, times_ms: tuple[int, ...] | None = (-50, 0, 50)) -> PointCloud:
    times = None if times_ms is None else [t * MS for t in times_ms]
    n = 3 if times is None else len(times)
    return PointCloud([[10.0, 0.0, 0.0]] * n, STAMP + offset_ms * MS, frame, time_offset_ns=times)


def joined(*clouds: PointCloud) -> JoinedScan[PointCloud]:
    return JoinedScan(clouds[0].stamp_ns, {c.frame: c for c in clouds}, ())


def assembler(lookup: Lookup, fixed: str = "odom", rates: RateHistory | None = None, **config: object) -> ScanAssembler:
    return ScanAssembler(DeskewConfig(**config), "base", fixed, lookup, rates)


def test_a_scan_is_deskewed_at_its_stamp() -> None:
    scan = assembler(Robot().lookup).assemble(joined(cloud("front")), patient=True)
    ((moved, T),) = scan.clouds
    np.testing.assert_allclose(moved.xyz[:, 0], [9, 10, 11], atol=1e-5)
    np.testing.assert_array_equal(T, MOUNTS["front"])
    assert (scan.deskewed, scan.extrapolated_ns, scan.left_out) == ({"front": YES}, 0, {})


def test_another_lidars_scan_comes_to_the_stamp_of_the_first() -> None:
    """The rear LiDAR looks back, 40 ms before: what was 10 m behind it is 10.8 m behind it now."""
    robot = Robot()
    scan = assembler(robot.lookup).assemble(joined(cloud("front"), cloud("rear", -40)), patient=True)
    np.testing.assert_allclose(scan.clouds[1][0].xyz[:, 0], [11.8, 10.8, 9.8], atol=1e-4)
    assert {c.stamp_ns for c, _ in scan.clouds} == {STAMP}
    # Without times of its points it is moved as a whole.
    bare = assembler(robot.lookup).assemble(joined(cloud("front"), cloud("rear", -40, None)), patient=True)
    np.testing.assert_allclose(bare.clouds[1][0].xyz[:, 0], 10.8, atol=1e-4)
    assert bare.deskewed == {"front": YES, "rear": NO_TIMES}


@pytest.mark.parametrize(
    ("made", "scan", "reason"),
    [
        (assembler(Robot().lookup, ""), joined(cloud("front")), NO_ODOMETRY),
        (assembler(Robot().lookup), joined(cloud("front", times_ms=None)), NO_TIMES),
        (assembler(Robot().lookup, enabled=False), joined(cloud("front")), SWITCHED_OFF),
    ],
)
def test_without_times_or_odometry_it_says_so_and_goes_on(
    made: ScanAssembler, scan: JoinedScan[PointCloud], reason: str
) -> None:
    result = made.assemble(scan, patient=True)
    assert result.clouds[0][0] is scan.scans["front"]
    assert result.deskewed == {"front": reason}


def test_a_sweep_that_reaches_a_little_beyond_the_odometry_is_extrapolated_at_once() -> None:
    """The stamp lies in the middle of the sweep and the odometry ends at the stamp: 50 ms are extrapolated."""
    scan = assembler(Robot(last=0).lookup).assemble(joined(cloud("front")), patient=True)
    np.testing.assert_allclose(scan.clouds[0][0].xyz[:, 0], [9, 10, 11], atol=1e-4)
    assert (scan.deskewed["front"], scan.extrapolated_ns) == (YES, 50 * MS)


def test_one_that_reaches_too_far_waits_and_then_takes_what_is_there() -> None:
    robot = Robot(last=-20)
    made = assembler(robot.lookup, max_extrapolation=0.02)
    scan = joined(cloud("front"))
    with pytest.raises(TransformError, match=r"odometry lacks 70\.0 ms"):
        made.assemble(scan, patient=True)
    robot.known = (robot.known[0], STAMP + 40 * MS)
    assert made.assemble(scan, patient=True).extrapolated_ns == 10 * MS
    robot.known = (robot.known[0], STAMP - 20 * MS)
    late = made.assemble(scan, patient=False)
    np.testing.assert_allclose(late.clouds[0][0].xyz[:, 0], [9, 10, 10], atol=1e-4)  # 20 ms of 70
    assert late.deskewed == {"front": PARTLY}


def test_the_first_scan_may_begin_before_the_odometry() -> None:
    scan = assembler(Robot(first=-10).lookup).assemble(joined(cloud("front")), patient=True)
    np.testing.assert_allclose(scan.clouds[0][0].xyz[:, 0], [9, 10, 11], atol=1e-4)
    assert scan.extrapolated_ns == 40 * MS


def test_odometry_that_never_comes_is_waited_for_once() -> None:
    robot = Robot(first=900)
    made, scan = assembler(robot.lookup), joined(cloud("front"))
    with pytest.raises(TransformError, match="no odometry"):
        made.assemble(scan, patient=True)
    assert made.assemble(scan, patient=False).deskewed == {"front": NO_POSES}
    assert made.assemble(scan, patient=True).deskewed == {"front": NO_POSES}
    robot.known = (0, STAMP + 1000 * MS)
    assert made.assemble(scan, patient=True).deskewed == {"front": YES}
    robot.known = (0, 0)
    with pytest.raises(TransformError):
        made.assemble(scan, patient=True)


def test_one_mount_that_is_missing_does_not_stop_the_others() -> None:
    robot = Robot(mounts={"rear": MOUNTS["rear"]})
    made, scan = assembler(robot.lookup), joined(cloud("front"), cloud("rear"))
    with pytest.raises(TransformError, match="base <- front"):
        made.assemble(scan, patient=True)
    result = made.assemble(scan, patient=False)
    assert (result.names, list(result.left_out)) == (("rear",), ["front"])
    assert made.assemble(scan, patient=True).names == ("rear",)  # not waited for a second time
    robot.mounts["front"] = MOUNTS["front"]
    assert made.assemble(scan, patient=True).names == ("front", "rear")
    with pytest.raises(TransformError):
        made.assemble(joined(cloud("nowhere")), patient=False)


def gyro(linear: bool) -> RateHistory:
    rates = RateHistory()
    for ms in range(-200, 201, 5):
        rates.add(STAMP + ms * MS, np.array([0, 0, 1.0]), np.array([SPEED, 0, 0]) if linear else None, np.eye(4))
    return rates


def test_rates_stand_in_for_poses_and_a_gyro_says_what_it_cannot() -> None:
    lookup = Robot(mounts={"front": np.eye(4)}).lookup
    turned = assembler(lookup, "", gyro(False)).assemble(joined(cloud("front")), patient=True)
    np.testing.assert_allclose(turned.clouds[0][0].xyz[0], [9.9875, -0.49979, 0], atol=1e-4)  # 0.05 rad to the right
    assert turned.deskewed == {"front": ROTATION_ONLY}
    both = assembler(lookup, "", gyro(True)).assemble(joined(cloud("front")), patient=True)
    assert both.clouds[0][0].xyz[0, 0] == pytest.approx(8.9875, abs=0.01)
    assert both.deskewed == {"front": YES}
    # TF that is configured but silent: the rates help out.
    helped = assembler(Robot(first=900, mounts={"front": np.eye(4)}).lookup, "odom", gyro(True))
    assert helped.assemble(joined(cloud("front")), patient=True).deskewed == {"front": YES}
