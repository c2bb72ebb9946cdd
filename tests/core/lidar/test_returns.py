"""A LiDAR of 32 beams over flat ground, by the geometry of its rays; scans every 0.1 s."""

import numpy as np
import pytest
from numpy.typing import NDArray

from perception_core.lidar.returns import DIRECTIONS, ReturnsConfig, ReturnsView, ReturnsWatch
from perception_core.types import PointCloud

NS = 1_000_000_000
AZIMUTHS = (np.arange(720) + 0.5) * 2 * np.pi / 720 - np.pi


def scan(seconds: float, height: float = 1.8, roll: float = 0.0, reach: float = 100.0) -> PointCloud:
    """Ground under a sensor that looks 25 degrees down to 15 up, at ``height`` metres and rolled (radians)."""
    azimuth, elevation = np.meshgrid(AZIMUTHS, np.radians(np.linspace(-25, 15, 32)))
    x, y, z = (np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation))
    down = np.sin(roll) * y + np.cos(roll) * z
    with np.errstate(divide="ignore"):
        distance = np.where(down < 0, -height / down, np.inf)
    hit = distance < reach
    xyz = np.stack([x[hit], y[hit], z[hit]], axis=1) * distance[hit][:, None]
    return PointCloud(xyz.astype(np.float32), round(seconds * NS) + NS, "lidar")


def only(cloud: PointCloud, keep: NDArray[np.bool_]) -> PointCloud:
    return PointCloud(cloud.xyz[keep], cloud.stamp_ns, cloud.frame)


def left(cloud: PointCloud) -> PointCloud:
    """The half that a cover on the right leaves."""
    return only(cloud, cloud.xyz[:, 1] > 0)


@pytest.fixture
def watch() -> ReturnsWatch:
    return ReturnsWatch(ReturnsConfig(), 0.5)


def history(watch: ReturnsWatch, count: int = 10, **geometry: float) -> ReturnsView:
    views = [watch.look(scan(0.1 * k, **geometry)) for k in range(count)]
    assert {v.reason for v in views} == {""}
    return views[-1]


def test_a_clear_view_is_all_of_it(watch: ReturnsWatch) -> None:
    view = history(watch)
    assert (view.seen, view.reason, view.usable) == (1.0, "", True)
    assert 4.0 < view.reach < 20.0


def test_half_covered_is_told_and_the_other_half_goes_on(watch: ReturnsWatch) -> None:
    history(watch)
    for k in range(10, 60):
        view = watch.look(left(scan(0.1 * k)))
        assert view.reason == "the returns of 18 of 36 directions vanished: covered?"
        assert (view.seen, view.usable) == (0.5, True)
    assert watch.look(scan(6.0)).reason == ""


def hall(seconds: float, beams: int) -> PointCloud:
    """Walls 10 m off, met by so many of 32 beams."""
    azimuth, elevation = np.meshgrid(AZIMUTHS, np.radians(np.linspace(-25, 15, 32))[:beams])
    x, y, z = (np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation))
    xyz = 10.0 * np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
    return PointCloud(xyz.astype(np.float32), round(seconds * NS) + NS, "lidar")


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_cover_taken_off_where_there_is_less_to_see_is_off(watch: ReturnsWatch, share: float) -> None:
    """Covered in a hall, uncovered in the open, where 3 of 32 beams find ground: a tenth of what was usual."""
    for k in range(20):
        watch.look(hall(0.1 * k, 32))
    for k in range(20, 40):
        cloud = hall(0.1 * k, 32 if k < 30 else 3)
        view = watch.look(only(cloud, np.arctan2(cloud.xyz[:, 1], cloud.xyz[:, 0]) > np.pi - 2.0 * np.pi * share))
        assert "covered?" in view.reason
    assert watch.look(hall(4.0, 3)).reason == ""


def test_a_little_dirt_is_no_fault_but_seen(watch: ReturnsWatch) -> None:
    history(watch)
    cloud = scan(1.0)
    view = watch.look(only(cloud, np.arctan2(cloud.xyz[:, 1], cloud.xyz[:, 0]) > -2.0))
    assert view.reason == ""
    assert view.seen == pytest.approx(1.0 - 6 / DIRECTIONS)


def test_covered_all_over_it_is_of_no_use(watch: ReturnsWatch) -> None:
    history(watch)
    near = PointCloud(scan(1.0).xyz * np.float32(0.002), NS * 2, "lidar")
    view = watch.look(near)
    assert (view.usable, view.reason) == (False, "no returns from beyond 0.5 m: covered?")


