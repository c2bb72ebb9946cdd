"""A spinning multi-beam LiDAR on a moving car.

The sweep starts behind the car and turns clockwise, so that it looks ahead at the stamp, in the middle of the sweep
(as KITTI's does). Every column of beams is fired from where the sensor is at that moment, at objects where they are
at that moment; points are given in the sensor's frame at their own time, as drivers give them (not deskewed).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.transforms import Transform
from perception_core.simulation.materials import REFLECTIVITY, RETURN_RATE, Material
from perception_core.simulation.scenario_config import LidarConfig
from perception_core.simulation.world import Snapshot, World
from perception_core.types.cloud import PointCloud

Floats32 = NDArray[np.float32]

NOTHING = -2
STREET = -1

# The link budget: a return of reflectivity r (0..1) at incidence cosine c and range d metres arrives with the power
# r c / d^2; 63 % are detected at this power. Asphalt is lost at about 55 m with a sensor 1.8 m high, as on an HDL-64E.
_DETECTABLE_POWER = 1.5e-6

_DB_PER_KM = np.log(10.0) / 10.0 / 1000.0
_DROP_FROM = np.float32(10.0)
"""Metres at which a beam of 2 mrad is 2 cm wide, as the reflectivity of a drop supposes; beyond, it fills less."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One sweep and what each point of it hit.

    Attributes:
        cloud: points in the sensor's frame at their own times, offsets relative to the stamp.
        objects: int32 (N,) index of the actor each point hit, ``STREET`` for the rest.
        ground: bool (N,) it hit the road, a sidewalk or a lawn.
        speck: bool (N,) it came back from a drop of rain.
    """

    cloud: PointCloud
    objects: NDArray[np.int32]
    ground: NDArray[np.bool_]
    speck: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Echoes:
    """Nearest surfaces along all rays: columns x beams.

    ``cosine`` is that of the angle of incidence; ``ground`` tells the road, sidewalks and lawns from the rest.
    """

    distance: Floats32
    objects: NDArray[np.int32]
    material: NDArray[np.uint8]
    cosine: Floats32
    ground: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Returns:
    """What a sensor reports of echoes; K of them are detected.

    Attributes:
        kept: bool, of the shape of the echoes.
        distance: float32 (K,) metres, noisy.
        hit: float32 (K,) metres, exact.
        intensity: float32 (K,), 0..255.
        speck: bool (K,) the ray came back from a drop of rain.
    """

    kept: NDArray[np.bool_]
    distance: Floats32
    hit: Floats32
    intensity: Floats32
    speck: NDArray[np.bool_]


class Lidar:
    """The beams of one sensor, ready to be swept through a world."""

    def __init__(self, config: LidarConfig, T_base_lidar: Transform, rain: float = 0.0) -> None:
        """Prepare the ray pattern of a sensor mounted at ``T_base_lidar`` (4, 4); ``rain`` in mm/h."""
        self._config = config
        self._rain = rain
        self._T_base_lidar = T_base_lidar
        self.elevation = beam_elevations(config)
        turn = (np.arange(config.columns) + 0.5) / config.columns
        self.azimuth = np.pi - 2.0 * np.pi * turn
        self.offset_s = (turn - 0.5) / config.rate
        cos_e, sin_e = np.cos(self.elevation)[None], np.sin(self.elevation)[None]
        cos_a, sin_a = np.cos(self.azimuth)[:, None], np.sin(self.azimuth)[:, None]
        x, y, z = np.broadcast_arrays(cos_a * cos_e, sin_a * cos_e, sin_e)
        self.directions: Floats32 = np.stack([x, y, z], axis=2).astype(np.float32)

    def scan(self, world: World, time: float, stamp_ns: int, rng: np.random.Generator) -> Scan:
        """Sweep around ``time`` (seconds of the scenario); noise and losses come from ``rng``."""
        echoes = self.echoes(world, time)
        config = self._config
        found = returns(config, echoes, rng, self._rain)
        column, beam = np.nonzero(found.kept)
        cloud = PointCloud(
            xyz=self.directions[found.kept] * found.distance[:, None],
            stamp_ns=stamp_ns,
            frame=config.frame,
            intensity=found.intensity,
            ring=beam.astype(np.uint16),
            time_offset_ns=np.round(self.offset_s * 1e9).astype(np.int64)[column],
        )
        objects = np.where(found.speck, np.int32(STREET), echoes.objects[found.kept])
        return Scan(cloud, objects, echoes.ground[found.kept] & ~found.speck, found.speck)

    def echoes(self, world: World, time: float) -> Echoes:
        """Cast every ray of the sweep without noise."""
        T_world_lidar = world.ego.at(time + self.offset_s).poses() @ self._T_base_lidar
        origin = T_world_lidar[:, :3, 3].astype(np.float32)
        directions = np.einsum("cij,crj->cri", T_world_lidar[:, :3, :3].astype(np.float32), self.directions)
        echoes = self._cast_street(world, origin, directions)
        now = world.at(time)
        for index, actor in enumerate(world.actors):
            window = self._window(world, now, index) if actor.moves else None
            if window is not None:
                self._cast_actor(world, index, now, window, (origin, directions), echoes)
        return echoes

    def _cast_street(self, world: World, origin: Floats32, directions: Floats32) -> Echoes:
        columns, beams = directions.shape[:2]
        rays = directions.reshape(-1, 3)
        hits = world.bodies[0].scene.cast(np.repeat(origin, beams, axis=0), rays)
        found = hits.triangle >= 0
        triangle = np.where(found, hits.triangle, 0)
        cosine = np.abs((world.surfaces.face_normals[triangle] * rays).sum(axis=1))
        shape = (columns, beams)
        return Echoes(
            hits.distance.reshape(shape).copy(),
            np.where(found, world.owner[triangle], np.int32(NOTHING)).reshape(shape),
            world.surfaces.material[triangle].reshape(shape),
            cosine.reshape(shape),
            (found & (hits.triangle < world.ground_triangles)).reshape(shape),
        )

    def _window(self, world: World, now: Snapshot, index: int) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
        """Return the columns and beams that may hit an actor: those within the cone around its sphere."""
        actor, ego = world.actors[index], world.ego.at(now.time)
        T_world_lidar = ego.poses()[0] @ self._T_base_lidar
        centre = now.poses[index, :3, 3] + [0.0, 0.0, actor.size[2] / 2.0] - T_world_lidar[:3, 3]
        x, y, z = T_world_lidar[:3, :3].T @ centre
        distance = float(np.linalg.norm(centre))
        speeds = abs(now.speed[index]) + abs(ego.speed[0]) + abs(ego.climb[0])
        drift = (speeds + abs(ego.yaw_rate[0]) * distance) / (2.0 * self._config.rate)
        drift += self._swing(world, now.time) * distance
        radius = actor.radius + drift
        if distance - radius > self._config.range_max:
            return None
        if distance <= radius:
            return np.arange(len(self.azimuth)), np.arange(len(self.elevation))
        half = np.arcsin(radius / distance)
        rise = np.arcsin(z / distance)
        beams = np.flatnonzero(np.abs(self.elevation - rise) <= half)
        flat = np.hypot(x, y)
        reach = np.arcsin(radius / flat) if radius < flat else np.pi
        off = (self.azimuth - np.arctan2(y, x) + np.pi) % (2.0 * np.pi) - np.pi
        columns = np.flatnonzero(np.abs(off) <= reach)
        return (columns, beams) if len(columns) and len(beams) else None

    def _swing(self, world: World, time: float) -> float:
        """Return by how many radians the sensor nods and sways during the sweep."""
        motion = world.ego.at(time + self.offset_s[[0, len(self.offset_s) // 2, -1]])
        return float(np.ptp(motion.pitch) + np.ptp(motion.roll))

    def _cast_actor(
        self,
        world: World,
        index: int,
        now: Snapshot,
        window: tuple[NDArray[np.intp], NDArray[np.intp]],
        rays: tuple[Floats32, Floats32],
        echoes: Echoes,
    ) -> None:
        """Cast the window's rays in the actor's own frame at each column's time and keep what is nearer."""
        columns, beams = window
        cells = np.ix_(columns, beams)
        body = world.bodies[now.bodies[index]]
        T_world_actor = world.actors[index].trajectory.at(now.time + self.offset_s[columns]).poses()
        R = T_world_actor[:, :3, :3]
        origin = np.einsum("cji,cj->ci", R, rays[0][columns] - T_world_actor[:, :3, 3]).astype(np.float32)
        directions = np.einsum("cji,crj->cri", R.astype(np.float32), rays[1][cells]).reshape(-1, 3)
        hits = body.scene.cast(np.repeat(origin, len(beams), axis=0), directions)
        nearer = (hits.distance < echoes.distance[cells].ravel()).reshape(len(columns), len(beams))
        row, beam = np.nonzero(nearer)
        flat = nearer.ravel()
        triangle = hits.triangle[flat] + body.first_triangle
        where = (columns[row], beams[beam])
        echoes.distance[where] = hits.distance[flat]
        echoes.objects[where] = index
        echoes.ground[where] = False
        echoes.material[where] = world.surfaces.material[triangle]
        echoes.cosine[where] = np.abs((world.surfaces.face_normals[triangle] * directions[flat]).sum(axis=1))


