"""Who is on stage, and where when: everything of a scenario that moves or could, before it has a shape."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from perception_core.errors import ConfigError
from perception_core.simulation.flight import Flight
from perception_core.simulation.road import carriageway, ground_height
from perception_core.simulation.route import Ride, Route, Trajectory
from perception_core.simulation.scenario import Scenario
from perception_core.simulation.scenario_config import ANY_CAR, ActorConfig, StreetConfig
from perception_core.simulation.traffic import Placement
from perception_core.simulation.wardrobe import WALKERS

_WHEELBASE = 2.7
_PARKING_SLOT = 6.2
_PARKED_MODELS = ("sedan", "hatchback", "suv", "hatchback", "sedan", "suv", "van")


@dataclass(frozen=True, slots=True)
class Role:
    """One actor: what was settled about it, and where it goes."""

    entry: ActorConfig
    trajectory: Trajectory

    @property
    def moves(self) -> bool:
        """False for one that stands still through the scenario."""
        return len(self.entry.path) > 2


@dataclass(frozen=True, slots=True)
class Stage:
    """A scenario's street and everybody on it.

    Attributes:
        route: the street's centreline.
        ego: where base_link goes.
        roles: the actors in order of their ids: the scripted ones, the traffic, the parked cars.
    """

    route: Route
    ego: Trajectory
    roles: tuple[Role, ...]


def stage(scenario: Scenario, seed: int) -> Stage:
    """Settle who is where in a scenario; the same seed gives the same.

    Raises:
        ConfigError: a path or speed profile that cannot be driven, or traffic for which there is no room.
    """
    config = scenario.config
    route = _route(config.street)
    roles = tuple(
        Role(entry, _trajectory(f"actors[{i}]", entry, config.street, route))
        for i, entry in enumerate(_entries(scenario, route, seed))
    )
    pitching, rolling = np.radians([config.pitching, config.rolling]).tolist()
    return Stage(route, _trajectory("ego", config.ego, config.street, route, (pitching, rolling)), roles)


def _route(config: StreetConfig) -> Route:
    try:
        return Route(config.centreline, config.elevation)
    except ConfigError as error:
        raise ConfigError(f"street.{error}") from error


def _entries(scenario: Scenario, route: Route, seed: int) -> list[ActorConfig]:
    parked = _parked_cars(scenario.config.street, route, np.random.default_rng([seed, 2]))
    if not scenario.traffic and not any(_is_open(entry) for entry in scenario.actors):
        return [*scenario.actors, *parked]
    config = scenario.config
    drive = partial(_trajectory, "actors", street=config.street, route=route)
    placement = Placement(config.duration, drive, np.random.default_rng([seed, 5]))
    placement.ego(config.ego)
    for entry in parked:
        placement.add(entry)
    scripted = [placement.varied(entry, scenario.actors[i + 1 :]) for i, entry in enumerate(scenario.actors)]
    traffic = [placement.traffic(entry, f"{scenario.name}.traffic[{i}]") for i, entry in enumerate(scenario.traffic)]
    return [*scripted, *(entry for entries in traffic for entry in entries), *parked]


def _is_open(entry: ActorConfig) -> bool:
    """Tell whether the seed has a say in an actor."""
    return entry.model == ANY_CAR or any((entry.vary_way, entry.vary_side, entry.vary_speed))


def _parked_cars(config: StreetConfig, route: Route, rng: np.random.Generator) -> list[ActorConfig]:
    """Fill parking places along both kerbs at random, some of them crookedly, none in the free stretches."""
    free = np.reshape(config.parking_free, (-1, 2))
    cars = []
    for side in (-1.0, 1.0):
        for s in np.arange(-20.0, route.length + 40.0, _PARKING_SLOT):
            taken, model = rng.uniform() < config.parked_fraction, str(rng.choice(_PARKED_MODELS))
            shift, sideways, turn = rng.uniform(-0.4, 0.4), rng.uniform(-0.12, 0.08), rng.normal(0.0, 1.2)
            middle = s + _PARKING_SLOT / 2.0
            blocked = any(low - 3.0 < middle < high + 3.0 for low, high in free)
            if taken and not blocked:
                d = side * (carriageway(config) + config.parking_width / 2.0 + 0.05 + sideways)
                heading = float(turn) + (180.0 if side > 0 else 0.0)
                cars.append(ActorConfig(model, (float(middle + shift), float(d)), (0.0, 0.0), heading))
    return cars


def _trajectory(
    name: str, entry: ActorConfig, street: StreetConfig, route: Route, sway: tuple[float, float] = (0.0, 0.0)
) -> Trajectory:
    """Make the trajectory of an actor; ``sway`` is how far it nods and sways, radians."""
    path = np.reshape(entry.path, (-1, 2))
    speed = np.reshape(entry.speed, (-1, 2))
    tilt = np.reshape(entry.tilt, (-1, 3)) * [1.0, np.pi / 180.0, np.pi / 180.0]
    try:
        flight = Flight(entry.altitude, tilt)
        wheelbase = 0.0 if entry.model in WALKERS or flight.leaves_ground else _WHEELBASE
        ride = Ride(wheelbase, *sway, entry.reverse, flight)
        return Trajectory(route, path, speed, float(np.radians(entry.heading)), partial(ground_height, street), ride)
    except ConfigError as error:
        raise ConfigError(f"{name}.{error}") from error
