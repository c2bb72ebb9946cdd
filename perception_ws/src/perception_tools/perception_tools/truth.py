"""Ground truth as obstacles: exact boxes without uncertainty."""

import uuid
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.boxes import bev_corners
from perception_core.types import CLASSES, Mode, Motion, Obstacles, Sensor

MOVING_SPEED = 0.2
"""m/s from which a true object counts as moving."""

_NAMESPACE = uuid.UUID("6f0b8a52-6d0f-4e4e-9a37-3b2f6c1d9e10")


def truth_obstacles(
    *,
    stamp_ns: int,
    frame: str,
    names: Sequence[str],
    class_ids: NDArray[np.int32],
    centre: NDArray[np.float64],
    size: NDArray[np.float64],
    yaw: NDArray[np.float64],
    velocity: NDArray[np.float64] | None = None,
    yaw_rate: NDArray[np.float64] | None = None,
) -> Obstacles:
    """Return M true objects; ids are derived from ``names`` (unique within a drive, the same in every frame).

    Without velocities (None) the motion is unknown. Covariances are zero: nothing is estimated.
    """
    count = len(names)
    speed = np.zeros((count, 3)) if velocity is None else velocity
    moving = np.where(np.hypot(speed[:, 0], speed[:, 1]) > MOVING_SPEED, Motion.MOVING, Motion.STATIC)
    stamps = np.full(count, stamp_ns, dtype=np.int64)
    identities = [uuid.uuid5(_NAMESPACE, name).bytes for name in names]
    return Obstacles(
        stamp_ns=stamp_ns,
        frame=frame,
        ids=np.frombuffer(b"".join(identities), dtype=np.uint8).reshape(count, 16),
        centre=centre,
        size=size,
        yaw=yaw,
        pose_covariance=np.zeros((count, 6, 6)),
        velocity=speed,
        yaw_rate=np.zeros(count) if yaw_rate is None else yaw_rate,
        twist_covariance=np.zeros((count, 6, 6)),
        class_probabilities=np.eye(len(CLASSES))[np.asarray(class_ids, dtype=np.intp)],
        existence=np.ones(count),
        footprints=tuple(bev_corners(centre, size, yaw)),
        motion=np.full(count, Motion.UNKNOWN, dtype=np.uint8) if velocity is None else moving.astype(np.uint8),
        sensors=np.full(count, Sensor.NONE, dtype=np.uint8),
        first_seen_ns=stamps,
        last_seen_ns=stamps,
        predicted_path=np.zeros((count, 0, 3)),
        prediction_step_ns=0,
        mode=Mode.FUSED,
    )
