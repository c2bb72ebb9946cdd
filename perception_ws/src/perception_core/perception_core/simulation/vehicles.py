"""Vehicles as meshes: x forward, y left, z up, on the ground below the middle of the box."""

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.transforms import Transform
from perception_core.simulation.materials import Material
from perception_core.simulation.mesh import Colour, Mesh, box, ellipsoid, grid, merge, painted, tube
from perception_core.simulation.vehicle_shapes import SHAPES, TRUCK_CAB, TRUCK_SIZE, Shape

_DARK: Colour = (0.05, 0.05, 0.055)
_GLASS: Colour = (0.06, 0.07, 0.08)
_RIM: Colour = (0.55, 0.56, 0.58)
_RED: Colour = (0.65, 0.03, 0.03)
_WHITE: Colour = (0.92, 0.92, 0.88)


def vehicle_size(model: str) -> tuple[float, float, float]:
    """Return length, width and height in metres of a model; mirrors stand out of it."""
    return TRUCK_SIZE if model == "truck" else SHAPES[model].size


def vehicle(model: str, paint: Colour) -> Mesh:
    """Build a vehicle of one of :data:`SHAPES` or ``truck`` in a colour."""
    if model == "truck":
        return _truck(paint)
    shape = SHAPES[model]
    parts = [_body(shape, paint), *_wheels(shape), *_lights(shape)]
    if model == "bus":
        parts += _bus_ends(shape)
    else:
        parts += _mirrors(shape, paint)
    return merge(parts)


def _body(shape: Shape, paint: Colour) -> Mesh:
    """Loft half sections from sill to roof along the length, mirror them and close both ends and the floor."""
    length, width, height = shape.size
    place = np.array([station[0] for station in shape.stations])
    half = np.stack([_half_section(shape, station) for station in shape.stations])
    left = half * [1.0, width / 2.0, height] + [-length / 2.0, 0.0, 0.0]
    left[..., 0] = (place * length - length / 2.0)[:, None]
    left[:, 0, 2] = left[:, 1, 2] - 0.1
    right = left * [1.0, -1.0, 1.0]
    parts = []
    for j in range(left.shape[1] - 1):
        for i in range(len(place) - 1):
            material, colour = _panel(shape, place[i], place[i + 1], j, paint)
            parts.append(grid(right[i : i + 2, j : j + 2], material, colour))
            parts.append(grid(left[i : i + 2, j : j + 2][:, ::-1], material, colour))
    outline = [np.concatenate([right[i], left[i, -2::-1]]) for i in (0, -1)]
    parts.append(_cap(outline[0], paint))
    parts.append(_cap(outline[1][::-1], paint))
    floor = np.stack([left[:, 0], right[:, 0]], axis=1)
    parts.append(grid(floor, Material.PLASTIC, _DARK))
    return _welded(merge(parts))


def _half_section(shape: Shape, station: tuple[float, float, float, float, float]) -> NDArray[np.float64]:
    """Return (7, 3) points 0, y, z from the sill over the belt line to the middle of the roof, as shares."""
    _, w, belt, top, roof = station
    low = shape.clearance / shape.size[2]
    rail = max(belt + 0.01, top - 0.05)
    y = [0.9 * w, w * 0.985, w, 0.975 * w, roof, roof * 0.8, 0.0]
    z = [low, low + 0.02, 0.55 * belt + 0.45 * low, belt, rail, top - 0.008, top]
    return np.stack([np.zeros(7), y, z], axis=1)


def _panel(shape: Shape, start: float, end: float, row: int, paint: Colour) -> tuple[Material, Colour]:
    def within(spans: tuple[tuple[float, float], ...]) -> bool:
        return any(low - 1e-6 <= start and end <= high + 1e-6 for low, high in spans)

    def touches(spans: tuple[tuple[float, float], ...]) -> bool:
        return any(start < high and end > low for low, high in spans)

    if row == 0:
        return Material.PLASTIC, _DARK
    if row >= 4 and within(shape.screens):
        return Material.GLASS, _GLASS
    if row == 3 and touches(shape.windows):
        return Material.GLASS, _GLASS
    return Material.PAINT, paint


def _cap(outline: NDArray[np.float64], paint: Colour) -> Mesh:
    k = len(outline)
    fan = np.stack([np.zeros(k - 2), np.arange(1, k - 1), np.arange(2, k)], axis=1)
    return painted(outline, fan, Material.PAINT, paint)


def _welded(mesh: Mesh) -> Mesh:
    """Share vertices in the same place, so that panels are shaded as one smooth skin."""
    places, index = np.unique(mesh.vertices.round(4), axis=0, return_inverse=True)
    return Mesh(places.astype(np.float32), index.astype(np.int32)[mesh.triangles], mesh.material, mesh.colour)


def _wheels(shape: Shape) -> list[Mesh]:
    length, width, _ = shape.size
    return [
        part
        for place in shape.wheels
        for side in (1.0, -1.0)
        for part in _wheel(place * length - length / 2.0, side, width / 2.0, shape.wheel_radius)
    ]


