"""Labels of single scans against geometry worked out by hand."""

import numpy as np
import pytest

from perception_core.errors import ConfigError
from perception_core.geometry.transforms import apply, from_yaw
from perception_core.simulation.lidar_scenes import SCENES, SENSORS, LabelledScan, LidarScene, Surface, labelled_scan
from perception_core.simulation.materials import Material
from perception_core.simulation.scene_kinds import Setting
from perception_core.simulation.scene_land import Land, grade, street_profile
from perception_core.simulation.scene_parts import Parts

MOUNT = from_yaw(0.0, (0.0, 0.0, 1.8))
# Six deviations of the range noise of 2 cm; along the ray, so the height errs by less.
NOISE = 0.12


def place(land: Land) -> tuple[Parts, Setting]:
    parts = Parts(land, np.random.default_rng(0))
    return parts, Setting(parts, np.eye(4), MOUNT)


def in_base(scan: LabelledScan) -> np.ndarray:
    return apply(scan.T_base_lidar, scan.cloud.xyz.astype(np.float64))


def test_level_ground_lies_at_zero():
    _, setting = place(Land(outside=Material.ASPHALT))
    scan = LidarScene("mine", 0, setting).scan()
    assert scan.is_ground.all()
    assert (scan.surface == Surface.GROUND).all()
    assert (scan.height == 0.0).all()
    assert np.abs(in_base(scan)[:, 2]).max() < NOISE


def test_a_road_that_climbs_by_a_tenth_is_a_plane():
    # Level to 8 m, a parabola of 4 m, then z = 0.1 (x - 8 - 2).
    _, setting = place(Land(lambda s, d: grade(s, 8.0, 0.1) + 0.0 * d, outside=Material.ASPHALT))
    scan = LidarScene("mine", 0, setting).scan()
    points = in_base(scan)
    far = points[:, 0] > 13.0
    assert far.sum() > 1000
    np.testing.assert_allclose(points[far, 2], 0.1 * (points[far, 0] - 10.0), atol=NOISE)
    assert np.abs(points[points[:, 0] < 7.0, 2]).max() < NOISE


def test_a_grade_begins_as_a_parabola():
    # Half of a curve of 4 m: 0.1 * 2^2 / (2 * 4) = 0.05 m; its end 0.2 m; 10 m beyond it 1.2 m.
    assert grade(np.array([5.0, 10.0, 12.0, 14.0, 24.0]), 10.0, 0.1) == pytest.approx([0.0, 0.0, 0.05, 0.2, 1.2])


def test_heights_are_above_the_slope_below():
    parts, setting = place(Land(lambda s, d: grade(s, 2.0, 0.1) + 0.0 * d))
    parts.pole(20.0, 0.0, 4.0, 0.1)
    scan = LidarScene("mine", 0, setting).scan()
    pole = scan.surface == Surface.STRUCTURE
    points = in_base(scan)[pole]
    assert pole.sum() > 10
    np.testing.assert_allclose(scan.height[pole], points[:, 2] - 0.1 * (points[:, 0] - 4.0), atol=0.02)


def test_a_kerb_is_ground_and_the_sidewalk_is_higher():
    _, setting = place(Land(profile=street_profile(4.0, (0.1, 0.15), 3.0)))
    scan = LidarScene("mine", 0, setting).scan()
    points = in_base(scan)
    assert scan.is_ground.all()
    for low, high, z in ((-6.5, -4.5, 0.1), (-3.5, 3.5, 0.0), (4.5, 6.5, 0.15)):
        strip = (points[:, 1] > low) & (points[:, 1] < high) & (np.abs(points[:, 0]) < 10.0)
        assert points[strip, 2].mean() == pytest.approx(z, abs=0.003)


def test_a_box_is_where_the_truth_says():
    parts, setting = place(Land())
    parts.block((1.0, 2.0, 0.5), 10.0, 3.0)
    scan = LidarScene("mine", 0, setting).scan()
    assert scan.truth.centre[0] == pytest.approx([10.0, 3.0, 0.25])
    assert scan.truth.size[0] == pytest.approx([1.0, 2.0, 0.5])
    mine = scan.objects == 0
    assert scan.truth.point_count[0] == mine.sum() > 30
    off = np.abs(in_base(scan)[mine] - scan.truth.centre[0]) - scan.truth.size[0] / 2.0
    assert off.max() < NOISE
    assert scan.height[mine].min() >= -1e-4
    assert scan.height[mine].max() <= 0.5 + 1e-4


def test_a_pitched_robot_sees_the_ground_tilted():
    # 4 and 3 degrees: the normal of the ground leans by atan(sqrt(tan^2 4 + tan^2 3)), about 5 degrees.
    scan = labelled_scan("pitching", seed=3)
    points = in_base(scan)
    near = scan.is_ground & (np.hypot(points[:, 0], points[:, 1]) < 8.0)
    middle = points[near].mean(axis=0)
    normal = np.linalg.svd(points[near] - middle, full_matrices=False)[2][2]
    assert np.degrees(np.arccos(abs(normal[2]))) == pytest.approx(5.0, abs=0.6)


def test_ground_beyond_a_crest_is_hidden():
    scan = labelled_scan("crest", seed=1)
    flat = labelled_scan("flat", seed=1)
    far = [((s.cloud.xyz[:, 0] > 45.0) & s.is_ground).sum() for s in (scan, flat)]
    assert far[0] == 0 < far[1]


