"""A scenario made concrete: the street, the actors with their trajectories, and meshes indexed for rays.

Nothing is re-indexed while the world moves: each model is indexed once in its own frame, and rays are moved into it
(instancing). That also gives every ray its own time. Actors that never move stand in the street's mesh besides.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.simulation import people
from perception_core.simulation.clutter import build_clutter
from perception_core.simulation.mesh import Mesh, merge
from perception_core.simulation.raycast import RayScene
from perception_core.simulation.road import build_ground
from perception_core.simulation.route import Motion, Route, Trajectory
from perception_core.simulation.scenario import Scenario
from perception_core.simulation.staging import Role, stage
from perception_core.simulation.street import build_street
from perception_core.simulation.wardrobe import CLASS_OF_MODEL, WALKERS, Wardrobe, model_size
from perception_core.types import classes


@dataclass(frozen=True, slots=True)
class Actor:
    """One object of the truth.

    Attributes:
        id: from 1.
        class_id: column of ``classes.CLASSES``.
        size: length, width, height in metres.
        radius: of a sphere around the middle of the box that holds the mesh, metres.
        trajectory: where it is when.
        bodies: indices into ``World.bodies``, one a pose of its gait.
        moves: False for one that stands still through the scenario.
        stride: metres walked in one full gait.
    """

    id: int
    class_id: int
    size: tuple[float, float, float]
    radius: float
    trajectory: Trajectory
    bodies: tuple[int, ...]
    moves: bool
    stride: float = people.STRIDE

    def body_at(self, time: float) -> int:
        """Return the mesh to show at a time in seconds."""
        if len(self.bodies) == 1:
            return self.bodies[0]
        phase = int(self.trajectory.travelled(time) / self.stride * len(self.bodies))
        return self.bodies[phase % len(self.bodies)]


@dataclass(frozen=True, slots=True)
class Body:
    """A mesh indexed for rays, and where its triangles begin in :class:`Surfaces`."""

    scene: RayScene
    first_triangle: int


@dataclass(frozen=True, slots=True)
class Surfaces:
    """All triangles of the world, each in the frame of its body.

    Attributes:
        normals: float32 (T, 3 corners, 3).
        face_normals: float32 (T, 3).
        material: uint8 (T,).
        colour: float32 (T, 3).
    """

    normals: NDArray[np.float32]
    face_normals: NDArray[np.float32]
    material: NDArray[np.uint8]
    colour: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All M actors at one moment.

    Attributes:
        time: seconds of the scenario.
        poses: float64 (M, 4, 4) in the world, on the ground.
        yaw: float64 (M,) radians.
        speed: float64 (M,) m/s along the yaw, level.
        climb: float64 (M,) m/s upwards.
        yaw_rate: float64 (M,) rad/s.
        bodies: index into ``World.bodies`` of the mesh each shows.
    """

    time: float
    poses: NDArray[np.float64]
    yaw: NDArray[np.float64]
    speed: NDArray[np.float64]
    climb: NDArray[np.float64]
    yaw_rate: NDArray[np.float64]
    bodies: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class World:
    """Everything rays can meet.

    Attributes:
        route: the street's centreline.
        ego: where base_link goes.
        actors: in order of their ids.
        bodies: ``bodies[0]`` is the street with all that stands still, in the world frame.
        owner: int32 (T,) index of the actor each triangle of ``bodies[0]`` belongs to, -1 for the street.
        surfaces: looks of all bodies' triangles.
        ground: the road, the sidewalks and the lawns alone.
        ground_triangles: how many triangles of ``bodies[0]``, from the first, are ground.
    """

    route: Route
    ego: Trajectory
    actors: tuple[Actor, ...]
    bodies: tuple[Body, ...]
    owner: NDArray[np.int32]
    surfaces: Surfaces
    ground: Body | None = None
    ground_triangles: int = 0

    def heights(self, points: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return heights float32 (N,) in metres of world points (N, 3) above the ground straight below them.

        Points up to 60 m over the ground and any number below it; inf where there is none.
        """
        if self.ground is None:
            return np.full(len(points), np.inf, dtype=np.float32)
        above = np.float32(60.0)
        start = points.astype(np.float32) + np.array([0.0, 0.0, above], dtype=np.float32)
        down = np.broadcast_to(np.array([0.0, 0.0, -1.0], dtype=np.float32), start.shape)
        return np.asarray(self.ground.scene.cast(start, down).distance - above, dtype=np.float32)

    def at(self, time: float) -> Snapshot:
        """Return where all actors are at a time in seconds."""
        motions = [actor.trajectory.at(time) for actor in self.actors]
        columns = (
            np.array([getattr(motion, name)[0] for motion in motions], dtype=np.float64) for name in Motion.__slots__
        )
        motion = Motion(*columns)
        bodies = tuple(actor.body_at(time) for actor in self.actors)
        return Snapshot(time, motion.poses(), motion.yaw, motion.speed, motion.climb, motion.yaw_rate, bodies)


def build_world(scenario: Scenario, seed: int) -> World:
    """Build a scenario's world; the same seed gives the same world.

    Raises:
        ConfigError: a path or speed profile that cannot be driven.
    """
    config, staged = scenario.config.street, stage(scenario, seed)
    route = staged.route
    street_rng, look_rng = (np.random.default_rng([seed, stream]) for stream in (1, 3))
    ground = build_ground(config, route)
    street = build_street(config, route, street_rng, ground)
    if config.clutter > 0.0:
        street = merge([street, *build_clutter(config, route, np.random.default_rng([seed, 4]))])
    wardrobe = Wardrobe(street)
    actors = tuple(_actor(i + 1, role, wardrobe, look_rng) for i, role in enumerate(staged.roles))
    owner = _settle(wardrobe, actors)
    bodies, first = [], 0
    for mesh in wardrobe.meshes:
        bodies.append(Body(RayScene(mesh), first))
        first += len(mesh)
    surfaces = _surfaces(wardrobe.meshes)
    return World(route, staged.ego, actors, tuple(bodies), owner, surfaces, Body(RayScene(ground), 0), len(ground))


def _actor(number: int, role: Role, wardrobe: Wardrobe, rng: np.random.Generator) -> Actor:
    entry, size = role.entry, model_size(role.entry.model)
    bodies = wardrobe.dress(entry.model, rng)
    middle = np.array([0.0, 0.0, size[2] / 2.0])
    radius = max(float(np.linalg.norm(wardrobe.meshes[b].vertices - middle, axis=1).max()) for b in bodies)
    class_id = classes.INDEX[CLASS_OF_MODEL[entry.model]]
    stride = people.STRIDE * WALKERS.get(entry.model, 1.0)
    return Actor(number, class_id, size, radius, role.trajectory, bodies, role.moves, stride)


def _settle(wardrobe: Wardrobe, actors: tuple[Actor, ...]) -> NDArray[np.int32]:
    """Add the actors that never move to the street's mesh; return whose each of its triangles is."""
    parts, owners = [wardrobe.meshes[0]], [-1]
    for index, actor in enumerate(actors):
        if not actor.moves:
            parts.append(wardrobe.meshes[actor.bodies[0]].moved(actor.trajectory.at(0.0).poses()[0]))
            owners.append(index)
    wardrobe.meshes[0] = merge(parts)
    return np.repeat(np.array(owners, dtype=np.int32), [len(part) for part in parts])


def _surfaces(meshes: list[Mesh]) -> Surfaces:
    normals = np.concatenate([mesh.corner_normals() for mesh in meshes])
    corners = np.concatenate([mesh.vertices[mesh.triangles] for mesh in meshes]).astype(np.float64)
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    face /= np.maximum(np.linalg.norm(face, axis=1, keepdims=True), 1e-12)
    material = np.concatenate([mesh.material for mesh in meshes])
    colour = np.concatenate([mesh.colour for mesh in meshes])
    return Surfaces(normals, face.astype(np.float32), material, colour)
