"""Scenarios as data: a YAML file names the street, the ego car, its sensors and who else is about.

The files of ``scenarios/`` are known by name. Unknown keys and values out of range are refused, as everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from perception_core.config import Config, from_mapping, group, param
from perception_core.errors import ConfigError

MAIN_LIDAR = "top"
"""Name of the LiDAR under the key ``lidar``."""

MODELS = (
    "sedan", "hatchback", "suv", "van", "truck", "bus", "pedestrian", "cyclist", "crate", "barrier", "barrel", "skip",
)  # fmt: skip


@dataclass(frozen=True)
class StreetConfig(Config):
    """The street: a centreline, and what stands along it."""

    centreline: tuple[float, ...] = param((0.0, 0.0, 300.0, 0.0), "waypoints x, y of the centreline", unit="m")
    lane_width: float = param(3.5, "width of each of the two lanes", unit="m", low=2.0, high=6.0)
    parking_width: float = param(2.3, "width of the parking lane on either side", unit="m", low=0.0, high=5.0)
    sidewalk_width: float = param(4.0, "width of the sidewalks", unit="m", low=1.0, high=20.0)
    kerb_height: float = param(0.14, "height of the kerb", unit="m", low=0.02, high=0.3)
    parked_fraction: float = param(0.7, "share of the parking places taken", low=0.0, high=1.0)
    parking_free: tuple[float, ...] = param((), "stretches s_low, s_high without parked cars", unit="m")
    tree_spacing: float = param(15.0, "distance between trees", unit="m", low=4.0, high=1000.0)
    lamp_spacing: float = param(32.0, "distance between street lamps", unit="m", low=4.0, high=1000.0)
    buildings: bool = param(True, "whether houses line the street")
    clutter: float = param(
        0.0, "benches, bollards, bushes, boards and the like on the sidewalks", unit="per 100 m", low=0.0, high=100.0
    )
    crossings: tuple[float, ...] = param((), "s of the zebra crossings", unit="m")
    gantries: tuple[float, ...] = param((), "s of sign gantries over the road", unit="m")
    bridges: tuple[float, ...] = param((), "s of foot bridges over the street", unit="m")
    clearance: float = param(5.0, "height of gantries and bridges over the road", unit="m", low=3.0, high=20.0)
    elevation: tuple[float, ...] = param(
        (), "pairs s, z of the street's height, rounded between; level beyond", unit="m"
    )
    side_streets: tuple[float, ...] = param((), "s of streets that cross on the level of the sidewalks", unit="m")
    hanging: tuple[float, ...] = param(
        (), "ropes and beams between posts: groups of s, d of either end, height, thickness", unit="m"
    )


@dataclass(frozen=True)
class LightConfig(Config):
    """The sun and the air."""

    sun_azimuth: float = param(212.0, "direction of the sun from the x axis, to the left", unit="deg")
    sun_elevation: float = param(50.0, "height of the sun", unit="deg", low=5.0, high=90.0)
    haze: float = param(450.0, "distance at which haze takes 63 % of the contrast", unit="m", low=20.0)
    overcast: float = param(0.0, "share of the sun's light that clouds spread over the sky", low=0.0, high=1.0)
    exposure: float = param(1.0, "factor on the light that reaches the sensor", low=0.05, high=10.0)


@dataclass(frozen=True)
class LidarConfig(Config):
    """A spinning LiDAR; each column of beams fires at its own time while the car moves."""

    frame: str = param("lidar_top", "TF frame")
    position: tuple[float, ...] = param((0.0, 0.0, 1.84), "x, y, z in base_link", unit="m")
    yaw: float = param(0.0, "turn to the left", unit="deg", low=-180.0, high=180.0)
    pitch: float = param(0.0, "turn down", unit="deg", low=-90.0, high=90.0)
    roll: float = param(0.0, "turn to the right", unit="deg", low=-180.0, high=180.0)
    rate: float = param(10.0, "sweeps a second", unit="Hz", low=1.0, high=50.0)
    delay: float = param(
        0.0, "how much later than whole periods the sweeps of a further LiDAR are", unit="s", low=0.0, high=1.0
    )
    until: float = param(1e6, "time at which a further LiDAR stops for good", unit="s", low=0.0)
    columns: int = param(1800, "firings a sweep", low=16, high=8192)
    elevations: tuple[float, ...] = param(
        (-24.33, -8.83, 32.0, -8.33, 2.0, 32.0),
        "groups of beams, lowest first: elevation of the first, of the last, count (default: HDL-64E)",
        unit="deg, deg, beams",
    )
    range_min: float = param(0.9, "nearest range", unit="m", low=0.0)
    range_max: float = param(120.0, "farthest range", unit="m", low=1.0, high=500.0)
    range_noise: float = param(0.02, "standard deviation of the range", unit="m", low=0.0, high=1.0)
    range_step: float = param(0.002, "resolution of the range", unit="m", low=0.0, high=0.1)
    dropout: float = param(0.01, "share of rays lost for no reason", low=0.0, high=1.0)


@dataclass(frozen=True)
class CameraConfig(Config):
    """A pinhole camera with a global shutter, triggered when the LiDAR looks ahead."""

    frame: str = param("camera_front", "optical frame")
    position: tuple[float, ...] = param((0.3, 0.0, 1.6), "x, y, z in base_link", unit="m")
    yaw: float = param(0.0, "turn to the left", unit="deg", low=-180.0, high=180.0)
    pitch: float = param(0.0, "turn down", unit="deg", low=-90.0, high=90.0)
    width: int = param(960, "image width", unit="px", low=16, high=8192)
    height: int = param(400, "image height", unit="px", low=16, high=8192)
    focal: float = param(570.0, "focal length", unit="px", low=8.0)
    centre: tuple[float, ...] = param((479.5, 179.5), "principal point cx, cy", unit="px")
    noise: float = param(1.5, "standard deviation of the grey value", low=0.0, high=50.0)
    blur: float = param(0.55, "standard deviation of the lens blur", unit="px", low=0.0, high=10.0)


@dataclass(frozen=True)
class ActorConfig(Config):
    """Somebody on the street; also the ego car, whose model does not matter."""

    model: str = param("sedan", "what it looks like", choices=MODELS)
    path: tuple[float, ...] = param((0.0, -1.75), "waypoints s, d in street coordinates; one stands still", unit="m")
    speed: tuple[float, ...] = param((0.0, 0.0), "time, speed pairs, linear between", unit="s, m/s")
    heading: float = param(0.0, "heading against the street of one that stands still", unit="deg")


@dataclass(frozen=True)
class ScenarioConfig(Config):
    """All of a scenario but its list of actors."""

    description: str = param("", "one line for people")
    seed: int = param(1, "seed of everything random", low=0, high=2**31)
    duration: float = param(15.0, "length of the drive", unit="s", low=0.1, high=3600.0)
    start: int = param(1_700_000_000, "stamp of the scenario's time 0", unit="s", low=1, high=4_000_000_000)
    rain: float = param(0.0, "rain rate (10 is heavy, 50 a cloudburst)", unit="mm/h", low=0.0, high=200.0)
    pitching: float = param(0.0, "amplitude of the ego car's nodding", unit="deg", low=0.0, high=15.0)
    rolling: float = param(0.0, "amplitude of its swaying", unit="deg", low=0.0, high=15.0)
    odometry_rate: float = param(50.0, "poses of the ego car a second", unit="Hz", low=1.0, high=1000.0)
    street: StreetConfig = group(StreetConfig)
    light: LightConfig = group(LightConfig)
    lidar: LidarConfig = group(LidarConfig)
    camera: CameraConfig = group(CameraConfig)
    ego: ActorConfig = group(ActorConfig)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario's name, its parameters and the actors besides the ego car, in order of their ids.

    ``lidars`` are further LiDARs by name, besides ``config.lidar``, whose name is :data:`MAIN_LIDAR`.
    """

    name: str
    config: ScenarioConfig
    actors: tuple[ActorConfig, ...]
    lidars: tuple[tuple[str, LidarConfig], ...] = ()


