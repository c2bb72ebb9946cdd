"""Streets and the motion along them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.errors import ConfigError
from perception_core.simulation.route import Ride, Route, Trajectory

STRAIGHT = Route([[0.0, 0.0], [100.0, 0.0]])
CURVED = Route([[0, 0], [60, 1.5], [120, 8], [180, 13], [240, 10]])


def test_street_coordinates_on_a_straight_street():
    assert STRAIGHT.length == pytest.approx(100.0)
    np.testing.assert_allclose(STRAIGHT.position([10.0, 120.0, -5.0], [2.0, -1.0, 0.0]), [[10, 2], [120, -1], [-5, 0]])


def test_left_is_left_of_the_direction():
    north = Route([[5.0, 0.0], [5.0, 50.0]])
    np.testing.assert_allclose(north.position(10.0, 2.0), [3.0, 10.0], atol=1e-9)
    assert north.heading(10.0) == pytest.approx(np.pi / 2)


@pytest.mark.parametrize("points", [[], [[0, 0]], [[0, 0], [0, 0]]])
def test_centrelines_need_two_places(points):
    with pytest.raises(ConfigError, match="centreline"):
        Route(points)


def test_distance_is_the_integral_of_the_speed():
    # 0 to 2 m/s in 2 s is 2 m; then 2 m/s for 3 s is 6 m more.
    motion = Trajectory(STRAIGHT, [[10, 1], [50, 1]], [[0, 0], [2, 2], [5, 2]]).at([0.0, 1.0, 2.0, 5.0])
    np.testing.assert_allclose(motion.x, [10.0, 10.5, 12.0, 18.0], atol=1e-9)
    np.testing.assert_allclose(motion.speed, [0.0, 1.0, 2.0, 2.0])
    np.testing.assert_allclose(motion.y, 1.0)
    np.testing.assert_allclose(motion.yaw, 0.0, atol=1e-9)


def test_oncoming_traffic_looks_back():
    motion = Trajectory(STRAIGHT, [[50, 1], [0, 1]], [[0, 5]]).at(2.0)
    assert motion.x[0] == pytest.approx(40.0)
    assert abs(motion.yaw[0]) == pytest.approx(np.pi)


def test_the_end_of_the_path_is_a_stop():
    motion = Trajectory(STRAIGHT, [[0, 0], [10, 0]], [[0, 5]]).at([1.0, 2.5, 9.0])
    np.testing.assert_allclose(motion.x, [5.0, 10.0, 10.0])
    np.testing.assert_allclose(motion.speed, [5.0, 0.0, 0.0])


def test_one_waypoint_stands_still():
    motion = Trajectory(STRAIGHT, [[7, -2]], [[0, 5]], heading=1.0).at([0.0, 3.0])
    np.testing.assert_allclose(np.column_stack([motion.x, motion.y, motion.yaw, motion.speed]), [[7, -2, 1, 0]] * 2)


@pytest.mark.parametrize(
    ("path", "speed", "message"),
    [
        ([], [[0, 1]], "path"),
        ([[0, 0], [0, 0]], [[0, 1]], "path"),
        ([[0, 0], [1, 0]], [[1, 1], [0, 1]], "speed"),
        ([[0, 0], [1, 0]], [[0, -1]], "speed"),
    ],
)
def test_paths_that_cannot_be_driven_are_refused(path, speed, message):
    with pytest.raises(ConfigError, match=message):
        Trajectory(STRAIGHT, path, speed)


@given(st.floats(0.2, 14.8))
def test_velocity_is_the_derivative_of_the_position(time):
    path = [[10, -1.75], [74, -1.75], [88, -0.9], [106, -0.9], [122, -1.75], [320, -1.75]]
    trajectory = Trajectory(CURVED, path, [[0, 8.5], [3.0, 8.5], [5.4, 2.0], [8.6, 2.0], [11.5, 10.0], [16, 10.0]])
    h = 0.05
    before, now, after = (trajectory.at(time + dt) for dt in (-h, 0.0, h))
    velocity = np.array([after.x - before.x, after.y - before.y])[:, 0] / (2 * h)
    heading = np.array([np.cos(now.yaw), np.sin(now.yaw)])[:, 0]
    np.testing.assert_allclose(velocity, now.speed[0] * heading, atol=0.05)
    assert (after.yaw[0] - before.yaw[0]) / (2 * h) == pytest.approx(now.yaw_rate[0], abs=0.05)


def test_walkers_step_up_the_kerb():
    # The ground rises by 0.2 m from d = 2 to d = 3; crossing it at 1 m/s climbs 0.2 m/s.
    def ramp(d):
        return 0.2 * np.clip(d - 2.0, 0.0, 1.0)

    motion = Trajectory(STRAIGHT, [[5, 0], [5, 6]], [[0, 1]], ground=ramp).at([1.0, 2.5, 5.0])
    np.testing.assert_allclose(motion.z, [0.0, 0.1, 0.2], atol=1e-6)
    np.testing.assert_allclose(motion.climb, [0.0, 0.2, 0.0], atol=1e-6)
    np.testing.assert_allclose(motion.poses()[1, :3, 3], [5.0, 2.5, 0.1], atol=1e-6)


def test_poses_are_on_the_ground():
    T = Trajectory(STRAIGHT, [[7, -2]], [], heading=np.pi / 2).at([0.0]).poses()
    np.testing.assert_allclose(T[0] @ [1.0, 0.0, 0.0, 1.0], [7.0, -1.0, 0.0, 1.0], atol=1e-12)


HILL = Route([[0.0, 0.0], [200.0, 0.0]], [[20.0, 0.0], [80.0, 6.0], [140.0, 6.0]])


def test_the_elevation_joins_grades_by_parabolas():
    # 10 % between 20 m and 80 m. Before 20 m it is level for 20 m, so the curve reaches 20/3 m to either side of the
    # corner and lifts it by 0.1 * (20/3) / 4 m; at 80 m it reaches 20 m and lowers the corner by 0.1 * 20 / 4 m.
    assert HILL.height([0.0, 50.0, 110.0, 140.0, 190.0]) == pytest.approx([0.0, 3.0, 6.0, 6.0, 6.0])
    assert HILL.height([20.0, 80.0]) == pytest.approx([0.1 * 20.0 / 12.0, 6.0 - 0.5], abs=2e-3)
    assert (STRAIGHT.height([0.0, 50.0]) == 0.0).all()
    assert HILL.hilly
    assert not STRAIGHT.hilly


def test_the_elevation_must_go_on():
    with pytest.raises(ConfigError, match=r"elevation: .*expected rising s"):
        Route([[0.0, 0.0], [10.0, 0.0]], [[5.0, 0.0], [5.0, 1.0]])


@pytest.mark.parametrize(
    ("path", "sign"), [([[20.0, -1.75], [200.0, -1.75]], 1.0), ([[200.0, 1.75], [20.0, 1.75]], -1.0)]
)
def test_a_car_lies_on_the_slope_and_a_walker_stands(path, sign):
    start = 30.0 if sign > 0 else 150.0
    car, walker = (Trajectory(HILL, path, [[0.0, 10.0], [20.0, 10.0]], ride=ride) for ride in (Ride(2.7), Ride()))
    time = start / 10.0  # at s = 50, in the middle of the 10 %
    motion = car.at([time])
    assert motion.z[0] == pytest.approx(3.0, abs=1e-6)
    assert motion.climb[0] == pytest.approx(sign * 1.0, abs=1e-6)
    forward = motion.poses()[0, :3, 0]
    assert forward == pytest.approx([sign * np.cos(np.arctan(0.1)), 0.0, sign * np.sin(np.arctan(0.1))], abs=1e-6)
    assert walker.at([time]).poses()[0, :3, 2] == pytest.approx([0.0, 0.0, 1.0])


def test_a_body_nods_within_its_amplitude_and_stands_level_at_first():
    ride = Ride(2.7, pitching=0.03, rolling=0.02)
    pitch, roll = ride.sway(np.linspace(0.0, 60.0, 6001))
    assert pitch[0] == roll[0] == 0.0
    assert 0.02 < np.abs(pitch).max() <= 0.03
    assert 0.01 < np.abs(roll).max() <= 0.02
    motion = Trajectory(STRAIGHT, [[0.0, 0.0], [100.0, 0.0]], [[0.0, 5.0]], ride=ride).at([3.3])
    R = motion.poses()[0, :3, :3]
    np.testing.assert_allclose(R.T @ R, np.eye(3), atol=1e-12)
    assert -R[2, 0] == pytest.approx(np.sin(motion.pitch[0]))
