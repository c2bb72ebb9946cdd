"""Motion compensation: by hand, against itself, and on the simulated drive whose world is known exactly."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from perception_core.geometry import transforms
from perception_core.lidar.deskew import deskew, sweep_of
from perception_core.lidar.ego_path import EgoPath, path_from_rates, path_from_transforms
from perception_core.simulation.scenario import load_scenario
from perception_core.simulation.simulator import SimulatedFrame, Simulation
from perception_core.types import PointCloud

MS = 1_000_000
STAMP = 1_000_000 * MS


def cloud(xyz: object, offsets_ms: list[float] | None) -> PointCloud:
    times = None if offsets_ms is None else np.round(np.array(offsets_ms) * MS).astype(np.int64)
    return PointCloud(np.reshape(xyz, (-1, 3)), STAMP, "lidar", time_offset_ns=times)


def path(yaw_rate: float = 0.0, speed: float = 0.0, first_ms: int = -100, last_ms: int = 100) -> EgoPath:
    stamps = STAMP + np.arange(first_ms, last_ms + 1, 10) * MS
    n = len(stamps)
    return path_from_rates(stamps, np.tile([0, 0, yaw_rate], (n, 1)), np.tile([speed, 0, 0], (n, 1)))


def test_a_turn_by_hand() -> None:
    """At 1 rad/s to the left, what is seen ahead 0.1 s before the stamp lies 0.1 rad to the right at the stamp."""
    out = deskew(cloud([[10, 0, 1]] * 3, [-100, -50, 0]), path(yaw_rate=1.0), STAMP, 0)
    expected = [[10 * math.cos(a), -10 * math.sin(a), 1] for a in (0.1, 0.05, 0.0)]
    np.testing.assert_allclose(out.xyz, expected, atol=1e-4)


def test_a_straight_run_by_hand() -> None:
    """At 20 m/s what is 10 m ahead 0.1 s before the stamp is 8 m ahead at it, and 12 m ahead if seen 0.1 s after."""
    out = deskew(cloud([[10, 0, 0]] * 3, [-100, 0, 100]), path(speed=20.0), STAMP, 0)
    np.testing.assert_allclose(out.xyz, [[8, 0, 0], [10, 0, 0], [12, 0, 0]], atol=1e-5)
    assert out.stamp_ns == STAMP
    np.testing.assert_array_equal(out.time_offset_ns, np.array([-100, 0, 100]) * MS)


def test_to_another_stamp_and_a_cloud_without_times_as_a_whole() -> None:
    to_ns = STAMP + 50 * MS
    out = deskew(cloud([[10, 0, 0]], [0]), path(speed=20.0), to_ns, 0)
    np.testing.assert_allclose(out.xyz, [[9, 0, 0]], atol=1e-5)
    np.testing.assert_array_equal(out.time_offset_ns, [-50 * MS])  # seen 50 ms before the new stamp
    whole = deskew(cloud([[10, 0, 0], [5, 1, 2]], None), path(speed=20.0), to_ns, 0)
    np.testing.assert_allclose(whole.xyz, [[9, 0, 0], [4, 1, 2]], atol=1e-5)
    assert whole.stamp_ns == to_ns


def test_beyond_its_reach_a_point_is_moved_as_at_the_limit() -> None:
    """Poses end at the stamp; 20 ms of extrapolation at 20 m/s are 0.4 m, whatever the point's time says."""
    out = deskew(cloud([[10, 0, 0]] * 3, [0, 10, 100]), path(speed=20.0, last_ms=0), STAMP, 20 * MS)
    np.testing.assert_allclose(out.xyz[:, 0], [10.0, 10.2, 10.4], atol=1e-5)


def test_times_in_any_order_and_absurd_ones_are_bounded() -> None:
    out = deskew(cloud([[10, 0, 0]] * 4, [100, -100, 50, 9_000_000]), path(speed=20.0), STAMP, 0)
    np.testing.assert_allclose(out.xyz[:, 0], [12, 8, 11, 12], atol=1e-4)


