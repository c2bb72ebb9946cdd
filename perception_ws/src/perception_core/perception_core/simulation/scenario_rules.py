"""What a scenario must keep to besides the ranges of its values: lengths of lists, names and rates that fit."""

from collections.abc import Iterator, Mapping, Sequence

from perception_core.config import Value
from perception_core.errors import ConfigError
from perception_core.simulation.disturbances import DisturbancesConfig
from perception_core.simulation.scenario_config import (
    MAIN_CAMERA,
    MAIN_LIDAR,
    ActorConfig,
    CameraConfig,
    LidarConfig,
    ScenarioConfig,
    StreetConfig,
    TrafficConfig,
)

_MAX_BEAMS, _MAX_RAYS = 1024, 2_000_000
"""Several times what the largest LiDARs have (128 beams, half a million rays): more is a slip, and fills the memory."""

Rule = tuple[str, Sequence[Value], int, int]
"""Name, numbers, length of a group of them and how many are needed at least."""


def check(
    name: str,
    config: ScenarioConfig,
    actors: Sequence[ActorConfig],
    traffic: Sequence[TrafficConfig],
    lidars: Mapping[str, LidarConfig],
    cameras: Mapping[str, CameraConfig],
) -> None:
    """Refuse a scenario that breaks a rule.

    Raises:
        ConfigError: lists of the wrong length, a further LiDAR faster than the main one, two sensors of one frame,
            times that run backwards or disturbances of nobody.
    """
    for label, numbers, width, least in _groups(config.street, config.ego, actors):
        if len(numbers) % width or len(numbers) < least:
            expected = f"expected groups of {width}, at least {least} numbers"
            raise ConfigError(f"{name}.{label}: {list(numbers)!r}: {expected}")
    mounts = {"camera": config.camera, **{f"cameras.{key}": camera for key, camera in cameras.items()}}
    for label, numbers, length, least in [*_mounts(mounts), *_traffic(traffic), *_disturbances(config.disturbances)]:
        if len(numbers) not in {length, least}:
            raise ConfigError(f"{name}.{label}: {list(numbers)!r}: expected {length} numbers")
    for key in ("camera_dead", "lidar_dead"):
        times = list(getattr(config.disturbances, key))
        if times != sorted(times):
            raise ConfigError(f"{name}.disturbances.{key}: {times!r}: expected from, to")
    _check_lidar(f"{name}.lidar", config.lidar)
    for key, lidar in lidars.items():
        _check_lidar(f"{name}.lidars.{key}", lidar)
        if lidar.rate > config.lidar.rate:
            raise ConfigError(f"{name}.lidars.{key}.rate: {lidar.rate} is more than {config.lidar.rate} of lidar.rate")
    _check_frames(name, {**mounts, "lidar": config.lidar, **{f"lidars.{key}": lidar for key, lidar in lidars.items()}})
    _check_names(f"{name}.disturbances.cameras", config.disturbances.cameras, (MAIN_CAMERA, *cameras))
    _check_names(f"{name}.disturbances.lidars", config.disturbances.lidars, (MAIN_LIDAR, *lidars))


def _groups(street: StreetConfig, ego: ActorConfig, actors: Sequence[ActorConfig]) -> Iterator[Rule]:
    yield "street.centreline", street.centreline, 2, 4
    yield "street.parking_free", street.parking_free, 2, 0
    yield "street.elevation", street.elevation, 2, 0
    yield "street.hanging", street.hanging, 5, 0
    for label, actor in [("ego", ego), *((f"actors[{i}]", actor) for i, actor in enumerate(actors))]:
        yield f"{label}.path", actor.path, 2, 2
        yield f"{label}.speed", actor.speed, 2, 2
        yield f"{label}.altitude", actor.altitude, 2, 0
        yield f"{label}.tilt", actor.tilt, 3, 0


def _mounts(cameras: Mapping[str, CameraConfig]) -> Iterator[Rule]:
    for label, camera in cameras.items():
        yield f"{label}.position", camera.position, 3, 3
        yield f"{label}.centre", camera.centre, 2, 2


def _traffic(traffic: Sequence[TrafficConfig]) -> Iterator[Rule]:
    for i, entry in enumerate(traffic):
        for key in ("s", "d", "speed"):
            yield f"traffic[{i}].{key}", getattr(entry, key), 2, 2
        for key in ("to_s", "to_d"):
            yield f"traffic[{i}].{key}", getattr(entry, key), 2, 0 if not (entry.to_s or entry.to_d) else 2


def _disturbances(config: DisturbancesConfig) -> Iterator[Rule]:
    for key in ("camera_turn", "camera_shift", "lidar_turn", "lidar_shift"):
        yield f"disturbances.{key}", getattr(config, key), 3, 3
    for key in ("camera_dead", "lidar_dead", "lidar_blind"):
        yield f"disturbances.{key}", getattr(config, key), 2, 0


def _check_lidar(label: str, config: LidarConfig) -> None:
    beams = list(config.elevations)
    if len(beams) % 3 or len(beams) < 3:
        raise ConfigError(f"{label}.elevations: {beams!r}: expected groups of 3, at least 3 numbers")
    if any(count != int(count) or count < 1 for count in beams[2::3]):
        raise ConfigError(f"{label}.elevations: {beams!r}: counts must be whole, from 1")
    if any(abs(angle) > 90.0 for angle in (*beams[0::3], *beams[1::3])):
        raise ConfigError(f"{label}.elevations: {beams!r}: beams point from -90 to 90 deg")
    count = int(sum(beams[2::3]))
    if count > _MAX_BEAMS:
        raise ConfigError(f"{label}.elevations: {count} beams, expected at most {_MAX_BEAMS}")
    if count * config.columns > _MAX_RAYS:
        rays = f"{count} beams x {config.columns} columns are {count * config.columns} rays a sweep"
        raise ConfigError(f"{label}: {rays}, expected at most {_MAX_RAYS}")
    if len(config.position) != 3:
        raise ConfigError(f"{label}.position: {list(config.position)!r}: expected 3 numbers")


def _check_frames(name: str, sensors: Mapping[str, CameraConfig | LidarConfig]) -> None:
    owners = {"base_link": "the robot", "odom": "the fixed frame"}
    for label, sensor in sensors.items():
        if sensor.frame in owners:
            raise ConfigError(f"{name}.{label}.frame: {sensor.frame!r} is that of {owners[sensor.frame]}")
        owners[sensor.frame] = label


def _check_names(label: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(f"{label}: {name!r} is none of {', '.join(known)}")
