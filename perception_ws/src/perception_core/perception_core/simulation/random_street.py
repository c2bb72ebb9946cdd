"""Streets, traffic, light and views drawn at random: what networks learn from, and unseen ones to judge them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from perception_core.simulation.scenario import Scenario
from perception_core.simulation.scenario_config import (
    ActorConfig,
    CameraConfig,
    LightConfig,
    ScenarioConfig,
    StreetConfig,
)
from perception_core.simulation.things import THINGS

DURATION = 20.0
"""Seconds of a random drive."""

_LENGTH = 240.0
_CARS = ("sedan", "hatchback", "suv", "van")
_HEAVY = ("truck", "bus")


def random_scenario(seed: int) -> Scenario:
    """Return a drive of :data:`DURATION` seconds along a street that ``seed`` makes up."""
    rng = np.random.default_rng([seed, 0x57])
    street = _street(rng)
    lane = street.lane_width / 2.0
    sway = [-lane + float(rng.uniform(-0.8, 0.8)) for _ in range(4)]
    side = 1.0 if rng.uniform() < 0.85 else -1.0
    path = tuple(number for s, d in zip((12.0, 90.0, 160.0, 330.0), sway, strict=True) for number in (s, side * d))
    speed = float(rng.uniform(5.0, 9.0))
    ego = ActorConfig(path=path, speed=(0.0, speed, DURATION, speed))
    config = ScenarioConfig(
        description="made up at random", seed=seed, duration=DURATION, street=street, light=random_light(rng), ego=ego
    )
    return Scenario(f"random_{seed}", config, tuple(_actors(street, rng)))


def random_light(rng: np.random.Generator) -> LightConfig:
    """Return a time of day, clouds, haze and an exposure that nearly fits."""
    overcast = float(rng.uniform(0.3, 1.0)) if rng.uniform() < 0.4 else float(rng.uniform(0.0, 0.15))
    return LightConfig(
        sun_azimuth=float(rng.uniform(-180.0, 180.0)),
        sun_elevation=float(rng.uniform(9.0, 75.0)),
        haze=float(np.exp(rng.uniform(np.log(70.0), np.log(900.0)))),
        overcast=overcast,
        exposure=float(np.clip(np.exp(rng.normal(0.3 * overcast, 0.35)), 0.3, 3.0)),
    )


def random_camera(rng: np.random.Generator, width: int, height: int) -> CameraConfig:
    """Return a camera of some vehicle or robot, with an opening of 55 to 95 degrees, that looks about."""
    yaw = float(rng.normal(0.0, 8.0)) if rng.uniform() < 0.6 else float(rng.uniform(-75.0, 75.0))
    return CameraConfig(
        position=(
            0.3,
            float(rng.uniform(-0.4, 0.4)),
            float(rng.choice([rng.uniform(0.5, 1.3), rng.uniform(1.2, 2.6)])),
        ),
        yaw=yaw,
        pitch=float(rng.normal(1.0, 3.0)),
        width=width,
        height=height,
        focal=width * float(rng.uniform(0.46, 0.95)),
        centre=(width * float(rng.uniform(0.47, 0.53)), height * float(rng.uniform(0.38, 0.58))),
        noise=float(rng.uniform(0.5, 5.0)),
        blur=float(rng.uniform(0.3, 0.9)) * width / 448.0,
    )


def random_rain(rng: np.random.Generator) -> float:
    """Return a rain rate in mm/h, mostly 0."""
    return float(rng.uniform(2.0, 30.0)) if rng.uniform() < 0.12 else 0.0


def _street(rng: np.random.Generator) -> StreetConfig:
    x = np.linspace(0.0, _LENGTH, 5)
    y = np.cumsum(np.concatenate([[0.0], rng.normal(0.0, 5.0, 4)]))
    z = np.cumsum(rng.normal(0.0, 1.2, 5)) * float(rng.uniform() < 0.35)

    def some(most: int) -> tuple[float, ...]:
        return tuple(np.sort(rng.uniform(40.0, _LENGTH - 20.0, int(rng.integers(0, most + 1)))).tolist())

    return StreetConfig(
        centreline=tuple(np.column_stack([x, y]).ravel().tolist()),
        lane_width=float(rng.uniform(2.9, 4.2)),
        parking_width=float(rng.uniform(2.1, 2.6)),
        sidewalk_width=float(rng.uniform(2.5, 7.0)),
        kerb_height=float(rng.uniform(0.05, 0.2)),
        parked_fraction=float(rng.choice([0.0, rng.uniform(0.1, 0.5), rng.uniform(0.5, 0.9)])),
        tree_spacing=float(rng.uniform(7.0, 60.0)),
        lamp_spacing=float(rng.uniform(20.0, 50.0)),
        buildings=bool(rng.uniform() < 0.8),
        clutter=float(rng.uniform(0.0, 30.0)),
        crossings=some(2),
        gantries=some(1),
        bridges=some(1),
        clearance=float(rng.uniform(4.5, 6.5)),
        elevation=tuple(np.column_stack([x, z]).ravel().tolist()) if z.any() else (),
    )


def _actors(street: StreetConfig, rng: np.random.Generator) -> list[ActorConfig]:
    lane, kerb = street.lane_width / 2.0, street.lane_width + street.parking_width
    walk = kerb + street.sidewalk_width / 2.0
    actors: list[ActorConfig] = []

    def add(count: int, model: Callable[[], str], moves: float, d: Callable[[], float], speed: float) -> None:
        for _ in range(count):
            where = float(rng.uniform(15.0, _LENGTH)), d()
            actors.append(_actor(model(), where, speed * float(rng.uniform(0.6, 1.3)), moves, rng))

    def pick(*names: str) -> Callable[[], str]:
        return lambda: str(rng.choice(names))

    def either(low: float, high: float) -> Callable[[], float]:
        return lambda: float(rng.choice([-1.0, 1.0]) * rng.uniform(low, high))

    add(int(rng.integers(2, 6)), pick(*_CARS), 0.8, either(lane - 0.4, lane + 0.4), 7.0)
    add(int(rng.integers(1, 5)), pick(*_CARS), 0.0, either(kerb - 2.0, kerb + 3.0), 0.0)
    add(int(rng.integers(2, 6)), pick(*_HEAVY), 0.5, either(lane, kerb - 0.5), 6.0)
    add(int(rng.integers(8, 20)), pick("pedestrian"), 0.4, either(kerb - 0.3, walk + 1.5), 1.3)
    add(int(rng.integers(2, 7)), pick("pedestrian"), 0.3, either(0.0, kerb), 1.3)
    add(int(rng.integers(4, 10)), pick("cyclist"), 0.5, either(lane, walk), 4.5)
    add(int(rng.integers(5, 14)), pick(*THINGS), 0.0, either(0.5 * lane, walk + 1.0), 0.0)
    return actors


def _actor(model: str, where: tuple[float, float], speed: float, moves: float, rng: np.random.Generator) -> ActorConfig:
    """Place an actor: those that move keep to the right and some of those on foot cross the street."""
    s, d = where
    if rng.uniform() >= moves:
        return ActorConfig(model, where, (0.0, 0.0), float(rng.uniform(-180.0, 180.0)))
    ahead = float(rng.choice([-1.0, 1.0])) if model == "pedestrian" else (-1.0 if d > 0 else 1.0)
    start = s + ahead * speed * (-0.5 * DURATION)
    entry = ActorConfig(model, (start, d, start + ahead * 2.5 * DURATION * speed, d), (0.0, speed, DURATION, speed))
    if model == "pedestrian" and rng.uniform() < 0.3:
        return replace(entry, path=(s, -8.0 * ahead, s + float(rng.uniform(-3.0, 3.0)), 12.0 * ahead))
    return entry
