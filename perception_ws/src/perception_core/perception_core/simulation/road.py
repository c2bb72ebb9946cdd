"""What one drives and walks on: the road with its lines, kerbs, sidewalks, lawns and side streets."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perception_core.geometry.transforms import Transform, from_yaw
from perception_core.simulation.materials import Material
from perception_core.simulation.mesh import Colour, Mesh, grid, merge, painted
from perception_core.simulation.route import Route
from perception_core.simulation.scenario_config import StreetConfig

Floats = NDArray[np.float64]

BEFORE, BEYOND = 120.0, 160.0
"""Metres the street goes on before the first waypoint and beyond the last."""

_ASPHALT: Colour = (0.33, 0.33, 0.345)
_PAVING: Colour = (0.60, 0.58, 0.55)
_KERB: Colour = (0.68, 0.67, 0.64)
_LINE: Colour = (0.93, 0.93, 0.90)
_PAINT_HEIGHT = 0.004


def road_half_width(config: StreetConfig) -> float:
    """Return metres from the centreline to the kerb."""
    return carriageway(config) + config.parking_width


def carriageway(config: StreetConfig) -> float:
    """Return metres from the centreline to the edge of the outermost lane."""
    return config.lanes * config.lane_width


def ground_height(config: StreetConfig, d: Floats) -> Floats:
    """Return the height (N,) in metres on which one walks at d (N,): up the kerb within one step of 0.8 m."""
    step = np.clip((np.abs(d) - road_half_width(config) + 0.2) / 0.8, 0.0, 1.0)
    return np.asarray(config.kerb_height * step * step * (3.0 - 2.0 * step), dtype=np.float64)


def build_ground(config: StreetConfig, route: Route) -> Mesh:
    """Build what one drives and walks on."""
    return merge([*_ground(config, route), *_markings(config, route), *_side_streets(config, route)])


def place(route: Route, s: float, d: float, z: float = 0.0) -> Transform:
    """Return the pose of something that stands along the street at (s, d)."""
    x, y = route.position(s, d)
    heading = float(route.heading(np.clip(s, 0.0, route.length)))
    return from_yaw(heading, (x, y, z + float(route.height(s))))


def strip(route: Route, s: ArrayLike, edges: tuple[tuple[float, float], ...], look: tuple[Material, Colour]) -> Mesh:
    """Make a surface along the street through edges (d, z), right to left."""
    stations = np.asarray(s, dtype=np.float64)
    points = np.stack(
        [np.column_stack([route.position(stations, d), route.height(stations) + z]) for d, z in edges], axis=1
    )
    return grid(points, *look)


def _ground(config: StreetConfig, route: Route) -> Iterator[Mesh]:
    s = np.arange(-BEFORE, route.length + BEYOND, 0.5 if route.hilly else 2.0)
    half, top = road_half_width(config), config.kerb_height
    outer = half + config.sidewalk_width
    yield strip(route, s, ((-half, 0.0), (0.0, 0.0), (half, 0.0)), (Material.ASPHALT, _ASPHALT))
    for side in (-1.0, 1.0):
        kerb = [(side * half, 0.0), (side * (half + 0.01), top), (side * (half + 0.15), top)]
        paving = [(side * (half + 0.15), top), (side * outer, top)]
        lawn = [(side * outer, top), (side * (outer + 90.0), top)]
        for edges, look in (
            (kerb, (Material.KERB, _KERB)),
            (paving, (Material.PAVING, _PAVING)),
            (lawn, (Material.GRASS, (0.36, 0.42, 0.24))),
        ):
            yield strip(route, s, tuple(edges if side > 0 else edges[::-1]), look)
    far, low = 900.0, float(route.height(s).min()) - 0.4
    plain = [[-far, -far, low], [far, -far, low], [far, far, low], [-far, far, low]]
    yield painted(plain, [[0, 1, 2], [0, 2, 3]], Material.GRASS, (0.36, 0.42, 0.24))


def _side_streets(config: StreetConfig, route: Route) -> Iterator[Mesh]:
    """Lay streets 7 m wide across, raised to the level of the sidewalks, which begin at the kerbs."""
    half, z = road_half_width(config), config.kerb_height + 0.01
    for s in config.side_streets:
        stations = np.linspace(s - 3.5, s + 3.5, 15)
        for low, high in ((-half - 90.0, -half), (half, half + 90.0)):
            yield strip(route, stations, ((low, z), (high, z)), (Material.ASPHALT, _ASPHALT))


def _markings(config: StreetConfig, route: Route) -> Iterator[Mesh]:
    if config.markings == "street":
        yield from _street_lines(config, route)
    elif config.markings == "motorway":
        yield from _motorway_lines(config, route)
    half = road_half_width(config)
    for crossing in config.crossings:
        for d in np.arange(-half + 0.4, half - 0.4, 1.0):
            yield _bar(route, crossing - 1.7, crossing + 1.7, d, d + 0.5)
        yield _bar(route, crossing - 3.2, crossing - 2.8, -carriageway(config), 0.0)
        yield _bar(route, crossing + 2.8, crossing + 3.2, 0.0, carriageway(config))


def _bar(route: Route, s_low: float, s_high: float, d_low: float, d_high: float) -> Mesh:
    """Paint a bar along the street."""
    count = int(np.ceil((s_high - s_low) / 0.5)) + 1 if route.hilly else 3
    edges = ((d_low, _PAINT_HEIGHT), (d_high, _PAINT_HEIGHT))
    return strip(route, np.linspace(s_low, s_high, count), edges, (Material.MARKING, _LINE))


def _stations(route: Route, step: float) -> list[float]:
    along: list[float] = np.arange(-BEFORE + 10.0, route.length + BEYOND - 10.0, step).tolist()
    return along


def _street_lines(config: StreetConfig, route: Route) -> Iterator[Mesh]:
    """Paint dashes between the lanes, and bays along the kerbs."""
    for d in config.lane_width * np.arange(1 - config.lanes, config.lanes):
        for s in _stations(route, 9.0):
            if all(abs(s + 1.5 - crossing) > 5.0 for crossing in config.crossings):
                yield _bar(route, s, s + 3.0, d - 0.06, d + 0.06)
    for side in (-1.0, 1.0):
        d = side * carriageway(config)
        low, high = sorted((d, d + side * config.parking_width))
        for s in _stations(route, 6.2):
            yield _bar(route, s, s + 0.12, low, high)
            yield _bar(route, s, s + 6.2, d - 0.05, d + 0.05)


def _motorway_lines(config: StreetConfig, route: Route) -> Iterator[Mesh]:
    """Paint dashes of 6 m every 18 m between the lanes, and lines beside the middle and the shoulders."""
    for side in (-1.0, 1.0):
        for d in side * config.lane_width * np.arange(1, config.lanes):
            for s in _stations(route, 18.0):
                yield _bar(route, s, s + 6.0, d - 0.08, d + 0.08)
        for d in (side * 0.4, side * carriageway(config)):
            for s in _stations(route, 18.0):
                yield _bar(route, s, s + 18.0, d - 0.1, d + 0.1)
