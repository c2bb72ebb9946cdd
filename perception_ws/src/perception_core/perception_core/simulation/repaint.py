"""Other colours for a world that is built already: the same street under other paints, clothes, walls and soils."""

import colorsys
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from perception_core.simulation.materials import Material
from perception_core.simulation.mesh import Colour
from perception_core.simulation.world import World

_FREE = (Material.CLOTH, Material.SIGN)
_MUTED = (Material.FACADE,)
_JITTERED = (
    Material.ASPHALT, Material.PAVING, Material.KERB, Material.CONCRETE, Material.BARK, Material.LEAVES,
    Material.METAL, Material.GRASS, Material.SKIN, Material.PLASTIC,
)  # fmt: skip
_LEAST_CAR_COLOUR = 0.45
"""Share of vehicles that are not black, white or grey."""


def repaint(world: World, rng: np.random.Generator) -> World:
    """Return the world with every colour of a body drawn anew: paint and clothes freely, soils and plants a little.

    Bodies keep what tells them apart: lamps, tyres, panes and markings.
    """
    colour = world.surfaces.colour.copy()
    for rows in _groups(world):
        material = world.surfaces.material[rows]
        for kind in (Material.PAINT, *_FREE, *_MUTED, *_JITTERED):
            chosen = rows[material == kind]
            looks, which = np.unique(world.surfaces.colour[chosen], axis=0, return_inverse=True)
            for i, look in enumerate(looks):
                colour[chosen[which.ravel() == i]] = _new_colour(kind, look, rng)
    return replace(world, surfaces=replace(world.surfaces, colour=colour))


def _groups(world: World) -> list[NDArray[np.int64]]:
    """Return the rows of triangles of the street, of each actor that stands in it, and of each moving body."""
    count = len(world.owner)
    groups = [np.flatnonzero(world.owner == who) for who in np.unique(world.owner)]
    starts = [body.first_triangle for body in world.bodies] + [len(world.surfaces.colour)]
    groups += [np.arange(low, high) for low, high in pairwise(starts) if low >= count]
    return groups


def _new_colour(kind: Material, look: NDArray[np.float32], rng: np.random.Generator) -> Colour | NDArray[np.float32]:
    if kind == Material.PAINT and rng.uniform() > _LEAST_CAR_COLOUR:
        grey = float(rng.uniform(0.05, 0.95))
        return np.clip(grey + rng.uniform(-0.02, 0.02, 3), 0.02, 1.0).astype(np.float32)
    if kind in (Material.PAINT, *_FREE):
        return colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(0.0, 0.9), rng.uniform(0.08, 0.95))
    if kind in _MUTED:
        return colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(0.0, 0.4), rng.uniform(0.3, 0.9))
    return np.clip(look * rng.uniform(0.6, 1.35) * rng.uniform(0.88, 1.12, 3), 0.02, 1.0).astype(np.float32)
