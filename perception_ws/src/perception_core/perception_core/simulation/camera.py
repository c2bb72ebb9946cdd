"""A camera by ray casting: one ray a pixel, sun shadows by a second ray, then lens blur and sensor noise."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.boxes import corners_3d
from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import Transform, invert
from perception_core.simulation import shading
from perception_core.simulation.materials import SPECULAR
from perception_core.simulation.scenario import CameraConfig, LightConfig
from perception_core.simulation.world import Actor, World

Floats32 = NDArray[np.float32]
Window = tuple[slice, slice]

NOTHING = -2
STREET = -1
_NEAR = 0.05
_SHADOW_BIAS = 0.02


@dataclass(frozen=True, slots=True)
class Picture:
    """One image and what is seen of each actor.

    Attributes:
        pixels: uint8 (H, W, 3) blue green red.
        boxes: float64 (M, 4) x_min, y_min, x_max, y_max of the actor inside the image as if nothing stood before it.
        visible_fraction: float64 (M,) share of those pixels that nothing hides.
        objects: int32 (H, W) index of the actor seen, ``STREET`` or ``NOTHING``.
    """

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    visible_fraction: NDArray[np.float64]
    objects: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Buffer:
    """Nearest hit of every pixel so far, (H, W)."""

    distance: Floats32
    objects: NDArray[np.int32]
    triangle: NDArray[np.int32]
    uv: Floats32


class Camera:
    """The rays of one camera, ready to look into a world."""

    def __init__(self, config: CameraConfig, light: LightConfig, model: CameraModel, T_base_camera: Transform) -> None:
        """Prepare a camera mounted at ``T_base_camera`` (optical frame)."""
        self._config, self._light, self._model, self._T_base_camera = config, light, model, T_base_camera
        v, u = np.mgrid[0 : model.height, 0 : model.width]
        pixels = np.column_stack([u.ravel(), v.ravel()]).astype(np.float64)
        self._rays = model.rays(pixels).reshape(model.height, model.width, 3)
        slopes = self._rays[..., :2] / self._rays[..., 2:]
        self._column_span = slopes[..., 0].min(axis=0), slopes[..., 0].max(axis=0)
        self._row_span = slopes[..., 1].min(axis=1), slopes[..., 1].max(axis=1)
        azimuth, elevation = np.radians([light.sun_azimuth, light.sun_elevation])
        flat = np.cos(elevation)
        self._sun = np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], dtype=np.float32)

    def render(self, world: World, time: float, rng: np.random.Generator) -> Picture:
        """Take a picture at ``time`` (seconds of the scenario); the noise comes from ``rng``."""
        T_world_camera = world.ego.at(time).poses()[0] @ self._T_base_camera
        rays = (self._rays @ T_world_camera[:3, :3].T).astype(np.float32)
        origin = T_world_camera[:3, 3].astype(np.float32)
        poses = [actor.trajectory.at(time).poses()[0] for actor in world.actors]
        buffer = self._cast_street(world, origin, rays)
        alone = np.zeros(len(poses), dtype=np.int64)
        boxes = np.zeros((len(poses), 4))
        windows: dict[int, Window] = {}
        for index, (actor, pose) in enumerate(zip(world.actors, poses, strict=True)):
            window = self.window(box_corners(actor, pose), T_world_camera)
            if window is not None:
                windows[index] = window
                body = actor.body_at(time)
                alone[index], boxes[index] = self._cast_actor(world, index, body, pose, window, (origin, rays), buffer)
        seen = np.bincount(buffer.objects[buffer.objects >= 0], minlength=len(poses))
        pixels = self._develop(world, time, poses, T_world_camera, (origin, rays), buffer, rng)
        return Picture(pixels, boxes, seen / np.maximum(alone, 1), buffer.objects)

    def window(self, corners: NDArray[np.float64], T_world_camera: Transform) -> Window | None:
        """Return rows and columns that may see a convex body with these corners (8, 3); None when none can.

        The corners' edges are cut at the near plane; the bounds of what is left hold the body.
        """
        points = (corners - T_world_camera[:3, 3]) @ T_world_camera[:3, :3]
        a, b = (points[list(edge)] for edge in zip(*_EDGES, strict=True))
        crosses = (a[:, 2] > _NEAR) != (b[:, 2] > _NEAR)
        share = (_NEAR - a[crosses, 2]) / (b[crosses, 2] - a[crosses, 2])
        cut = a[crosses] + share[:, None] * (b[crosses] - a[crosses])
        front = np.concatenate([points[points[:, 2] > _NEAR], cut])
        if len(front) == 0:
            return None
        slope = front[:, :2] / np.maximum(front[:, 2:], _NEAR)
        (x_low, y_low), (x_high, y_high) = slope.min(axis=0), slope.max(axis=0)
        columns = np.flatnonzero((self._column_span[1] >= x_low) & (self._column_span[0] <= x_high))
        rows = np.flatnonzero((self._row_span[1] >= y_low) & (self._row_span[0] <= y_high))
        if len(columns) == 0 or len(rows) == 0:
            return None
        return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)

    def _cast_street(self, world: World, origin: Floats32, rays: Floats32) -> _Buffer:
        shape = rays.shape[:2]
        hits = world.bodies[0].scene.cast(origin, rays.reshape(-1, 3))
        objects = np.where(hits.triangle >= 0, np.int32(STREET), np.int32(NOTHING)).reshape(shape)
        triangle = np.maximum(hits.triangle, 0).reshape(shape)
        return _Buffer(hits.distance.reshape(shape).copy(), objects, triangle, hits.uv.reshape(*shape, 2).copy())

    def _cast_actor(
        self,
        world: World,
        index: int,
        body_index: int,
        pose: Transform,
        window: Window,
        rays: tuple[Floats32, Floats32],
        buffer: _Buffer,
    ) -> tuple[int, NDArray[np.float64]]:
        """Draw one actor where it is nearer; return its pixels and box as if it were alone."""
        body = world.bodies[body_index]
        R = pose[:3, :3].astype(np.float32)
        origin = ((rays[0] - pose[:3, 3]) @ pose[:3, :3]).astype(np.float32)
        hits = body.scene.cast(origin, (rays[1][window] @ R).reshape(-1, 3))
        shape = buffer.distance[window].shape
        distance = hits.distance.reshape(shape)
        mask = np.isfinite(distance)
        if not mask.any():
            return 0, np.zeros(4)
        nearer = mask & (distance < buffer.distance[window])
        buffer.distance[window][nearer] = distance[nearer]
        buffer.objects[window][nearer] = index
        buffer.triangle[window][nearer] = hits.triangle.reshape(shape)[nearer] + body.first_triangle
        buffer.uv[window][nearer] = hits.uv.reshape(*shape, 2)[nearer]
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        top, left = window[0].start, window[1].start
        box = [left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1]
        return int(mask.sum()), np.array(box, dtype=np.float64)

    def _develop(
        self,
        world: World,
        time: float,
        poses: list[Transform],
        T_world_camera: Transform,
        rays: tuple[Floats32, Floats32],
        buffer: _Buffer,
        rng: np.random.Generator,
    ) -> NDArray[np.uint8]:
        count = buffer.distance.size
        shape = buffer.distance.shape
        position, normal = (np.zeros((count, 3), dtype=np.float32) for _ in range(2))
        distance, objects, triangle = buffer.distance.ravel(), buffer.objects.ravel(), buffer.triangle.ravel()
        directions = rays[1].reshape(-1, 3)
        turn = np.array([pose[:2, 0] for pose in poses], dtype=np.float32).reshape(-1, 2)
        tables = world.surfaces
        shading.surface(
            distance, objects, triangle, buffer.uv.reshape(-1, 2), directions, rays[0], tables.normals, turn,
            position, normal,
        )  # fmt: skip
        shadow = self._shadows(world, time, poses, T_world_camera, position, normal, objects)
        out = np.empty((count, 3), dtype=np.float32)
        shading.shade(
            distance, objects, directions, position, normal, shadow, tables.material[triangle],
            tables.colour[triangle], SPECULAR, self._sun, self._light.haze, out,
        )  # fmt: skip
        image = out.reshape(*shape, 3)
        if self._config.blur > 0.0:
            image = cv2.GaussianBlur(image, (0, 0), self._config.blur)
        if self._config.noise > 0.0:
            image = image + rng.standard_normal(shape, dtype=np.float32)[..., None] * np.float32(self._config.noise)
        return np.clip(np.rint(image), 0.0, 255.0).astype(np.uint8)

    def _shadows(
        self,
        world: World,
        time: float,
        poses: list[Transform],
        T_world_camera: Transform,
        position: Floats32,
        normal: Floats32,
        objects: NDArray[np.int32],
    ) -> NDArray[np.bool_]:
        """Return (N,) where something stands between a hit and the sun."""
        start = position + _SHADOW_BIAS * normal
        facing = (objects != NOTHING) & (normal @ self._sun > 0.0)
        shadow = ~facing
        lit = np.flatnonzero(facing)
        shadow[lit] = world.bodies[0].scene.occluded(start[lit], np.broadcast_to(self._sun, (len(lit), 3)))
        grid = shadow.reshape(self._model.height, self._model.width)
        starts = start.reshape(*grid.shape, 3)
        for actor, pose in zip(world.actors, poses, strict=True):
            corners = box_corners(actor, pose)
            fallen = corners - self._sun * (corners[:, 2:] / self._sun[2])
            window = self.window(np.concatenate([corners[4:], fallen[4:]]), T_world_camera)
            whole = self.window(corners, T_world_camera)
            for part in (w for w in (_union(window, whole),) if w is not None):
                rows, columns = np.nonzero(~grid[part])
                R = pose[:3, :3].astype(np.float32)
                local = (starts[part][rows, columns] - pose[:3, 3].astype(np.float32)) @ R
                near = self._in_sunbeam(local, actor, R)
                rows, columns, local = rows[near], columns[near], local[near]
                sun = np.broadcast_to(self._sun @ R, local.shape)
                grid[part][rows, columns] = world.bodies[actor.body_at(time)].scene.occluded(local, sun)
        return shadow

    def _in_sunbeam(self, local: Floats32, actor: Actor, R: Floats32) -> NDArray[np.bool_]:
        """Tell which points (N, 3) have the actor's sphere between them and the sun."""
        sun = self._sun @ R
        away = local - np.array([0.0, 0.0, actor.size[2] / 2.0], dtype=np.float32)
        along = away @ sun
        beside = (away**2).sum(axis=1) - along**2
        return np.asarray((beside < actor.radius**2) & (along < actor.radius))


def box_corners(actor: Actor, pose: Transform) -> NDArray[np.float64]:
    """Return the corners (8, 3) in the world of a box that holds the actor's whole mesh: bottom four, then top."""
    yaw = np.arctan2(pose[1, 0], pose[0, 0])
    middle = pose[:3, 3] + [0.0, 0.0, actor.size[2] / 2.0]
    size = np.array(actor.size) + [0.3, 0.5, 0.15]
    return corners_3d(middle[None], size[None], np.array([yaw]))[0]


def camera_model(config: CameraConfig) -> CameraModel:
    """Return the intrinsics of a scenario's camera."""
    K = np.array([[config.focal, 0.0, config.centre[0]], [0.0, config.focal, config.centre[1]], [0.0, 0.0, 1.0]])
    return CameraModel(config.width, config.height, K, (0.0,) * 5, "plumb_bob", config.frame)


def _union(a: Window | None, b: Window | None) -> Window | None:
    if a is None or b is None:
        return a or b
    rows = slice(min(a[0].start, b[0].start), max(a[0].stop, b[0].stop))
    return rows, slice(min(a[1].start, b[1].start), max(a[1].stop, b[1].stop))


_EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7))
