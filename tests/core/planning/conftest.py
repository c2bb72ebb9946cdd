"""Obstacles from boxes, for the planner's outputs."""

from collections.abc import Callable

import numpy as np
import pytest

from perception_core.geometry import boxes
from perception_core.types import CLASSES, Mode, Obstacles

Box = tuple[float, float, float, float, float]


def make_obstacles(*shapes: Box, sigma: float = 0.0) -> Obstacles:
    """Obstacles from (x, y, length, width, yaw), known to ``sigma`` metres."""
    t = len(shapes)
    rows = np.array(shapes, dtype=float).reshape(t, 5)
    centre, size = np.column_stack([rows[:, :2], np.ones(t)]), np.column_stack([rows[:, 2:4], np.ones(t) * 2])
    return Obstacles(
        stamp_ns=7,
        frame="odom",
        ids=np.zeros((t, 16), np.uint8),
        centre=centre,
        size=size,
        yaw=rows[:, 4],
        pose_covariance=np.tile(np.eye(6) * sigma**2, (t, 1, 1)),
        velocity=np.zeros((t, 3)),
        yaw_rate=np.zeros(t),
        twist_covariance=np.tile(np.eye(6), (t, 1, 1)),
        class_probabilities=np.full((t, len(CLASSES)), 1.0 / len(CLASSES)),
        existence=np.ones(t),
        footprints=tuple(boxes.bev_corners(centre, size, rows[:, 4])),
        motion=np.zeros(t, np.uint8),
        sensors=np.ones(t, np.uint8),
        first_seen_ns=np.zeros(t, np.int64),
        last_seen_ns=np.zeros(t, np.int64),
        predicted_path=np.zeros((t, 0, 3)),
        prediction_step_ns=500_000_000,
        mode=Mode.LIDAR_ONLY,
    )


@pytest.fixture
def obstacles() -> Callable[..., Obstacles]:
    """The function :func:`make_obstacles`."""
    return make_obstacles