@pytest.mark.parametrize(("expects_ground", "usable"), [(True, False), (False, True)])
def test_returns_from_beyond_all_that_is_looked_at_are_none_where_ground_is_expected(
    expects_ground: bool, usable: bool
) -> None:
    """Walls 80 m off, of which a range of 60 m shows nothing: on the ground a fault; who flies high is alone."""
    watch = ReturnsWatch(ReturnsConfig(expects_ground=expects_ground), 0.5, 60.0)
    far = PointCloud(hall(0.0, 32).xyz * np.float32(8.0), NS, "lidar")
    view = watch.look(far)
    assert view.usable == usable
    assert view.reason == ("" if usable else "no returns from beyond 0.5 m within 60 m: covered?")


@pytest.mark.parametrize(("expects_ground", "usable"), [(True, False), (False, True)])
def test_nothing_from_the_start_is_a_fault_on_the_ground_and_none_high_up(expects_ground: bool, usable: bool) -> None:
    watch = ReturnsWatch(ReturnsConfig(expects_ground=expects_ground), 0.5)
    view = watch.look(PointCloud(np.empty((0, 3), np.float32), NS, "lidar"))
    assert (view.usable, view.seen, view.reach) == (usable, 0.0, 0.0)


@pytest.mark.parametrize("speed", [0.5, 1.0, 5.0])
def test_an_empty_field_from_a_climbing_drone_is_no_fault(speed: float) -> None:
    """The ground leaves the reach of the beams ring by ring, the last in all directions at once at 42 m."""
    watch = ReturnsWatch(ReturnsConfig(expects_ground=False), 0.5)
    views = [watch.look(scan(0.1 * k, height=30.0 + 0.1 * speed * k)) for k in range(round(150 / speed))]
    assert {v.reason for v in views} == {""}
    assert views[-1].reach == 0.0


@pytest.mark.parametrize("degrees_per_second", [30.0, 90.0, 200.0])
def test_a_drone_that_banks_is_no_fault(degrees_per_second: float) -> None:
    """The raised side sees nothing but sky, the lowered one the ground nearer than before."""
    watch = ReturnsWatch(ReturnsConfig(expects_ground=False), 0.5)
    history(watch, height=10.0)
    rolls = np.minimum(np.radians(degrees_per_second) * 0.1 * np.arange(30), np.radians(40.0))
    views = [watch.look(scan(1.0 + 0.1 * k, height=10.0, roll=float(roll))) for k, roll in enumerate(rolls)]
    assert {v.reason for v in views} == {""}
    assert views[-1].seen < 0.8


def test_a_cover_in_the_air_is_told() -> None:
    watch = ReturnsWatch(ReturnsConfig(expects_ground=False), 0.5)
    history(watch, height=10.0)
    assert "vanished" in watch.look(left(scan(1.0, height=10.0))).reason


@pytest.mark.parametrize("height", [3.0, 10.0, 30.0])
def test_covered_all_over_in_the_air_is_told_at_any_height_that_sees_the_ground(height: float) -> None:
    watch = ReturnsWatch(ReturnsConfig(expects_ground=False), 0.5)
    history(watch, height=height)
    for k in range(10, 20):
        view = watch.look(PointCloud(np.empty((0, 3), np.float32), round(0.1 * k * NS) + NS, "lidar"))
        assert (view.usable, view.reason) == (False, "no returns from beyond 0.5 m: covered?")


def test_a_wall_that_comes_near_hides_nothing_from_the_watch(watch: ReturnsWatch) -> None:
    """Half of the view ends at 1.5 m: returns all the same."""
    history(watch)
    cloud = scan(1.0)
    right = cloud.xyz[:, 1] < 0
    reach = np.linalg.norm(cloud.xyz, axis=1)
    xyz = np.where((right & (reach > 1.5))[:, None], cloud.xyz * (1.5 / reach)[:, None].astype(np.float32), cloud.xyz)
    view = watch.look(PointCloud(xyz.astype(np.float32), cloud.stamp_ns, "lidar"))
    assert (view.reason, view.seen) == ("", 1.0)


def test_time_set_back_and_a_pause_begin_a_new_history(watch: ReturnsWatch) -> None:
    history(watch)
    assert watch.look(left(scan(-0.5))).reason == ""
    history(watch)
    assert watch.look(left(scan(9.0))).reason == ""


def test_a_front_lidar_is_measured_by_its_own_field_of_view(watch: ReturnsWatch) -> None:
    ahead = [scan(0.1 * k) for k in range(10)]
    for cloud in ahead:
        view = watch.look(only(cloud, np.abs(np.arctan2(cloud.xyz[:, 1], cloud.xyz[:, 0])) < np.radians(60)))
    assert (view.seen, view.reason) == (1.0, "")
