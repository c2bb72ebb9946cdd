"""Primitives: where their surfaces lie and which way these look."""

import numpy as np
import pytest

from perception_core.geometry.transforms import from_yaw
from perception_core.simulation.materials import REFLECTIVITY, RETURN_RATE, SPECULAR, Material
from perception_core.simulation.mesh import Mesh, box, ellipsoid, grid, merge, tube, wheel_ring
from perception_core.simulation.people import GAIT_PHASES, WALKER_SIZE, cyclist, walker
from perception_core.simulation.vehicles import SHAPES, vehicle, vehicle_size

GREY = (0.5, 0.5, 0.5)


def volume(mesh: Mesh) -> float:
    """Signed volume by the divergence theorem: positive when closed and all faces look outwards."""
    a, b, c = (mesh.vertices[mesh.triangles[:, i]].astype(np.float64) for i in range(3))
    return float((a * np.cross(b, c)).sum() / 6.0)


def test_a_box_by_hand():
    cube = box((2.0, 4.0, 6.0), (10.0, 0.0, 0.0), Material.PAINT, GREY)
    assert len(cube) == 12
    assert cube.vertices.min(axis=0).tolist() == [9.0, -2.0, -3.0]
    assert cube.vertices.max(axis=0).tolist() == [11.0, 2.0, 3.0]
    assert volume(cube) == pytest.approx(48.0)
    normals = cube.corner_normals()
    np.testing.assert_allclose(np.abs(normals).max(axis=2), 1.0, atol=1e-6)  # hard edges: one axis each


def test_round_bodies_are_closed_and_look_outwards():
    ball = ellipsoid((1.0, 1.0, 1.0), (5.0, 5.0, 5.0), Material.SKIN, GREY, segments=48)
    assert volume(ball) == pytest.approx(4.0 / 3.0 * np.pi, rel=0.02)
    can = tube((0, 0, 0), (0, 0, 2.0), (0.5, 0.5), Material.METAL, GREY, segments=64)
    assert volume(can) == pytest.approx(0.5 * np.pi, rel=0.01)
    capsule = tube((0, 0, 0), (3.0, 0, 0), (0.5, 0.5), Material.CLOTH, GREY, 64, round_ends=True)
    assert volume(capsule) == pytest.approx(0.75 * np.pi + np.pi / 6.0, rel=0.03)
    assert volume(wheel_ring((0, 0, 0), 0.3, 0.05, GREY, 64)) == pytest.approx(2 * np.pi**2 * 0.3 * 0.025**2, rel=0.25)


def test_smooth_surfaces_are_shaded_smoothly():
    ball = ellipsoid((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), Material.SKIN, GREY, segments=32)
    radial = ball.vertices[ball.triangles]
    inner = np.abs(radial[..., 2]).max(axis=1) < 0.9
    np.testing.assert_allclose(ball.corner_normals()[inner], radial[inner], atol=0.06)


def test_a_grid_looks_along_rows_times_columns():
    floor = grid([[[0, 0, 0], [0, 1, 0]], [[1, 0, 0], [1, 1, 0]]], Material.ASPHALT, GREY)
    np.testing.assert_allclose(floor.corner_normals(), np.broadcast_to([0.0, 0.0, 1.0], (2, 3, 3)))


def test_merging_and_moving_keep_the_faces():
    one = box((1, 1, 1), (0, 0, 0), Material.PAINT, GREY)
    two = merge([one, one.moved(from_yaw(np.pi / 2, (3.0, 0.0, 0.0)))])
    assert len(two) == 24
    assert volume(two) == pytest.approx(2.0)
    assert two.vertices[:, 0].max() == pytest.approx(3.5)


@pytest.mark.parametrize("model", [*SHAPES, "truck"])
def test_vehicles_fill_their_box_and_stand_on_the_ground(model):
    mesh = vehicle(model, (0.6, 0.1, 0.1))
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    length, width, height = vehicle_size(model)
    assert high[0] - low[0] == pytest.approx(length, abs=0.12)
    assert high[1] - low[1] == pytest.approx(width, abs=0.4)  # the mirrors stand out
    assert high[2] == pytest.approx(height, abs=0.03)
    assert low[2] == pytest.approx(0.0, abs=0.01)
    assert np.isfinite(mesh.corner_normals()).all()


@pytest.mark.parametrize("phase", range(GAIT_PHASES))
def test_walkers_stand_on_the_ground(phase):
    mesh = walker(phase, (0.5, 0.1, 0.1), (0.1, 0.1, 0.1))
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    assert WALKER_SIZE[2] - 0.09 < high[2] < WALKER_SIZE[2] + 0.03
    assert low[2] == pytest.approx(0.0, abs=1e-6)
    assert high[1] - low[1] <= WALKER_SIZE[1] + 0.02


def test_the_cyclist_rides_on_the_ground():
    mesh = cyclist((0.5, 0.1, 0.1), (0.1, 0.1, 0.1))
    assert mesh.vertices[:, 2].min() == pytest.approx(0.0, abs=0.02)


def test_every_material_has_its_figures():
    for table in (REFLECTIVITY, RETURN_RATE, SPECULAR):
        assert table.shape == (len(Material),)
    assert (REFLECTIVITY > 0).all()
    assert ((RETURN_RATE > 0) & (RETURN_RATE <= 1)).all()