@pytest.mark.parametrize("altitude", [2, 10, 30])
def test_a_drone_has_the_ground_below(altitude):
    scene = LidarScene(f"drone_{altitude}m", 2)
    land, T_world_base = scene.place.parts.land, scene.place.T_world_base
    assert T_world_base[2, 3] - land.height(0.0, 0.0) == pytest.approx(altitude)
    scan = scene.scan()
    world = apply(T_world_base, in_base(scan))[scan.is_ground]
    # The land is 2 cm rough, and so are ranges.
    assert np.abs(np.median(world[:, 2] - land.height(world[:, 0], world[:, 1]))) < 0.02


def test_what_is_small_is_where_it_should_be():
    scan = labelled_scan("small", "ouster128", 1)
    truth = scan.truth
    cubes = np.flatnonzero((truth.size == 0.15).all(axis=1))
    # The robot is turned by a degree or two against the street and off its middle by 1 m.
    assert truth.centre[cubes, 0] == pytest.approx([5.0, 10.0, 15.0, 20.0], abs=0.1)
    child = int(np.flatnonzero(truth.size[:, 2] == 1.1)[0])
    car = child - 1
    gap = truth.centre[child] - truth.centre[car]
    across = abs(-np.sin(truth.yaw[car]) * gap[0] + np.cos(truth.yaw[car]) * gap[1])
    assert across - (truth.size[child, 1] + truth.size[car, 1]) / 2.0 == pytest.approx(0.4, abs=1e-6)
    rope = int(np.flatnonzero(truth.size[:, 0] < 0.03)[0])
    assert truth.centre[rope, 2] - truth.size[rope, 2] / 2.0 == pytest.approx(1.2, abs=0.03)
    overhead = scan.height[scan.surface == Surface.OVERHEAD]
    assert overhead.min() >= 2.9
    assert len(overhead) > 100


def test_a_ramp_keeps_its_grade_between_walls():
    ramps = [LidarScene("ramp", seed) for seed in range(4)]
    for scene in ramps:
        land = scene.place.parts.land
        low, high = (land.height(s, 0.0) for s in (13.0, 13.5))
        assert 0.0 <= abs(high - low) / 0.5 <= 0.2 + 1e-9
        assert land.height(14.0, 5.0) == 0.0
        assert (scene.scan().surface == Surface.STRUCTURE).sum() > 100


@pytest.mark.parametrize("name", SCENES)
def test_every_scene_with_every_sensor(name):
    scene = LidarScene(name, 5)
    for sensor in SENSORS:
        scan = scene.scan(sensor)
        n = len(scan.cloud)
        assert n > 1000
        assert scan.is_ground.sum() > 300
        assert np.isfinite(scan.cloud.xyz).all()
        assert np.isfinite(scan.height).all()
        assert len(scan.is_ground) == len(scan.height) == len(scan.objects) == len(scan.surface) == n
        assert (scan.is_ground == (scan.surface == Surface.GROUND)).all()
        assert ((scan.objects >= 0) == (scan.surface == Surface.OBJECT)).all()
        assert (scan.cloud.ring is None) == (sensor == "livox")
        assert (np.diff(scan.cloud.time_offset_ns) >= 0).all()


def test_same_seed_same_bytes_other_seed_other_place():
    first, again, other = (labelled_scan("kerbs", "vlp16", seed) for seed in (4, 4, 5))
    assert first.cloud.xyz.tobytes() == again.cloud.xyz.tobytes()
    assert first.height.tobytes() == again.height.tobytes()
    assert first.truth.centre.tobytes() == again.truth.centre.tobytes()
    assert first.cloud.xyz.tobytes() != other.cloud.xyz.tobytes()


@pytest.mark.parametrize("points", [30_000, 300_000])
def test_about_so_many_points_as_asked_for(points):
    assert len(labelled_scan("flat", "hdl64", points=points).cloud) == pytest.approx(points, rel=0.05)


def test_rain_gives_specks_in_the_air_and_moves_nothing_else():
    scene = LidarScene("flat", 0)
    dry, wet = scene.scan(), scene.scan(rain=20.0)
    specks = wet.surface == Surface.SPECK
    # Extinction of 20 mm/h: 1.076 * 20^0.67 = 8.0 dB/km = 1.84e-3 /m; half of the drops are lost beyond 20 m.
    assert 0.005 < specks.mean() < 0.03
    assert (wet.objects[specks] == -1).all()
    assert wet.height[specks].min() > 0.0
    assert np.percentile(np.linalg.norm(wet.cloud.xyz[specks], axis=1), 95) < 30.0
    kept = {tuple(row) for row in dry.cloud.xyz.tolist()}
    assert all(tuple(row) in kept for row in wet.cloud.xyz[~specks].tolist())


def test_a_puddle_shows_a_wall_below_the_ground():
    parts, setting = place(Land(outside=Material.ASPHALT))
    parts.puddle(10.0, 0.0, (3.0, 3.0))
    parts.shed(17.0, 0.0, (2.0, 12.0, 6.0))
    scan = LidarScene("mine", 0, setting).scan()
    mirrored = scan.surface == Surface.REFLECTION
    points = in_base(scan)[mirrored]
    # The wall's face is at x = 16; mirrored points lie on it too, upside down.
    assert mirrored.sum() > 50
    np.testing.assert_allclose(points[:, 0], 16.0, atol=NOISE)
    assert points[:, 2].max() < 0.0
    np.testing.assert_allclose(scan.height[mirrored], points[:, 2], atol=NOISE)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: labelled_scan("moon"), "scene 'moon': expected one of flat"),
        (lambda: labelled_scan("flat", "sonar"), "sensor 'sonar': expected one of vlp16"),
        (lambda: labelled_scan("flat", rain=-1.0), "rain: -1.0 is out of range"),
        (lambda: labelled_scan("flat", "vlp16", points=10**6), "points: 1000000 are out of reach of vlp16"),
    ],
)
def test_what_is_unknown_is_refused(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
