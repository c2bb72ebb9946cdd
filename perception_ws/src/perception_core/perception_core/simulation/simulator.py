"""A drive through a scenario, frame by frame.

Time 0 of a scenario is the stamp ``start``; frame k has its scan and its image at ``(k + 1) / lidar.rate`` seconds,
the sweep reaching half a period to either side. ``odom`` is base_link at time 0, levelled.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.transforms import Transform, apply, from_yaw, invert, rotate, wrap_angle, yaw_of
from perception_core.simulation.camera import Picture
from perception_core.simulation.lidar import Scan
from perception_core.simulation.rig import ODOM_FRAME, SimulatedRig, rig, true_rig
from perception_core.simulation.scenario import Scenario
from perception_core.simulation.scenario_config import MAIN_CAMERA, MAIN_LIDAR
from perception_core.simulation.sensors import CameraSensor, LidarSensor, Message, Shot, Sweep, moments, stamp_ns
from perception_core.simulation.world import World, build_world
from perception_core.types.cloud import PointCloud
from perception_core.types.image import Image
from perception_core.types.truth import Truth


@dataclass(frozen=True, slots=True)
class Odometry:
    """Exact poses of the ego car.

    Attributes:
        stamp_ns: int64 (K,) nanoseconds, rising.
        T_odom_base: float64 (K, 4, 4).
    """

    stamp_ns: NDArray[np.int64]
    T_odom_base: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of poses."""
        return len(self.stamp_ns)


@dataclass(frozen=True, slots=True)
class SimulatedFrame:
    """One moment of a drive.

    Attributes:
        stamp_ns: of scan and truth, and of the image where its stamp is right, int nanoseconds.
        image: what the main camera sees, whether it arrives or not.
        cloud: the main LiDAR's sweep around the stamp, each point in the sensor's frame at its own time; points that
            a disturbance takes are gone, but the sweep is here whether it arrives or not.
        messages: what the sensors have sent since the frame before, of which all arrives, sooner or later: by time of
            arrival.
        point_ids: int32 (N,) id of the object each point of ``cloud`` hit, 0 for the street.
        point_objects: int32 (N,) its row of ``truth``, -1 for the street.
        point_ground: bool (N,) it hit the road, a sidewalk or a lawn.
        point_speck: bool (N,) it came back from a drop of rain.
        T_odom_base: float64 (4, 4) at the stamp.
        odometry: poses from the last frame's to the end of this sweep, the stamp among them where the rates allow.
        truth: every object of the scenario at the stamp. Disturbances do not touch it: points are counted in all
            sweeps since the frame before, lost or not, and the visible fraction is that of the camera that sees most.
    """

    stamp_ns: int
    image: Image
    cloud: PointCloud
    messages: tuple[Message, ...]
    point_ids: NDArray[np.int32]
    point_objects: NDArray[np.int32]
    point_ground: NDArray[np.bool_]
    point_speck: NDArray[np.bool_]
    T_odom_base: Transform
    odometry: Odometry
    truth: Truth

    @property
    def images(self) -> dict[str, Image]:
        """The latest image of every camera that sent one since the frame before, by the camera's name."""
        return {
            message.sensor.removeprefix("camera_"): message.content
            for message in sorted(self.messages, key=_stamp)
            if isinstance(message.content, Image)
        }

    @property
    def clouds(self) -> dict[str, PointCloud]:
        """The sweep of every LiDAR that sent one since the frame before, by the LiDAR's name."""
        return {
            message.sensor.removeprefix("lidar_"): message.content
            for message in sorted(self.messages, key=_stamp)
            if isinstance(message.content, PointCloud)
        }


