"""The sensors of a drive and their messages: when each measures, what arrives at the robot, and when."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.simulation.camera import Camera, Picture, camera_model
from perception_core.simulation.disturbances import Disturbance, camera_disturbance, lidar_disturbance
from perception_core.simulation.lidar import Lidar, Scan
from perception_core.simulation.rig import camera_pose, lidar_pose
from perception_core.simulation.scenario import Scenario
from perception_core.simulation.scenario_config import CameraConfig, LidarConfig
from perception_core.simulation.world import World
from perception_core.types.cloud import PointCloud
from perception_core.types.image import Image

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Message:
    """What a sensor's driver sends.

    Attributes:
        sensor: ``camera_NAME`` or ``lidar_NAME``, by its name in the scenario.
        arrival_ns: when it reaches the robot, int nanoseconds.
        content: the image or the sweep.
    """

    sensor: str
    arrival_ns: int
    content: Image | PointCloud


@dataclass(frozen=True, slots=True)
class Sweep:
    """A LiDAR's sweep.

    Attributes:
        scan: as measured without disturbances.
        kept: bool (N,) which of its points are left with them.
        cloud: those.
        message: the cloud on its way; None where it does not arrive.
    """

    scan: Scan
    kept: NDArray[np.bool_]
    cloud: PointCloud
    message: Message | None


@dataclass(frozen=True, slots=True)
class Shot:
    """A camera's picture.

    Attributes:
        picture: with what is seen of each actor.
        image: its pixels as they are stamped.
        message: the image on its way; None where it does not arrive.
    """

    picture: Picture
    image: Image
    message: Message | None


def moments(rate: float, delay: float, after: float, until: float) -> Iterator[tuple[int, float]]:
    """Yield (number, time) of the measurements of a sensor after one time and up to another, in seconds."""
    first = max(1, int(np.floor((after - delay) * rate + 1e-9)) + 1)
    last = int(np.floor((until - delay) * rate + 1e-9))
    return ((number, number / rate + delay) for number in range(first, last + 1))


class LidarSensor:
    """One LiDAR of a drive; its noise depends on the seed and the number of the sweep alone."""

    def __init__(self, name: str, config: LidarConfig, scenario: Scenario, seeds: tuple[int, int]) -> None:
        """Mount the sensor; ``seeds`` are the drive's and the sensor's own."""
        self.name, self.config = f"lidar_{name}", config
        self._lidar = Lidar(config, lidar_pose(config), scenario.config.rain)
        self._disturbance = lidar_disturbance(scenario.config.disturbances, name)
        self._seeds, self._start = seeds, scenario.config.start

    def sweep(self, world: World, number: int, time: float) -> Sweep:
        """Return the sweep of that number at a time in seconds of the scenario."""
        scan = self._lidar.scan(world, time, stamp_ns(self._start, time), np.random.default_rng([*self._seeds, number]))
        chance = _chance(self._seeds, number)
        arrives = self._disturbance.arrives(time, chance)
        kept = self._disturbance.kept(scan.cloud, chance)
        cloud = scan.cloud if kept.all() else _part(scan.cloud, kept)
        return Sweep(scan, kept, cloud, _message(self.name, cloud, self._disturbance) if arrives else None)


class CameraSensor:
    """One camera of a drive; its noise depends on the seed and the number of the picture alone."""

    def __init__(self, name: str, config: CameraConfig, scenario: Scenario, seeds: tuple[int, int]) -> None:
        """Mount the camera; ``seeds`` are the drive's and the camera's own."""
        self.name, self.config = f"camera_{name}", config
        light, rain = scenario.config.light, scenario.config.rain
        self._camera = Camera(config, light, camera_model(config), camera_pose(config), rain)
        self._disturbance = camera_disturbance(scenario.config.disturbances, name)
        self._seeds, self._start = seeds, scenario.config.start

    def shot(self, world: World, number: int, time: float) -> Shot:
        """Return the picture of that number at a time in seconds of the scenario."""
        picture = self._camera.render(world, time, np.random.default_rng([*self._seeds, number]))
        stamp = stamp_ns(self._start, time + self._disturbance.stamp_offset)
        image = Image(picture.pixels, stamp, self.config.frame)
        arrives = self._disturbance.arrives(time, _chance(self._seeds, number))
        return Shot(picture, image, _message(self.name, image, self._disturbance) if arrives else None)


def stamp_ns(start: int, time: float) -> int:
    """Return the stamp of a time in seconds of a scenario that begins at ``start`` seconds."""
    return start * SECOND_NS + round(time * SECOND_NS)


def _chance(seeds: tuple[int, int], number: int) -> np.random.Generator:
    """Return the numbers that decide on a disturbance: none of the sensor's noise depends on them."""
    return np.random.default_rng([*seeds, number, 0xD1])


def _message(sensor: str, content: Image | PointCloud, disturbance: Disturbance) -> Message:
    exposed = content.stamp_ns - round(disturbance.stamp_offset * SECOND_NS)
    return Message(sensor, exposed + round(disturbance.delay * SECOND_NS), content)


def _part(cloud: PointCloud, kept: NDArray[np.bool_]) -> PointCloud:
    return PointCloud(
        xyz=cloud.xyz[kept],
        stamp_ns=cloud.stamp_ns,
        frame=cloud.frame,
        intensity=None if cloud.intensity is None else cloud.intensity[kept],
        ring=None if cloud.ring is None else cloud.ring[kept],
        time_offset_ns=None if cloud.time_offset_ns is None else cloud.time_offset_ns[kept],
    )
