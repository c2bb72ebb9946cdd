"""What surfaces are made of: how a LiDAR sees them and how light plays on them."""

import enum

import numpy as np
from numpy.typing import NDArray


class Material(enum.IntEnum):
    """Index into the tables below and the selector of the procedural textures of ``shading``."""

    ASPHALT = 0
    PAVING = 1
    KERB = 2
    MARKING = 3
    FACADE = 4
    CONCRETE = 5
    BARK = 6
    LEAVES = 7
    METAL = 8
    PAINT = 9
    GLASS = 10
    RUBBER = 11
    CLOTH = 12
    SKIN = 13
    GRASS = 14
    LAMP = 15
    SIGN = 16
    PLASTIC = 17
    WATER = 18


# Order of magnitude at 905 nm on the 0..255 scale of Velodyne's calibrated reflectivity; retro-reflectors above 100.
_REFLECTIVITY = {
    Material.ASPHALT: 14,
    Material.PAVING: 32,
    Material.KERB: 40,
    Material.MARKING: 85,
    Material.FACADE: 55,
    Material.CONCRETE: 50,
    Material.BARK: 30,
    Material.LEAVES: 45,
    Material.METAL: 60,
    Material.PAINT: 48,
    Material.GLASS: 8,
    Material.RUBBER: 8,
    Material.CLOTH: 38,
    Material.SKIN: 60,
    Material.GRASS: 50,
    Material.LAMP: 130,
    Material.SIGN: 230,
    Material.PLASTIC: 15,
    # A drop of 2 mm fills 1 % of a beam of 2 cm and turns 5 % of that back; a puddle mirrors all but as much away.
    Material.WATER: 0.13,
}

# Share of rays that come back at all at a right angle: most of a ray goes through a window pane.
_RETURN_RATE = {Material.GLASS: 0.3, Material.LEAVES: 0.9, Material.RUBBER: 0.9}

# Mirror-like share of reflected light at a right angle (rises towards grazing, Schlick 1994).
_SPECULAR = {Material.PAINT: 0.06, Material.GLASS: 0.14, Material.METAL: 0.12, Material.LAMP: 0.1, Material.SIGN: 0.03}


def _table(values: dict[Material, float], default: float) -> NDArray[np.float32]:
    table = np.array([values.get(material, default) for material in Material], dtype=np.float32)
    table.flags.writeable = False
    return table


REFLECTIVITY = _table({key: float(value) for key, value in _REFLECTIVITY.items()}, 0.0)
"""float32 (materials,), 0..255."""

RETURN_RATE = _table(_RETURN_RATE, 0.995)
"""float32 (materials,), in [0, 1]."""

SPECULAR = _table(_SPECULAR, 0.0)
"""float32 (materials,), in [0, 1]."""
