"""What the camera sees of boxes at known places."""

import numpy as np
import pytest

from perception_core.simulation.camera import NOTHING, STREET, Camera, camera_model
from perception_core.simulation.materials import Material
from perception_core.simulation.mesh import box, merge
from perception_core.simulation.rig import camera_pose
from perception_core.simulation.scenario_config import CameraConfig, LightConfig

GREY = (0.5, 0.5, 0.5)
# 1 m above the ground, looking along x; f = 100 px, the principal point between the pixels of the middle.
CONFIG = CameraConfig(
    position=(0.0, 0.0, 1.0), width=200, height=100, focal=100.0, centre=(99.5, 49.5), noise=0.0, blur=0.0
)
FLOOR = box((400.0, 400.0, 1.0), (0.0, 0.0, -0.5), Material.ASPHALT, GREY)


def look(world, light=None, config=CONFIG):
    camera = Camera(config, light or LightConfig(), camera_model(config), camera_pose(config))
    return camera.render(world, 0.0, np.random.default_rng(0))


def test_sky_above_and_road_below_the_horizon(make_world):
    picture = look(make_world(FLOOR))
    assert (picture.objects[:49] == NOTHING).all()
    assert (picture.objects[51:] == STREET).all()
    assert picture.boxes.shape == (0, 4)
    assert picture.pixels[5, 100, 0] > picture.pixels[5, 100, 2]  # the sky is blue: channels are blue green red
    assert picture.pixels[:40].mean() > picture.pixels[60:].mean()


def test_a_box_by_hand(make_world):
    # Rear face at x = 10: y from -1 to 1 gives u = 99.5 -+ 10, z from 0 to 1.5 gives v = 49.5 + 10 .. 49.5 - 5.
    picture = look(make_world(FLOOR, actors=((12.0, 0.0, 5.0),)))
    np.testing.assert_allclose(picture.boxes[0], [90.0, 45.0, 110.0, 60.0], atol=1.01)
    assert picture.visible_fraction[0] == 1.0
    assert (picture.objects == 0).sum() == pytest.approx(20 * 15, rel=0.1)


def test_half_hidden_by_a_wall(make_world):
    # A wall from y = 0 to the left hides the left half.
    wall = merge([FLOOR, box((0.2, 20.0, 10.0), (5.0, 10.0, 5.0), Material.CONCRETE, GREY)])
    picture = look(make_world(wall, actors=((12.0, 0.0, 5.0),)))
    assert picture.visible_fraction[0] == pytest.approx(0.5, abs=0.06)
    np.testing.assert_allclose(picture.boxes[0], [90.0, 45.0, 110.0, 60.0], atol=1.01)


def test_behind_and_hidden_objects_have_no_box(make_world):
    wall = merge([FLOOR, box((0.2, 20.0, 10.0), (5.0, 0.0, 5.0), Material.CONCRETE, GREY)])
    picture = look(make_world(wall, actors=((12.0, 0.0, 5.0), (-12.0, 0.0, 5.0))))
    assert picture.visible_fraction.tolist() == [0.0, 0.0]
    assert (picture.boxes == 0.0).all()


def test_an_object_beside_the_lens_is_cut_at_the_near_plane(make_world):
    picture = look(make_world(FLOOR, actors=((1.0, 1.8, 5.0),)))  # from 1 m behind to 3 m before the camera
    assert picture.boxes[0, 0] == 0.0
    assert 0.0 < picture.visible_fraction[0] <= 1.0
    assert (picture.objects == 0).any()


def test_moving_objects_cast_a_shadow(make_world):
    # The sun stands 45 degrees high on the left: the shadow of the 1.5 m box falls to the right of it.
    light = LightConfig(sun_azimuth=90.0, sun_elevation=45.0)
    bare, shaded = (look(make_world(FLOOR, actors=a), light) for a in ((), ((12.0, 0.0, 5.0),)))
    row = 59  # the ground about 10.5 m ahead
    right, left = shaded.pixels[row, 114:118].mean(), shaded.pixels[row, 82:86].mean()
    assert right < 0.75 * bare.pixels[row, 114:118].mean()
    assert left == pytest.approx(bare.pixels[row, 82:86].mean())


def test_the_camera_may_look_to_the_side(make_world):
    config = CameraConfig(position=(0.0, 0.0, 1.0), yaw=90.0, width=200, height=100, focal=100.0, centre=(99.5, 49.5))
    picture = look(make_world(FLOOR, actors=((0.0, 10.0, 5.0),)), config=config)
    np.testing.assert_allclose(picture.boxes[0, [0, 2]].mean(), 100.0, atol=1.5)
