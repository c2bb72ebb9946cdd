"""The robot's own body in the form in which the crop tests points against it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry import transforms
from perception_core.lidar.config import CropConfig
from perception_core.types.body import BodyBox


def body_table(crop: CropConfig, boxes: Sequence[BodyBox] = ()) -> NDArray[np.float32]:
    """Return float32 (B, 15): a row a box, that of ``crop`` and then ``boxes``.

    A row holds the rotation base -> box (9), the translation that brings the centre to 0 (3), and half the size (3). A
    point p of the base frame is the robot's where ``|R p + t| <= half`` on every axis.
    """
    rows = [_row(np.eye(4), np.array(crop.body_min), np.array(crop.body_max))]
    rows += [_row(box.T_base_box, box.low, box.high) for box in boxes]
    return np.array(rows, np.float32)


def around_sensor(T_base_sensor: NDArray[np.float64], radius: float, height: float) -> NDArray[np.float32]:
    """Return one row: a square column around a sensor, ``radius`` to each side and ``height`` up and down."""
    half = np.array([radius, radius, height])
    T_base_column = np.eye(4)
    T_base_column[:3, 3] = T_base_sensor[:3, 3]
    return np.array([_row(T_base_column, -half, half)], np.float32)


def reach_of(body: NDArray[np.float32], sensor: NDArray[np.float64]) -> float:
    """Return the horizontal distance from ``sensor`` (3,) in the base frame beyond which no point is the robot's."""
    radius = np.linalg.norm(np.maximum(body[:, 12:], 0.0), axis=1)
    centre = -np.einsum("bji,bj->bi", body[:, :9].reshape(-1, 3, 3), body[:, 9:12])
    away = np.hypot(centre[:, 0] - sensor[0], centre[:, 1] - sensor[1])
    return float((away + radius).max(initial=0.0))


def _row(T_base_box: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    T_box_base = transforms.invert(T_base_box)
    return np.concatenate([T_box_base[:3, :3].ravel(), T_box_base[:3, 3] - 0.5 * (low + high), 0.5 * (high - low)])
