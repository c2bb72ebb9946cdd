"""Single LiDAR scans of varied places with exact labels, for judging ground and clusters.

A scene is one static mesh whose triangles know what they are. Rays follow the patterns of real sensors; noise and
losses are those of the simulated drives. The robot stands as it stands, pitched or on a slope, and knows only its
static calibration: the labels are exact, the base frame is not level.

Reflections: water mirrors a ray with Fresnel's share (Schlick 1994) there and back; the point then lies on the
straight ray at the whole range, below the ground.
"""

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ConfigError
from perception_core.geometry.transforms import Transform, invert, rotate
from perception_core.simulation.lidar import NOTHING, STREET, Echoes, returns
from perception_core.simulation.lidar_patterns import SENSORS, Pattern, pattern
from perception_core.simulation.materials import Material
from perception_core.simulation.mesh import merge
from perception_core.simulation.raycast import RayScene
from perception_core.simulation.scene_kinds import KINDS, Setting, setting
from perception_core.simulation.scene_parts import Surface, Thing
from perception_core.types.cloud import PointCloud

Floats32 = NDArray[np.float32]

SCENES = tuple(KINDS)
"""Names of the scenes."""

__all__ = ["SCENES", "SENSORS", "LabelledScan", "LidarScene", "Surface", "TruthBoxes", "labelled_scan"]

STAMP_NS = 1_700_000_000_000_000_000

_FRAME = "lidar_top"
_ABOVE = 60.0
"""Metres above a point from where the ground below it is sought."""
_WATER_AT_RIGHT_ANGLE = 0.02
"""Share of light that water mirrors at a right angle: ((1.33 - 1) / (1.33 + 1))^2."""


@dataclass(frozen=True, slots=True)
class TruthBoxes:
    """Boxes of M objects in the base frame.

    Attributes:
        centre: float64 (M, 3) metres.
        size: float64 (M, 3) length, width, height in metres.
        yaw: float64 (M,) radians.
        class_ids: int32 (M,) columns of ``types.classes.CLASSES``.
        point_count: int32 (M,) returns of this scan from each.
    """

    centre: NDArray[np.float64]
    size: NDArray[np.float64]
    yaw: NDArray[np.float64]
    class_ids: NDArray[np.int32]
    point_count: NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.yaw)


@dataclass(frozen=True, slots=True)
class LabelledScan:
    """One scan and what is true of each of its N points.

    Attributes:
        name: of the scene.
        sensor: which LiDAR.
        cloud: points in the sensor's frame; ``ring`` is None for sensors without rings.
        T_base_lidar: float64 (4, 4) the static calibration.
        is_ground: bool (N,) the point hit ground: road, sidewalk, kerb, grass.
        height: float32 (N,) metres of the noise-free hit above the true ground straight below it.
        objects: int32 (N,) row of ``truth``, -1 for none.
        surface: uint8 (N,) of :class:`Surface`.
        truth: the objects.
    """

    name: str
    sensor: str
    cloud: PointCloud
    T_base_lidar: Transform
    is_ground: NDArray[np.bool_]
    height: Floats32
    objects: NDArray[np.int32]
    surface: NDArray[np.uint8]
    truth: TruthBoxes


