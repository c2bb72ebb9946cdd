"""Oriented boxes of clusters from their hulls and cells."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.lidar.jit import F32, F64, I32, kernel


@dataclass(frozen=True, slots=True)
class Columns:
    """What stands on the footprint of each of M clusters.

    Attributes:
        count: int32 (M,) points.
        z: float64 (M, 2) lowest and highest point, base frame.
        height: float32 (M, 2) lowest and highest point above ground.
        reach: float64 (M,) metres from the sensor to the nearest cell.
        span: float64 (M,) metres, diagonal of the rectangle around the points along x and y.
        middle: float64 (M, 2) x and y of the middle of that rectangle, base frame.
    """

    count: NDArray[np.int32]
    z: NDArray[np.float64]
    height: NDArray[np.float32]
    reach: NDArray[np.float64]
    span: NDArray[np.float64]
    middle: NDArray[np.float64]


@kernel
def _columns(
    count: I32, bounds: F32, levels: F32, bottom: F32, top: F32, reach: F64, labels: I32, m: int
) -> tuple[I32, F64, F32, F64, F64, F64]:
    points, nearest = np.zeros(m, np.int32), np.full(m, 1e18)
    z, height, box = np.empty((m, 2)), np.empty((m, 2), np.float32), np.empty((m, 4))
    z[:, 0], z[:, 1], height[:, 0], height[:, 1] = 1e18, -1e18, 1e18, -1e18
    box[:, :2], box[:, 2:] = 1e18, -1e18
    for c in range(len(labels)):
        k = labels[c]
        if k < 0:
            continue
        points[k] += count[c]
        z[k, 0], z[k, 1] = min(z[k, 0], levels[c, 0]), max(z[k, 1], levels[c, 1])
        height[k, 0], height[k, 1] = min(height[k, 0], bottom[c]), max(height[k, 1], top[c])
        nearest[k] = min(nearest[k], reach[c])
        for axis in range(2):
            box[k, axis] = min(box[k, axis], bounds[c, axis])
            box[k, 2 + axis] = max(box[k, 2 + axis], bounds[c, 2 + axis])
    span, middle = np.hypot(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]), (box[:, :2] + box[:, 2:]) / 2.0
    return points, z, height, nearest, span, middle


def columns(
    count: I32, bounds: F32, levels: F32, bottom: F32, top: F32, reach: F64, labels: I32, clusters: int
) -> Columns:
    """Sum up the cells (see :class:`BevCells`) of each cluster; ``labels`` int32 (C,), -1 for none."""
    return Columns(*_columns(count, bounds, levels, bottom, top, reach, labels, clusters))


@kernel
def extents(hull: F64, hull_start: I32, headings: F64) -> F64:
    """Bounds float64 (M, 4) of hulls along and across their headings: u_min, u_max, v_min, v_max."""
    m = len(headings)
    out = np.empty((m, 4))
    for k in range(m):
        c, s = np.cos(headings[k]), np.sin(headings[k])
        out[k, 0], out[k, 1], out[k, 2], out[k, 3] = 1e18, -1e18, 1e18, -1e18
        for i in range(hull_start[k], hull_start[k + 1]):
            u, v = c * hull[i, 0] + s * hull[i, 1], c * hull[i, 1] - s * hull[i, 0]
            out[k, 0], out[k, 1] = min(out[k, 0], u), max(out[k, 1], u)
            out[k, 2], out[k, 3] = min(out[k, 2], v), max(out[k, 3], v)
    return out


def oriented_boxes(extent: F64, z: F64, headings: F64) -> tuple[F64, F64, F64]:
    """Turn extents into centre (M, 3), size (M, 3) with length >= width, and yaw (M,) in (-pi/2, pi/2].

    Args:
        extent: float64 (M, 4) bounds along and across the headings.
        z: float64 (M, 2) lowest and highest point.
        headings: float64 (M,) radians.
    """
    size = np.stack([extent[:, 1] - extent[:, 0], extent[:, 3] - extent[:, 2], z[:, 1] - z[:, 0]], axis=1)
    u, v = (extent[:, 0] + extent[:, 1]) / 2, (extent[:, 2] + extent[:, 3]) / 2
    c, s = np.cos(headings), np.sin(headings)
    centre = np.stack([c * u - s * v, s * u + c * v, (z[:, 0] + z[:, 1]) / 2], axis=1)
    turned = size[:, 1] > size[:, 0]
    size[turned, :2] = size[turned, 1::-1]
    yaw = headings + np.where(turned, np.pi / 2, 0.0)
    return centre, size, np.where(yaw > np.pi / 2, yaw - np.pi, yaw)
