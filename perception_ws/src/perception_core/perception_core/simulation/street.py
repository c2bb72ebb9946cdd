"""The static world of a scenario along its road: houses, trees, lamps, rails, gantries and foot bridges."""

from collections.abc import Iterator

import numpy as np

from perception_core.simulation.materials import Material
from perception_core.simulation.mesh import Colour, Mesh, box, ellipsoid, merge, painted, tube
from perception_core.simulation.road import BEFORE, BEYOND, place, road_half_width, strip
from perception_core.simulation.route import Route
from perception_core.simulation.scenario_config import StreetConfig

_STEEL: Colour = (0.42, 0.45, 0.46)
_WALLS: tuple[Colour, ...] = (
    (0.74, 0.66, 0.54),
    (0.62, 0.36, 0.28),
    (0.80, 0.77, 0.70),
    (0.56, 0.55, 0.54),
    (0.72, 0.52, 0.36),
    (0.67, 0.71, 0.70),
    (0.80, 0.71, 0.52),
)
_ROOFS: tuple[Colour, ...] = ((0.48, 0.25, 0.19), (0.33, 0.31, 0.31), (0.42, 0.33, 0.28))
_LEAVES: tuple[Colour, ...] = ((0.25, 0.42, 0.14), (0.32, 0.46, 0.16), (0.22, 0.37, 0.15))


def build_street(config: StreetConfig, route: Route, rng: np.random.Generator, ground: Mesh) -> Mesh:
    """Build everything that never moves as one mesh in the world frame, beginning with the ground."""
    parts = [ground, *_furniture(config, route, rng)]
    if config.buildings:
        parts += list(_houses(config, route, rng))
    if config.rails:
        parts += list(_rails(config, route))
    parts += [_gantry(config, route, s) for s in config.gantries]
    parts += [_bridge(config, route, s) for s in config.bridges]
    parts += [_hanging(route, *row) for row in zip(*(config.hanging[i::5] for i in range(5)), strict=True)]
    return merge(parts)


def _houses(config: StreetConfig, route: Route, rng: np.random.Generator) -> Iterator[Mesh]:
    front = road_half_width(config) + config.sidewalk_width
    for side in (-1.0, 1.0):
        s = -BEFORE + float(rng.uniform(0.0, 6.0))
        while s < route.length + BEYOND - 20.0:
            length = float(rng.uniform(9.0, 19.0))
            depth = float(rng.uniform(9.0, 13.0))
            setback = float(rng.choice([0.0, 0.0, 0.3, 1.5]))
            house_mesh = house(length, depth, int(rng.integers(2, 6)), rng)
            middle = s + length / 2.0
            T = place(route, middle, side * (front + setback + depth / 2.0))
            if all(abs(middle - other) > length / 2.0 + 6.0 for other in config.side_streets):
                yield house_mesh.moved(T)
                if route.hilly:
                    yield box((length, depth, 4.0), (0.0, 0.0, -2.0), Material.FACADE, _STEEL).moved(T)
            s += length + float(rng.choice([0.0, 0.0, 0.0, 3.0, 9.0]))


def house(length: float, depth: float, floors: int, rng: np.random.Generator) -> Mesh:
    """Build a house of a length along x and a depth along y in metres, with a hip roof or a flat one."""
    wall = _WALLS[int(rng.integers(len(_WALLS)))]
    roof = _ROOFS[int(rng.integers(len(_ROOFS)))]
    height = 3.4 + 3.1 * floors
    parts = [
        box((length, depth, height), (0.0, 0.0, height / 2.0), Material.FACADE, wall),
        box((length + 0.3, depth + 0.3, 0.35), (0.0, 0.0, height), Material.CONCRETE, (0.72, 0.70, 0.66)),
        box((length + 0.1, depth + 0.1, 0.5), (0.0, 0.0, 0.25), Material.CONCRETE, (0.45, 0.44, 0.43)),
    ]
    if rng.uniform() < 0.65:
        ridge, eave, top = length / 2.0, depth / 2.0 + 0.1, height + 0.17
        points = [[x, y, top] for x in (-ridge, ridge) for y in (-eave, eave)]
        points += [[-ridge, 0.0, top + 3.0], [ridge, 0.0, top + 3.0]]
        faces = [[0, 2, 5], [0, 5, 4], [3, 1, 4], [3, 4, 5], [1, 0, 4], [2, 3, 5]]
        flat = np.array(points)[np.array(faces)].reshape(-1, 3)
        parts.append(painted(flat, np.arange(len(flat)).reshape(-1, 3), Material.CONCRETE, roof))
    else:
        parts.append(box((2.5, 2.5, 1.8), (1.0, 0.5, height + 0.9), Material.CONCRETE, (0.6, 0.6, 0.6)))
    return merge(parts)


