"""Rays against a wall."""

import numpy as np

from perception_core.simulation.materials import Material
from perception_core.simulation.mesh import box
from perception_core.simulation.raycast import RayScene

# A wall from x = 10 m to x = 10.2 m, 4 m wide and 2 m high around the x axis.
WALL = RayScene(box((0.2, 4.0, 2.0), (10.1, 0.0, 0.0), Material.CONCRETE, (0.5, 0.5, 0.5)))


def test_a_ray_hits_a_wall_at_its_range():
    slanted = np.array([3.0, 0.5, 0.0]) / np.hypot(3.0, 0.5)
    hits = WALL.cast(np.zeros(3, np.float32), np.array([[1, 0, 0], slanted, [-1, 0, 0]], dtype=np.float32))
    # The slanted ray meets x = 10 at y = 10 / 6, after 10 sqrt(1 + 1 / 36) m.
    np.testing.assert_allclose(hits.distance[:2], [10.0, 10.0 * np.sqrt(37.0) / 6.0], rtol=1e-6)
    assert np.isinf(hits.distance[2])
    assert (hits.triangle[:2] >= 0).all()
    assert hits.triangle[2] == -1


def test_a_wall_hides_the_sun():
    origins = np.array([[0, 0, 0], [20, 0, 0], [0, 5, 0]], dtype=np.float32)
    towards = np.broadcast_to(np.array([1, 0, 0], dtype=np.float32), (3, 3))
    assert WALL.occluded(origins, towards).tolist() == [True, False, False]


def test_no_rays_give_no_hits():
    hits = WALL.cast(np.zeros(3, np.float32), np.empty((0, 3), np.float32))
    assert hits.distance.shape == (0,)
    assert hits.uv.shape == (0, 2)
    assert WALL.occluded(np.empty((0, 3), np.float32), np.empty((0, 3), np.float32)).shape == (0,)
