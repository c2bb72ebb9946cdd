"""Scenarios as data: a YAML file names the street, the ego car, its sensors and who else is about.

The files of ``scenarios/`` are known by name. Unknown keys and values out of range are refused, as everywhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from perception_core.config import Config, from_mapping, to_mapping
from perception_core.documents import load_yaml
from perception_core.errors import ConfigError
from perception_core.simulation.scenario_config import (
    MAIN_CAMERA,
    MAIN_LIDAR,
    ActorConfig,
    CameraConfig,
    LidarConfig,
    ScenarioConfig,
    TrafficConfig,
)
from perception_core.simulation.scenario_rules import check

__all__ = [
    "MAIN_CAMERA",
    "MAIN_LIDAR",
    "Scenario",
    "load_scenario",
    "parse_scenario",
    "scenario_names",
    "with_overrides",
]

_LISTS = ("actors", "traffic")
_SENSORS = ("lidars", "cameras")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario's name, its parameters and the actors besides the ego car, in order of their ids.

    ``lidars`` and ``cameras`` are further ones by name, besides ``config.lidar``, whose name is :data:`MAIN_LIDAR`,
    and ``config.camera``, whose name is :data:`MAIN_CAMERA`. ``traffic`` is what the seed places.
    """

    name: str
    config: ScenarioConfig
    actors: tuple[ActorConfig, ...]
    lidars: tuple[tuple[str, LidarConfig], ...] = ()
    cameras: tuple[tuple[str, CameraConfig], ...] = ()
    traffic: tuple[TrafficConfig, ...] = ()

    @property
    def all_lidars(self) -> dict[str, LidarConfig]:
        """Every LiDAR by name, the main one first."""
        return {MAIN_LIDAR: self.config.lidar, **dict(self.lidars)}

    @property
    def all_cameras(self) -> dict[str, CameraConfig]:
        """Every camera by name, the main one first."""
        return {MAIN_CAMERA: self.config.camera, **dict(self.cameras)}


