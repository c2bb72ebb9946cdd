"""Scenes of fusion small enough to work out by hand.

The camera looks along +x of base_link from 1.5 m above ground: f = 500 px, centre (320, 240). A point at
(x, y, z) in base_link lands at u = 320 - 500 y / x, v = 240 - 500 (z - 1.5) / x.
"""

import numpy as np

from perception_core.fusion import CameraView
from perception_core.geometry.camera_model import CameraModel
from perception_core.types import Clusters, Detections2D
from perception_core.types.classes import CLASSES, INDEX

K = np.array([[500.0, 0.0, 320.0], [0.0, 500.0, 240.0], [0.0, 0.0, 1.0]])
CAMERA = CameraModel(640, 480, K, frame="front")
T_CAMERA_BASE = np.array([[0.0, -1, 0, 0], [0, 0, -1, 1.5], [1, 0, 0, 0], [0, 0, 0, 1]])
Box = tuple[float, float, float, float, float, float]
REAR_OF_CAR: Box = (10.0, 0.0, 0.75, 0.1, 1.7, 1.4)
"""x, y, z, extent in x, y, z: the rear face of a car 10 m ahead."""


def clusters_of(*seen: Box, per_cluster: int = 60) -> Clusters:
    """Fill axis-parallel boxes with random points and describe them as the LiDAR path would."""
    rng = np.random.default_rng(1)
    m = len(seen)
    centre = np.array([s[:3] for s in seen]).reshape(m, 3)
    extent = np.array([s[3:] for s in seen]).reshape(m, 3)
    points = [c + (rng.random((per_cluster, 3)) - 0.5) * e for c, e in zip(centre, extent, strict=True)]
    across = extent[:, 1] > extent[:, 0]
    size = np.where(across[:, None], extent[:, [1, 0, 2]], extent)
    return Clusters(
        stamp_ns=1_000,
        frame="base_link",
        centre=centre,
        size=size,
        yaw=np.where(across, np.pi / 2, 0.0),
        covariance=np.tile(np.eye(3) * 0.01, (m, 1, 1)),
        point_count=np.full(m, per_cluster),
        points=np.concatenate(points) if m else np.empty((0, 3)),
        labels=np.repeat(np.arange(m), per_cluster),
    )


def view_of(*boxes: tuple[float, float, float, float, str, float], T: np.ndarray = T_CAMERA_BASE) -> CameraView:
    """One camera with boxes x0, y0, x1, y1, class, score."""
    detections = Detections2D(
        stamp_ns=1_000,
        frame="front",
        boxes=np.array([b[:4] for b in boxes]).reshape(-1, 4),
        scores=np.array([b[5] for b in boxes]),
        class_ids=np.array([INDEX[b[4]] for b in boxes], dtype=np.int32),
        image_size=(640, 480),
    )
    return CameraView("front", CAMERA, T, detections)


def pixel_box(seen: Box, grow: float = 2.0) -> tuple[float, float, float, float]:
    """The pixel bounds of a box's near face."""
    x, y, z, dx, dy, dz = seen
    near = x - dx / 2
    u = [320 - 500 * (y + s * dy / 2) / near for s in (1, -1)]
    v = [240 - 500 * (z + s * dz / 2 - 1.5) / near for s in (1, -1)]
    return u[0] - grow, v[0] - grow, u[1] + grow, v[1] + grow


def named(objects_row: np.ndarray) -> str:
    """The most probable class."""
    return CLASSES[int(np.argmax(objects_row))]