class LidarScene:
    """A place, built once and scanned with any sensor."""

    def __init__(self, name: str, seed: int = 0, place: Setting | None = None) -> None:
        """Build one of :data:`SCENES`, or ``place`` under a name; the same name and seed give the same place.

        Raises:
            ConfigError: no such scene.
        """
        if place is None and name not in KINDS:
            raise ConfigError(f"scene {name!r}: expected one of {', '.join(SCENES)}")
        if place is None:
            place = setting(name, np.random.default_rng([seed, zlib.crc32(name.encode())]))
        self.name, self.seed, self.place = name, seed, place
        ground, walls = place.parts.land.mesh(np.random.default_rng([seed, 1]))
        self._ground = RayScene(ground)
        parts = place.parts.meshes
        mesh = merge([ground, *(part for part, _, _ in parts)])
        self._scene = RayScene(mesh)
        self._material = mesh.material
        self._surface = np.concatenate(
            [np.where(walls, Surface.STRUCTURE, Surface.GROUND).astype(np.uint8), *(kind for _, kind, _ in parts)]
        )
        owners = [-1, *(owner for _, _, owner in parts)]
        self._owner = np.repeat(np.array(owners, dtype=np.int32), [len(ground), *(len(part) for part, _, _ in parts)])
        corners = mesh.vertices[mesh.triangles].astype(np.float64)
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        self._normal = normal.astype(np.float32)

    def scan(self, sensor: str = "hdl64", *, rain: float = 0.0, points: int | None = None) -> LabelledScan:
        """Scan once.

        Args:
            sensor: one of :data:`SENSORS`.
            rain: rain rate in mm/h (10 is heavy, 50 a cloudburst).
            points: returns to aim at, by more or fewer columns; None takes the sensor's own columns.

        Raises:
            ConfigError: no such sensor, or a number out of range.
        """
        if rain < 0.0:
            raise ConfigError(f"rain: {rain} is out of range, expected 0 or more")
        rays = pattern(sensor, self.seed)
        if points is not None:
            tenth = pattern(sensor, self.seed, max(rays.config.columns // 10, 16))
            found = max(len(self._scan(sensor, tenth, rain).cloud), 1)
            try:
                rays = pattern(sensor, self.seed, round(tenth.config.columns * points / found))
            except ConfigError as error:
                raise ConfigError(f"points: {points} are out of reach of {sensor} ({error})") from error
        return self._scan(sensor, rays, rain)

    def _scan(self, sensor: str, rays: Pattern, rain: float) -> LabelledScan:
        T_base_lidar = self.place.T_base_lidar
        T_world_lidar = self.place.T_world_base @ T_base_lidar
        rng = np.random.default_rng([self.seed, 2, zlib.crc32(sensor.encode())])
        origin, directions = T_world_lidar[:3, 3].astype(np.float32), rotate(T_world_lidar, rays.directions)
        echoes, surface = self._cast(origin, directions)
        found = returns(rays.config, echoes, rng, rain)
        kept = found.kept
        surface = np.where(found.speck, np.uint8(Surface.SPECK), surface[kept])
        owner = np.where(found.speck, np.int32(STREET), echoes.objects[kept])
        ring = None if rays.ring is None else rays.ring[kept]
        xyz = rays.directions[kept] * found.distance[:, None]
        return LabelledScan(
            name=self.name,
            sensor=sensor,
            cloud=PointCloud(xyz, STAMP_NS, _FRAME, found.intensity, ring, rays.time_offset_ns[kept]),
            T_base_lidar=T_base_lidar,
            is_ground=surface == Surface.GROUND,
            height=self._height(origin + directions[kept] * found.hit[:, None], surface),
            objects=owner,
            surface=surface,
            truth=self._truth(owner),
        )

    def _cast(self, origin: Floats32, directions: Floats32) -> tuple[Echoes, NDArray[np.uint8]]:
        """Cast all rays, follow those that water mirrors; the echoes' objects are rows of the truth."""
        hits = self._scene.cast(origin, directions)
        found = hits.triangle >= 0
        triangle = np.where(found, hits.triangle, 0)
        cosine = np.abs((self._normal[triangle] * directions).sum(axis=1))
        objects = np.where(found, self._owner[triangle], np.int32(NOTHING))
        surface = self._surface[triangle]
        ground = found & (surface == Surface.GROUND)
        echoes = Echoes(hits.distance.copy(), objects, self._material[triangle], cosine, ground)
        wet = np.flatnonzero(found & (echoes.material == Material.WATER))
        self._mirror(origin, directions, triangle, wet, echoes, surface)
        return echoes, surface

    def _mirror(
        self,
        origin: Floats32,
        directions: Floats32,
        triangle: NDArray[np.int32],
        wet: NDArray[np.intp],
        echoes: Echoes,
        surface: NDArray[np.uint8],
    ) -> None:
        """Replace the echoes of water (rows ``wet``) by those of what it mirrors, where there is something."""
        if not len(wet):
            return
        normal, ray = self._normal[triangle[wet]], directions[wet]
        mirrored = ray - 2.0 * (ray * normal).sum(axis=1, keepdims=True) * normal
        start = origin + ray * echoes.distance[wet][:, None] + np.float32(1e-3) * mirrored
        hits = self._scene.cast(start, mirrored)
        found = hits.triangle >= 0
        wet, hit = wet[found], hits.triangle[found]
        share = _WATER_AT_RIGHT_ANGLE + (1.0 - _WATER_AT_RIGHT_ANGLE) * (1.0 - echoes.cosine[wet]) ** 5
        echoes.distance[wet] += hits.distance[found]
        echoes.cosine[wet] = np.abs((self._normal[hit] * mirrored[found]).sum(axis=1)) * share**2
        echoes.material[wet] = self._material[hit]
        echoes.objects[wet] = STREET
        surface[wet] = Surface.REFLECTION

    def _height(self, points: Floats32, surface: NDArray[np.uint8]) -> Floats32:
        """Return heights (N,) in metres of world points above the ground straight below (or above) them."""
        height = np.zeros(len(points), dtype=np.float32)
        rest = np.flatnonzero(surface != Surface.GROUND)
        down = np.broadcast_to(np.array([0.0, 0.0, -1.0], dtype=np.float32), (len(rest), 3))
        start = points[rest] + np.array([0.0, 0.0, _ABOVE], dtype=np.float32)
        height[rest] = self._ground.cast(start, down).distance - np.float32(_ABOVE)
        return height

    def _truth(self, owner: NDArray[np.int32]) -> TruthBoxes:
        things: list[Thing] = self.place.parts.things
        T_base_world = invert(self.place.T_world_base)
        size = np.array([thing.size for thing in things], dtype=np.float64).reshape(-1, 3)
        middle = np.array([thing.bottom + thing.size[2] / 2.0 for thing in things])
        poses = np.array([T_base_world @ thing.T_world_thing for thing in things]).reshape(-1, 4, 4)
        return TruthBoxes(
            centre=poses[:, :3, 3] + poses[:, :3, 2] * middle[:, None],
            size=size,
            yaw=np.arctan2(poses[:, 1, 0], poses[:, 0, 0]),
            class_ids=np.array([thing.class_id for thing in things], dtype=np.int32),
            point_count=np.bincount(owner[owner >= 0], minlength=len(things)).astype(np.int32),
        )


def labelled_scan(
    scene: str, sensor: str = "hdl64", seed: int = 0, *, rain: float = 0.0, points: int | None = None
) -> LabelledScan:
    """Build a scene and scan it once, see :class:`LidarScene`.

    Raises:
        ConfigError: no such scene or sensor, or a number out of range.
    """
    return LidarScene(scene, seed).scan(sensor, rain=rain, points=points)
