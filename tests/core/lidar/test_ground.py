"""Heights above ground on planes, slopes, kerbs, behind trucks and under reflections."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from perception_core.lidar.config import CropConfig, GroundConfig
from perception_core.lidar.ground import GroundModel, above_ground, fit_ground, height_above_ground
from perception_core.lidar.polar import polar_grid
from perception_core.lidar.scan_grid import grid_scan
from perception_core.types import PointClass

GRID = polar_grid(80.0)


def heights(cloud, T):
    """The kept points in the base frame, and what the model says is their height above ground."""
    scan = grid_scan(cloud.xyz, T, GRID, CropConfig())
    model = fit_ground(scan, GRID, GroundConfig())
    assert np.isfinite(model.height).all()
    return scan.xyz, height_above_ground(scan, model)


def test_a_flat_street_is_flat(cast, T_base_sensor) -> None:
    _, height = heights(cast(noise=0.015), T_base_sensor)
    assert np.abs(height).max() < 0.1
    assert np.abs(height).mean() < 0.02


@pytest.mark.parametrize("slope", [0.1, -0.08])
def test_a_slope_is_ground_and_a_box_on_it_has_its_height(slope: float, cast, block, T_base_sensor) -> None:
    base = slope * 20.0
    xyz, height = heights(cast([block(20.0, 0.0, 2.0, 2.0, base - 1.0, base + 1.0)], slope=slope), T_base_sensor)
    on_box = (np.abs(xyz[:, 0] - 20.0) < 1.1) & (np.abs(xyz[:, 1]) < 1.1)
    true = xyz[:, 2] - slope * xyz[:, 0]
    assert np.percentile(np.abs(height - true)[~on_box], 99) < 0.12
    # Top of the box's face at x = 19: 1 m + slope * 1 m above ground there, or where the highest beam (2 degrees) ends.
    visible = 1.73 + 19.0 * np.tan(np.radians(2.0)) - 19.0 * slope
    assert height[on_box].max() == pytest.approx(min(1.0 + slope, visible), abs=0.15)


def test_a_pavement_behind_a_kerb_is_ground(cast, block, T_base_sensor) -> None:
    xyz, height = heights(cast([block(10.0, 10.0, 60.0, 12.0, -0.5, 0.12)]), T_base_sensor)
    pavement = (xyz[:, 1] > 5.0) & (np.hypot(xyz[:, 0], xyz[:, 1]) < 20.0)
    assert pavement.sum() > 1000
    assert np.mean(np.abs(height[pavement]) < 0.1) > 0.97


def test_a_car_is_no_ground_even_where_it_hides_it(cast, block, T_base_sensor) -> None:
    xyz, height = heights(
        cast([block(8.0, 0.0, 4.4, 1.8, 0.3, 0.9), block(20.0, -3.0, 6.0, 2.4, 0.3, 3.0)]), T_base_sensor
    )
    for low, high in ((5.7, 10.3), (16.9, 23.1)):
        inside = (xyz[:, 0] > low) & (xyz[:, 0] < high) & (xyz[:, 2] > 0.4)
        np.testing.assert_allclose(height[inside], xyz[inside, 2], atol=0.12)


def test_reflections_below_ground_do_not_pull_it_down(cast, T_base_sensor) -> None:
    cloud = cast()
    xyz = cloud.xyz.copy()
    hit = np.random.default_rng(2).choice(len(xyz), 800, replace=False)
    xyz[hit] *= 1.4  # the mirror image lies farther along the same ray
    scan = grid_scan(xyz, T_base_sensor, GRID, CropConfig())
    height = height_above_ground(scan, fit_ground(scan, GRID, GroundConfig()))
    true_ground = np.abs(scan.xyz[:, 2]) < 0.05
    assert np.percentile(np.abs(height[true_ground]), 99.5) < 0.1


@pytest.mark.parametrize("depth", [0.35, 0.4, 0.5])
def test_a_plate_mirrored_under_the_car_ahead_leaves_the_road(depth: float, cast, block, T_base_sensor) -> None:
    # The rear of the car is at x = 5.2; below it the road is seen up to 6.3 m, and with it a plate as deep as it hangs.
    cloud = cast([block(7.4, 0.0, 4.4, 1.8, 0.3, 1.5)])
    y = np.linspace(-0.6, 0.6, 40)
    mirror = np.stack([np.tile([5.3, 5.5], 20), y, np.full(40, -1.73 - depth)], axis=1)
    scan = grid_scan(np.concatenate([cloud.xyz, mirror]).astype(np.float32), T_base_sensor, GRID, CropConfig())
    height, classes = above_ground(scan, fit_ground(scan, GRID, GroundConfig()), GroundConfig())
    x, y, z = scan.xyz.T
    road = (x > 4.5) & (x < 6.2) & (np.abs(y) < 0.8) & (np.abs(z) < 0.05)
    assert road.sum() > 100
    assert np.abs(height[road]).max() < 0.08
    assert np.all(classes[road] == PointClass.GROUND)
    assert np.all(classes[z < -0.3] == PointClass.BELOW_GROUND)


def test_no_points_leave_the_ground_under_the_robot(T_base_sensor) -> None:
    scan = grid_scan(np.empty((0, 3), np.float32), T_base_sensor, GRID, CropConfig())
    model = fit_ground(scan, GRID, GroundConfig())
    assert not model.seen.any()
    np.testing.assert_array_equal(model.height, 0.0)


def classified(xyz, T, config=None, crop=None):
    """The scan, heights and classes of points under a configuration."""
    config = config or GroundConfig()
    scan = grid_scan(np.asarray(xyz, np.float32), T, GRID, crop or CropConfig())
    height, classes = above_ground(scan, fit_ground(scan, GRID, config), config)
    return scan.xyz, height, classes


def test_heights_count_from_the_surface_of_the_cell() -> None:
    # The plane z = -2 + 0.1 x, the ground 0.3 m above it everywhere; at (10, 0) it lies at -0.7 m.
    shape = (GRID.rings, GRID.sectors)
    flat = np.full(shape, 0.3, np.float32)
    noise = np.full(shape, 0.02, np.float32)
    model = GroundModel(GRID, np.array([-2.0, 0.1, 0.0]), flat, noise, noise, np.ones(shape, np.bool_))
    points = np.array([[10, 0, -0.7], [10, 0, -0.6], [10, 0, -0.5], [10, 0, -1.2]], np.float32)
    scan = grid_scan(points, np.eye(4), GRID, CropConfig())
    # Noise 3 * 0.02 m + 0.045 m: 0.1 m above is ground, 0.2 m is not.
    config = GroundConfig(obstacle_height=0.045, height_per_range=0.0)
    height, classes = above_ground(scan, model, config)
    np.testing.assert_allclose(height, [0.0, 0.1, 0.2, -0.5], atol=1e-5)
    ground, obstacle, below = PointClass.GROUND, PointClass.OBSTACLE, PointClass.BELOW_GROUND
    assert classes.tolist() == [ground, ground, obstacle, below]
    np.testing.assert_allclose(model.height[:, 90], 0.3 - 2.0 + 0.1 * GRID.centres * np.cos(np.radians(1.0)), rtol=1e-5)


def test_what_lies_between_a_bank_and_its_foot_is_ground() -> None:
    # Ahead (sector 90) the ground falls by 0.6 m a ring behind the cell at 10 m; to the left (sector 135) it is level.
    shape = (GRID.rings, GRID.sectors)
    rise = np.zeros(shape, np.float32)
    ring = GRID.table[100]  # of 10 m
    rise[ring:, 88:93] = -0.6 * np.arange(GRID.rings - ring)[:, None]
    model = GroundModel(GRID, np.zeros(3), rise, rise * 0.0, rise * 0.0 + 0.01, np.ones(shape, np.bool_))
    points = np.array([[10, 0, -0.5], [0, 10, -0.5], [10, 0, -1.2]], np.float32)
    T = np.eye(4)
    _, classes = above_ground(grid_scan(points, T, GRID, CropConfig()), model, GroundConfig())
    assert classes.tolist() == [PointClass.GROUND, PointClass.BELOW_GROUND, PointClass.BELOW_GROUND]


def test_a_kerb_is_ground_or_an_obstacle_as_the_step_says(cast, block, T_base_sensor) -> None:
    cloud = cast([block(10.0, 10.0, 80.0, 12.0, -0.5, 0.14)])
    shares = {}
    for step in (0.2, 0.05):
        xyz, _, classes = classified(cloud.xyz, T_base_sensor, GroundConfig(max_step=step))
        edge = (np.abs(xyz[:, 1] - 4.15) < 0.15) & (np.abs(xyz[:, 0]) < 8.0) & (xyz[:, 2] > 0.12)
        inland = (xyz[:, 1] > 5.5) & (np.hypot(xyz[:, 0], xyz[:, 1]) < 15.0)
        assert np.mean(classes[inland] == PointClass.GROUND) > 0.97
        shares[step] = np.mean(classes[edge] == PointClass.OBSTACLE)
    assert shares[0.2] < 0.1
    assert shares[0.05] > 0.25


@pytest.mark.parametrize("at", [10.0, 15.0, 19.3])
def test_a_box_of_15_cm_stands_out_of_smooth_ground(at: float, cast, block, T_base_sensor) -> None:
    cloud = cast([block(at, 0.3, 0.15, 0.15, 0.0, 0.15)], azimuth_step=0.17)
    xyz, _, classes = classified(cloud.xyz, T_base_sensor)
    on_box = (np.abs(xyz[:, 0] - at) < 0.1) & (np.abs(xyz[:, 1] - 0.3) < 0.1) & (xyz[:, 2] > 0.08)
    assert on_box.sum() >= 2
    assert np.all(classes[on_box] == PointClass.OBSTACLE)
    assert np.sum(classes == PointClass.OBSTACLE) <= on_box.sum() + 6


def test_grass_is_ground(cast, T_base_sensor) -> None:
    cloud = cast()
    rng = np.random.default_rng(3)
    blades = rng.beta(1.5, 2.5, len(cloud)) * 0.12  # hit higher, nearer along the ray
    down = cloud.xyz[:, 2:] / np.linalg.norm(cloud.xyz, axis=1, keepdims=True)
    share = blades[:, None] / np.maximum(-down, 0.02) / np.linalg.norm(cloud.xyz, axis=1, keepdims=True)
    _, _, classes = classified(cloud.xyz * (1.0 - np.minimum(share, 0.5)), T_base_sensor)
    assert np.mean(classes == PointClass.GROUND) > 0.995


def test_a_child_beside_a_parked_car_stands_on_the_ground(cast, block, T_base_sensor) -> None:
    xyz, height, _ = classified(
        cast([block(9.0, 3.0, 4.4, 1.8, 0.25, 1.5), block(9.0, 1.75, 0.3, 0.35, 0.0, 1.0)]).xyz, T_base_sensor
    )
    child = (np.abs(xyz[:, 0] - 9.0) < 0.25) & (np.abs(xyz[:, 1] - 1.75) < 0.3) & (xyz[:, 2] > 0.1)
    assert child.sum() > 50
    np.testing.assert_allclose(height[child], xyz[child, 2], atol=0.06)


def test_a_drone_needs_not_know_its_height(cast) -> None:
    # The scan from 1.73 m above a slope, taken in the sensor's own frame.
    xyz, height, _ = classified(cast(slope=0.1).xyz, np.eye(4), GroundConfig(start_sigma=50.0))
    np.testing.assert_allclose(height, xyz[:, 2] + 1.73 - 0.1 * xyz[:, 0], atol=0.12)


def test_what_was_not_seen_is_less_certain(cast, block, T_base_sensor) -> None:
    scan = grid_scan(cast([block(8.0, 0.0, 2.0, 4.0, 0.0, 3.5)]).xyz, T_base_sensor, GRID, CropConfig())
    model = fit_ground(scan, GRID, GroundConfig())
    ring = int(np.searchsorted(GRID.centres, 20.0))
    hidden, open_ground = model.sigma[ring, 90], model.sigma[ring, 0]
    assert not model.seen[ring, 90]
    assert hidden > 2.0 * open_ground


COORDINATES = st.one_of(
    st.floats(-100, 100, width=32), st.sampled_from([0.0, np.nan, np.inf, -np.inf, 1e9, -1e9, 1e-30, 5.0])
)


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(0, 60), st.just(3)), elements=COORDINATES),
    st.sampled_from([0.08, 50.0]),
)
def test_any_cloud_has_finite_heights(xyz, sigma) -> None:
    config = GroundConfig(start_sigma=sigma)
    scan = grid_scan(xyz, np.eye(4), GRID, CropConfig(min_height=-150.0, max_height=60.0))
    model = fit_ground(scan, GRID, config)
    height, classes = above_ground(scan, model, config)
    assert np.isfinite(height).all()
    assert np.isfinite(model.height).all()
    assert np.isfinite(model.sigma).all()
    assert set(classes.tolist()) <= {PointClass.GROUND, PointClass.OBSTACLE, PointClass.BELOW_GROUND}


@pytest.mark.parametrize("sigma", [0.08, 50.0])
@pytest.mark.parametrize("kind", ["one", "equal", "line", "wall"])
def test_degenerate_clouds_have_finite_heights(kind: str, sigma: float) -> None:
    t = np.linspace(1.0, 30.0, 500)
    xyz = {
        "one": [[5.0, 0.0, -1.0]],
        "equal": np.tile([5.0, 1.0, -1.0], (500, 1)),
        "line": np.column_stack([t, 2.0 * t, 0.0 * t]),
        "wall": np.column_stack([np.full(500, 6.0), t - 15.0, np.sin(7.0 * t) * 3.0]),
    }[kind]
    _, height, _ = classified(xyz, np.eye(4), GroundConfig(start_sigma=sigma))
    assert np.isfinite(height).all()


def test_the_same_scan_has_the_same_ground(cast, T_base_sensor) -> None:
    cloud = cast(slope=0.05)
    first, second = (classified(cloud.xyz, T_base_sensor, GroundConfig(start_sigma=50.0)) for _ in range(2))
    assert first[1].tobytes() == second[1].tobytes()


def test_a_lone_ring_on_a_far_car_is_no_ground_with_16_beams() -> None:
    # From 1.8 m the beam at -3 degrees meets the ground at 34.3 m, and a car's rear at 29 m as low as 0.28 m.
    elevation, azimuth = np.meshgrid(np.radians(np.arange(-15.0, 0.0, 2.0)), np.radians(np.arange(0.0, 360.0, 0.2)))
    drop, phi = np.tan(-elevation).ravel(), np.arctan2(np.sin(azimuth), np.cos(azimuth)).ravel()
    reach = 1.8 / drop
    rear = 29.0 / np.cos(phi)
    on_car = (np.abs(np.tan(phi) * 29.0) < 0.9) & (rear < reach)
    reach[on_car] = rear[on_car]
    xyz = np.stack([reach * np.cos(phi), reach * np.sin(phi), -drop * reach], axis=1).astype(np.float32)
    T = np.eye(4)
    T[2, 3] = 1.8
    scan = grid_scan(xyz, T, GRID, CropConfig())
    classes = above_ground(scan, fit_ground(scan, GRID, GroundConfig()), GroundConfig())[1]
    car = on_car[scan.index]
    assert car.sum() > 30
    assert (classes[car] == PointClass.OBSTACLE).all()
    assert (classes[~car] == PointClass.GROUND).all()
