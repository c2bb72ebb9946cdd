"""What goes wrong on request: where sensors are believed to be, and which messages and points are left."""

import numpy as np
import pytest

from perception_core.geometry.transforms import from_yaw, invert
from perception_core.simulation.disturbances import (
    NONE,
    Disturbance,
    DisturbancesConfig,
    camera_disturbance,
    lidar_disturbance,
)
from perception_core.simulation.rig import rig, true_rig
from perception_core.simulation.scenario import parse_scenario
from perception_core.types import PointCloud


def ring(count: int) -> PointCloud:
    """Return points on a circle, the first ahead, then to the left."""
    angle = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False)
    return PointCloud(np.column_stack([np.cos(angle), np.sin(angle), np.zeros(count)]).astype(np.float32), 0, "lidar")


def test_nothing_happens_by_default():
    config = DisturbancesConfig()
    T = from_yaw(0.3, (1.0, 2.0, 3.0))
    for found in (camera_disturbance(config, "front"), lidar_disturbance(config, "top")):
        assert found == NONE
        assert found.believed(T) is T
        assert found.arrives(1.0, np.random.default_rng(0))
        assert found.kept(ring(100), np.random.default_rng(0)).all()


def test_it_happens_to_those_who_are_named():
    config = DisturbancesConfig(cameras=("rear",), camera_delay=0.2, lidars=("top",), lidar_lost=0.5)
    assert camera_disturbance(config, "rear").delay == 0.2
    assert camera_disturbance(config, "front") == NONE
    assert lidar_disturbance(config, "top").lost == 0.5
    assert lidar_disturbance(config, "rear") == NONE


def test_a_believed_mount_is_turned_about_the_sensor_and_moved():
    # Believed 90 degrees to the left of where it looks, and 5 cm ahead of where it stands.
    T = Disturbance(turn=(0.0, 0.0, np.pi / 2.0), shift=(0.05, 0.0, 0.0)).believed(from_yaw(0.0, (1.0, 2.0, 3.0)))
    assert T[:3, 3] == pytest.approx([1.05, 2.0, 3.0])
    assert T[:3, 0] == pytest.approx([0.0, 1.0, 0.0])


def test_the_rig_is_believed_with_the_error_and_truly_without():
    document = {"disturbances": {"camera_turn": [0, 0, 1.0], "lidar_shift": [0, 0.1, 0], "lidars": ["rear"]}}
    scenario = parse_scenario("x", {**document, "lidars": {"rear": {"yaw": 180.0}}, "cameras": {"left": {"yaw": 90}}})
    believed = {child: T for _, child, T in rig(scenario).transforms}
    true = {child: T for _, child, T in true_rig(scenario).transforms}
    assert set(believed) == set(true) == {"lidar_top", "lidar_rear", "camera_front", "camera_left"}
    assert set(rig(scenario).cameras) == {"camera_front", "camera_left"}
    assert np.array_equal(believed["lidar_top"], true["lidar_top"])
    assert believed["lidar_rear"][:3, 3] - true["lidar_rear"][:3, 3] == pytest.approx([0.0, 0.1, 0.0])
    for frame in ("camera_front", "camera_left"):
        error = believed[frame] @ invert(true[frame])
        assert np.degrees(np.arctan2(error[1, 0], error[0, 0])) == pytest.approx(1.0)
        assert believed[frame][:3, 3] == pytest.approx(true[frame][:3, 3])


def test_a_dead_sensor_says_nothing_from_to():
    dead = Disturbance(dead=(1.0, 2.0))
    rng = np.random.default_rng(0)
    assert [dead.arrives(time, rng) for time in (0.9, 1.0, 1.9, 2.0)] == [True, False, False, True]


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_so_many_messages_and_points_are_lost(share):
    rng = np.random.default_rng(5)
    disturbance = Disturbance(lost=share, dropout=share)
    arrived = np.mean([disturbance.arrives(1.0, rng) for _ in range(2000)])
    assert arrived == pytest.approx(1.0 - share, abs=0.04)  # 4 sigma of 2000 draws at 0.3
    assert disturbance.kept(ring(20_000), rng).mean() == pytest.approx(1.0 - share, abs=0.013)


@pytest.mark.parametrize(
    ("blind", "gone"),
    [
        ((-45.0, 45.0), [0]),
        ((45.0, 225.0), [1, 2]),
        ((135.0, -135.0), [2]),
        ((80.0, 100.0), [1]),
        ((-180.0, 180.0), [0, 1, 2, 3]),
        ((0.0, 360.0), [0, 1, 2, 3]),
    ],
)
def test_dirt_hides_a_sector(blind, gone):
    disturbance = lidar_disturbance(DisturbancesConfig(lidar_blind=blind), "top")
    kept = disturbance.kept(ring(4), np.random.default_rng(0))  # ahead, left, back, right
    assert np.flatnonzero(~kept).tolist() == gone
