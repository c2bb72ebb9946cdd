"""Things that stand in the way and are nobody's vehicle: x forward, y left, z up, on the ground below their middle."""

from perception_core.simulation.materials import Material
from perception_core.simulation.mesh import Colour, Mesh, box, merge, tube

THINGS = {
    "crate": (1.2, 0.8, 0.9),
    "barrier": (2.0, 0.5, 0.85),
    "barrel": (0.6, 0.6, 0.95),
    "skip": (1.4, 1.1, 1.3),
}
"""Length, width and height in metres of each model."""

_WOOD: Colour = (0.58, 0.44, 0.28)
_CONCRETE: Colour = (0.66, 0.65, 0.62)
_WHITE: Colour = (0.92, 0.92, 0.90)
_DARK: Colour = (0.06, 0.06, 0.06)


def thing(model: str, paint: Colour) -> Mesh:
    """Build one of :data:`THINGS`; the paint is that of its stripes or its sides."""
    return _BUILDERS[model](paint)


def _crate(paint: Colour) -> Mesh:
    length, width, height = THINGS["crate"]
    boards = [
        box((length, width, 0.12), (0.0, 0.0, z), Material.BARK, _WOOD) for z in (0.15, 0.40, 0.65, height - 0.06)
    ]
    inside = box((length - 0.08, width - 0.08, height - 0.04), (0.0, 0.0, height / 2 - 0.02), Material.CLOTH, paint)
    return merge([inside, *boards])


def _barrier(paint: Colour) -> Mesh:
    length, width, height = THINGS["barrier"]
    foot = box((length, width, 0.25), (0.0, 0.0, 0.125), Material.CONCRETE, _CONCRETE)
    wall = box((length, width * 0.45, height - 0.25), (0.0, 0.0, 0.25 + (height - 0.25) / 2), Material.CONCRETE, _WHITE)
    stripes = [
        box((0.28, width * 0.45 + 0.02, 0.3), (x, 0.0, height - 0.2), Material.PLASTIC, paint) for x in (-0.7, 0.0, 0.7)
    ]
    return merge([foot, wall, *stripes])


def _barrel(paint: Colour) -> Mesh:
    radius, height = THINGS["barrel"][0] / 2, THINGS["barrel"][2]
    rings = [
        tube((0, 0, z), (0, 0, z + height / 4), (radius, radius), Material.PLASTIC, colour, 14)
        for z, colour in zip((0.0, 0.25 * height, 0.5 * height, 0.75 * height), (paint, _WHITE) * 2, strict=True)
    ]
    return merge(rings)


def _skip(paint: Colour) -> Mesh:
    length, width, height = THINGS["skip"]
    body = box(
        (length * 0.9, width * 0.9, height - 0.35), (0.0, 0.0, 0.15 + (height - 0.35) / 2), Material.METAL, paint
    )
    lid = box((length, width, 0.2), (0.0, 0.0, height - 0.1), Material.PLASTIC, _DARK)
    wheels = [
        tube((x, y - 0.04, 0.1), (x, y + 0.04, 0.1), (0.1, 0.1), Material.RUBBER, _DARK, 8)
        for x in (-0.5, 0.5)
        for y in (-0.4, 0.4)
    ]
    return merge([body, lid, *wheels])


_BUILDERS = {"crate": _crate, "barrier": _barrier, "barrel": _barrel, "skip": _skip}
