"""What stands in a LiDAR scene, collected with its labels: vehicles, people, walls, hedges, poles, trees, wires."""

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perception_core.geometry.transforms import Transform
from perception_core.simulation import people, street, vehicles
from perception_core.simulation.materials import Material
from perception_core.simulation.mesh import Colour, Mesh, box, ellipsoid, grid, merge, painted, tube
from perception_core.simulation.scene_land import Land
from perception_core.types import classes

Floats = NDArray[np.float64]
Size = tuple[float, float, float]

OVERHEAD_BOTTOM = 2.5
"""Metres above the ground from which the parts of a tree's crown count as overhead."""

VEHICLES = ("sedan", "hatchback", "suv", "van")

_GREY: Colour = (0.5, 0.5, 0.5)


class Surface(enum.IntEnum):
    """What a point of a scene hit."""

    GROUND = 0
    OBJECT = 1
    STRUCTURE = 2
    OVERHEAD = 3
    SPECK = 4
    REFLECTION = 5


@dataclass(frozen=True, slots=True)
class Thing:
    """One object of the truth: its class, box size in metres and pose on the ground in the world."""

    class_id: int
    size: Size
    T_world_thing: Transform
    bottom: float


@dataclass(slots=True)
class Parts:
    """Collects meshes with the surface and the object each belongs to.

    Attributes:
        land: what everything stands on.
        rng: source of all variety.
        airborne: True where the robot flies: then nothing is overhead.
    """

    land: Land
    rng: np.random.Generator
    airborne: bool = False
    things: list[Thing] = field(default_factory=list)
    meshes: list[tuple[Mesh, NDArray[np.uint8], int]] = field(default_factory=list)
    taken: list[tuple[float, float, float]] = field(default_factory=list)

    def add(self, mesh: Mesh, surface: Surface | NDArray[np.uint8], owner: int = -1) -> None:
        """Add a mesh in the world's frame with one surface or one a triangle."""
        self.meshes.append((mesh, np.broadcast_to(np.uint8(surface), len(mesh)), owner))

    def free(self, s: float, d: float, radius: float) -> bool:
        """Tell whether nothing was placed within ``radius`` metres, and take the place if so."""
        if any((s - x) ** 2 + (d - y) ** 2 < (radius + r) ** 2 for x, y, r in self.taken):
            return False
        self.taken.append((s, d, radius))
        return True

    def thing(
        self,
        mesh: Mesh,
        size: Size,
        name: str,
        place: tuple[float, float],
        yaw: float = 0.0,
        *,
        bottom: float = 0.0,
        upright: bool = True,
    ) -> None:
        """Add an object of the truth; ``mesh`` stands on z = 0, or hangs from ``bottom`` metres above the ground."""
        T = self.land.pose(*place, yaw, upright=upright)
        self.add(mesh.moved(T), Surface.OBJECT, len(self.things))
        self.things.append(Thing(classes.INDEX[name], size, T, bottom))

    def vehicle(self, model: str, s: float, d: float, yaw: float = 0.0) -> None:
        """Park a vehicle on the slope."""
        paint = tuple(self.rng.uniform(0.05, 0.9, 3).tolist())
        name = {"truck": classes.TRUCK, "bus": classes.BUS}.get(model, classes.CAR)
        mesh = vehicles.vehicle(model, (paint[0], paint[1], paint[2]))
        self.thing(mesh, vehicles.vehicle_size(model), name, (s, d), yaw, upright=False)

    def person(self, s: float, d: float, yaw: float = 0.0, height: float = people.WALKER_SIZE[2]) -> None:
        """Let somebody stand or walk; a child is a small walker."""
        scale = height / people.WALKER_SIZE[2]
        mesh = people.walker(int(self.rng.integers(people.GAIT_PHASES)), (0.6, 0.2, 0.2), (0.2, 0.2, 0.3))
        length, width, _ = people.WALKER_SIZE
        self.thing(mesh.scaled((scale,) * 3), (length * scale, width * scale, height), classes.PERSON, (s, d), yaw)

    def cyclist(self, s: float, d: float, yaw: float = 0.0) -> None:
        """Let somebody ride a bicycle."""
        mesh = people.cyclist((0.2, 0.4, 0.6), (0.1, 0.1, 0.1))
        self.thing(mesh, people.CYCLIST_SIZE, classes.CYCLIST, (s, d), yaw)

    def block(self, size: Size, s: float, d: float, yaw: float = 0.0, material: Material = Material.CONCRETE) -> None:
        """Put a box of unknown kind on the ground."""
        mesh = box(size, (0.0, 0.0, size[2] / 2.0), material, _GREY)
        self.thing(mesh, size, classes.UNKNOWN, (s, d), yaw, upright=False)

    def pole(self, s: float, d: float, height: float, radius: float, *, in_truth: bool = False) -> None:
        """Put up a pole, as a structure or as an object of the truth."""
        mesh = tube((0, 0, -0.3), (0, 0, height), (radius, radius), Material.METAL, _GREY, 10)
        if in_truth:
            self.thing(mesh, (2.0 * radius, 2.0 * radius, height), classes.UNKNOWN, (s, d))
        else:
            self.add(mesh.moved(self.land.pose(s, d)), Surface.STRUCTURE)

    def beam(self, s: float, low: float, thickness: float, d: tuple[float, float]) -> None:
        """Lay a gate's beam across the street at a height; below :data:`OVERHEAD_BOTTOM` it is an object."""
        width, middle = d[1] - d[0], (d[0] + d[1]) / 2.0
        size = (thickness, width, thickness)
        mesh = box(size, (0.0, 0.0, low + thickness / 2.0), Material.METAL, _GREY)
        if low < OVERHEAD_BOTTOM:
            self.thing(mesh, size, classes.UNKNOWN, (s, middle), bottom=low)
        else:
            self.add(mesh.moved(self.land.pose(s, middle)), Surface.OVERHEAD)

    def wire(self, s: float, d: tuple[float, float], low: float, radius: float = 0.012, sag: float = 0.1) -> None:
        """Hang a wire or rope across; in reach of the robot it is an object of the truth, as :meth:`beam`."""
        middle, width = (d[0] + d[1]) / 2.0, d[1] - d[0]
        y = np.linspace(-width / 2.0, width / 2.0, 13)
        z = low + sag * (2.0 * y / width) ** 2
        points = np.column_stack([np.zeros(13), y, z])
        mesh = merge(tube(a, b, (radius, radius), Material.METAL, _GREY, 6) for a, b in pairwise(points))
        if low < OVERHEAD_BOTTOM and not self.airborne:
            self.thing(mesh, (2.0 * radius, width, sag + 2.0 * radius), classes.UNKNOWN, (s, middle), bottom=low)
        else:
            surface = Surface.STRUCTURE if self.airborne else Surface.OVERHEAD
            self.add(mesh.moved(self.land.pose(s, middle)), surface)

    def tree(self, s: float, d: float) -> None:
        """Plant a tree; its crown is overhead where it is higher than :data:`OVERHEAD_BOTTOM`."""
        self.foliage(street.tree(self.rng).scaled(self.rng.uniform(0.8, 1.3, 3)), s, d)

    def foliage(self, mesh: Mesh, s: float, d: float) -> None:
        """Add a plant whose high leaves are overhead."""
        middle = mesh.vertices[mesh.triangles].mean(axis=1)[:, 2]
        overhead = (mesh.material == Material.LEAVES) & (middle > OVERHEAD_BOTTOM) & (not self.airborne)
        surface = np.where(overhead, Surface.OVERHEAD, Surface.STRUCTURE).astype(np.uint8)
        self.add(mesh.moved(self.land.pose(s, d)), surface)

    def wall(self, ends: tuple[float, float], d: float, height: float, thickness: float = 0.25) -> None:
        """Build a wall along the street that follows the ground."""
        self._along(ends, d, thickness, lambda n: np.full(n, height), Material.FACADE)

    def hedge(self, ends: tuple[float, float], d: float, height: float) -> None:
        """Plant a hedge along the street, 0.6 to 1.2 m thick and uneven."""
        thickness = float(self.rng.uniform(0.6, 1.2))
        self._along(ends, d, thickness, lambda n: height + self.rng.uniform(-0.12, 0.12, n), Material.LEAVES)

    def bridge(self, s: float, low: float, width: float, d: tuple[float, float]) -> None:
        """Lay a bridge's deck across the street, its piers beside it."""
        half, middle = (d[1] - d[0]) / 2.0, (d[0] + d[1]) / 2.0
        deck = box((width, 2.0 * half + 3.0, 0.7), (0.0, 0.0, low + 0.35), Material.CONCRETE, _GREY)
        self.add(deck.moved(self.land.pose(s, middle)), Surface.OVERHEAD)
        piers = [
            box((width * 0.5, 0.8, low + 1.0), (0.0, side * (half + 0.6), low / 2.0 - 0.5), Material.CONCRETE, _GREY)
            for side in (-1.0, 1.0)
        ]
        self.add(merge(piers).moved(self.land.pose(s, middle)), Surface.STRUCTURE)

    def slab(self, ends: tuple[float, float], half: float, low: float) -> None:
        """Cover the ground between two s and half a width to either side with a level ceiling."""
        length, middle = ends[1] - ends[0], (ends[0] + ends[1]) / 2.0
        mesh = box((length, 2.0 * half, 0.3), (0.0, 0.0, low + 0.15), Material.CONCRETE, _GREY)
        self.add(mesh.moved(self.land.pose(middle, 0.0)), Surface.OVERHEAD)

    def branch(self, s: float, d: float, low: float, length: float) -> None:
        """Grow a tree's stem and one branch with leaves that reaches over the road; a low one is an object."""
        towards = -np.sign(d)
        stem = tube((0, 0, -0.2), (0, 0, low + 1.5), (0.15, 0.1), Material.BARK, _GREY, 8)
        self.add(stem.moved(self.land.pose(s, d)), Surface.STRUCTURE)
        thickness = 0.3
        size = (thickness * 2.0, length, thickness * 2.0)
        middle, centre = d + towards * length / 2.0, low + thickness
        reach = length / 2.0
        wood = tube((0, -reach, centre), (0, reach, centre), (0.03, 0.03), Material.BARK, _GREY, 6)
        leaves = [
            ellipsoid((thickness, 0.35, thickness), (0.0, y, centre), Material.LEAVES, _GREY, 8)
            for y in np.arange(-reach + 0.35, reach - 0.3, 0.6)
        ]
        mesh = merge([wood, *leaves])
        if low < OVERHEAD_BOTTOM:
            self.thing(mesh, size, classes.UNKNOWN, (s, middle), bottom=low)
        else:
            self.add(mesh.moved(self.land.pose(s, middle)), Surface.OVERHEAD)

    def house(self, s: float, d: float, size: tuple[float, float], yaw: float = 0.0) -> None:
        """Build a house whose cellar reaches 4 m below its middle, so that it stands on slopes too."""
        mesh = street.house(*size, int(self.rng.integers(1, 4)), self.rng)
        cellar = box((*size, 4.0), (0.0, 0.0, -2.0), Material.FACADE, _GREY)
        self.add(merge([mesh, cellar]).moved(self.land.pose(s, d, yaw)), Surface.STRUCTURE)

    def shed(self, s: float, d: float, size: Size, yaw: float = 0.0) -> None:
        """Put up a box-shaped hut."""
        length, width, height = size
        mesh = box((length, width, height + 2.0), (0.0, 0.0, height / 2.0 - 1.0), Material.FACADE, _GREY)
        self.add(mesh.moved(self.land.pose(s, d, yaw)), Surface.STRUCTURE)

    def puddle(self, s: float, d: float, radii: tuple[float, float]) -> None:
        """Leave water on the road: ground that mirrors."""
        angle = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
        reach = self.rng.uniform(0.8, 1.2, 16)
        rim = np.column_stack([s + radii[0] * reach * np.cos(angle), d + radii[1] * reach * np.sin(angle)])
        points = np.column_stack([np.vstack([[s, d], rim]), np.full(17, 0.003)])
        fan = [[0, 1 + i, 1 + (i + 1) % 16] for i in range(16)]
        self.add(painted(self.land.drape(points), fan, Material.WATER, _GREY), Surface.GROUND)

    def _along(
        self,
        ends: tuple[float, float],
        d: float,
        thickness: float,
        heights: Callable[[int], Floats],
        material: Material,
    ) -> None:
        s = np.arange(ends[0], ends[1] + 0.25, 0.5)
        top, half = heights(len(s)), thickness / 2.0
        section = [(-half, np.full(len(s), -0.3)), (-half, top), (half, top), (half, np.full(len(s), -0.3))]
        points = np.stack([np.column_stack([s, np.full(len(s), d + y), z]) for y, z in section], axis=1)
        ends_mesh = [_cap(self.land.drape(points[i]), material) for i in (0, -1)]
        self.add(merge([grid(self.land.drape(points), material, _GREY), *ends_mesh]), Surface.STRUCTURE)


def _cap(corners: ArrayLike, material: Material) -> Mesh:
    return painted(corners, [[0, 1, 2], [0, 2, 3]], material, _GREY)