def returns(config: LidarConfig, echoes: Echoes, rng: np.random.Generator, rain: float = 0.0) -> Returns:
    """Tell what the sensor makes of echoes of any shape, in air with so much rain in mm/h."""
    noisy, kept = _detect(config, echoes, rng)
    material, cosine, hit = echoes.material, echoes.cosine, echoes.distance
    speck = np.zeros(kept.shape, dtype=np.bool_)
    if rain > 0.0:
        drops = _drops(config, echoes.distance, rain, rng)
        noisy_drop, speck = _detect(config, drops, rng)
        kept |= speck
        noisy, hit = np.where(speck, noisy_drop, noisy), np.where(speck, drops.distance, hit)
        material, cosine = np.where(speck, drops.material, material), np.where(speck, drops.cosine, cosine)
    intensity = REFLECTIVITY[material[kept]] * np.sqrt(cosine[kept])
    intensity *= rng.normal(1.0, 0.06, len(intensity)).astype(np.float32)
    return Returns(kept, noisy[kept], hit[kept], np.clip(np.round(intensity), 0.0, 255.0), speck[kept])


def _detect(config: LidarConfig, echoes: Echoes, rng: np.random.Generator) -> tuple[Floats32, NDArray[np.bool_]]:
    """Return noisy ranges and which echoes are detected."""
    shape = echoes.distance.shape
    noisy = echoes.distance + rng.normal(0.0, config.range_noise, shape).astype(np.float32)
    if config.range_step > 0.0:
        noisy = np.round(noisy / np.float32(config.range_step)) * np.float32(config.range_step)
    kept = rng.random(shape, dtype=np.float32) < _return_chance(config, echoes)
    kept &= (echoes.distance > config.range_min) & (echoes.distance < config.range_max)
    return noisy, kept


