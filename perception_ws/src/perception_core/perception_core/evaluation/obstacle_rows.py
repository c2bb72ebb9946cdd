"""Obstacles without rows, and some of the rows of obstacles."""

from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from perception_core.types import CLASSES, Mode, Obstacles

_NOT_ROWS = {"stamp_ns", "frame", "prediction_step_ns", "mode", "statuses", "footprints"}


def nothing(stamp_ns: int, frame: str) -> Obstacles:
    """Return the result of somebody who does not answer: no obstacle, and BLIND."""
    rows, flags, stamps = np.empty(0), np.empty(0, np.uint8), np.empty(0, np.int64)
    return Obstacles(
        stamp_ns=stamp_ns,
        frame=frame,
        ids=np.empty((0, 16), np.uint8),
        centre=np.empty((0, 3)),
        size=np.empty((0, 3)),
        yaw=rows,
        pose_covariance=np.empty((0, 6, 6)),
        velocity=np.empty((0, 3)),
        yaw_rate=rows,
        twist_covariance=np.empty((0, 6, 6)),
        class_probabilities=np.empty((0, len(CLASSES))),
        existence=rows,
        footprints=(),
        motion=flags,
        sensors=flags,
        first_seen_ns=stamps,
        last_seen_ns=stamps,
        predicted_path=np.empty((0, 0, 3)),
        prediction_step_ns=0,
        mode=Mode.BLIND,
    )


def select(obstacles: Obstacles, mask: NDArray[np.bool_]) -> Obstacles:
    """Return the rows of a mask (T,)."""
    names = [field.name for field in fields(obstacles) if field.name not in _NOT_ROWS]
    kept = {name: getattr(obstacles, name)[mask] for name in names}
    return replace(obstacles, **kept, footprints=tuple(obstacles.footprints[i] for i in np.flatnonzero(mask)))
