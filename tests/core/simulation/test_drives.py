"""Hills and further LiDARs in drives."""

import numpy as np
import pytest

from perception_core.errors import ConfigError
from perception_core.geometry.transforms import apply, invert
from perception_core.simulation import Simulation, load_scenario
from perception_core.simulation.rig import lidar_pose
from perception_core.simulation.scenario import parse_scenario
from perception_core.simulation.scenario_config import LidarConfig


@pytest.fixture(scope="module")
def hills():
    return Simulation(load_scenario("hills"))


@pytest.fixture(scope="module")
def yard():
    return Simulation(load_scenario("yard"))


def in_world(simulation, k, cloud):
    """Move each point by the pose of the car at its own time."""
    T_base_lidar = lidar_pose(simulation.scenario.config.lidar)
    times, which = np.unique(cloud.time_offset_ns, return_inverse=True)
    T = simulation.world.ego.at(simulation.time_of(k) + times * 1e-9).poses() @ T_base_lidar
    return np.einsum("nij,nj->ni", T[which, :3, :3], cloud.xyz.astype(np.float64)) + T[which, :3, 3]


@pytest.mark.parametrize("k", [0, 55])
def test_ground_points_lie_on_the_hills(hills, k):
    frame = hills.frame(k)
    height = hills.world.heights(in_world(hills, k, frame.cloud)[frame.point_ground])
    assert len(height) > 20_000
    # The rest hit the faces of kerbs, where 2 cm along the ray are a kerb's height.
    assert np.abs(np.percentile(height, [2.0, 98.0])).max() < 0.06
    assert (frame.point_objects[frame.point_ground] == -1).all()


def test_objects_on_the_slope_are_where_the_truth_says(hills):
    k = 30  # we climb by a tenth
    frame = hills.frame(k)
    T_odom_base, truth = frame.T_odom_base, frame.truth
    assert np.degrees(np.arcsin(T_odom_base[2, 0])) > 3.0
    checked = 0
    for row in np.flatnonzero(truth.point_count > 30):
        points = in_world(hills, k, frame.cloud)[frame.point_objects == row]
        odom = apply(invert(hills.world.ego.at(0.0).poses()[0]), points) - truth.centre[row]
        # The boxes are upright while a car leans: half a length by a tenth; and a car drives on during the sweep.
        reach = 0.5 * truth.size[row].max() * 0.1 + 0.15 + 0.05 * np.linalg.norm(truth.velocity[row])
        c, s = np.cos(truth.yaw[row]), np.sin(truth.yaw[row])
        local = np.column_stack([c * odom[:, 0] + s * odom[:, 1], c * odom[:, 1] - s * odom[:, 0], odom[:, 2]])
        assert (np.abs(local) < truth.size[row] / 2.0 + reach + 0.2).all()
        checked += 1
    assert checked > 5


def test_a_drive_in_the_rain_has_specks_that_belong_to_nothing(hills):
    frame = hills.frame(3)
    speck = frame.point_speck
    # 5 mm/h: 1.076 * 5^0.67 = 3.2 dB/km = 7.3e-4 /m; over some 10 m about 0.7 % of the rays.
    assert 0.002 < speck.mean() < 0.012
    assert (frame.point_objects[speck] == -1).all()
    assert not frame.point_ground[speck].any()
    assert hills.world.heights(in_world(hills, 3, frame.cloud))[speck].min() > -0.1


def test_further_lidars_scan_at_their_own_times(yard):
    frame = yard.frame(9)  # at 1.0 s: top 1.0, front 0.93 (0.03 late of 0.9), rear 0.82 is of the frame before
    assert set(frame.clouds) == {"top", "front"}
    assert frame.clouds["top"] is frame.cloud
    assert yard.stamp_ns(1.0) - frame.clouds["front"].stamp_ns == 70_000_000
    assert frame.clouds["front"].frame == "lidar_front"
    rear = yard.frame(10).clouds["rear"]
    assert rear.stamp_ns == yard.stamp_ns(1.02)
    assert len(rear) > 1000
    assert {child for _, child, _ in yard.rig.transforms} >= {"lidar_top", "lidar_front", "lidar_rear"}


def test_a_lidar_may_stop(yard):
    names = [set(yard.frame(k).clouds) for k in (40, 41, 42, 43)]
    assert all("rear" not in found and "front" in found for found in names)


def test_every_sweep_of_a_further_lidar_comes_once():
    document = {
        "duration": 1.2,
        "lidar": {"columns": 16, "elevations": [-10.0, 0.0, 2]},
        "lidars": {"rear": {"columns": 16, "elevations": [-10.0, 0.0, 2], "rate": 7.0, "delay": 0.011}},
        "camera": {"width": 32, "height": 16},
    }
    frames = list(Simulation(parse_scenario("x", document)))
    stamps = [frame.clouds["rear"].stamp_ns for frame in frames if "rear" in frame.clouds]
    expected = [round((j / 7.0 + 0.011) * 1e9) for j in range(1, 9)]
    assert np.array(stamps) - frames[0].stamp_ns + 100_000_000 == pytest.approx(expected, abs=1000)


def test_a_mount_is_turned_down_and_around():
    T = lidar_pose(LidarConfig(position=(0.4, 0.0, 0.6), yaw=180.0, pitch=30.0))
    half = np.sqrt(3.0) / 2.0
    assert T[:3, 0] == pytest.approx([-half, 0.0, -0.5])  # its x axis looks back and down
    assert T[:3, 3] == pytest.approx([0.4, 0.0, 0.6])


def test_a_falling_elevation_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"street\.elevation: .*expected rising s"):
        Simulation(parse_scenario("x", {"street": {"elevation": [[10, 0], [5, 1]]}}))
