"""A whole drive: stamps, odometry, truth, and the same bytes twice."""

import itertools

import numpy as np
import pytest

from perception_core.geometry.transforms import apply, interpolate, invert
from perception_core.simulation import Simulation, load_scenario, simulate
from perception_core.types import Truth
from perception_core.types.classes import CLASSES, INDEX


def content(frame):
    truth = frame.truth
    arrays = [frame.image.pixels, frame.cloud.xyz, frame.cloud.intensity, frame.cloud.ring, frame.cloud.time_offset_ns]
    arrays += [frame.point_ids, frame.T_odom_base, frame.odometry.stamp_ns, frame.odometry.T_odom_base]
    arrays += [getattr(truth, name) for name in Truth.__slots__[2:]]
    return [np.asarray(array).tobytes() for array in arrays]


def test_the_same_seed_gives_the_same_bytes(tiny_frames):
    again = list(simulate(load_scenario("tiny")))
    assert [content(frame) for frame in again] == [content(frame) for frame in tiny_frames]


def test_another_seed_gives_another_drive(tiny_frames):
    other = Simulation(load_scenario("tiny"), seed=2).frame(0)
    assert other.cloud.xyz.tobytes() != tiny_frames[0].cloud.xyz.tobytes()


def test_frames_do_not_depend_on_each_other(tiny, tiny_frames):
    assert content(tiny.frame(7)) == content(tiny_frames[7])


def test_stamps_are_even(tiny, tiny_frames):
    assert len(tiny) == len(tiny_frames) == 20
    stamps = [frame.stamp_ns for frame in tiny_frames]
    assert stamps[0] == tiny.scenario.config.start * 10**9 + 100_000_000
    assert set(np.diff(stamps)) == {100_000_000}
    for frame in tiny_frames:
        assert frame.image.stamp_ns == frame.cloud.stamp_ns == frame.truth.stamp_ns == frame.stamp_ns


def test_odometry_covers_every_sweep_without_gap_or_repetition(tiny_frames):
    stamps = np.concatenate([frame.odometry.stamp_ns for frame in tiny_frames])
    assert set(np.diff(stamps)) == {20_000_000}
    assert stamps[0] <= tiny_frames[0].stamp_ns + tiny_frames[0].cloud.time_offset_ns.min()
    for frame in tiny_frames:
        assert frame.odometry.stamp_ns[-1] >= frame.stamp_ns + frame.cloud.time_offset_ns.max()


def test_the_pose_of_a_scan_is_the_odometrys(tiny_frames):
    stamps = np.concatenate([frame.odometry.stamp_ns for frame in tiny_frames])
    poses = np.concatenate([frame.odometry.T_odom_base for frame in tiny_frames])
    np.testing.assert_allclose(poses[0], np.eye(4), atol=1e-9)  # odom is base_link at time 0
    for frame in tiny_frames:
        np.testing.assert_allclose(frame.T_odom_base, poses[list(stamps).index(frame.stamp_ns)], atol=1e-9)
    np.testing.assert_allclose(tiny_frames[9].T_odom_base[:3, 3], [8.0, 0.0, 0.0], atol=1e-6)  # 8 m/s for 1 s


def test_point_counts_are_recounted(tiny_frames):
    for frame in tiny_frames:
        for row, number in enumerate(frame.truth.ids):
            assert frame.truth.point_count[row] == (frame.point_ids == number).sum()
    assert max(frame.truth.point_count.max() for frame in tiny_frames) > 30


def test_velocity_is_the_motion_of_the_centre(tiny_frames):
    for before, after in itertools.pairwise(tiny_frames):
        moved = (after.truth.centre - before.truth.centre) / 0.1
        mean = (after.truth.velocity + before.truth.velocity) / 2.0
        np.testing.assert_allclose(moved, mean, atol=0.02)


def test_the_car_ahead_by_hand(tiny_frames):
    # It starts 14 m before us in our lane and both drive 8 m/s: after 0.1 s it is at 14.8 m of odom.
    truth = tiny_frames[0].truth
    assert CLASSES[truth.class_ids[0]] == "car"
    np.testing.assert_allclose(truth.centre[0], [14.8, 0.0, 1.45 / 2], atol=1e-6)
    np.testing.assert_allclose(truth.velocity[0], [8.0, 0.0, 0.0], atol=1e-9)
    assert truth.yaw[0] == pytest.approx(0.0, abs=1e-9)
    assert abs(truth.yaw[1]) == pytest.approx(np.pi)  # oncoming
    assert truth.class_ids[2] == INDEX["person"]


def test_every_point_of_an_object_lies_in_its_box(tiny, tiny_frames):
    """Move each point by the ego motion of its own time and by the object's since: it must lie on the object."""
    T_base_lidar = next(T for _, child, T in tiny.rig.transforms if child == "lidar_top")
    stamps = np.concatenate([frame.odometry.stamp_ns for frame in tiny_frames])
    poses = np.concatenate([frame.odometry.T_odom_base for frame in tiny_frames])
    for frame in tiny_frames[::6]:
        truth = frame.truth
        row_of = {int(number): row for row, number in enumerate(truth.ids)}
        for i in np.flatnonzero(frame.point_ids > 0)[::5]:
            time = frame.stamp_ns + int(frame.cloud.time_offset_ns[i])
            k = int(np.searchsorted(stamps, time, side="right")) - 1
            T = interpolate(poses[k], int(stamps[k]), poses[k + 1], int(stamps[k + 1]), time) @ T_base_lidar
            row = row_of[int(frame.point_ids[i])]
            centre = truth.centre[row] + truth.velocity[row] * (time - frame.stamp_ns) * 1e-9
            away = apply(T, frame.cloud.xyz[i : i + 1].astype(np.float64))[0] - centre
            c, s = np.cos(truth.yaw[row]), np.sin(truth.yaw[row])
            local = np.array([c * away[0] + s * away[1], c * away[1] - s * away[0], away[2]])
            assert (np.abs(local) <= truth.size[row] / 2 + [0.15, 0.25, 0.15]).all(), (truth.ids[row], local)


def test_boxes_in_the_image_hold_the_projected_centre(tiny, tiny_frames):
    camera = tiny.rig.cameras["camera_front"]
    T_base_camera = next(T for _, child, T in tiny.rig.transforms if child == "camera_front")
    checked = 0
    for frame in tiny_frames[::5]:
        T_camera_odom = invert(frame.T_odom_base @ T_base_camera)
        pixels, valid = camera.project(apply(T_camera_odom, frame.truth.centre))
        for row in np.flatnonzero(valid & (frame.truth.visible_fraction > 0.5)):
            x_min, y_min, x_max, y_max = frame.truth.boxes_2d[row]
            assert x_min - 1 <= pixels[row, 0] <= x_max
            assert y_min - 1 <= pixels[row, 1] <= y_max
            checked += 1
    assert checked >= 4
