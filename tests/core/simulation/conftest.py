"""Worlds small enough to check by hand, and the tiny scenario driven once."""

from collections.abc import Callable

import numpy as np
import pytest

from perception_core.simulation import SimulatedFrame, Simulation, load_scenario
from perception_core.simulation.materials import Material
from perception_core.simulation.mesh import Mesh, box
from perception_core.simulation.raycast import RayScene
from perception_core.simulation.route import Route, Trajectory
from perception_core.simulation.world import Actor, Body, Surfaces, World

GREY = (0.5, 0.5, 0.5)


@pytest.fixture(scope="session")
def tiny() -> Simulation:
    return Simulation(load_scenario("tiny"))


@pytest.fixture(scope="session")
def tiny_frames(tiny: Simulation) -> list[SimulatedFrame]:
    return list(tiny)


@pytest.fixture
def make_world() -> Callable[..., World]:
    """Build a world of one street mesh, an ego car and boxes of 4 x 2 x 1.5 m that move along y = d."""

    def build(street: Mesh, ego_speed: float = 0.0, actors: tuple[tuple[float, float, float], ...] = ()) -> World:
        route = Route([[0.0, 0.0], [1000.0, 0.0]])
        block = box((4.0, 2.0, 1.5), (0.0, 0.0, 0.75), Material.PAINT, GREY)
        meshes = [street, block]
        bodies = (Body(RayScene(street), 0), Body(RayScene(block), len(street)))
        moving = tuple(
            Actor(i + 1, 0, (4.0, 2.0, 1.5), 2.4, drive(route, s, d, speed), (1,), moves=True)
            for i, (s, d, speed) in enumerate(actors)
        )
        surfaces = Surfaces(
            np.concatenate([mesh.corner_normals() for mesh in meshes]),
            np.concatenate([mesh.corner_normals()[:, 0] for mesh in meshes]),
            np.concatenate([mesh.material for mesh in meshes]),
            np.concatenate([mesh.colour for mesh in meshes]),
        )
        owner = np.full(len(street), -1, dtype=np.int32)
        return World(route, drive(route, 0.0, 0.0, ego_speed), moving, bodies, owner, surfaces)

    return build


def drive(route: Route, s: float, d: float, speed: float) -> Trajectory:
    """Start 100 m behind (s, d) at time -100 / speed, so that time 0 finds it there."""
    if speed == 0.0:
        return Trajectory(route, [[s, d]], [])
    return Trajectory(route, [[s - 100.0, d], [s + 500.0, d]], [[-100.0 / speed, speed], [60.0, speed]])
