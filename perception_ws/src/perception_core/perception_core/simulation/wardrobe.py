"""What actors look like: their meshes by model, paint and clothes, each look built once."""

from collections.abc import Callable
from functools import partial

import numpy as np

from perception_core.simulation import people, things, vehicles
from perception_core.simulation.mesh import Colour, Mesh
from perception_core.types import classes

CLASS_OF_MODEL = {
    "sedan": classes.CAR,
    "hatchback": classes.CAR,
    "suv": classes.CAR,
    "van": classes.CAR,
    "truck": classes.TRUCK,
    "bus": classes.BUS,
    "pedestrian": classes.PERSON,
    "child": classes.PERSON,
    "cyclist": classes.CYCLIST,
    **dict.fromkeys(things.THINGS, classes.UNKNOWN),
}

WALKERS = {"pedestrian": 1.0, "child": people.CHILD_SCALE}
"""Models that walk, and how tall they are beside a grown person."""

_PAINTS: tuple[Colour, ...] = (
    (0.80, 0.81, 0.82),
    (0.10, 0.11, 0.13),
    (0.55, 0.57, 0.60),
    (0.60, 0.07, 0.07),
    (0.12, 0.22, 0.48),
    (0.90, 0.90, 0.88),
    (0.32, 0.34, 0.36),
    (0.16, 0.32, 0.24),
    (0.70, 0.62, 0.45),
)
_COATS: tuple[Colour, ...] = (
    (0.70, 0.12, 0.12),
    (0.15, 0.25, 0.50),
    (0.85, 0.75, 0.25),
    (0.20, 0.22, 0.24),
    (0.80, 0.80, 0.78),
    (0.20, 0.42, 0.30),
    (0.55, 0.35, 0.55),
)
_TROUSERS: tuple[Colour, ...] = ((0.14, 0.17, 0.28), (0.10, 0.10, 0.11), (0.38, 0.33, 0.26))


def model_size(model: str) -> tuple[float, float, float]:
    """Return length, width and height in metres of a model."""
    if model in WALKERS:
        length, width, height = people.WALKER_SIZE
        scale = WALKERS[model]
        return length * scale, width * scale, height * scale
    if model == "cyclist":
        return people.CYCLIST_SIZE
    return things.THINGS[model] if model in things.THINGS else vehicles.vehicle_size(model)


class Wardrobe:
    """Collects the meshes that a world needs; ``meshes[0]`` is the street."""

    def __init__(self, street: Mesh) -> None:
        """Begin with the street."""
        self.meshes: list[Mesh] = [street]
        self._known: dict[tuple[object, ...], int] = {}

    def dress(self, model: str, rng: np.random.Generator) -> tuple[int, ...]:
        """Return the places in ``meshes`` of a model in colours of chance: one a pose of its gait."""
        paint, coat, trousers = (palette[int(rng.integers(len(palette)))] for palette in (_PAINTS, _COATS, _TROUSERS))
        if model in WALKERS:
            return tuple(
                self._add((model, coat, trousers, phase), partial(_walker, model, phase, coat, trousers))
                for phase in range(people.GAIT_PHASES)
            )
        if model == "cyclist":
            return (self._add((model, coat, trousers), partial(people.cyclist, coat, trousers)),)
        build = things.thing if model in things.THINGS else vehicles.vehicle
        return (self._add((model, paint), partial(build, model, paint)),)

    def _add(self, look: tuple[object, ...], build: Callable[[], Mesh]) -> int:
        if look not in self._known:
            self._known[look] = len(self.meshes)
            self.meshes.append(build())
        return self._known[look]


def _walker(model: str, phase: int, coat: Colour, trousers: Colour) -> Mesh:
    grown = people.walker(phase, coat, trousers)
    return grown if WALKERS[model] == 1.0 else grown.scaled((WALKERS[model],) * 3)
