"""A drive through a scenario, frame by frame.

Time 0 of a scenario is the stamp ``start``; frame k has its scan and its image at ``(k + 1) / lidar.rate`` seconds,
the sweep reaching half a period to either side. ``odom`` is base_link at time 0, which should stand level there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.transforms import Transform, apply, invert, rotate, wrap_angle, yaw_of
from perception_core.simulation.camera import Camera, Picture, camera_model
from perception_core.simulation.lidar import Lidar, Scan
from perception_core.simulation.rig import ODOM_FRAME, SimulatedRig, camera_pose, lidar_pose, rig
from perception_core.simulation.scenario import MAIN_LIDAR, Scenario
from perception_core.simulation.world import World, build_world
from perception_core.types.cloud import PointCloud
from perception_core.types.image import Image
from perception_core.types.truth import Truth

SECOND_NS = 1_000_000_000


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
        stamp_ns: of scan, image and truth, int nanoseconds.
        image: what the camera sees.
        cloud: the main LiDAR's sweep around the stamp, each point in the sensor's frame at its own time.
        clouds: by name, the sweep of every LiDAR since the frame before; without those that have none.
        point_ids: int32 (N,) id of the object each point hit, 0 for the street.
        point_objects: int32 (N,) its row of ``truth``, -1 for the street.
        point_ground: bool (N,) it hit the road, a sidewalk or a lawn.
        point_speck: bool (N,) it came back from a drop of rain.
        T_odom_base: float64 (4, 4) at the stamp.
        odometry: poses from the last frame's to the end of this sweep, the stamp among them where the rates allow.
        truth: every object of the scenario at the stamp.
    """

    stamp_ns: int
    image: Image
    cloud: PointCloud
    clouds: dict[str, PointCloud]
    point_ids: NDArray[np.int32]
    point_objects: NDArray[np.int32]
    point_ground: NDArray[np.bool_]
    point_speck: NDArray[np.bool_]
    T_odom_base: Transform
    odometry: Odometry
    truth: Truth


class Simulation:
    """A scenario built for one seed. Frames are independent of each other: any of them can be asked for."""

    def __init__(self, scenario: Scenario, seed: int | None = None) -> None:
        """Build the world; ``seed`` None takes the scenario's own.

        Raises:
            ConfigError: a path or speed profile that cannot be driven.
        """
        config = scenario.config
        self.scenario = scenario
        self.seed = config.seed if seed is None else seed
        self.world: World = build_world(scenario, self.seed)
        self.rig: SimulatedRig = rig(scenario)
        self._lidar = Lidar(config.lidar, lidar_pose(config.lidar), config.rain)
        self._further = {name: Lidar(entry, lidar_pose(entry), config.rain) for name, entry in scenario.lidars}
        camera = config.camera
        self._camera = Camera(camera, config.light, camera_model(camera), camera_pose(camera), config.rain)
        self._T_odom_world = invert(self.world.ego.at(0.0).poses()[0])

    def __len__(self) -> int:
        """Return the number of frames."""
        return max(1, round(self.scenario.config.duration * self.scenario.config.lidar.rate))

    def __iter__(self) -> Iterator[SimulatedFrame]:
        """Yield the frames in order of time."""
        return (self.frame(k) for k in range(len(self)))

    def frame(self, k: int) -> SimulatedFrame:
        """Return frame ``k`` of 0 .. len - 1; the noise depends on the seed and ``k`` alone."""
        time = self.time_of(k)
        stamp_ns = self.stamp_ns(time)
        lidar_rng, camera_rng = (np.random.default_rng([self.seed, 100 + stream, k]) for stream in (0, 1))
        scan = self._lidar.scan(self.world, time, stamp_ns, lidar_rng)
        picture = self._camera.render(self.world, time, camera_rng)
        frame = self.scenario.config.camera.frame
        return SimulatedFrame(
            stamp_ns=stamp_ns,
            image=Image(picture.pixels, stamp_ns, frame),
            cloud=scan.cloud,
            clouds={MAIN_LIDAR: scan.cloud, **self._further_clouds(k)},
            point_ids=scan.objects + np.int32(1),
            point_objects=scan.objects,
            point_ground=scan.ground,
            point_speck=scan.speck,
            T_odom_base=self.odom_pose(time),
            odometry=self.odometry(k),
            truth=self._truth(time, stamp_ns, scan, picture),
        )

    def _further_clouds(self, k: int) -> dict[str, PointCloud]:
        """Return the sweeps of the further LiDARs with stamps after frame ``k - 1`` and up to frame ``k``."""
        clouds = {}
        for stream, (name, entry) in enumerate(self.scenario.lidars):
            sweep = int(np.floor((self.time_of(k) - entry.delay) * entry.rate + 1e-9))
            time = sweep / entry.rate + entry.delay
            before = self.time_of(k) - 1.0 / self.scenario.config.lidar.rate
            if sweep < 1 or time <= before + 1e-9 or time > entry.until:
                continue
            rng = np.random.default_rng([self.seed, 200 + stream, sweep])
            clouds[name] = self._further[name].scan(self.world, time, self.stamp_ns(time), rng).cloud
        return clouds

    def time_of(self, k: int) -> float:
        """Return the scenario's time of frame ``k`` in seconds."""
        return (k + 1) / self.scenario.config.lidar.rate

    def stamp_ns(self, time: float) -> int:
        """Return the stamp of a scenario's time in seconds."""
        return self.scenario.config.start * SECOND_NS + round(time * SECOND_NS)

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

    def _truth(self, time: float, stamp_ns: int, scan: Scan, picture: Picture) -> Truth:
        actors, now, T = self.world.actors, self.world.at(time), self._T_odom_world
        size = np.array([actor.size for actor in actors], dtype=np.float64).reshape(-1, 3)
        yaw = wrap_angle(now.yaw + yaw_of(T))
        return Truth(
            stamp_ns=stamp_ns,
            frame=ODOM_FRAME,
            ids=np.array([actor.id for actor in actors], dtype=np.int32),
            class_ids=np.array([actor.class_id for actor in actors], dtype=np.int32),
            centre=apply(T, now.poses[:, :3, 3]) + size[:, 2:] * 0.5 * rotate(T, now.poses[:, :3, 2]),
            size=size,
            yaw=yaw,
            velocity=np.column_stack([now.speed * np.cos(yaw), now.speed * np.sin(yaw), now.climb]),
            yaw_rate=now.yaw_rate,
            point_count=np.bincount(scan.objects[scan.objects >= 0], minlength=len(actors)).astype(np.int32),
            visible_fraction=picture.visible_fraction,
            boxes_2d=picture.boxes,
        )


def simulate(scenario: Scenario, seed: int | None = None) -> Iterator[SimulatedFrame]:
    """Drive through a scenario; the same scenario and seed give the same bytes.

    Raises:
        ConfigError: a path or speed profile that cannot be driven.
    """
    return iter(Simulation(scenario, seed))