def _wheel(x: float, side: float, half_width: float, radius: float) -> list[Mesh]:
    def disc(inner: float, outer: float, r: float, material: Material, colour: Colour, segments: int = 20) -> Mesh:
        start, end = (x, side * inner, radius), (x, side * outer, radius)
        return tube(start, end, (r, r), material, colour, segments)

    arch = tube(
        (x, side * (half_width - 0.25), radius + 0.08),
        (x, side * (half_width + 0.002), radius + 0.08),
        (radius + 0.06,) * 2,
        Material.PLASTIC,
        _DARK,
        20,
    )
    tyre = disc(half_width - 0.22, half_width + 0.006, radius, Material.RUBBER, (0.035, 0.035, 0.035))
    rim = disc(half_width - 0.02, half_width + 0.010, radius * 0.66, Material.METAL, _RIM, 14)
    hub = disc(half_width, half_width + 0.018, radius * 0.2, Material.PLASTIC, _DARK, 8)
    spoke = box((radius * 0.16, 0.01, radius * 1.15), (0.0, 0.0, 0.0), Material.PLASTIC, (0.16, 0.16, 0.17))
    centre = (x, side * (half_width + 0.011), radius)
    spokes = [spoke.moved(_turned(float(angle), centre)) for angle in np.radians([20.0, 92.0, 164.0])]
    return [arch, tyre, rim, hub, *spokes]


def _turned(angle: float, centre: tuple[float, float, float]) -> Transform:
    """Return the pose of something turned about the y axis."""
    T = np.eye(4)
    c, s = np.cos(angle), np.sin(angle)
    T[0, 0], T[0, 2], T[2, 0], T[2, 2] = c, s, -s, c
    T[:3, 3] = centre
    return T


def _lights(shape: Shape) -> list[Mesh]:
    length, width, height = shape.size
    belt = shape.stations[0][2] * height
    nose = shape.stations[-1]
    parts = []
    for side in (1.0, -1.0):
        y = side * width / 2.0 * 0.62
        front = (length / 2.0 - 0.05, y, nose[2] * height * 0.98)
        rear = (-length / 2.0 + 0.03, y * 1.05, belt * 0.96)
        parts.append(ellipsoid((0.08, width * 0.105, 0.075), front, Material.LAMP, _WHITE, 10))
        parts.append(box((0.08, width * 0.17, 0.15), rear, Material.LAMP, _RED))
    front_x, rear_x = length / 2.0, -length / 2.0
    low = shape.clearance
    parts.append(box((0.02, width * 0.5, 0.10), (front_x, 0.0, low + 0.22), Material.PLASTIC, _DARK))
    parts.append(box((0.025, 0.5, 0.11), (front_x, 0.0, low + 0.10), Material.SIGN, _WHITE))
    parts.append(box((0.03, width * 0.78, 0.16), (rear_x, 0.0, low + 0.12), Material.PLASTIC, _DARK))
    parts.append(box((0.025, 0.5, 0.11), (rear_x, 0.0, belt * 0.80), Material.SIGN, _WHITE))
    return parts


def _mirrors(shape: Shape, paint: Colour) -> list[Mesh]:
    length, width, height = shape.size
    place = shape.windows[-1][1] - 0.04
    centre = (place * length - length / 2.0, 0.0, (shape.stations[-4][2] + 0.06) * height)
    offset = width / 2.0 + 0.06
    return [
        ellipsoid((0.07, 0.11, 0.08), (centre[0], side * offset, centre[2]), Material.PAINT, paint, 8)
        for side in (1.0, -1.0)
    ]


def _bus_ends(shape: Shape) -> list[Mesh]:
    length, width, height = shape.size
    screen = box((0.03, width * 0.86, height * 0.40), (length / 2.0, 0.0, height * 0.62), Material.GLASS, _GLASS)
    rear = box((0.03, width * 0.7, height * 0.25), (-length / 2.0, 0.0, height * 0.7), Material.GLASS, _GLASS)
    line = box((0.04, width * 0.6, 0.26), (length / 2.0, 0.0, height * 0.90), Material.LAMP, (0.9, 0.55, 0.1))
    return [screen, rear, line]


def _truck(paint: Colour) -> Mesh:
    length, width, height = TRUCK_SIZE
    cab_length = TRUCK_CAB.size[0]
    forward = np.eye(4)
    forward[0, 3] = length / 2.0 - cab_length / 2.0
    cab = merge([_body(TRUCK_CAB, paint), *_lights(TRUCK_CAB)]).moved(forward)
    cargo_length = length - cab_length - 0.15
    middle = -length / 2.0 + cargo_length / 2.0
    cargo = box((cargo_length, width, height - 1.0), (middle, 0, 1.0 + (height - 1.0) / 2), Material.METAL, _WHITE)
    stripe = box((cargo_length * 0.7, width + 0.01, 0.5), (middle, 0.0, 2.2), Material.METAL, paint)
    frame = box((length - 0.8, 0.9, 0.35), (-0.1, 0.0, 0.75), Material.PLASTIC, _DARK)
    bumper = box((0.1, width * 0.9, 0.2), (-length / 2.0 + 0.05, 0.0, 0.55), Material.PLASTIC, _DARK)
    lights = [
        box((0.05, 0.3, 0.14), (-length / 2.0 + 0.02, side * 0.95, 0.72), Material.LAMP, _RED) for side in (1.0, -1.0)
    ]
    wheels = [
        part
        for x in (length / 2.0 - 1.0, -length / 2.0 + 1.3, -length / 2.0 + 2.4)
        for side in (1.0, -1.0)
        for part in _wheel(x, side, width / 2.0 - 0.02, 0.48)
    ]
    return merge([cab, cargo, stripe, frame, bumper, *lights, *wheels])