def _furniture(config: StreetConfig, route: Route, rng: np.random.Generator) -> Iterator[Mesh]:
    row = road_half_width(config) + 0.8
    busy = (*config.crossings, *config.gantries, *config.bridges, *config.side_streets)
    for side in (-1.0, 1.0):
        shift = float(rng.uniform(0.0, config.tree_spacing))
        for s in np.arange(-BEFORE + shift, route.length + BEYOND - 10.0, config.tree_spacing):
            if all(abs(s - other) > 5.0 for other in busy):
                yield tree(rng).moved(place(route, s + float(rng.uniform(-1.0, 1.0)), side * row, config.kerb_height))
        for s in np.arange(-BEFORE + 6.0 + 8.0 * side, route.length + BEYOND, config.lamp_spacing):
            yield lamp(-side).moved(place(route, s, side * (row - 0.25), config.kerb_height))
        for s in np.arange(-BEFORE + 18.0 + 9.0 * side, route.length + BEYOND, 41.0):
            yield _bin().moved(place(route, s, side * (row + 0.1), config.kerb_height))
    for crossing in config.crossings:
        for side in (-1.0, 1.0):
            yield _sign().moved(place(route, crossing - 2.6, side * (row - 0.2), config.kerb_height))


def tree(rng: np.random.Generator) -> Mesh:
    """Build a tree with a crown of six clumps on a bare trunk, 5 to 7 m tall."""
    height = float(rng.uniform(2.3, 3.2))
    trunk = tube((0, 0, 0), (0, 0, height + 1.2), (0.16, 0.09), Material.BARK, (0.34, 0.27, 0.20), 8)
    crown = []
    for _ in range(6):
        offset = rng.uniform(-1.0, 1.0, 3) * [1.0, 1.0, 0.7] + [0.0, 0.0, height + 1.9]
        radii = rng.uniform(0.9, 1.5) * np.array([1.0, 1.0, 0.8])
        bumps = rng.uniform(0.8, 1.15, (6, 14))
        leaf = _LEAVES[int(rng.integers(len(_LEAVES)))]
        crown.append(ellipsoid(radii, offset, Material.LEAVES, leaf, 14, bumps))
    return merge([trunk, *crown])


def lamp(towards: float) -> Mesh:
    """Build a street lamp 7 m tall whose arm reaches to the left (``towards`` 1) or right (-1)."""
    pole = tube((0, 0, 0), (0, 0, 6.8), (0.08, 0.05), Material.METAL, _STEEL, 8)
    arm = tube((0, 0, 6.75), (0, 1.6 * towards, 7.1), (0.04, 0.03), Material.METAL, _STEEL, 6)
    head = box((0.22, 0.7, 0.1), (0.0, 1.8 * towards, 7.1), Material.METAL, (0.5, 0.5, 0.5))
    return merge([pole, arm, head])


def _bin() -> Mesh:
    body = tube((0, 0, 0), (0, 0, 0.85), (0.24, 0.26), Material.METAL, (0.16, 0.30, 0.22), 12)
    return merge([body, tube((0, 0, 0.85), (0, 0, 0.95), (0.27, 0.15), Material.METAL, (0.12, 0.22, 0.17), 12)])


