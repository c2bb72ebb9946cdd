"""Oriented boxes in bird's-eye view, axis-aligned boxes in images, convex polygons.

A box is (centre, size, yaw): x along ``size[0]``, turned by ``yaw`` radians about +z.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from perception_core.compiling import frozen

Floats = NDArray[np.float64]

_UNIT_CORNERS = np.array([[0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]])


def bev_corners(centre: Floats, size: Floats, yaw: Floats) -> Floats:
    """Return the corners (M, 4, 2) in metres, counter-clockwise from front left, of M boxes.

    Args:
        centre: (M, 2 or 3) metres.
        size: (M, 2 or 3) metres.
        yaw: (M,) radians.
    """
    local = _UNIT_CORNERS[None] * size[:, None, :2]
    c, s = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    x = c * local[..., 0] - s * local[..., 1] + centre[:, None, 0]
    y = s * local[..., 0] + c * local[..., 1] + centre[:, None, 1]
    return np.stack([x, y], axis=-1)


def corners_3d(centre: Floats, size: Floats, yaw: Floats) -> Floats:
    """Return the corners (M, 8, 3) in metres of M boxes: of the bottom as :func:`bev_corners`, then of the top."""
    flat = bev_corners(centre, size, yaw)
    bottom = np.broadcast_to((centre[:, 2] - size[:, 2] / 2)[:, None, None], (*flat.shape[:2], 1))
    top = np.broadcast_to((centre[:, 2] + size[:, 2] / 2)[:, None, None], (*flat.shape[:2], 1))
    return np.concatenate([np.concatenate([flat, bottom], axis=2), np.concatenate([flat, top], axis=2)], axis=1)


def iou_aligned(a: Floats, b: Floats) -> Floats:
    """Return intersection over union (N, M) of boxes a (N, 4) and b (M, 4): x_min, y_min, x_max, y_max; 0 if empty."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0.0, None).prod(axis=2)
    area_a = np.clip(a[:, 2:] - a[:, :2], 0.0, None).prod(axis=1)
    area_b = np.clip(b[:, 2:] - b[:, :2], 0.0, None).prod(axis=1)
    union = area_a[:, None] + area_b[None, :] - shared
    iou: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0.0)
    return iou


def polygon_area(polygon: Floats) -> float:
    """Return the signed area in m^2 of a polygon (K, 2), positive when counter-clockwise (shoelace formula)."""
    if len(polygon) < 3:
        return 0.0
    x, y = (polygon - polygon[0]).T
    return 0.5 * float(x @ np.roll(y, -1) - y @ np.roll(x, -1))


def clip_polygon(subject: Floats, clip: Floats) -> Floats:
    """Return the intersection (K, 2) of two convex counter-clockwise polygons (Sutherland and Hodgman 1974)."""
    corners: Floats = _clipped(frozen(subject), frozen(clip))
    return corners


@njit(cache=True)
def _clipped(subject: Floats, clip: Floats) -> Floats:
    """Cut (N, 2) along each edge of (E, 2) in turn."""
    here = subject.copy()
    for e in range(len(clip)):
        start, end, n = clip[e], clip[(e + 1) % len(clip)], len(here)
        kept, after = 0, np.empty((2 * n, 2))
        for i in range(n):
            own, following = _left_of(here[i], start, end), _left_of(here[(i + 1) % n], start, end)
            if own >= 0.0:
                after[kept] = here[i]
                kept += 1
            if own > 0.0 > following or own < 0.0 < following:
                after[kept] = here[i] + (here[(i + 1) % n] - here[i]) * (own / (own - following))
                kept += 1
        here = after[:kept]
    return here


@njit(cache=True)
def _left_of(point: Floats, start: Floats, end: Floats) -> float:
    """Return twice the area of the triangle, positive where the point (2,) lies on the left of the edge."""
    area: float = (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])
    return area


def iou_bev(centre_a: Floats, size_a: Floats, yaw_a: float, centre_b: Floats, size_b: Floats, yaw_b: float) -> float:
    """Return intersection over union in [0, 1] of two oriented boxes seen from above; centres and sizes in metres."""
    a = bev_corners(centre_a[None], size_a[None], np.array([yaw_a]))[0]
    b = bev_corners(centre_b[None], size_b[None], np.array([yaw_b]))[0]
    shared = polygon_area(clip_polygon(a, b))
    union = float(size_a[0] * size_a[1] + size_b[0] * size_b[1]) - shared
    return shared / union if union > 0.0 else 0.0


def convex_hull(points: Floats) -> Floats:
    """Return the hull (K, 2), counter-clockwise, of points (N, 2); collinear or fewer than 3 points: the extremes."""
    unique = np.unique(np.asarray(points, dtype=np.float64).reshape(-1, 2), axis=0)
    if len(unique) < 3:
        return unique
    try:
        hull: Floats = unique[ConvexHull(unique).vertices]
    except QhullError:  # all on one line; np.unique sorted them, so the extremes are the ends
        hull = unique[[0, -1]]
    return hull


def distance_to_boxes(point: Floats, centre: Floats, size: Floats, yaw: Floats) -> Floats:
    """Return the distance (M,) in metres from one point (2,) to M boxes in bird's-eye view; 0 inside."""
    d = point[None, :2] - centre[:, :2]
    c, s = np.cos(yaw), np.sin(yaw)
    along = np.abs(c * d[:, 0] + s * d[:, 1]) - size[:, 0] / 2
    across = np.abs(-s * d[:, 0] + c * d[:, 1]) - size[:, 1] / 2
    return np.hypot(np.maximum(along, 0.0), np.maximum(across, 0.0))