def test_no_point_and_one_point() -> None:
    assert len(deskew(cloud([], []), path(), STAMP, 0)) == 0
    assert sweep_of(cloud([], [])) == (STAMP, STAMP)
    assert sweep_of(cloud([[1, 2, 3]] * 3, [30, -20, 0])) == (STAMP - 20 * MS, STAMP + 30 * MS)
    np.testing.assert_allclose(deskew(cloud([[10, 0, 0]], [50]), path(speed=20.0), STAMP, 0).xyz[0, 0], 11.0, atol=1e-5)


@settings(deadline=None, max_examples=60)
@given(
    hnp.arrays(np.float32, (40, 3), elements=st.floats(-100, 100, width=32)),
    hnp.arrays(np.int64, 40, elements=st.integers(-60 * MS, 60 * MS)),
    st.lists(st.floats(-2, 2), min_size=3, max_size=3),
    st.lists(st.floats(-30, 30), min_size=3, max_size=3),
)
def test_a_world_that_stands_still_comes_back(
    world: np.ndarray, times: np.ndarray, turn: list[float], speed: list[float]
) -> None:
    """Every point is put where the moving sensor would have seen it; deskewing finds the world again."""
    stamps = STAMP + np.arange(-60, 61, 10) * MS
    n = len(stamps)
    moving = path_from_rates(stamps, np.tile(turn, (n, 1)), np.tile(speed, (n, 1)))
    poses = moving.at(STAMP + times)
    seen = np.stack(
        [transforms.apply(transforms.invert(T), p[None].astype(float))[0] for T, p in zip(poses, world, strict=True)]
    )
    skewed = PointCloud(seen, STAMP, "lidar", intensity=np.arange(40), ring=np.arange(40), time_offset_ns=times)
    out = deskew(skewed, moving, STAMP, 0)
    truth = transforms.apply(transforms.invert(moving.at(np.array([STAMP]))[0]), world.astype(float))
    np.testing.assert_allclose(out.xyz, truth, atol=2e-3)
    np.testing.assert_array_equal(out.ring, skewed.ring)
    np.testing.assert_array_equal(out.intensity, skewed.intensity)


@pytest.fixture(scope="module")
def city() -> tuple[Simulation, list[SimulatedFrame]]:
    """Scans of the moving drive: straight ahead at speed, and in a bend."""
    simulation = Simulation(load_scenario("city"))
    return simulation, [simulation.frame(k) for k in (30, 60, 90)]


def errors(simulation: Simulation, frame: SimulatedFrame, deskewed: bool) -> np.ndarray:
    """Distance of each return of the street from where it truly is, in metres: exact poses at the points' own times."""
    seen = frame.cloud
    street = frame.point_ids == 0
    T_base_lidar = simulation.rig.transforms[0][2]
    start_ns = simulation.stamp_ns(0.0)
    seconds = (seen.stamp_ns - start_ns) * 1e-9
    assert seen.time_offset_ns is not None
    moments, which = np.unique(seen.time_offset_ns, return_inverse=True)
    exact = np.stack([simulation.odom_pose(seconds + t * 1e-9) @ T_base_lidar for t in moments])[which]
    world = np.einsum("nij,nj->ni", exact[:, :3, :3], seen.xyz.astype(float)) + exact[:, :3, 3]
    if deskewed:
        base = path_from_transforms(lambda ns: simulation.odom_pose((ns - start_ns) * 1e-9), *sweep_of(seen))
        seen = deskew(seen, base.seen_from(T_base_lidar), seen.stamp_ns, 0)
    at_stamp = simulation.odom_pose(seconds) @ T_base_lidar
    return np.linalg.norm(transforms.apply(at_stamp, seen.xyz.astype(float)) - world, axis=1)[street]


def test_the_standing_street_of_the_drive_is_where_it_is(city: tuple[Simulation, list[SimulatedFrame]]) -> None:
    simulation, frames = city
    before = np.concatenate([errors(simulation, frame, False) for frame in frames])
    after = np.concatenate([errors(simulation, frame, True) for frame in frames])
    print(f"median {np.median(before):.4f} -> {np.median(after):.5f}, worst {before.max():.3f} -> {after.max():.5f} m")
    assert before.max() > 0.3
    assert after.max() < 0.005
