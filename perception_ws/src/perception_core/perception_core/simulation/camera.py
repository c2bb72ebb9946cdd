"""A camera by ray casting: one ray a pixel, sun shadows by a second ray, then lens blur and sensor noise."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.boxes import corners_3d
from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import Transform, yaw_of
from perception_core.simulation import shading
from perception_core.simulation.materials import SPECULAR
from perception_core.simulation.scenario_config import CameraConfig, LightConfig
from perception_core.simulation.world import Actor, Snapshot, World

Floats32 = NDArray[np.float32]
Window = tuple[slice, slice]

NOTHING = -2
STREET = -1
NO_MATERIAL = 255
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
        material: uint8 (H, W) of :class:`Material`, ``NO_MATERIAL`` where nothing is.
    """

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    visible_fraction: NDArray[np.float64]
    objects: NDArray[np.int32]
    material: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _View:
    """One moment seen by the camera: rays (H, W, 3) in the world and the nearest hit of every pixel so far."""

    world: World
    now: Snapshot
    T_world_camera: Transform
    origin: Floats32
    rays: Floats32
    distance: Floats32
    objects: NDArray[np.int32]
    triangle: NDArray[np.int32]
    uv: Floats32


class Camera:
    """The rays of one camera, ready to look into a world."""

    def __init__(
        self, config: CameraConfig, light: LightConfig, model: CameraModel, T_base_camera: Transform, rain: float = 0.0
    ) -> None:
        """Prepare a camera mounted at ``T_base_camera`` (optical frame) that looks through ``rain`` mm/h."""
        self._config, self._light, self._model, self._T_base_camera = config, light, model, T_base_camera
        self._rain = rain
        v, u = np.mgrid[0 : model.height, 0 : model.width]
        pixels = np.column_stack([u.ravel(), v.ravel()]).astype(np.float64)
        self._rays: Floats32 = model.rays(pixels).reshape(model.height, model.width, 3).astype(np.float32)
        slopes = self._rays[..., :2] / self._rays[..., 2:]
        self._column_span = slopes[..., 0].min(axis=0), slopes[..., 0].max(axis=0)
        self._row_span = slopes[..., 1].min(axis=1), slopes[..., 1].max(axis=1)
        azimuth, elevation = np.radians([light.sun_azimuth, light.sun_elevation])
        flat = np.cos(elevation)
        self._sun = np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], dtype=np.float32)

    def render(self, world: World, time: float, rng: np.random.Generator) -> Picture:
        """Take a picture at ``time`` (seconds of the scenario); the noise comes from ``rng``."""
        view = self._cast_street(world, time)
        count = len(world.actors)
        whole, boxes = np.zeros(count, dtype=np.int64), np.zeros((count, 4))
        for index in np.flatnonzero([actor.moves for actor in world.actors]):
            self._cast_actor(view, int(index), draw=True)
        seen = np.bincount(view.objects[view.objects >= 0], minlength=count)
        for index in np.flatnonzero(seen):
            whole[index], boxes[index] = self._cast_actor(view, int(index), draw=False)
        pixels = self._develop(view, rng)
        material = np.where(view.objects == NOTHING, np.uint8(NO_MATERIAL), world.surfaces.material[view.triangle])
        return Picture(pixels, boxes, np.minimum(seen / np.maximum(whole, 1), 1.0), view.objects, material)

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

    def _cast_street(self, world: World, time: float) -> _View:
        T_world_camera = world.ego.at(time).poses()[0] @ self._T_base_camera
        rays = self._rays @ T_world_camera[:3, :3].T.astype(np.float32)
        origin = T_world_camera[:3, 3].astype(np.float32)
        shape = rays.shape[:2]
        hits = world.bodies[0].scene.cast(origin, rays.reshape(-1, 3))
        triangle = np.maximum(hits.triangle, 0)
        objects = np.where(hits.triangle >= 0, world.owner[triangle], np.int32(NOTHING))
        return _View(
            world=world,
            now=world.at(time),
            T_world_camera=T_world_camera,
            origin=origin,
            rays=rays,
            distance=hits.distance.reshape(shape).copy(),
            objects=objects.reshape(shape),
            triangle=triangle.reshape(shape),
            uv=hits.uv.reshape(*shape, 2).copy(),
        )

    def _cast_actor(self, view: _View, index: int, draw: bool) -> tuple[int, NDArray[np.float64]]:
        """Return an actor's pixels and box as if it were alone; with ``draw`` keep what of it is nearer."""
        actor, pose = view.world.actors[index], view.now.poses[index]
        window = self.window(box_corners(actor, pose), view.T_world_camera)
        if window is None:
            return 0, np.zeros(4)
        body = view.world.bodies[view.now.bodies[index]]
        R = pose[:3, :3].astype(np.float32)
        origin = ((view.origin - pose[:3, 3]) @ pose[:3, :3]).astype(np.float32)
        hits = body.scene.cast(origin, (view.rays[window] @ R).reshape(-1, 3))
        shape = view.distance[window].shape
        distance = hits.distance.reshape(shape)
        mask = np.isfinite(distance)
        if not mask.any():
            return 0, np.zeros(4)
        if draw:
            nearer = mask & (distance < view.distance[window])
            view.distance[window][nearer] = distance[nearer]
            view.objects[window][nearer] = index
            view.triangle[window][nearer] = hits.triangle.reshape(shape)[nearer] + body.first_triangle
            view.uv[window][nearer] = hits.uv.reshape(*shape, 2)[nearer]
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        top, left = window[0].start, window[1].start
        box = [left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1]
        return int(mask.sum()), np.array(box, dtype=np.float64)

    def _develop(self, view: _View, rng: np.random.Generator) -> NDArray[np.uint8]:
        count, shape = view.distance.size, view.distance.shape
        position, normal, out = (np.zeros((count, 3), dtype=np.float32) for _ in range(3))
        distance, objects, triangle = view.distance.ravel(), view.objects.ravel(), view.triangle.ravel()
        rays, uv = view.rays.reshape(-1, 3), view.uv.reshape(-1, 2)
        tables, turn = view.world.surfaces, view.now.poses[:, :2, 0].astype(np.float32)
        moving_from = len(view.world.owner)
        shading.surface(
            distance, objects, triangle, uv, rays, view.origin, tables.normals, turn, moving_from, position, normal
        )
        shadow = self._shadows(view, position, normal).ravel()
        material, colour = tables.material[triangle], tables.colour[triangle]
        shading.shade(
            distance, objects, rays, position, normal, shadow, material, colour, SPECULAR, self._sun,
            self._light.haze, self._light.overcast, self._light.exposure, out,
        )  # fmt: skip
        image = out.reshape(*shape, 3)
        if self._rain > 0.0:
            image = image + rain_streaks(shape, self._rain, rng)[..., None]
        if self._config.blur > 0.0:
            image = cv2.GaussianBlur(image, (0, 0), self._config.blur)
        if self._config.noise > 0.0:
            image = image + rng.standard_normal(shape, dtype=np.float32)[..., None] * np.float32(self._config.noise)
        return np.clip(np.rint(image), 0.0, 255.0).astype(np.uint8)

    def _shadows(self, view: _View, position: Floats32, normal: Floats32) -> NDArray[np.bool_]:
        """Return (H, W) where something stands between a hit and the sun, or the surface looks away from it."""
        shape = view.objects.shape
        start = (position + _SHADOW_BIAS * normal).reshape(*shape, 3)
        shadow: NDArray[np.bool_] = (view.objects == NOTHING) | (normal @ self._sun <= 0.0).reshape(shape)
        self._street_shadows(view, start, shadow)
        for index, actor in enumerate(view.world.actors):
            if actor.moves:
                self._actor_shadow(view, index, start, shadow)
        return shadow

    def _street_shadows(self, view: _View, start: Floats32, shadow: NDArray[np.bool_]) -> None:
        """Ask every second pixel of every second row, and the others only where their neighbours disagree."""
        asked = np.zeros_like(shadow)
        asked[::2, ::2] = True
        blocked = self._blocked(view, start, asked & ~shadow)
        coarse = blocked[::2, ::2] | shadow[::2, ::2]
        mean = cv2.blur(coarse.astype(np.float32), (3, 3))
        settled = (mean < 0.01) | (mean > 0.99)
        near = np.repeat(np.repeat(settled, 2, axis=0), 2, axis=1)[: shadow.shape[0], : shadow.shape[1]]
        value = np.repeat(np.repeat(coarse, 2, axis=0), 2, axis=1)[: shadow.shape[0], : shadow.shape[1]]
        blocked |= self._blocked(view, start, ~near & ~asked & ~shadow)
        shadow |= np.where(near, value, blocked)

    def _blocked(self, view: _View, start: Floats32, ask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        blocked = np.zeros_like(ask)
        origins = start[ask]
        blocked[ask] = view.world.bodies[0].scene.occluded(origins, np.broadcast_to(self._sun, origins.shape))
        return blocked

    def _actor_shadow(self, view: _View, index: int, start: Floats32, shadow: NDArray[np.bool_]) -> None:
        """Darken what a moving actor hides from the sun: itself and what lies in its shadow on the ground."""
        actor, pose = view.world.actors[index], view.now.poses[index]
        corners = box_corners(actor, pose)
        fallen = corners - self._sun * (corners[:, 2:] / self._sun[2])
        window = _union(
            self.window(np.concatenate([corners[4:], fallen[4:]]), view.T_world_camera),
            self.window(corners, view.T_world_camera),
        )
        if window is None:
            return
        rows, columns = np.nonzero(~shadow[window])
        R = pose[:3, :3].astype(np.float32)
        local = (start[window][rows, columns] - pose[:3, 3].astype(np.float32)) @ R
        near = self._in_sunbeam(local, actor, R)
        local = local[near]
        body = view.world.bodies[view.now.bodies[index]]
        hidden = body.scene.occluded(local, np.broadcast_to(self._sun @ R, local.shape))
        shadow[window][rows[near], columns[near]] = hidden

    def _in_sunbeam(self, local: Floats32, actor: Actor, R: Floats32) -> NDArray[np.bool_]:
        """Tell which points (N, 3) have the actor's sphere between them and the sun."""
        sun = self._sun @ R
        away = local - np.array([0.0, 0.0, actor.size[2] / 2.0], dtype=np.float32)
        along = away @ sun
        beside = (away**2).sum(axis=1) - along**2
        return np.asarray((beside < actor.radius**2) & (along < actor.radius))


def box_corners(actor: Actor, pose: Transform) -> NDArray[np.float64]:
    """Return the corners (8, 3) in the world of a box that holds the actor's whole mesh: bottom four, then top."""
    middle = pose[:3, 3] + [0.0, 0.0, actor.size[2] / 2.0]
    size = np.add(actor.size, (0.3, 0.5, 0.15))
    corners: NDArray[np.float64] = corners_3d(middle[None], size[None], np.array([yaw_of(pose)]))[0]
    return corners


def rain_streaks(shape: tuple[int, ...], rain: float, rng: np.random.Generator) -> Floats32:
    """Return float32 ``shape`` (H, W): the grey value that drops in the air add, all falling a little aslant.

    A drop that crosses the view during the exposure leaves a streak, one in some hundred pixels at 10 mm/h.
    """
    height, width = shape
    drops = (rng.random((height, width), dtype=np.float32) < 5e-4 * rain**0.6).astype(np.float32)
    drops *= rng.uniform(40.0, 160.0, (height, width)).astype(np.float32)
    length = max(3, height // 16)
    slant = int(rng.integers(-length // 4, length // 4 + 1))
    fall = np.zeros((length, 2 * abs(slant) + 1), dtype=np.float32)
    cv2.line(fall, (abs(slant), 0), (abs(slant) + slant, length - 1), 0.35, 1, cv2.LINE_AA)
    return np.asarray(cv2.filter2D(drops, -1, fall), dtype=np.float32)


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
