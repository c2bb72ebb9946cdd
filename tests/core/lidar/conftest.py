"""A LiDAR of 64 beams on a street made of a ground function and boxes, cast in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from perception_core.lidar import LidarProcessor
from perception_core.types import PointCloud

SENSOR_HEIGHT = 1.73


@dataclass(frozen=True)
class Block:
    """A solid box: centre x, y, size along its axes, yaw, lowest and highest z."""

    x: float
    y: float
    length: float
    width: float
    bottom: float
    top: float
    yaw: float = 0.0


def _hit_block(origin: NDArray[np.float64], rays: NDArray[np.float64], block: Block) -> NDArray[np.float64]:
    """Distance (N,) along unit rays to a block, inf where it is missed (slab method)."""
    c, s = np.cos(block.yaw), np.sin(block.yaw)
    turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    middle = np.array([block.x, block.y, (block.bottom + block.top) / 2])
    half = np.array([block.length, block.width, block.top - block.bottom]) / 2
    o, d = turn @ (origin - middle), rays @ turn.T
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (-half - o) / d, (half - o) / d
    near, far = np.minimum(a, b).max(axis=1), np.maximum(a, b).min(axis=1)
    return np.where((near <= far) & (near > 0.0), near, np.inf)


def cast(
    blocks: Sequence[Block] = (), slope: float = 0.0, noise: float = 0.01, azimuth_step: float = 0.2
) -> PointCloud:
    """Scan the plane z = slope * x and blocks from 1.73 m above the origin, in the sensor's frame."""
    azimuth = np.radians(np.arange(-180.0, 180.0, azimuth_step))
    elevation = np.radians(np.linspace(-24.8, 2.0, 64))
    a, e = (g.ravel() for g in np.meshgrid(azimuth, elevation))
    rays = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=1)
    origin = np.array([0.0, 0.0, SENSOR_HEIGHT])
    with np.errstate(divide="ignore"):
        distance = SENSOR_HEIGHT / (slope * rays[:, 0] - rays[:, 2])
    distance = np.where(distance > 0.0, distance, np.inf)
    for block in blocks:
        distance = np.minimum(distance, _hit_block(origin, rays, block))
    hit = distance < 100.0
    reach = distance[hit] + np.random.default_rng(1).normal(0.0, noise, np.count_nonzero(hit))
    return PointCloud((rays[hit] * reach[:, None]).astype(np.float32), 7, "velo")


@pytest.fixture(name="cast")
def _cast() -> Callable[..., PointCloud]:
    return cast


@pytest.fixture(name="block")
def _block() -> type[Block]:
    return Block


@pytest.fixture(name="T_base_sensor")
def _base_from_sensor() -> NDArray[np.float64]:
    T = np.eye(4)
    T[2, 3] = SENSOR_HEIGHT
    return T


@pytest.fixture(scope="session")
def processor() -> LidarProcessor:
    made = LidarProcessor()
    made.warm_up()
    return made
