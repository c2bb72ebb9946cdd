"""The drives that come with the package hold what they say."""

import numpy as np
import pytest

from perception_core.simulation import SimulatedFrame, Simulation, load_scenario
from perception_core.simulation.rig import lidar_pose
from perception_core.simulation.staging import Stage, stage
from perception_core.types.classes import CLASSES

TIMES = np.arange(0.0, 10.0, 0.05)
SMALL = {"width": 160, "height": 80, "focal": 95.0, "centre": [79.5, 39.5]}
EGO_LENGTH = 4.6
BEAM_NOISE = 0.08
"""Metres: 4 sigma of the range, and its step."""


def staged(name: str) -> Stage:
    scenario = load_scenario(name)
    return stage(scenario, scenario.config.seed)


def seen_from_ego(found: Stage, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how far an actor's middle is ahead of ours and to the left of it at TIMES."""
    ego, other = found.ego.at(TIMES), found.roles[row].trajectory.at(TIMES)
    dx, dy = other.x - ego.x, other.y - ego.y
    c, s = np.cos(ego.yaw), np.sin(ego.yaw)
    return c * dx + s * dy, c * dy - s * dx


def drive(name: str) -> Simulation:
    return Simulation(load_scenario(name, {"camera": SMALL}))


def in_world(simulation: Simulation, k: int, frame: SimulatedFrame) -> np.ndarray:
    """Return all points where they were measured, moved by the pose of our car at the time of each."""
    times, which = np.unique(simulation.time_of(k) + frame.cloud.time_offset_ns * 1e-9, return_inverse=True)
    T = (simulation.world.ego.at(times).poses() @ lidar_pose(simulation.scenario.config.lidar))[which]
    return np.einsum("nij,nj->ni", T[:, :3, :3], frame.cloud.xyz.astype(np.float64)) + T[:, :3, 3]


def in_bodies(simulation: Simulation, k: int, frame: SimulatedFrame, row: int) -> np.ndarray:
    """Return the points that hit an actor, in its own frame where it stood when each was measured."""
    mine = frame.point_objects == row
    times = simulation.time_of(k) + frame.cloud.time_offset_ns[mine] * 1e-9
    T = simulation.world.actors[row].trajectory.at(times).poses()
    return np.einsum("nji,nj->ni", T[:, :3, :3], in_world(simulation, k, frame)[mine] - T[:, :3, 3])


STICKS_OUT = {"car": (0.02, 0.2, 0.02), "person": (0.15, 0.02, 0.02)}
"""Metres of a mesh that its box does not hold: mirrors to the sides, hands and feet of a wide step to both ends."""


@pytest.fixture(scope="module")
def van() -> Simulation:
    return drive("van_pedestrian")


def test_the_car_cuts_in_closely_and_brakes():
    found = staged("cut_in")
    ahead, left = seen_from_ego(found, 0)
    before_us = (np.abs(left) < 1.2) & (ahead > 0.0)
    gap = ahead[before_us] - EGO_LENGTH
    assert TIMES[before_us][0] == pytest.approx(3.9, abs=0.2)
    assert 3.5 < gap.min() < 6.0
    speed = found.roles[0].trajectory.at(TIMES).speed
    assert np.diff(speed).min() / 0.05 < -3.0
    assert ahead[0] < 0.0  # it comes from behind


def test_pedestrian_and_child_are_hidden_and_then_seen(van):
    for row, hidden_at, seen_at, model in ((0, (0.5, 1.5), 4.0, "pedestrian"), (1, (0.5, 6.0, 8.5), 10.3, "child")):
        assert van.scenario.actors[row].model == model
        for time in hidden_at:
            truth = van.frame(round(time * 10) - 1).truth
            assert truth.point_count[row] < 10
            assert truth.visible_fraction[row] < 0.2
        truth = van.frame(round(seen_at * 10) - 1).truth
        assert truth.point_count[row] > 50
        assert truth.visible_fraction[row] > 0.9
        assert CLASSES[truth.class_ids[row]] == "person"
    assert truth.size[1, 2] == pytest.approx(1.155)  # two thirds of 1.75 m


def test_the_hidden_pedestrian_comes_to_ten_points_once(van):
    counts = [van.frame(k).truth.point_count[0] for k in range(20, 36)]
    first = int(np.argmax(np.array(counts) >= 10))
    assert 0 < first < 15
    assert max(counts[:first]) < 10
    assert min(counts[first:]) >= 10


@pytest.mark.parametrize(("row", "start", "end"), [(0, 2.4, 5.4), (1, 8.5, 12.0)])
def test_cars_turn_left_across_us(row, start, end):
    motion = staged("left_turn").roles[row].trajectory.at(np.arange(start, end, 0.01))
    # A quarter of a circle of 9.7 m. The yaw rate is speed by radius but where the arc begins and ends.
    middle = np.argmin(np.abs(np.degrees(motion.yaw - motion.yaw[0]) - 45.0))
    assert motion.yaw_rate[middle] == pytest.approx(motion.speed[middle] / 9.7, rel=0.15)
    if row == 0:
        assert np.degrees(motion.yaw[-1] - motion.yaw[0]) == pytest.approx(90.0, abs=3.0)
        assert np.trapezoid(motion.yaw_rate, dx=0.01) == pytest.approx(motion.yaw[-1] - motion.yaw[0], abs=0.02)


def test_we_overtake_a_cyclist_who_later_passes_us_and_another_overtakes_us():
    found = staged("overtaking_cyclist")
    ahead, left = seen_from_ego(found, 0)
    passes = TIMES[1:][np.diff(np.sign(ahead)) != 0]
    assert len(passes) == 2  # we pass, and are passed
    beside = np.abs(ahead) < 1.0
    assert (left[beside] < -1.3).all()  # on our right, and not in our side: 0.95 m and half a cyclist
    assert found.ego.at([passes[1]]).speed[0] == pytest.approx(0.0)
    ahead, left = seen_from_ego(found, 1)
    assert len(TIMES[1:][np.diff(np.sign(ahead)) > 0]) == 1
    assert (left[np.abs(ahead) < 1.0] > 1.3).all()


def test_a_crowd_crosses_around_us():
    found = staged("crowd")
    models = [role.entry.model for role in found.roles]
    walkers = [i for i, model in enumerate(models) if model in ("pedestrian", "child")]
    assert len(walkers) >= 40
    ahead, left = zip(*(seen_from_ego(found, i) for i in walkers), strict=True)
    near = np.hypot(ahead, left) < 25.0
    assert near.sum(axis=0).min() >= 30
    assert found.ego.at(TIMES).speed.max() < 1.0


def test_the_motorway_is_fast_and_seen_far():
    simulation = drive("highway")
    motions = [actor.trajectory.at(TIMES) for actor in simulation.world.actors]
    assert all((motion.speed >= 24.9).all() and (motion.speed <= 36.1).all() for motion in motions)
    assert simulation.world.ego.at(TIMES).speed.min() > 25.0
    assert sum(entry.model == "truck" for entry in simulation.scenario.actors) >= 2
    far = 0
    for k in (5, 25, 45):
        truth = (frame := simulation.frame(k)).truth
        distance = np.linalg.norm(truth.centre[:, :2] - frame.T_odom_base[:2, 3], axis=1)
        far = max(far, int(truth.point_count[(distance > 120.0) & (distance < 150.0)].max(initial=0)))
    assert far >= 10


def test_lanes_are_changed_on_the_motorway():
    found = staged("highway")
    for row in (1, 2):
        before, after = (seen_from_ego(found, row)[1][i] for i in (0, 190))
        assert abs(before) == pytest.approx(3.75, abs=0.1)
        assert after == pytest.approx(0.0, abs=0.6)  # ahead of us in a bend


def test_oncoming_traffic_comes_over_the_crest():
    simulation = drive("crest")
    counts = np.array([simulation.frame(k).truth.point_count[1:3] for k in (0, 10, 45, 65)])
    assert (counts[0] == 0).all()
    assert (counts.max(axis=0) > 100).all()


def test_the_drone_flies_up_and_down_over_wires():
    simulation = drive("drone_yard")
    ego = simulation.world.ego.at(TIMES)
    assert ego.z.min() == pytest.approx(3.0)
    assert ego.z.max() == pytest.approx(8.0)
    assert np.degrees(np.abs(ego.pitch).max()) > 5.0
    assert np.degrees(np.abs(ego.roll).max()) > 5.0
    frame = simulation.frame(29)
    assert frame.T_odom_base[2, 3] == pytest.approx(ego.z[60] - 3.0, abs=1e-6)  # odom is where it begins, level
    np.testing.assert_allclose(simulation.frame(0).odometry.T_odom_base[0], np.eye(4), atol=1e-12)
    below, above = np.zeros((2, 3), dtype=int)
    for i, k in enumerate((20, 25, 40)):
        points = in_world(simulation, k, simulation.frame(k))
        below[i], above[i] = (
            (np.hypot(points[:, 0] - s, points[:, 2] - z) < 0.12).sum() for s, z in ((16.0, 3.6), (30.0, 9.6))
        )
    assert below.max() >= 5
    assert above.max() >= 5
    assert simulation.frame(3).images["down"].frame == "camera_down"


def test_one_backs_out_and_people_come_out_between_parked_cars():
    found = staged("car_park_busy")
    motion = found.roles[0].trajectory.at(TIMES)
    assert motion.speed.min() < -1.0
    velocity = np.gradient(motion.x, TIMES), np.gradient(motion.y, TIMES)
    moving = motion.speed < -0.5
    along = velocity[0] * np.cos(motion.yaw) + velocity[1] * np.sin(motion.yaw)
    np.testing.assert_allclose(along[moving], motion.speed[moving], atol=0.15)
    forwards = found.roles[1].trajectory.at(TIMES)
    assert forwards.speed.max() > 1.5
    assert np.degrees(np.ptp(forwards.yaw)) > 80.0
    simulation = drive("car_park_busy")
    counts = np.array([simulation.frame(k).truth.point_count[4:8] for k in (2, 30, 45, 60, 80)])
    assert (counts[0] < 10).all()
    assert (counts.max(axis=0) > 20).all()
    assert {"left", "right"} <= set(simulation.frame(4).images)


@pytest.mark.parametrize(
    ("name", "k", "least"), [("cut_in", 45, 15), ("left_turn", 43, 12), ("highway", 40, 7), ("crowd", 70, 30)]
)
def test_points_lie_in_the_true_boxes_at_their_own_times(name, k, least):
    simulation = drive(name)
    frame = simulation.frame(k)
    checked = 0
    for row in np.flatnonzero(frame.truth.point_count >= 5):
        points = in_bodies(simulation, k, frame, int(row))
        half = np.array(simulation.world.actors[row].size) / 2.0
        reach = half + np.array(STICKS_OUT.get(CLASSES[frame.truth.class_ids[row]], (0.02, 0.02, 0.02))) + BEAM_NOISE
        assert (np.abs(points - [0.0, 0.0, half[2]]) < reach).all(), f"actor {row}"
        checked += 1
    assert checked >= least


def test_a_box_at_the_wrong_time_does_not_hold_the_points():
    # The car that cuts in is beside or before us while the sweep passes it; at 14 m/s it goes 1.4 m in a sweep.
    simulation = drive("cut_in")
    frame = simulation.frame(45)
    offset = frame.cloud.time_offset_ns[frame.point_objects == 3]  # the one behind us: at the ends of the sweep
    assert offset.max() - offset.min() > 90_000_000
    points = in_bodies(simulation, 45, frame, 3)
    late = simulation.world.actors[3].trajectory.at(simulation.time_of(45)).speed[0] * offset * 1e-9
    half = simulation.world.actors[3].size[0] / 2.0
    assert np.abs(points[:, 0]).max() < half + BEAM_NOISE
    assert np.abs(points[:, 0] + late).max() > half + 0.3
