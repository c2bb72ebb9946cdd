"""Intersection over union of turned boxes, seen from above and in space."""

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.boxes import bev_corners, clip_polygon, polygon_area

Floats = NDArray[np.float64]


def box_overlaps(
    centre_a: Floats, size_a: Floats, yaw_a: Floats, centre_b: Floats, size_b: Floats, yaw_b: Floats
) -> tuple[Floats, Floats]:
    """Return IoU (M, T) in bird's-eye view and in 3D of M and T upright boxes; metres, radians."""
    bev, space = np.zeros((len(yaw_a), len(yaw_b))), np.zeros((len(yaw_a), len(yaw_b)))
    corners_a, corners_b = bev_corners(centre_a, size_a, yaw_a), bev_corners(centre_b, size_b, yaw_b)
    for i, j in np.argwhere(_may_touch(centre_a, size_a, centre_b, size_b)):
        shared = max(polygon_area(clip_polygon(corners_a[i], corners_b[j])), 0.0)
        area_a, area_b = size_a[i, 0] * size_a[i, 1], size_b[j, 0] * size_b[j, 1]
        low = max(centre_a[i, 2] - size_a[i, 2] / 2.0, centre_b[j, 2] - size_b[j, 2] / 2.0)
        high = min(centre_a[i, 2] + size_a[i, 2] / 2.0, centre_b[j, 2] + size_b[j, 2] / 2.0)
        volume = shared * max(high - low, 0.0)
        bev[i, j] = _ratio(shared, area_a + area_b - shared)
        space[i, j] = _ratio(volume, area_a * size_a[i, 2] + area_b * size_b[j, 2] - volume)
    return bev, space


def _may_touch(centre_a: Floats, size_a: Floats, centre_b: Floats, size_b: Floats) -> NDArray[np.bool_]:
    """Return which pairs (M, T) have circles around them that meet."""
    reach = np.hypot(*size_a[:, :2].T)[:, None] / 2.0 + np.hypot(*size_b[:, :2].T)[None, :] / 2.0
    delta = centre_a[:, None, :2] - centre_b[None, :, :2]
    return np.asarray(np.hypot(delta[..., 0], delta[..., 1]) < reach)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0.0 else 0.0