def _drops(config: LidarConfig, surface: Floats32, rain: float, rng: np.random.Generator) -> Echoes:
    """Return the nearest drop of rain on every ray, where one is nearer than the surface.

    A ray meets a drop within range d with probability 1 - exp(-a d); the extinction a of a rain rate R in mm/h is
    1.076 R^0.67 dB/km (Carbonneau and Wisely 1998, as in ITU-R P.1814). Whether its echo is detected is up to the same
    link budget as that of any surface; the share of the beam that it fills stands in for the cosine.
    """
    extinction = 1.076 * rain**0.67 * _DB_PER_KM
    distance = (config.range_min + rng.exponential(1.0 / extinction, surface.shape)).astype(np.float32)
    objects = np.where(distance < surface, np.int32(STREET), np.int32(NOTHING))
    share = np.minimum(np.float32(1.0), (_DROP_FROM / distance) ** 2)
    ground = np.zeros(surface.shape, dtype=np.bool_)
    return Echoes(distance, objects, np.full(surface.shape, Material.WATER, dtype=np.uint8), share, ground)


def _return_chance(config: LidarConfig, echoes: Echoes) -> Floats32:
    power = REFLECTIVITY[echoes.material] / 255.0 * echoes.cosine / np.maximum(echoes.distance, 0.1) ** 2
    detected = 1.0 - np.exp(-power / np.float32(_DETECTABLE_POWER))
    chance: Floats32 = detected * RETURN_RATE[echoes.material] * np.float32(1.0 - config.dropout)
    return np.where(echoes.objects == NOTHING, np.float32(0.0), chance)


def beam_elevations(config: LidarConfig) -> NDArray[np.float64]:
    """Return the beams' elevations (R,) in radians, ring 0 first, from the groups of the configuration."""
    groups = np.reshape(config.elevations, (-1, 3))
    return np.radians(np.concatenate([np.linspace(first, last, int(count)) for first, last, count in groups]))
