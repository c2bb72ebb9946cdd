"""Scans made by hand for the tests of the evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from perception_core.evaluation.frames import EvaluationFrame
from perception_core.types import CLASSES, Mode, Motion, Obstacles, Truth
from perception_core.types.classes import CAR, INDEX

SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Thing:
    """One true object or one obstacle."""

    id: int
    x: float = 0.0
    y: float = 0.0
    z: float = 0.8
    kind: str = CAR
    size: tuple[float, float, float] = (4.0, 2.0, 1.6)
    yaw: float = 0.0
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    yaw_rate: float = 0.0
    points: int = 100
    visible: float = float("nan")
    score: float = 1.0
    sure: float = 1.0
    motion: Motion = Motion.STATIC
    sigma: float = 0.1
    speed_sigma: float = 0.1
    path: tuple[tuple[float, float, float], ...] = ()
    first_seen: float = 0.0


def truth_of(things: Sequence[Thing], time: float) -> Truth:
    """What is there at ``time`` seconds."""
    m = len(things)
    return Truth(
        stamp_ns=round(time * SECOND_NS),
        frame="odom",
        ids=np.array([t.id for t in things], dtype=np.int32),
        class_ids=np.array([INDEX[t.kind] for t in things], dtype=np.int32),
        centre=np.array([(t.x, t.y, t.z) for t in things], dtype=np.float64).reshape(m, 3),
        size=np.array([t.size for t in things], dtype=np.float64).reshape(m, 3),
        yaw=np.array([t.yaw for t in things], dtype=np.float64),
        velocity=np.array([t.velocity for t in things], dtype=np.float64).reshape(m, 3),
        yaw_rate=np.array([t.yaw_rate for t in things], dtype=np.float64),
        point_count=np.array([t.points for t in things], dtype=np.int32),
        visible_fraction=np.array([t.visible for t in things], dtype=np.float64),
        boxes_2d=np.zeros((m, 4)),
    )


def result_of(things: Sequence[Thing], time: float, step: float = 1.0) -> Obstacles:
    """What is reported at ``time`` seconds."""
    m = len(things)
    probabilities = np.zeros((m, len(CLASSES)))
    for row, t in zip(probabilities, things, strict=True):
        row[INDEX[t.kind]] = t.sure
        row[-1] += 1.0 - t.sure
    steps = len(things[0].path) if things else 0
    columns = {
        "stamp_ns": round(time * SECOND_NS),
        "frame": "odom",
        "ids": np.array([list(t.id.to_bytes(16)) for t in things], dtype=np.uint8).reshape(m, 16),
        "centre": np.array([(t.x, t.y, t.z) for t in things]).reshape(m, 3),
        "size": np.array([t.size for t in things]).reshape(m, 3),
        "yaw": np.array([t.yaw for t in things]).reshape(m),
        "pose_covariance": np.array([np.eye(6) * t.sigma**2 for t in things]).reshape(m, 6, 6),
        "velocity": np.array([t.velocity for t in things]).reshape(m, 3),
        "yaw_rate": np.array([t.yaw_rate for t in things]).reshape(m),
        "twist_covariance": np.array([np.eye(6) * t.speed_sigma**2 for t in things]).reshape(m, 6, 6),
        "class_probabilities": probabilities,
        "existence": np.array([t.score for t in things]).reshape(m),
        "footprints": tuple(np.zeros((0, 2)) for _ in things),
        "motion": np.array([t.motion for t in things], dtype=np.uint8),
        "sensors": np.ones(m, dtype=np.uint8),
        "first_seen_ns": np.array([round(t.first_seen * SECOND_NS) for t in things], dtype=np.int64),
        "last_seen_ns": np.full(m, round(time * SECOND_NS), dtype=np.int64),
        "predicted_path": np.array([t.path for t in things], dtype=np.float64).reshape(m, steps, 3),
        "prediction_step_ns": round(step * SECOND_NS),
        "mode": Mode.FUSED,
    }
    if "predicted_covariance" in Obstacles.__dataclass_fields__:
        columns["predicted_covariance"] = np.zeros((m, steps, 3, 3))
    return Obstacles(**columns)


@pytest.fixture(scope="session")
def thing() -> type[Thing]:
    """What truth and results are made of."""
    return Thing


@pytest.fixture(scope="session")
def frame() -> Callable[..., EvaluationFrame]:
    """frame(time, true things, reported things) with the robot at the origin, or at ``pose``."""

    def make(time, truth, result, pose=None, step=1.0):
        return EvaluationFrame(
            truth_of(truth, time), result_of(result, time, step), np.eye(4) if pose is None else pose
        )

    return make
