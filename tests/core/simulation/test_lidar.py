"""The rolling sweep, against walls and boxes whose ranges are known."""

import numpy as np
import pytest

from perception_core.errors import ConfigError
from perception_core.geometry.transforms import from_yaw
from perception_core.simulation.lidar import NOTHING, STREET, Lidar, beam_elevations
from perception_core.simulation.materials import Material
from perception_core.simulation.mesh import box
from perception_core.simulation.scenario_config import LidarConfig

GREY = (0.5, 0.5, 0.5)
T_BASE_LIDAR = from_yaw(0.0, (0.0, 0.0, 1.0))
LEVEL = LidarConfig(columns=360, elevations=(0.0, 0.0, 1.0))
# Its near face at x = 50 m, wide and high enough for every ray that looks ahead.
WALL = box((1.0, 400.0, 40.0), (50.5, 0.0, 0.0), Material.CONCRETE, GREY)


def test_beams_in_groups():
    angles = np.degrees(beam_elevations(LidarConfig()))
    assert len(angles) == 64
    assert (np.diff(angles) > 0).all()
    assert (angles[0], angles[-1]) == pytest.approx((-24.33, 2.0))


def test_the_sweep_turns_clockwise_and_looks_ahead_at_the_stamp():
    lidar = Lidar(LEVEL, T_BASE_LIDAR)
    assert np.degrees(lidar.azimuth[[0, 179, 180, 359]]) == pytest.approx([179.5, 0.5, -0.5, -179.5])
    assert lidar.offset_s[[0, 179, 180, 359]] == pytest.approx([-0.04986, -0.00014, 0.00014, 0.04986], abs=1e-5)


def test_a_wall_seen_standing(make_world):
    lidar = Lidar(LEVEL, T_BASE_LIDAR)
    echoes = lidar.echoes(make_world(WALL), 0.0)
    ahead = np.abs(lidar.azimuth) < np.radians(60.0)
    np.testing.assert_allclose(echoes.distance[ahead, 0], 50.0 / np.cos(lidar.azimuth[ahead]), rtol=1e-5)
    np.testing.assert_allclose(echoes.cosine[ahead, 0], np.cos(lidar.azimuth[ahead]), atol=1e-5)
    assert (echoes.objects[ahead] == STREET).all()
    assert (echoes.objects[np.cos(lidar.azimuth) < 0] == NOTHING).all()


def test_a_wall_seen_driving(make_world):
    # At 20 m/s each column is fired from 20 * offset metres further on.
    lidar = Lidar(LEVEL, T_BASE_LIDAR)
    echoes = lidar.echoes(make_world(WALL, ego_speed=20.0), 0.0)
    ahead = np.abs(lidar.azimuth) < np.radians(60.0)
    expected = (50.0 - 20.0 * lidar.offset_s[ahead]) / np.cos(lidar.azimuth[ahead])
    np.testing.assert_allclose(echoes.distance[ahead, 0], expected, rtol=1e-5)


def test_a_moving_box_is_where_it_is_at_each_columns_time(make_world):
    # The rear of a 4 m box whose middle is 12 m ahead at the stamp, leaving at 10 m/s: 10 m + 10 * offset.
    lidar = Lidar(LEVEL, T_BASE_LIDAR)
    echoes = lidar.echoes(make_world(WALL, actors=((12.0, 0.0, 10.0),)), 0.0)
    rear = np.abs(np.tan(lidar.azimuth)) < 0.09
    rear &= np.cos(lidar.azimuth) > 0
    assert (echoes.objects[rear, 0] == 0).all()
    expected = (10.0 + 10.0 * lidar.offset_s[rear]) / np.cos(lidar.azimuth[rear])
    np.testing.assert_allclose(echoes.distance[rear, 0], expected, rtol=1e-5)


def test_a_box_behind_is_seen_across_the_seam_of_the_sweep(make_world):
    echoes = Lidar(LEVEL, T_BASE_LIDAR).echoes(make_world(WALL, actors=((-12.0, 0.0, 0.0),)), 0.0)
    assert (echoes.objects[[0, 1, -2, -1], 0] == 0).all()
    np.testing.assert_allclose(echoes.distance[[0, -1], 0], 10.0, rtol=1e-4)


def test_a_near_box_hides_a_far_one(make_world):
    echoes = Lidar(LEVEL, T_BASE_LIDAR).echoes(make_world(WALL, actors=((30.0, 0.0, 0.0), (12.0, 0.0, 0.0))), 0.0)
    assert set(np.unique(echoes.objects)) == {NOTHING, STREET, 1}


def test_points_are_in_the_sensors_frame_in_order_of_time(make_world):
    config = LidarConfig(columns=360, elevations=(-2.0, 2.0, 5.0), range_noise=0.0, dropout=0.0)
    scan = Lidar(config, T_BASE_LIDAR).scan(make_world(WALL), 0.0, 10**9, np.random.default_rng(0))
    cloud = scan.cloud
    assert cloud.frame == "lidar_top"
    assert cloud.stamp_ns == 10**9
    np.testing.assert_allclose(cloud.xyz[:, 0], 50.0, atol=0.003)
    assert (np.diff(cloud.time_offset_ns) >= 0).all()
    elevation = np.degrees(np.arctan2(cloud.xyz[:, 2], np.hypot(cloud.xyz[:, 0], cloud.xyz[:, 1])))
    np.testing.assert_allclose(elevation, np.linspace(-2.0, 2.0, 5)[cloud.ring], atol=0.01)


def test_noise_has_the_deviation_asked_for(make_world):
    config = LidarConfig(columns=2000, elevations=(-2.0, 2.0, 9.0), range_noise=0.03)
    scan = Lidar(config, T_BASE_LIDAR).scan(make_world(WALL), 0.0, 0, np.random.default_rng(0))
    unit = scan.cloud.xyz / np.linalg.norm(scan.cloud.xyz, axis=1, keepdims=True)
    error = np.linalg.norm(scan.cloud.xyz, axis=1) - 50.0 / unit[:, 0]
    assert error.std() == pytest.approx(0.03, rel=0.1)
    assert abs(error.mean()) < 0.003


def test_everything_may_be_lost(make_world):
    config = LidarConfig(columns=360, elevations=(0.0, 0.0, 1.0), dropout=1.0)
    assert len(Lidar(config, T_BASE_LIDAR).scan(make_world(WALL), 0.0, 0, np.random.default_rng(0)).cloud) == 0


def test_ranges_beyond_the_sensor_are_lost(make_world):
    config = LidarConfig(columns=360, elevations=(0.0, 0.0, 1.0), range_max=49.0)
    assert len(Lidar(config, T_BASE_LIDAR).scan(make_world(WALL), 0.0, 0, np.random.default_rng(0)).cloud) == 0


def test_a_sensor_without_columns_is_refused():
    with pytest.raises(ConfigError, match="columns: 0 is out of range"):
        LidarConfig(columns=0)