class Simulation:
    """A scenario built for one seed. Frames are independent of each other: any of them can be asked for.

    Attributes:
        scenario: what is driven.
        seed: of everything random.
        world: the street and who is about.
        rig: the sensors' mounts as the robot believes them to be.
        true_rig: the mounts as they are.
    """

    def __init__(self, scenario: Scenario, seed: int | None = None) -> None:
        """Build the world; ``seed`` None takes the scenario's own.

        Raises:
            ConfigError: a path or speed profile that cannot be driven, or traffic for which there is no room.
        """
        config = scenario.config
        self.scenario = scenario
        self.seed = config.seed if seed is None else seed
        self.world: World = build_world(scenario, self.seed)
        self.rig: SimulatedRig = rig(scenario)
        self.true_rig: SimulatedRig = true_rig(scenario)
        self._lidar = LidarSensor(MAIN_LIDAR, config.lidar, scenario, (self.seed, 100))
        self._camera = CameraSensor(MAIN_CAMERA, config.camera, scenario, (self.seed, 101))
        self._further_lidars = [
            LidarSensor(name, entry, scenario, (self.seed, 200 + i)) for i, (name, entry) in enumerate(scenario.lidars)
        ]
        self._further_cameras = [
            CameraSensor(name, entry, scenario, (self.seed, 400 + i))
            for i, (name, entry) in enumerate(scenario.cameras)
        ]
        start = self.world.ego.at(0.0)
        self._T_odom_world = invert(from_yaw(float(start.yaw[0]), (start.x[0], start.y[0], start.z[0])))

    def __len__(self) -> int:
        """Return the number of frames."""
        return max(1, round(self.scenario.config.duration * self.scenario.config.lidar.rate))

    def __iter__(self) -> Iterator[SimulatedFrame]:
        """Yield the frames in order of time."""
        return (self.frame(k) for k in range(len(self)))

    def frame(self, k: int) -> SimulatedFrame:
        """Return frame ``k`` of 0 .. len - 1; the noise depends on the seed and ``k`` alone."""
        time = self.time_of(k)
        shot, sweep = self._camera.shot(self.world, k, time), self._lidar.sweep(self.world, k, time)
        shots, sweeps = [*self._further_shots(k), shot], [*self._further_sweeps(k), sweep]
        scan, kept, seen = sweep.scan, sweep.kept, sweep.scan.objects[sweep.kept]
        sent = [*(item.message for item in shots), *(item.message for item in sweeps)]
        messages = [message for message in sent if message is not None]
        return SimulatedFrame(
            stamp_ns=self.stamp_ns(time),
            image=shot.image,
            cloud=sweep.cloud,
            messages=tuple(sorted(messages, key=_arrival)),
            point_ids=seen + np.int32(1),
            point_objects=seen,
            point_ground=scan.ground[kept],
            point_speck=scan.speck[kept],
            T_odom_base=self.odom_pose(time),
            odometry=self.odometry(k),
            truth=self._truth(time, [item.scan for item in sweeps], [item.picture for item in reversed(shots)]),
        )

    def messages(self) -> Iterator[Message]:
        """Yield what all the sensors send, in the order in which the robot gets it."""
        waiting: list[tuple[int, int, Message]] = []
        number = 0
        for k in range(len(self)):
            for message in self.frame(k).messages:
                heapq.heappush(waiting, (message.arrival_ns, number, message))
                number += 1
            settled = self.stamp_ns(self.time_of(k))
            while waiting and waiting[0][0] <= settled:
                yield heapq.heappop(waiting)[2]
        while waiting:
            yield heapq.heappop(waiting)[2]

    def _further_sweeps(self, k: int) -> list[Sweep]:
        """Return the sweeps of the further LiDARs with stamps after frame ``k - 1`` and up to frame ``k``."""
        until = self.time_of(k)
        return [
            sensor.sweep(self.world, number, time)
            for sensor in self._further_lidars
            for number, time in moments(sensor.config.rate, sensor.config.delay, self.time_of(k - 1), until)
            if time <= sensor.config.until
        ]

    def _further_shots(self, k: int) -> list[Shot]:
        """Return the pictures of the further cameras taken after frame ``k - 1`` and up to frame ``k``."""
        until = self.time_of(k)
        return [
            sensor.shot(self.world, number, time)
            for sensor in self._further_cameras
            for number, time in moments(sensor.config.rate, sensor.config.delay, self.time_of(k - 1), until)
        ]

    def time_of(self, k: int) -> float:
        """Return the scenario's time of frame ``k`` in seconds."""
        return (k + 1) / self.scenario.config.lidar.rate

    def stamp_ns(self, time: float) -> int:
        """Return the stamp of a scenario's time in seconds."""
        return stamp_ns(self.scenario.config.start, time)

    def odom_pose(self, time: float) -> Transform:
        """Return ``T_odom_base`` at a scenario's time in seconds."""
        return np.asarray(self._T_odom_world @ self.world.ego.at(time).poses()[0])

    def odometry(self, k: int) -> Odometry:
        """Return the poses that frame ``k`` adds: up to the end of its sweep, from time 0 with the first frame."""
        rate = self.scenario.config.odometry_rate
        half = 0.5 / self.scenario.config.lidar.rate
        first = 0 if k == 0 else int(np.ceil((self.time_of(k - 1) + half) * rate - 1e-9)) + 1
        last = int(np.ceil((self.time_of(k) + half) * rate - 1e-9))
        times = np.arange(first, last + 1) / rate
        stamps = np.array([self.stamp_ns(time) for time in times], dtype=np.int64)
        return Odometry(stamps, self._T_odom_world @ self.world.ego.at(times).poses())

    def _truth(self, time: float, scans: list[Scan], pictures: list[Picture]) -> Truth:
        """Return the truth with what all scans and pictures (the main camera's first) show of it."""
        actors, now, T = self.world.actors, self.world.at(time), self._T_odom_world
        size = np.array([actor.size for actor in actors], dtype=np.float64).reshape(-1, 3)
        yaw = wrap_angle(now.yaw + yaw_of(T))
        hits = np.concatenate([scan.objects[scan.objects >= 0] for scan in scans])
        return Truth(
            stamp_ns=self.stamp_ns(time),
            frame=ODOM_FRAME,
            ids=np.array([actor.id for actor in actors], dtype=np.int32),
            class_ids=np.array([actor.class_id for actor in actors], dtype=np.int32),
            centre=apply(T, now.poses[:, :3, 3]) + size[:, 2:] * 0.5 * rotate(T, now.poses[:, :3, 2]),
            size=size,
            yaw=yaw,
            velocity=np.column_stack([now.speed * np.cos(yaw), now.speed * np.sin(yaw), now.climb]),
            yaw_rate=now.yaw_rate,
            point_count=np.bincount(hits, minlength=len(actors)).astype(np.int32),
            visible_fraction=np.stack([picture.visible_fraction for picture in pictures]).max(axis=0),
            boxes_2d=pictures[0].boxes,
        )


def simulate(scenario: Scenario, seed: int | None = None) -> Iterator[SimulatedFrame]:
    """Drive through a scenario; the same scenario and seed give the same bytes.

    Raises:
        ConfigError: a path or speed profile that cannot be driven, or traffic for which there is no room.
    """
    return iter(Simulation(scenario, seed))


def _arrival(message: Message) -> int:
    return message.arrival_ns


def _stamp(message: Message) -> int:
    return message.content.stamp_ns