def scenario_names() -> tuple[str, ...]:
    """Return the names of the scenarios that come with the package, sorted."""
    folder = resources.files(__package__) / "scenarios"
    return tuple(sorted(Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load_scenario(name_or_path: Path | str) -> Scenario:
    """Load a scenario by name or from a YAML file.

    Raises:
        ConfigError: no such scenario or file, no YAML mapping, an unknown key or a value out of range.
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
        document = yaml.safe_load(content)
    except yaml.YAMLError as error:
        line = " ".join(str(error).split())
        raise ConfigError(f"scenario {text}: not YAML ({line})") from error
    return parse_scenario(path.stem, document)


def parse_scenario(name: str, document: Any) -> Scenario:
    """Build a scenario from a YAML document; pairs may be written as lists of lists.

    Raises:
        ConfigError: an unknown key, a wrong type, a value out of range or lists of the wrong length.
    """
    if not isinstance(document, Mapping):
        raise ConfigError(f"scenario {name}: expected a mapping, got {document!r}")
    mapping = {str(key): _flat(value) for key, value in document.items()}
    actors = mapping.pop("actors", [])
    if not isinstance(actors, list) or not all(isinstance(actor, Mapping) for actor in actors):
        raise ConfigError(f"{name}.actors: expected a list of mappings, got {actors!r}")
    lidars = _lidars(name, mapping.pop("lidars", {}))
    config = from_mapping(ScenarioConfig, mapping, f"{name}.")
    entries = tuple(from_mapping(ActorConfig, _flat(actor), f"{name}.actors[{i}].") for i, actor in enumerate(actors))
    _check(name, config, entries)
    for key, lidar in lidars:
        _check_lidar(f"{name}.lidars.{key}", lidar)
        if lidar.rate > config.lidar.rate:
            raise ConfigError(f"{name}.lidars.{key}.rate: {lidar.rate} is more than {config.lidar.rate} of lidar.rate")
    return Scenario(name, config, entries, lidars)


def _lidars(name: str, mapping: Any) -> tuple[tuple[str, LidarConfig], ...]:
    """Read the further LiDARs; the frame of ``front`` is ``lidar_front`` where it is not given."""
    if not isinstance(mapping, Mapping) or not all(isinstance(entry, Mapping) for entry in mapping.values()):
        raise ConfigError(f"{name}.lidars: expected a mapping of mappings, got {mapping!r}")
    if MAIN_LIDAR in mapping:
        raise ConfigError(f"{name}.lidars.{MAIN_LIDAR}: the name of the LiDAR under `lidar`")
    return tuple(
        (key, from_mapping(LidarConfig, {"frame": f"lidar_{key}", **_flat(entry)}, f"{name}.lidars.{key}."))
        for key, entry in mapping.items()
    )


def _flat(value: Any) -> Any:
    """Flatten lists of lists of numbers: [[0, 1], [2, 3]] to [0, 1, 2, 3], also within mappings."""
    if isinstance(value, Mapping):
        return {str(key): _flat(entry) for key, entry in value.items()}
    if isinstance(value, list) and value and all(isinstance(entry, list) for entry in value):
        return [number for entry in value for number in entry]
    return value


def _check(name: str, config: ScenarioConfig, actors: tuple[ActorConfig, ...]) -> None:
    groups = [
        ("street.centreline", config.street.centreline, 2, 4),
        ("street.parking_free", config.street.parking_free, 2, 0),
        ("street.elevation", config.street.elevation, 2, 0),
        ("street.hanging", config.street.hanging, 5, 0),
    ]
    for label, actor in [("ego", config.ego), *((f"actors[{i}]", actor) for i, actor in enumerate(actors))]:
        groups += [(f"{label}.path", actor.path, 2, 2), (f"{label}.speed", actor.speed, 2, 2)]
    for label, values, width, least in groups:
        if len(values) % width or len(values) < least:
            raise ConfigError(f"{name}.{label}: {list(values)!r}: expected groups of {width}, at least {least} numbers")
    for label, values, length in [
        ("camera.position", config.camera.position, 3),
        ("camera.centre", config.camera.centre, 2),
    ]:
        if len(values) != length:
            raise ConfigError(f"{name}.{label}: {list(values)!r}: expected {length} numbers")
    _check_lidar(f"{name}.lidar", config.lidar)


def _check_lidar(label: str, config: LidarConfig) -> None:
    beams = list(config.elevations)
    if len(beams) % 3 or len(beams) < 3:
        raise ConfigError(f"{label}.elevations: {beams!r}: expected groups of 3, at least 3 numbers")
    if any(count != int(count) or count < 1 for count in beams[2::3]):
        raise ConfigError(f"{label}.elevations: {beams!r}: counts must be whole, from 1")
    if len(config.position) != 3:
        raise ConfigError(f"{label}.position: {list(config.position)!r}: expected 3 numbers")