def _sign() -> Mesh:
    pole = tube((0, 0, 0), (0, 0, 2.9), (0.035, 0.035), Material.METAL, _STEEL, 6)
    plate = box((0.03, 0.62, 0.62), (-0.05, 0.0, 2.55), Material.SIGN, (0.10, 0.25, 0.62))
    inner = box((0.035, 0.3, 0.34), (-0.05, 0.0, 2.52), Material.SIGN, (0.93, 0.93, 0.93))
    return merge([pole, plate, inner])


def _gantry(config: StreetConfig, route: Route, s: float) -> Mesh:
    reach = road_half_width(config) + 0.6
    top = config.clearance + 0.4
    posts = [
        tube((0, side * reach, 0), (0, side * reach, top + 0.4), (0.14, 0.12), Material.METAL, _STEEL, 10)
        for side in (-1.0, 1.0)
    ]
    beams = [
        box((0.12, 2 * reach, 0.12), (x, 0, top + z), Material.METAL, _STEEL) for x in (-0.2, 0.2) for z in (0.0, 0.5)
    ]
    panels = [
        box((0.08, 3.0, 1.5), (-0.32, d, config.clearance + 0.85), Material.SIGN, (0.07, 0.22, 0.55))
        for d in (-2.0, 2.0)
    ]
    texts = [
        box((0.02, 1.9, 0.16), (-0.38, d, config.clearance + z), Material.SIGN, (0.93, 0.93, 0.93))
        for d in (-2.0, 2.0)
        for z in (0.5, 0.85, 1.2)
    ]
    return merge([*posts, *beams, *panels, *texts]).moved(place(route, s, 0.0))


def _bridge(config: StreetConfig, route: Route, s: float) -> Mesh:
    reach = road_half_width(config) + config.sidewalk_width + 1.0
    low = config.clearance
    grey: Colour = (0.62, 0.61, 0.58)
    deck = box((3.2, 2 * reach, 0.6), (0, 0, low + 0.3), Material.CONCRETE, grey)
    rails = [box((0.06, 2 * reach, 1.1), (x, 0, low + 1.15), Material.METAL, (0.28, 0.42, 0.40)) for x in (-1.5, 1.5)]
    stand = road_half_width(config) + 0.9
    piers = [box((1.2, 0.7, low), (0, side * stand, low / 2), Material.CONCRETE, grey) for side in (-1.0, 1.0)]
    return merge([deck, *rails, *piers]).moved(place(route, s, 0.0))


def _hanging(route: Route, s: float, low: float, high: float, z: float, thickness: float) -> Mesh:
    """Hang a rope, a pipe or a gate's beam between two posts that stand at d ``low`` and ``high``."""
    beam = tube((0, low, z), (0, high, z), (thickness / 2.0,) * 2, Material.METAL, _STEEL, 8)
    posts = [tube((0, d, -0.2), (0, d, z + 0.2), (0.05, 0.05), Material.METAL, _STEEL, 8) for d in (low, high)]
    return merge([beam, *posts]).moved(place(route, s, 0.0))


def _rails(config: StreetConfig, route: Route) -> Iterator[Mesh]:
    """Stand guard rails on posts every 4 m in the middle and 0.4 m inside both edges of the road."""
    look = (Material.METAL, _STEEL)
    edge = road_half_width(config) - 0.4
    stations = np.arange(-BEFORE, route.length + BEYOND, 0.5 if route.hilly else 2.0)
    for d in (-edge, 0.0, edge):
        profile = ((d - 0.06, 0.45), (d + 0.06, 0.45), (d + 0.06, 0.75), (d - 0.06, 0.75), (d - 0.06, 0.45))
        yield strip(route, stations, profile[::-1], look)
        for s in np.arange(-BEFORE, route.length + BEYOND, 4.0):
            yield box((0.1, 0.1, 0.7), (0.0, 0.0, 0.35), *look).moved(place(route, float(s), d))