def scenario_names() -> tuple[str, ...]:
    """Return the names of the scenarios that come with the package, sorted."""
    folder = resources.files(__package__) / "scenarios"
    return tuple(sorted(Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load_scenario(name_or_path: Path | str, overrides: Mapping[str, Any] | None = None) -> Scenario:
    """Load a scenario by name or from a YAML file; ``overrides`` as in :func:`with_overrides`.

    Raises:
        ConfigError: no such scenario or file, no YAML mapping, a key that is unknown or repeated, or a value out of
            range.
    """
    text = str(name_or_path)
    path = Path(text)
    if text in scenario_names():
        content = (resources.files(__package__) / "scenarios" / f"{text}.yaml").read_text(encoding="utf-8")
    elif path.suffix in (".yaml", ".yml"):
        try:
            content = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: cannot read the scenario ({error})") from error
    else:
        known = ", ".join(scenario_names())
        raise ConfigError(f"scenario {text!r}: neither a known name ({known}) nor a .yaml file")
    try:
        document = load_yaml(content)
    except yaml.YAMLError as error:
        line = " ".join(str(error).split())
        raise ConfigError(f"scenario {text}: not YAML ({line})") from error
    return with_overrides(parse_scenario(path.stem, document), overrides or {})


def with_overrides(scenario: Scenario, overrides: Mapping[str, Any]) -> Scenario:
    """Return the scenario with some of its keys set to other values.

    Args:
        scenario: what to begin with; it stays as it is.
        overrides: by dotted key as in its file; lists count from 0: ``{"disturbances.camera_delay": 0.2,
            "lidars.rear.rate": 5.0, "actors.2.model": "bus"}``. A further sensor of a new name is added.

    Raises:
        ConfigError: an unknown key, a wrong type, a value out of range, or no such entry of a list.
    """
    if not overrides:
        return scenario
    document = _document(scenario)
    for key, value in overrides.items():
        _set(document, scenario.name, str(key), value)
    return parse_scenario(scenario.name, document)


def parse_scenario(name: str, document: Any) -> Scenario:
    """Build a scenario from a YAML document; pairs may be written as lists of lists.

    Raises:
        ConfigError: an unknown key, a wrong type, a value out of range or lists of the wrong length.
    """
    if not isinstance(document, Mapping):
        raise ConfigError(f"scenario {name}: expected a mapping, got {document!r}")
    mapping = {str(key): _flat(value) for key, value in document.items()}
    actors = _entries(ActorConfig, f"{name}.actors", mapping.pop("actors", []))
    traffic = _entries(TrafficConfig, f"{name}.traffic", mapping.pop("traffic", []))
    lidars = _sensors(LidarConfig, name, ("lidar", MAIN_LIDAR, "LiDAR"), mapping.pop("lidars", {}))
    cameras = _sensors(CameraConfig, name, ("camera", MAIN_CAMERA, "camera"), mapping.pop("cameras", {}))
    config = from_mapping(ScenarioConfig, mapping, f"{name}.", (*_LISTS, *_SENSORS))
    check(name, config, actors, traffic, dict(lidars), dict(cameras))
    return Scenario(name, config, actors, lidars, cameras, traffic)


def _entries[C: Config](config_class: type[C], label: str, entries: Any) -> tuple[C, ...]:
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise ConfigError(f"{label}: expected a list of mappings, got {entries!r}")
    return tuple(from_mapping(config_class, _flat(entry), f"{label}[{i}].") for i, entry in enumerate(entries))


def _sensors[C: Config](
    config_class: type[C], name: str, kind: tuple[str, str, str], mapping: Any
) -> tuple[tuple[str, C], ...]:
    """Read the further sensors of a kind; the frame of the LiDAR ``front`` is ``lidar_front`` where none is given."""
    key, main, word = kind
    label = f"{name}.{key}s"
    if not isinstance(mapping, Mapping) or not all(isinstance(entry, Mapping) for entry in mapping.values()):
        raise ConfigError(f"{label}: expected a mapping of mappings, got {mapping!r}")
    if main in mapping:
        raise ConfigError(f"{label}.{main}: the name of the {word} under `{key}`")
    return tuple(
        (entry, from_mapping(config_class, {"frame": f"{key}_{entry}", **_flat(values)}, f"{label}.{entry}."))
        for entry, values in mapping.items()
    )


def _flat(value: Any) -> Any:
    """Flatten lists of lists of numbers: [[0, 1], [2, 3]] to [0, 1, 2, 3], also within mappings."""
    if isinstance(value, Mapping):
        return {str(key): _flat(entry) for key, entry in value.items()}
    if isinstance(value, list) and value and all(isinstance(entry, list) for entry in value):
        return [number for entry in value for number in entry]
    return value


def _document(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario as the mapping that its file holds, every key written out and dotted."""

    def rows(entries: Iterable[Config]) -> list[dict[str, Any]]:
        return [dict(to_mapping(entry)) for entry in entries]

    return {
        **to_mapping(scenario.config),
        "actors": rows(scenario.actors),
        "traffic": rows(scenario.traffic),
        "lidars": {key: dict(to_mapping(entry)) for key, entry in scenario.lidars},
        "cameras": {key: dict(to_mapping(entry)) for key, entry in scenario.cameras},
    }


def _set(document: dict[str, Any], name: str, key: str, value: Any) -> None:
    """Put a value under a dotted key of a document."""
    head, _, rest = key.partition(".")
    if head in _LISTS:
        _set_entry(document, name, key, value)
    elif head in _SENSORS and rest:
        _set_sensor(document[head], name, key, value)
    elif isinstance(value, Mapping):
        for inner, entry in value.items():
            _set(document, name, f"{key}.{inner}", entry)
    elif head in _SENSORS:
        raise ConfigError(f"{name}.{key}: expected a mapping of mappings, got {value!r}")
    else:
        document[key] = value


def _set_entry(document: dict[str, Any], name: str, key: str, value: Any) -> None:
    """Put a value under ``actors``, a whole list, or ``actors.2.model``."""
    head, _, rest = key.partition(".")
    place, _, field = rest.partition(".")
    if not rest:
        if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
            raise ConfigError(f"{name}.{key}: expected a list of mappings, got {value!r}")
        document[head] = [_flat(entry) for entry in value]
    elif not place.isdecimal() or int(place) >= len(document[head]) or not field:
        raise ConfigError(f"{name}.{key}: expected {head}.N.KEY with N below {len(document[head])}")
    else:
        document[head][int(place)][field] = _flat(value)


def _set_sensor(sensors: dict[str, Any], name: str, key: str, value: Any) -> None:
    """Put a value under ``lidars.rear``, a mapping, or ``lidars.rear.rate``; a sensor of a new name is added."""
    sensor, _, field = key.partition(".")[2].partition(".")
    if not field and not isinstance(value, Mapping):
        raise ConfigError(f"{name}.{key}: expected a mapping, got {value!r}")
    sensors.setdefault(sensor, {}).update({field: _flat(value)} if field else _flat(value))
