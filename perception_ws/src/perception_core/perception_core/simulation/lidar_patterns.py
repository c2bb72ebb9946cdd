"""Ray patterns of the LiDARs people mount, one sweep of 0.1 s each, in the order in which the rays are fired.

Sources: Velodyne VLP-16 user manual (63-9243: 16 beams every 2 deg from -15 to 15, 100 m, 3 cm), HDL-32E user manual
(63-9113: 32 beams every 1.33 deg from -30.67 to 10.67, 2 cm), HDL-64E S2/S3 (the default of ``LidarConfig``), Ouster
OS1 data sheet (128 beams over 45 deg, 1024 columns at 10 Hz), Livox Avia data sheet (70 deg, non-repetitive, 6 lines,
240,000 points a second). The field of view of the Avia is taken as a circle, and the rates of its two prisms are ours:
incommensurable, so that no sweep repeats the one before.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ConfigError
from perception_core.geometry.transforms import identity
from perception_core.simulation.lidar import Lidar
from perception_core.simulation.scenario_config import LidarConfig

Floats32 = NDArray[np.float32]

SENSORS = ("vlp16", "hdl32", "hdl64", "ouster128", "livox")

_SPINNING = {
    "vlp16": LidarConfig(elevations=(-15.0, 15.0, 16.0), range_max=100.0),
    "hdl32": LidarConfig(elevations=(-30.67, 10.67, 32.0), columns=2160, range_max=100.0),
    "hdl64": LidarConfig(),
    "ouster128": LidarConfig(elevations=(-22.5, 22.5, 128.0), columns=1024, range_min=0.5, range_step=0.001),
}

_LIVOX = LidarConfig(columns=4000, elevations=(0.0, 0.0, 6.0), range_min=1.0, range_max=190.0)
_LIVOX_HALF_VIEW = np.radians(35.2)
_LIVOX_LINE_STEP = np.radians(0.28)
_LIVOX_PRISMS = (121.57, -77.73)
"""Turns a second of the two prisms (see the module)."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """The rays of one sweep.

    Attributes:
        config: noise, range limits and the number of columns the pattern was made from.
        directions: float32 (N, 3) unit vectors in the sensor's frame, x forward, in order of time.
        ring: uint16 (N,) beam, lowest first, or None where the sensor has no rings (Livox).
        time_offset_ns: int64 (N,) relative to the stamp in the middle of the sweep.
    """

    config: LidarConfig
    directions: Floats32
    ring: NDArray[np.uint16] | None
    time_offset_ns: NDArray[np.int64]


def pattern(sensor: str, seed: int = 0, columns: int | None = None) -> Pattern:
    """Return the rays of one of :data:`SENSORS`.

    Args:
        sensor: which.
        seed: of the phase at which a non-repetitive sensor is caught.
        columns: firings a sweep; None takes the sensor's own.

    Raises:
        ConfigError: no such sensor, or columns out of range.
    """
    if sensor == "livox":
        return _rosette(_LIVOX if columns is None else replace(_LIVOX, columns=columns), seed)
    if sensor not in _SPINNING:
        raise ConfigError(f"sensor {sensor!r}: expected one of {', '.join(SENSORS)}")
    config = _SPINNING[sensor]
    return _spinning(config if columns is None else replace(config, columns=columns))


def _spinning(config: LidarConfig) -> Pattern:
    lidar = Lidar(config, identity())
    columns, beams = lidar.directions.shape[:2]
    offset = np.round(lidar.offset_s * 1e9).astype(np.int64)
    ring = np.tile(np.arange(beams, dtype=np.uint16), columns)
    return Pattern(config, lidar.directions.reshape(-1, 3), ring, np.repeat(offset, beams))


def _rosette(config: LidarConfig, seed: int) -> Pattern:
    """Steer a fan of lines by two prisms: each turns the beam by half the field of view (Risley pair, small angles)."""
    lines = int(config.elevations[2])
    turn = (np.arange(config.columns) + 0.5) / config.columns
    time = (turn + np.random.default_rng([seed, 77]).uniform(0.0, 1e3)) / config.rate
    first, second = (2.0 * np.pi * rate * time for rate in _LIVOX_PRISMS)
    steer = _LIVOX_HALF_VIEW / 2.0 * (np.exp(1j * first) + np.exp(1j * second))
    fan = (np.arange(lines) - (lines - 1) / 2.0) * _LIVOX_LINE_STEP
    angle = steer[:, None] + 1j * fan * np.exp(0.5j * (first + second))[:, None]
    off = np.abs(angle)
    sideways = np.sinc(off / np.pi) * angle  # sin(off) in the direction of the angle
    directions = np.stack([np.cos(off), -sideways.real, sideways.imag], axis=2).astype(np.float32)
    offset = np.round((turn - 0.5) / config.rate * 1e9).astype(np.int64)
    return Pattern(config, directions.reshape(-1, 3), None, np.repeat(offset, lines))
