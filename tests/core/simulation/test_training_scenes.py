"""Light, weather, colours and clutter of pictures to learn from, and their labels."""

from dataclasses import replace

import numpy as np
import pytest

from perception_core.simulation.camera import NO_MATERIAL, NOTHING, Camera, Picture, camera_model, rain_streaks
from perception_core.simulation.clutter import build_clutter
from perception_core.simulation.labels import picture_labels
from perception_core.simulation.materials import Material
from perception_core.simulation.mesh import box
from perception_core.simulation.random_street import random_camera, random_light, random_rain, random_scenario
from perception_core.simulation.repaint import repaint
from perception_core.simulation.rig import camera_pose
from perception_core.simulation.route import Route
from perception_core.simulation.scenario_config import CameraConfig, LightConfig, StreetConfig
from perception_core.simulation.things import THINGS, thing
from perception_core.simulation.world import build_world
from perception_core.types import classes
from perception_core.types.segments import SEGMENT_INDEX

CONFIG = CameraConfig(
    position=(0.0, 0.0, 1.0), width=80, height=40, focal=40.0, centre=(39.5, 19.5), noise=0.0, blur=0.0
)
FLOOR = box((400.0, 400.0, 1.0), (0.0, 0.0, -0.5), Material.ASPHALT, (0.5, 0.5, 0.5))


def look(world, light=None, rain=0.0):
    camera = Camera(CONFIG, light or LightConfig(), camera_model(CONFIG), camera_pose(CONFIG), rain)
    return camera.render(world, 0.0, np.random.default_rng(0))


@pytest.fixture(scope="module")
def street():
    return build_world(random_scenario(11), 11)


def test_materials_of_pixels(make_world):
    picture = look(make_world(FLOOR))
    assert (picture.material[21:] == Material.ASPHALT).all()
    assert (picture.material[picture.objects == NOTHING] == NO_MATERIAL).all()


def test_exposure_makes_all_of_the_picture_brighter_or_darker(make_world):
    world = make_world(FLOOR)
    dark, plain, bright = (look(world, LightConfig(exposure=e)).pixels.astype(int) for e in (0.5, 1.0, 2.0))
    assert (dark <= plain).all()
    assert (plain <= bright).all()
    assert dark.mean() + 20 < plain.mean() < bright.mean() - 10


def test_clouds_take_shadows_and_the_blue_of_the_sky(make_world):
    world = make_world(FLOOR, actors=((8.0, 0.0, 5.0),))
    clear, dull = (look(world, LightConfig(overcast=o, sun_azimuth=0.0)) for o in (0.0, 1.0))
    blueness = [float(np.ptp(p.pixels[3, 40].astype(int))) for p in (clear, dull)]
    assert blueness[0] > 2 * blueness[1]
    # The sun stands ahead, so the road before the thing lies in its shadow (row 27 is 5.3 m away), beside it not.
    contrast = [float(p.pixels[27, :20].mean() - p.pixels[27, 36:44].mean()) for p in (clear, dull)]
    assert contrast[0] > 20.0
    assert abs(contrast[1]) < 10.0


def test_rain_adds_streaks_taller_than_wide():
    streaks = rain_streaks((192, 448), 10.0, np.random.default_rng(3))
    assert streaks.min() == 0.0
    assert 0.002 < (streaks > 5.0).mean() < 0.2
    gradient_x, gradient_y = (np.abs(np.diff(streaks, axis=axis)).mean() for axis in (1, 0))
    assert gradient_x > 1.5 * gradient_y


@pytest.mark.parametrize("model", sorted(THINGS))
def test_things_fill_their_boxes(model):
    vertices = thing(model, (0.8, 0.1, 0.1)).vertices
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    np.testing.assert_allclose(high - low, THINGS[model], atol=0.021)
    assert low[2] == pytest.approx(0.0, abs=1e-6)


def test_clutter_stands_on_the_sidewalks():
    config = StreetConfig(clutter=20.0)
    route = Route(config.centreline, config.elevation)
    parts = list(build_clutter(config, route, np.random.default_rng(0)))
    assert len(parts) == 60  # 20 every 100 m of 300 m
    for part in parts:
        middle = part.vertices.mean(axis=0)
        assert 3.5 + 2.3 - 0.5 < abs(middle[1]) < 3.5 + 2.3 + 4.0 + 0.5
        assert part.vertices[:, 2].min() == pytest.approx(config.kerb_height, abs=0.15)


def test_repainting_changes_looks_and_nothing_else(street):
    painted = repaint(street, np.random.default_rng(4))
    same = repaint(street, np.random.default_rng(4))
    assert (painted.surfaces.colour == same.surfaces.colour).all()
    assert painted.bodies is street.bodies
    material, before, after = street.surfaces.material, street.surfaces.colour, painted.surfaces.colour
    for kind in (Material.LAMP, Material.RUBBER, Material.GLASS, Material.MARKING):
        assert (after[material == kind] == before[material == kind]).all()
    for kind in (Material.PAINT, Material.CLOTH, Material.FACADE, Material.ASPHALT):
        assert (after[material == kind] != before[material == kind]).any(axis=1).mean() > 0.95
    assert after.min() >= 0.0
    assert after.max() <= 1.0


def test_random_scenarios_repeat_and_differ():
    first, again, other = random_scenario(5), random_scenario(5), random_scenario(6)
    assert first == again
    assert first.config.street != other.config.street
    models = {actor.model for seed in range(6) for actor in random_scenario(seed).actors}
    assert models >= {"truck", "bus", "pedestrian", "cyclist", *THINGS}


@pytest.mark.parametrize("seed", range(20, 26))
def test_random_streets_can_be_built_and_seen(seed):
    rng = np.random.default_rng(seed)
    world = build_world(random_scenario(seed), seed)
    config = replace(random_camera(rng, 112, 48), yaw=0.0)
    camera = Camera(config, random_light(rng), camera_model(config), camera_pose(config), random_rain(rng))
    labels = picture_labels(world, camera.render(world, 5.0, rng))
    assert len(np.unique(labels.segments)) >= 3
    assert (labels.boxes[:, 2:] > labels.boxes[:, :2]).all()
    assert (labels.visible_fraction > 0.0).all()
    known = {classes.INDEX[name] for name in ("car", "truck", "bus", "person", "cyclist", "unknown")}
    assert set(labels.class_ids.tolist()) <= known


def test_labels_by_hand(street):
    person = next(i for i, a in enumerate(street.actors) if a.class_id == classes.INDEX[classes.PERSON])
    car = next(i for i, a in enumerate(street.actors) if a.class_id == classes.INDEX[classes.CAR])
    material = [[NO_MATERIAL, Material.LEAVES, Material.FACADE], [Material.GRASS, Material.CLOTH, Material.GLASS]]
    count = len(street.actors)
    visible = np.zeros(count)
    visible[[person, car]] = 0.25, 1.0
    picture = Picture(
        pixels=np.zeros((2, 3, 3), np.uint8),
        boxes=np.tile([0.0, 0.0, 1.0, 2.0], (count, 1)),
        visible_fraction=visible,
        objects=np.array([[NOTHING, -1, -1], [-1, person, car]], np.int32),
        material=np.array(material, np.uint8),
    )
    labels = picture_labels(street, picture)
    expected = [["sky", "vegetation", "structure"], ["ground", "person", "vehicle"]]
    assert labels.segments.tolist() == [[SEGMENT_INDEX[name] for name in row] for row in expected]
    seen = sorted((person, car))
    assert labels.class_ids.tolist() == [street.actors[i].class_id for i in seen]
    assert labels.visible_fraction.tolist() == visible[seen].tolist()
