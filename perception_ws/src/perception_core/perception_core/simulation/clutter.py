"""What else stands on sidewalks and is often taken for somebody: bollards, benches, bushes, boards, columns, boxes."""

from collections.abc import Iterator

import numpy as np

from perception_core.geometry.transforms import from_yaw
from perception_core.simulation.materials import Material
from perception_core.simulation.mesh import Colour, Mesh, box, ellipsoid, merge, tube
from perception_core.simulation.road import place, road_half_width
from perception_core.simulation.route import Route
from perception_core.simulation.scenario_config import StreetConfig

_STEEL: Colour = (0.30, 0.32, 0.33)
_LEAF: Colour = (0.27, 0.41, 0.17)
_WOOD: Colour = (0.46, 0.33, 0.21)


def build_clutter(config: StreetConfig, route: Route, rng: np.random.Generator) -> Iterator[Mesh]:
    """Yield ``config.clutter`` things every 100 m, on either sidewalk and in any heading."""
    kinds = (_bollard, _bench, _bush, _board, _column, _cabinet, _post)
    half = road_half_width(config)
    for _ in range(round(config.clutter * route.length / 100.0)):
        s, turn = (
            float(rng.uniform(0.0, route.length)),
            float(rng.choice([0.0, 0.0, np.pi / 2, rng.uniform(-3.0, 3.0)])),
        )
        side, out = float(rng.choice([-1.0, 1.0])), float(rng.uniform(0.5, config.sidewalk_width - 0.4))
        made = kinds[int(rng.integers(len(kinds)))](rng).moved(from_yaw(turn, (0.0, 0.0, 0.0)))
        yield made.moved(place(route, s, side * (half + out), config.kerb_height))


def _colour(rng: np.random.Generator) -> Colour:
    r, g, b = rng.uniform(0.05, 0.9, 3).tolist()
    return r, g, b


def _bollard(rng: np.random.Generator) -> Mesh:
    height = float(rng.uniform(0.7, 1.1))
    pole = tube((0, 0, 0), (0, 0, height), (0.07, 0.06), Material.METAL, _STEEL, 8)
    return merge(
        [pole, tube((0, 0, height - 0.2), (0, 0, height - 0.08), (0.07, 0.07), Material.SIGN, _colour(rng), 8)]
    )


def _bench(rng: np.random.Generator) -> Mesh:
    seat = box((1.6, 0.45, 0.06), (0.0, 0.0, 0.45), Material.BARK, _WOOD)
    back = box((1.6, 0.05, 0.4), (0.0, -0.22, 0.75), Material.BARK, _WOOD)
    legs = [box((0.06, 0.4, 0.45), (x, 0.0, 0.22), Material.METAL, _colour(rng)) for x in (-0.65, 0.65)]
    return merge([seat, back, *legs])


def _bush(rng: np.random.Generator) -> Mesh:
    radii = rng.uniform(0.35, 0.8, 3)
    return ellipsoid(radii, (0.0, 0.0, radii[2] * 0.9), Material.LEAVES, _LEAF, 12, rng.uniform(0.8, 1.15, (5, 12)))


def _board(rng: np.random.Generator) -> Mesh:
    """Stand a board of a person's size on two posts, with a patch of another colour."""
    width, height = float(rng.uniform(0.6, 1.4)), float(rng.uniform(1.0, 1.7))
    plate = box((0.08, width, height), (0.0, 0.0, 0.35 + height / 2), Material.PLASTIC, _colour(rng))
    patch = box((0.1, width * 0.6, height * 0.5), (0.0, 0.0, 0.35 + height * 0.6), Material.PLASTIC, _colour(rng))
    posts = [box((0.05, 0.05, 0.4), (0.0, y, 0.2), Material.METAL, _STEEL) for y in (-width * 0.4, width * 0.4)]
    return merge([plate, patch, *posts])


def _column(rng: np.random.Generator) -> Mesh:
    radius = float(rng.uniform(0.3, 0.6))
    body = tube((0, 0, 0), (0, 0, 2.4), (radius, radius), Material.CONCRETE, _colour(rng), 14)
    return merge([body, tube((0, 0, 2.4), (0, 0, 2.7), (radius + 0.1, 0.1), Material.METAL, _STEEL, 14)])


def _cabinet(rng: np.random.Generator) -> Mesh:
    size = (float(rng.uniform(0.4, 1.2)), 0.4, float(rng.uniform(0.8, 1.5)))
    return box(size, (0.0, 0.0, size[2] / 2), Material.METAL, _colour(rng))


def _post(rng: np.random.Generator) -> Mesh:
    pole = tube((0, 0, 0), (0, 0, 2.6), (0.035, 0.035), Material.METAL, _STEEL, 6)
    plate = box((0.03, 0.6, 0.6), (-0.05, 0.0, float(rng.uniform(2.0, 2.5))), Material.SIGN, _colour(rng))
    return merge([pole, plate])
