"""A hand-made world for the calibration check: boards of plain colours that stand before nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from perception_core.calibration.depth_steps import depth_steps
from perception_core.calibration.frames import CheckFrame
from perception_core.calibration.problem import exp_twists
from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import apply, invert, rotate
from perception_core.types import PointCloud

CAMERA = CameraModel(640, 320, np.array([[420.0, 0, 319.5], [0, 420.0, 159.5], [0, 0, 1]]), frame="camera")
OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
ELEVATION = np.radians(np.linspace(-14.0, 10.0, 60))
AZIMUTH = np.radians(np.arange(-45.0, 45.0, 0.2))


def placed(x: float, y: float, z: float) -> np.ndarray:
    T = np.eye(4)
    T[:3, 3] = x, y, z
    return T


T_BASE_LIDAR = placed(0.0, 0.0, 1.8)
T_BASE_CAMERA = placed(0.4, 0.1, 1.5)
T_BASE_CAMERA[:3, :3] = OPTICAL


@dataclass(frozen=True)
class Boards:
    """Upright boards across the x axis of the world: place of the middle, width and height in metres, grey value."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    width: np.ndarray
    height: np.ndarray
    grey: np.ndarray

    def scan(self, T_world_lidar: np.ndarray) -> PointCloud:
        """Return what an exact LiDAR sees of them."""
        e, a = np.meshgrid(ELEVATION, AZIMUTH, indexing="ij")
        rays = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=-1)
        turned = rays @ T_world_lidar[:3, :3].T
        origin = T_world_lidar[:3, 3]
        best = np.full(e.shape, np.inf)
        for x, y, z, width, height in zip(self.x, self.y, self.z, self.width, self.height, strict=True):
            reach = (x - origin[0]) / turned[..., 0]
            at = origin + reach[..., None] * turned
            hit = (np.abs(at[..., 1] - y) < width / 2) & (np.abs(at[..., 2] - z) < height / 2) & (reach > 0)
            best = np.where(hit & (reach < best), reach, best)
        row, col = np.nonzero(np.isfinite(best))
        xyz = rays[row, col] * best[row, col, None]
        return PointCloud(xyz.astype(np.float32), 0, "lidar", ring=row.astype(np.uint16))

    def picture(self, T_world_camera: np.ndarray) -> np.ndarray:
        """Return what a camera sees of them, the far ones painted first."""
        image = np.full((CAMERA.height * 4, CAMERA.width * 4, 3), 128, np.uint8)
        K = CAMERA.matrix
        for k in np.argsort(-self.x):
            w, h = self.width[k] / 2, self.height[k] / 2
            corners = np.array([(self.x[k], self.y[k] + s * w, self.z[k] + t * h) for s, t in
                                ((-1, -1), (1, -1), (1, 1), (-1, 1))])  # fmt: skip
            seen = apply(invert(T_world_camera), corners)
            pixels = (seen[:, :2] / seen[:, 2:]) * K[0, 0] + K[:2, 2]
            corners_px = np.rint(((pixels + 0.5) * 4 - 0.5) * 16).astype(np.int32)
            cv2.fillPoly(image, [corners_px], [int(self.grey[k])] * 3, shift=4)
        return cv2.resize(image, (CAMERA.width, CAMERA.height), interpolation=cv2.INTER_AREA)


def boards(seed: int, count: int = 60) -> Boards:
    rng = np.random.default_rng(seed)
    x = rng.uniform(6.0, 45.0, count)
    return Boards(
        x, rng.uniform(-0.7, 0.7, count) * x, 1.6 + rng.uniform(-0.12, 0.12, count) * x, rng.uniform(0.8, 3.0, count),
        rng.uniform(0.8, 2.5, count), rng.choice([20, 60, 200, 250], count),
    )  # fmt: skip


def frame_at(world: Boards, T_world_base: np.ndarray, twist: np.ndarray | None, travelled: float) -> CheckFrame:
    """Return an exact frame of a robot that stands at a place of the world."""
    cloud = world.scan(T_world_base @ T_BASE_LIDAR)
    steps = depth_steps(cloud, cloud.ring.astype(np.int32), cloud.xyz, 50.0)
    steps = dataclasses.replace(
        steps, points=apply(T_BASE_LIDAR, steps.points), outward=rotate(T_BASE_LIDAR, steps.outward)
    )
    points = apply(T_BASE_LIDAR, np.asarray(cloud.xyz, np.float32))
    pixels = world.picture(T_world_base @ T_BASE_CAMERA)
    return CheckFrame(0, pixels, CAMERA, T_BASE_CAMERA, steps, points, twist, travelled=travelled)


def disturb(frame: CheckFrame, x: np.ndarray) -> CheckFrame:
    """Return the frame of a rig whose calibration and stamps have to be corrected by ``x`` (7,)."""
    T = frame.T_base_camera.copy()
    T[:3, :3] = Rotation.from_rotvec(-x[:3]).as_matrix() @ T[:3, :3]
    T[:3, 3] -= x[3:6]
    steps, points = frame.steps, frame.points
    if x[6]:
        R, t = (part[0] for part in exp_twists(x[6] * frame.twist[None]))
        steps = dataclasses.replace(steps, points=steps.points @ R.T + t, outward=steps.outward @ R.T)
        points = (points @ R.T + t).astype(np.float32)
    return dataclasses.replace(frame, T_base_camera=T, steps=steps, points=points)


@pytest.fixture(scope="session")
def drive() -> tuple[CheckFrame, ...]:
    """Four frames of a robot that drives at 8 and 3 m/s in turn, and turns."""
    T = np.eye(4)
    frames = []
    for k in range(4):
        twist = np.array([8.0 if k % 2 else 3.0, 0.0, 0.0, 0.0, 0.0, 0.3 * (-1) ** (k // 2)])
        frames.append(frame_at(boards(k), T, twist, 10.0 * k))
    return tuple(frames)


@pytest.fixture(scope="session")
def disturbed() -> Callable[[CheckFrame, np.ndarray], CheckFrame]:
    """What disturbs a frame."""
    return disturb
