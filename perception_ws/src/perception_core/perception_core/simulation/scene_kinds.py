"""The kinds of LiDAR scenes: what the ground is like, what stands on it, how the robot stands. Varied by the seed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from perception_core.geometry.transforms import Transform, from_yaw
from perception_core.simulation import people, vehicles
from perception_core.simulation.materials import Material
from perception_core.simulation.scene_land import Floats, Land, grade, level, street_profile
from perception_core.simulation.scene_parts import VEHICLES, Parts

_GREY = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Setting:
    """A scene before it is indexed for rays.

    Attributes:
        parts: what stands there, and the land.
        T_world_base: where the robot really is.
        T_base_lidar: what it believes of its LiDAR.
    """

    parts: Parts
    T_world_base: Transform
    T_base_lidar: Transform


@dataclass(frozen=True, slots=True)
class Street:
    """Dimensions of a street in metres, from the seed."""

    half: float
    kerbs: tuple[float, float]
    sidewalk: float
    ego_d: float

    @property
    def outer(self) -> float:
        """Metres from the centreline to the outer edge of the sidewalks."""
        return self.half + self.sidewalk


def setting(kind: str, rng: np.random.Generator) -> Setting:
    """Make up a scene of one of :data:`KINDS`."""
    return KINDS[kind](rng)


def _flat(rng: np.random.Generator) -> Setting:
    street = Street(float(rng.uniform(4.5, 7.0)), (0.0, 0.0), float(rng.uniform(2.0, 4.0)), float(rng.uniform(-2.5, 0)))
    return _on_road(rng, street, Land(outside=Material.ASPHALT))


def _kerbs(rng: np.random.Generator) -> Setting:
    street = _street(rng)
    bend = float(rng.uniform(-0.006, 0.006))
    return _on_road(rng, street, Land(profile=street_profile(street.half, street.kerbs, street.sidewalk), bend=bend))


def _slope(rng: np.random.Generator) -> Setting:
    """10 %: the road climbs or falls ahead of us, or the land beside it does, or both."""
    street, kind = _street(rng), int(rng.integers(4))
    start, sign = float(rng.uniform(6.0, 15.0)), float(rng.choice([-1.0, 1.0]))
    foot, side = street.outer + float(rng.uniform(0.5, 2.0)), float(rng.choice([-1.0, 1.0]))

    def elevation(s: Floats, d: Floats) -> Floats:
        ahead = grade(s, start, 0.1 * sign) + 0.0 * d if kind != 2 else level(s, d)
        beside = grade(side * d, foot, 0.1) + 0.0 * s if kind >= 2 else level(s, d)
        return np.asarray(ahead + beside)

    return _on_road(rng, street, Land(elevation, street_profile(street.half, street.kerbs, street.sidewalk)))


def _crest(rng: np.random.Generator) -> Setting:
    """A vertical curve: we climb towards it, and the ground beyond it is hidden."""
    street = _street(rng)
    top, climb, radius = float(rng.uniform(12, 25)), float(rng.uniform(0.06, 0.1)), float(rng.uniform(60.0, 150.0))

    def elevation(s: Floats, d: Floats) -> Floats:
        run = np.abs(s - top)
        near = np.minimum(run, climb * radius)
        return np.asarray(-(near * near / (2.0 * radius) + climb * (run - near)) + 0.0 * d)

    return _on_road(rng, street, Land(elevation, street_profile(street.half, street.kerbs, street.sidewalk)))


def _pitching(rng: np.random.Generator) -> Setting:
    """Braking hard in a bend: pitched by 4 degrees, rolled by 3, on a street whose shape is that of ``kerbs``."""
    plain = _kerbs(rng)
    pitch, roll = np.radians([4.0, 3.0]) * rng.choice([-1.0, 1.0], 2)
    return Setting(plain.parts, plain.T_world_base @ _tilted(float(pitch), float(roll)), plain.T_base_lidar)


def _truck_beside(rng: np.random.Generator) -> Setting:
    """A truck or a bus hides the ground beside us; beyond it there is a kerb, and the land may climb."""
    street = _street(rng)
    side, climb = float(rng.choice([-1.0, 1.0])), float(rng.choice([0.0, 0.0, 0.06]))
    foot = street.outer + 1.0

    def elevation(s: Floats, d: Floats) -> Floats:
        return np.asarray(grade(side * d, foot, climb) + 0.0 * s)

    land = Land(elevation, street_profile(street.half, street.kerbs, street.sidewalk))
    parts = Parts(land, rng)
    d = street.ego_d + side * float(rng.uniform(2.4, 3.0))
    s = float(rng.uniform(-2.0, 3.0))
    parts.vehicle(str(rng.choice(["truck", "truck", "bus"])), s, d, float(rng.normal(0.0, 0.02)))
    parts.taken += [(s + step, d, 1.8) for step in (-5.0, -3.0, 0.0, 3.0, 5.0)]
    return _furnished(parts, street)


def _puddles(rng: np.random.Generator) -> Setting:
    """A street after rain: its water mirrors what stands behind it to below the ground."""
    street = _street(rng)
    parts = Parts(Land(profile=street_profile(street.half, street.kerbs, street.sidewalk)), rng)
    for _ in range(int(rng.integers(8, 16))):
        s, across = float(rng.choice([-1.0, 1.0]) * rng.uniform(5.0, 35.0)), rng.uniform(-0.75, 0.75)
        radii = rng.uniform([0.5, 0.4], [4.0, 0.2 * street.half + 0.4]).tolist()
        parts.puddle(s, float(across) * street.half, (radii[0], radii[1]))
    return _furnished(parts, street)


def _grass(rng: np.random.Generator) -> Setting:
    """A meadow with bumps and hollows up to 0.3 m, its grass 3 to 5 cm rough."""
    bumps = rng.uniform([-30.0, -30.0, -0.25, 1.0], [30.0, 30.0, 0.3, 3.0], (60, 4))
    lean = rng.normal(0.0, 0.02, 2)

    def elevation(s: Floats, d: Floats) -> Floats:
        z = lean[0] * s + lean[1] * d
        for x, y, height, radius in bumps:
            z = z + height * np.exp(-((s - x) ** 2 + (d - y) ** 2) / (2.0 * radius**2))
        return np.asarray(z)

    land = Land(elevation, roughness=float(rng.uniform(0.03, 0.05)), fine=0.25, fine_reach=30.0)
    parts = Parts(land, rng)
    parts.taken.append((0.0, 0.0, 4.0))
    _countryside(parts)
    for _ in range(int(rng.integers(1, 4))):
        start, side = float(rng.uniform(-40.0, 25.0)), float(rng.choice([-1.0, 1.0]))
        parts.hedge((start, start + float(rng.uniform(6.0, 20.0))), side * float(rng.uniform(6.0, 25.0)), 1.2)
    return _on_wheels(parts, 0.0, float(rng.normal(0.0, 0.3)))


def _ramp(rng: np.random.Generator) -> Setting:
    """A garage ramp of 15 to 20 % between walls, down to a gate or up to a deck; we stand before it or on it."""
    start, run, half = float(rng.uniform(-6.0, 12.0)), float(rng.uniform(11.0, 16.0)), float(rng.uniform(1.5, 2.0))
    steep = float(rng.uniform(0.15, 0.2) * rng.choice([-1.0, 1.0]))
    end = start + run

    def elevation(s: Floats, d: Floats) -> Floats:
        within = np.clip((half + 0.02 - np.abs(d)) / 0.02, 0.0, 1.0)
        return np.asarray(within * (grade(s, start, steep, 2.0) - grade(s, end, steep, 2.0)))

    edges = (-half - 0.02, -half, half, half + 0.02)
    land = Land(elevation, tuple((d, 0.0, Material.CONCRETE) for d in edges), Material.ASPHALT)
    parts = Parts(land, rng)
    for side in (-1.0, 1.0):
        offset = half + 0.13 if steep < 0.0 else half - 0.12
        parts.wall((start, end + 8.0), side * offset, float(rng.uniform(0.4, 1.0)), 0.2)
        if rng.uniform() < 0.7:
            parts.vehicle(str(rng.choice(VEHICLES)), float(rng.uniform(5.0, 25.0)), side * (half + 3.0))
    parts.shed(end + 9.5, 0.0, (2.0, 2.0 * half, 3.0))
    if steep < 0.0:
        parts.slab((end + 2.0, end + 9.0), half, 2.1)
    if rng.uniform() < 0.6:
        parts.vehicle(str(rng.choice(VEHICLES)), max(start + float(rng.uniform(3.0, run)), 9.0), 0.0)
    else:
        parts.person(max(start + float(rng.uniform(1.0, run)), 5.0), float(rng.uniform(-0.5, 0.5)) * half)
    parts.block(
        (0.15, 0.15, 0.15), max(start, 0.0) + float(rng.uniform(3.5, 6.0)), float(rng.uniform(-0.5, 0.5)) * half
    )
    return _on_wheels(parts, float(rng.uniform(-0.2, 0.2)), float(rng.normal(0.0, 0.03)))


def _small(rng: np.random.Generator) -> Setting:
    """What is easily lost or joined: cubes of 15 cm, kerb stones, a child by a car, two people, poles, ropes."""
    street = Street(6.0, (0.12, 0.12), 3.0, -1.0)
    parts = Parts(Land(profile=street_profile(street.half, street.kerbs, street.sidewalk)), rng)
    for s in (5.0, 10.0, 15.0, 20.0):
        parts.block((0.15, 0.15, 0.15), s, street.ego_d + float(rng.uniform(-1.2, 1.2)), float(rng.uniform(0.0, 1.5)))
    for s in (-8.0, 7.5):
        parts.block(
            (1.0, 0.12, float(rng.uniform(0.15, 0.25))), s, float(rng.uniform(1.2, 2.2)), float(rng.uniform(0, 3))
        )
    _child_by_a_car(parts, float(rng.uniform(9.0, 14.0)), -street.half + 1.1)
    s, d = float(rng.uniform(-14.0, -8.0)), float(rng.uniform(-2.5, -1.0))
    apart = people.WALKER_SIZE[1] + 0.5
    parts.person(s, d, 0.0, float(rng.uniform(1.6, 1.9)))
    parts.person(s, d + apart, 0.0, float(rng.uniform(1.6, 1.9)))
    for s in (6.0, 11.0, 17.0):
        where = (s + float(rng.uniform(-1.0, 1.0)), street.half - float(rng.uniform(0.6, 1.2)))
        parts.pole(*where, float(rng.uniform(0.8, 2.0)), float(rng.uniform(0.02, 0.05)), in_truth=True)
    _things_that_hang(parts, street)
    for side in (-1.0, 1.0):
        parts.wall((-40.0, 45.0), side * (street.outer + 0.8), float(rng.uniform(0.7, 2.5)))
    return _on_wheels(parts, street.ego_d, float(rng.normal(0.0, 0.02)))


def _child_by_a_car(parts: Parts, s: float, d: float) -> None:
    """Let a child of 1.1 m stand 0.4 m beside a parked car, body to body."""
    model, height = str(parts.rng.choice(VEHICLES)), 1.1
    half_car = vehicles.vehicle_size(model)[1] / 2.0
    half_child = people.WALKER_SIZE[1] * height / people.WALKER_SIZE[2] / 2.0
    parts.vehicle(model, s, d)
    parts.person(s + float(parts.rng.uniform(-1.5, 1.5)), d + half_car + 0.4 + half_child, 0.0, height)


def _things_that_hang(parts: Parts, street: Street) -> None:
    """A rope at 1.2 m, gates at 1.6 m and 4 m, low and high branches, a bridge at 4.5 m."""
    rng, half = parts.rng, street.half
    s = float(rng.uniform(8.0, 12.0))
    parts.wire(s, (1.5, half - 0.6), 1.2, 0.012, 0.08)
    for d in (1.5, half - 0.6):
        parts.pole(s, d, 1.5, 0.05)
    s = float(rng.uniform(15.5, 18.5))
    parts.beam(s, 1.6, 0.12, (0.4, half - 0.3))
    for d in (0.4, half - 0.3):
        parts.pole(s, d, 1.8, 0.06)
    s = float(rng.uniform(23.0, 26.0))
    parts.beam(s, 4.0, 0.25, (-half - 0.3, half + 0.3))
    for d in (-half - 0.3, half + 0.3):
        parts.pole(s, d, 4.3, 0.1)
    parts.branch(float(rng.uniform(-7.0, -5.0)), half + 0.6, 1.4, 4.0)
    parts.branch(float(rng.uniform(12.0, 14.0)), -half - 0.6, 3.0, 5.0)
    parts.bridge(float(rng.uniform(30.0, 36.0)), 4.5, 3.0, (-half - 1.0, half + 1.0))


def _drone(low: float, high: float) -> Callable[[np.random.Generator], Setting]:
    """A drone over gentle land; its base frame is at the drone, so the ground is at about minus its altitude."""

    def build(rng: np.random.Generator) -> Setting:
        altitude = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        wave, phase = rng.uniform(30.0, 80.0, (2, 2)), rng.uniform(0.0, 2.0 * np.pi, (2, 2))
        rise = rng.uniform(0.01, 0.05, (2, 2)) * wave / (2.0 * np.pi)  # each wave is at most 5 % steep

        def elevation(s: Floats, d: Floats) -> Floats:
            z = np.zeros(np.broadcast(s, d).shape)
            for i in range(2):
                z += rise[i, 0] * np.sin(2.0 * np.pi * s / wave[i, 0] + phase[i, 0])
                z += rise[i, 1] * np.sin(2.0 * np.pi * d / wave[i, 1] + phase[i, 1])
            return np.asarray(z)

        parts = Parts(Land(elevation, roughness=0.02, fine=0.5), rng, airborne=True)
        parts.taken.append((0.0, 0.0, 5.0))
        _countryside(parts)
        T_world_base = parts.land.pose(0.0, 0.0, float(rng.uniform(-np.pi, np.pi)))
        T_world_base[2, 3] += altitude
        T_world_base = T_world_base @ _tilted(*np.radians(rng.normal(0.0, 1.5, 2)).tolist())
        down = float(rng.choice([0.0, 20.0, 45.0])) if altitude < 12.0 else float(rng.uniform(40.0, 90.0))
        T_base_lidar = _tilted(np.radians(down), 0.0)
        T_base_lidar[:3, 3] = (0.05, 0.0, -0.08)
        return Setting(parts, T_world_base, T_base_lidar)

    return build


def _street(rng: np.random.Generator) -> Street:
    low, high = rng.uniform(0.08, 0.16, 2).tolist()
    half = float(rng.uniform(4.0, 6.5))
    return Street(half, (low, high), float(rng.uniform(1.5, 4.0)), float(rng.uniform(-half + 2.2, -0.5)))


def _on_road(rng: np.random.Generator, street: Street, land: Land) -> Setting:
    return _furnished(Parts(land, rng), street)


def _furnished(parts: Parts, street: Street) -> Setting:
    """Line the street and put the robot on it, its wheels on the ground."""
    parts.taken += [(step, street.ego_d, 1.6) for step in (-2.0, 0.0, 2.0)]
    _traffic(parts, street)
    _pedestrians(parts, street)
    for side in (-1.0, 1.0):
        _roadside(parts, street, side)
    return _on_wheels(parts, street.ego_d, float(parts.rng.normal(0.0, 0.06)))


def _on_wheels(parts: Parts, d: float, yaw: float) -> Setting:
    """Put a car-like robot on the ground, tilted as the ground below its wheels is."""
    rng = parts.rng
    T_world_base = parts.land.pose(0.0, d, yaw, upright=False)
    mount = (float(rng.uniform(-0.3, 0.8)), 0.0, float(rng.uniform(1.6, 2.0)))
    return Setting(parts, T_world_base, from_yaw(0.0, mount))


def _traffic(parts: Parts, street: Street) -> None:
    rng = parts.rng
    for side in (-1.0, 1.0):
        s, d = float(rng.uniform(-45.0, -38.0)), side * (street.half - 1.1)
        share = rng.uniform(0.2, 0.7)
        while s < 60.0:
            model, yaw = str(rng.choice(VEHICLES)), float(rng.normal(0.0, 0.03)) + (np.pi if side > 0 else 0.0)
            if rng.uniform() < share and parts.free(s, d, 2.6):
                parts.vehicle(model, s, d + float(rng.normal(0.0, 0.06)), yaw)
            s += float(rng.uniform(5.6, 8.0))
    for _ in range(int(rng.integers(1, 5))):
        s, d = float(rng.choice([-1.0, 1.0]) * rng.uniform(8.0, 55.0)), float(rng.uniform(-0.4, 0.4)) * street.half
        if parts.free(s, d, 2.8):
            parts.vehicle(
                str(rng.choice([*VEHICLES, "truck"])), s, d, float(rng.choice([0.0, np.pi]) + rng.normal(0, 0.05))
            )
    for _ in range(int(rng.integers(0, 3))):
        s, d = float(rng.uniform(-30.0, 45.0)), float(rng.uniform(-0.8, 0.8)) * street.half
        if parts.free(s, d, 1.2):
            parts.cyclist(s, d, float(rng.choice([0.0, np.pi])))


def _pedestrians(parts: Parts, street: Street) -> None:
    rng = parts.rng
    for _ in range(int(rng.integers(4, 12))):
        s, side = float(rng.uniform(-30.0, 45.0)), float(rng.choice([-1.0, 1.0]))
        on_road = rng.uniform() < 0.25
        d = (
            float(rng.uniform(-0.9, 0.9)) * street.half
            if on_road
            else side * float(rng.uniform(street.half + 0.6, street.outer))
        )
        if parts.free(s, d, 0.7):
            parts.person(s, d, float(rng.uniform(-np.pi, np.pi)), float(rng.uniform(1.1, 1.95)))


def _roadside(parts: Parts, street: Street, side: float) -> None:
    """Walls, hedges, houses or nothing beyond the sidewalk; poles and trees along the kerb."""
    rng, s = parts.rng, float(parts.rng.uniform(-70.0, -60.0))
    while s < 75.0:
        length, gap = float(rng.uniform(8.0, 22.0)), float(rng.uniform(0.0, 8.0))
        d = side * (street.outer + float(rng.uniform(0.8, 2.0)))
        kind = str(rng.choice(["wall", "hedge", "house", "none"]))
        if kind == "wall":
            parts.wall((s, s + length), d, float(rng.uniform(0.7, 2.5)))
        elif kind == "hedge":
            parts.hedge((s, s + length), d, float(rng.uniform(0.7, 2.0)))
        elif kind == "house":
            parts.house(s + length / 2.0, d + side * 6.0, (length, 9.0))
        s += length + gap
    for s in np.arange(float(rng.uniform(-60.0, -50.0)), 65.0, float(rng.uniform(9.0, 18.0))).tolist():
        d = side * (street.half + 0.45)
        if parts.free(s, d, 0.5):
            if rng.uniform() < 0.5 and abs(s) > 4.0:  # no leaves around the sensor
                parts.tree(s, d)
            else:
                parts.pole(s, d, float(rng.uniform(1.0, 7.0)), float(rng.uniform(0.03, 0.12)))


def _countryside(parts: Parts) -> None:
    rng = parts.rng

    def place(radius: float) -> tuple[float, float] | None:
        s, d = rng.normal(0.0, 25.0, 2).tolist()
        return (s, d) if parts.free(s, d, radius) else None

    for _ in range(int(rng.integers(3, 7))):
        if where := place(6.0):
            parts.shed(
                *where, tuple(rng.uniform([3.0, 2.5, 2.0], [9.0, 6.0, 4.5]).tolist()), float(rng.uniform(0, np.pi))
            )
    for _ in range(int(rng.integers(8, 20))):
        if where := place(2.5):
            parts.tree(*where)
    for _ in range(int(rng.integers(3, 8))):
        if where := place(2.8):
            parts.vehicle(str(rng.choice([*VEHICLES, "truck"])), *where, float(rng.uniform(0.0, 2.0 * np.pi)))
    for _ in range(int(rng.integers(4, 10))):
        if where := place(0.8):
            parts.person(*where, float(rng.uniform(0.0, 2.0 * np.pi)))
    s, height = float(rng.choice([-1.0, 1.0]) * rng.uniform(8.0, 25.0)), float(rng.uniform(5.0, 8.0))
    for d in (-60.0, -20.0, 20.0, 60.0):
        parts.pole(s, d, height, 0.12)
    for d in (-60.0, -20.0, 20.0):
        parts.wire(s, (d, d + 40.0), height - 1.0, 0.01, 0.8)


def _tilted(pitch: float, roll: float) -> Transform:
    """Return a rotation about y (nose down positive, REP-103) and then about the new x."""
    T = np.eye(4)
    c, s = np.cos(pitch), np.sin(pitch)
    e, f = np.cos(roll), np.sin(roll)
    T[:3, :3] = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]) @ np.array([[1, 0, 0], [0, e, -f], [0, f, e]])
    return T


KINDS: dict[str, Callable[[np.random.Generator], Setting]] = {
    "flat": _flat,
    "slope": _slope,
    "crest": _crest,
    "kerbs": _kerbs,
    "pitching": _pitching,
    "truck_beside": _truck_beside,
    "ramp": _ramp,
    "grass": _grass,
    "puddles": _puddles,
    "small": _small,
    "drone": _drone(1.0, 30.0),
    "drone_2m": _drone(2.0, 2.0),
    "drone_10m": _drone(10.0, 10.0),
    "drone_30m": _drone(30.0, 30.0),
}
