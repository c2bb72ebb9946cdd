"""What the seed makes of a scenario: scripted actors a little earlier or later, and traffic where there is room."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from perception_core.errors import ConfigError
from perception_core.simulation.clearance import TIME_STEP, Sweep, sweep
from perception_core.simulation.route import Trajectory
from perception_core.simulation.scenario_config import ANY_CAR, CARS, ActorConfig, TrafficConfig
from perception_core.simulation.wardrobe import model_size

_TRIES = 1000
"""Places tried for one of the traffic before the scenario is called full."""

_VARIATIONS = 25
"""Variations tried of a scripted actor before it is left as it is written."""

_ROOM = 0.3
"""Metres that traffic leaves to everybody."""

_SCRIPTED_ROOM = 0.15
"""Metres that a varied actor leaves, who may be meant to pass closely."""

_EGO_SIZE = (4.6, 1.9, 1.6)
_CHANGE_LENGTH = 3.0
"""Seconds that a change of lane takes."""

Drive = Callable[[ActorConfig], Trajectory]


class Placement:
    """Finds room for actors: whoever is placed is respected by all who come after."""

    def __init__(self, duration: float, drive: Drive, rng: np.random.Generator) -> None:
        """Begin with an empty street; ``drive`` makes an actor's trajectory."""
        self._times = np.arange(0.0, duration + 1.0, TIME_STEP)
        self._duration, self._drive, self._rng = duration, drive, rng
        self._taken: list[Sweep] = []

    def add(self, entry: ActorConfig, size: tuple[float, float, float] | None = None) -> None:
        """Respect an actor as it is."""
        self._taken.append(self._sweep(entry, size))

    def ego(self, entry: ActorConfig) -> None:
        """Respect the ego car."""
        self.add(entry, _EGO_SIZE)

    def varied(self, entry: ActorConfig, others: Sequence[ActorConfig]) -> ActorConfig:
        """Return a scripted actor as the seed has it, clear of the placed ones and of ``others`` as written."""
        if entry.model == ANY_CAR:
            entry = replace(entry, model=str(self._rng.choice(CARS)))
        found = entry
        if entry.vary_way or entry.vary_side or entry.vary_speed:
            ahead = [self._sweep(other) for other in others]
            for _ in range(_VARIATIONS):
                candidate = _variation(entry, self._rng)
                if self._clear(self._sweep(candidate), _SCRIPTED_ROOM, ahead):
                    found = candidate
                    break
        self.add(found)
        return found

    def traffic(self, config: TrafficConfig, name: str) -> list[ActorConfig]:
        """Return actors placed at random.

        Raises:
            ConfigError: there is not enough room for them.
        """
        placed = []
        for number in range(config.count):
            for _ in range(_TRIES):
                entry = self._somebody(config)
                if entry is None:
                    continue
                length, width, height = model_size(entry.model)
                if self._clear(self._sweep(entry, (length + 2.0 * config.gap, width, height)), _ROOM):
                    self.add(entry)
                    placed.append(entry)
                    break
            else:
                raise ConfigError(f"{name}.count: there is room for {number} of {config.count} only")
        return placed

    def _clear(self, found: Sweep, room: float, others: Sequence[Sweep] = ()) -> bool:
        return all(found.clear_of(other, room) for other in (*self._taken, *others))

    def _sweep(self, entry: ActorConfig, size: tuple[float, float, float] | None = None) -> Sweep:
        model = CARS[0] if entry.model == ANY_CAR else entry.model
        return sweep(self._drive(entry), size or model_size(model), self._times)

    def _somebody(self, config: TrafficConfig) -> ActorConfig | None:
        """Draw one of the traffic; None where its way would be over before the drive is."""
        rng = self._rng
        model = str(rng.choice(config.models))
        model = str(rng.choice(CARS)) if model == ANY_CAR else model
        s = _between(config.s, rng)
        d = float(rng.choice(config.lanes)) if config.lanes else _between(config.d, rng)
        speed = _between(config.speed, rng)
        if config.to_s:
            to_s, to_d = _between(config.to_s, rng), _between(config.to_d, rng)
            if np.hypot(to_s - s, to_d - d) < speed * self._duration:
                return None
            path: tuple[float, ...] = (s, d, to_s, to_d)
        else:
            path = self._along(config, s, d, speed)
        return ActorConfig(model, path, (0.0, speed))

    def _along(self, config: TrafficConfig, s: float, d: float, speed: float) -> tuple[float, ...]:
        """Return a way along the street in the lane d, with a change to another lane of that side or without."""
        rng, ahead = self._rng, 1.0 if d < 0.0 else -1.0
        end = s + ahead * (speed * (self._duration + 2.0) + 30.0)
        lanes = [lane for lane in config.lanes if lane * d > 0.0 and lane != d]
        change, when = rng.uniform() < config.changing, float(rng.uniform(0.1, 0.7)) * self._duration
        if not lanes or not change:
            return s, d, end, d
        to = float(min(lanes, key=lambda lane: (abs(lane - d), rng.uniform())))
        start, length = s + ahead * speed * when, ahead * speed * _CHANGE_LENGTH
        return s, d, start, d, start + 0.5 * length, 0.5 * (d + to), start + length, to, end, to


def _between(bounds: tuple[float, ...], rng: np.random.Generator) -> float:
    low, high = bounds
    return float(rng.uniform(low, high))


def _variation(entry: ActorConfig, rng: np.random.Generator) -> ActorConfig:
    """Move a path along the street and across it, and change the speed throughout, by chance."""
    ahead = float(rng.uniform(-entry.vary_way, entry.vary_way))
    aside = float(rng.uniform(-entry.vary_side, entry.vary_side))
    factor = 1.0 + float(rng.uniform(-entry.vary_speed, entry.vary_speed))
    path = np.reshape(entry.path, (-1, 2)) + np.array([ahead, aside])
    speed = np.reshape(entry.speed, (-1, 2)) * np.array([1.0, factor])
    return replace(entry, path=tuple(path.ravel().tolist()), speed=tuple(speed.ravel().tolist()))
