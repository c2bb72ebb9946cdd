"""Convex footprint hulls of clusters from the few points that can be corners.

The corners are found by the monotone chain of Andrew ("Another efficient algorithm for convex hulls in two
dimensions", Information Processing Letters 1979). What lies inside the polygon of the outermost points in eight
directions is no corner (Akl, Toussaint, "A fast convex hull algorithm", IPL 1978). The cells are tried first: the means
of a cluster's cells span a polygon inside the hull, and most cells lie in it with all their points.
"""

import numpy as np

from perception_core.lidar.jit import F32, F64, I32, I64, kernel
from perception_core.lidar.split import cells_by_label

SIDES = 8
"""Directions of the inner polygon."""
AXES = np.stack([np.cos(np.arange(SIDES) * (2 * np.pi / SIDES)), np.sin(np.arange(SIDES) * (2 * np.pi / SIDES))])
FEW = 12
"""Points a cluster may have that are not worth a choice."""
MARGIN = 1e-3
"""Metres inside of the polygon that still count as outside, so that rounding loses no corner."""


@kernel
def footprint_hulls(xyz: F32, starts: I32, bounds: F32, x: F64, y: F64, labels: I32, count: int) -> tuple[F64, I32]:
    """Find the hulls of clusters whose points are sorted by cell.

    Args:
        xyz: float32 (N, 3) points, sorted by cell.
        starts: int32 (C + 1,) where the points of each cell begin.
        bounds: float32 (C, 4) x_min, y_min, x_max, y_max of the cells' points.
        x, y: float64 (C,) means of the cells' points.
        labels: int32 (C,) cluster of each cell, -1 for none.
        count: M, number of clusters.

    Returns:
        float64 (H, 2) corners, counter-clockwise, of one cluster after the other, and int32 (M + 1,) where each begins.
        One point gives one corner, points on a line two.
    """
    order, first = cells_by_label(labels + 1, count + 1)
    hull = np.empty((len(xyz), 2))
    hull_start = np.zeros(count + 1, np.int32)
    chosen = np.empty((len(xyz), 2))
    used = 0
    for k in range(count):
        cells = order[first[k + 1] : first[k + 2]]
        n = 0
        for c in cells:
            n += starts[c + 1] - starts[c]
        if n > FEW:
            n = _outer_points(xyz, starts, bounds, x, y, cells, chosen)
        else:
            n = _all_points(xyz, starts, cells, chosen)
        used += _chain(chosen[:n], hull[used:])
        hull_start[k + 1] = used
    return hull[:used].copy(), hull_start


@kernel
def _all_points(xyz: F32, starts: I32, cells: I32, out: F64) -> int:
    n = 0
    for c in cells:
        for p in range(starts[c], starts[c + 1]):
            out[n, 0], out[n, 1] = xyz[p, 0], xyz[p, 1]
            n += 1
    return n


@kernel
def _outer_points(xyz: F32, starts: I32, bounds: F32, x: F64, y: F64, cells: I32, out: F64) -> int:
    """Write the points that may be corners into ``out``; return their number."""
    sides = _inner_polygon(x, y, cells)
    crossed = np.empty(SIDES, np.int64)
    n = 0
    for c in cells:
        crossings = _crossed(sides, bounds[c], crossed)
        if crossings == 0:
            continue
        for p in range(starts[c], starts[c + 1]):
            px, py = xyz[p, 0], xyz[p, 1]
            for i in range(crossings):
                k = crossed[i]
                if sides[k, 0] * px + sides[k, 1] * py >= sides[k, 2]:
                    out[n, 0], out[n, 1] = px, py
                    n += 1
                    break
    if n == 0:
        n = _all_points(xyz, starts, cells, out)
    sides = _inner_polygon(out[:n, 0], out[:n, 1], np.arange(n).astype(np.int32))
    kept = 0
    for i in range(n):
        if _outside(sides, out[i, 0], out[i, 1]):
            out[kept] = out[i]
            kept += 1
    return max(kept, 1)


@kernel
def _crossed(sides: F64, bounds: F32, out: I64) -> int:
    """Write which sides some point within ``bounds`` may lie outside of; return their number."""
    mx, my = 0.5 * (bounds[0] + bounds[2]), 0.5 * (bounds[1] + bounds[3])
    hx, hy = 0.5 * (bounds[2] - bounds[0]), 0.5 * (bounds[3] - bounds[1])
    n = 0
    for k in range(SIDES):
        nx, ny = sides[k, 0], sides[k, 1]
        if nx * mx + ny * my + abs(nx) * hx + abs(ny) * hy >= sides[k, 2]:
            out[n] = k
            n += 1
    return n


@kernel
def _outside(sides: F64, x: float, y: float) -> bool:
    """Does a point lie on or outside of one of the sides?"""
    outside = False
    for k in range(SIDES):
        outside |= sides[k, 0] * x + sides[k, 1] * y >= sides[k, 2]
    return outside


@kernel
def _inner_polygon(x: F64, y: F64, which: I32) -> F64:
    """Sides (SIDES, 3) of the polygon of the outermost points: outward normal (not of unit length) and offset.

    A side between equal points has no normal, and nothing lies outside of it.
    """
    corner, farthest = np.full(SIDES, which[0]), np.full(SIDES, -1e18)
    for i in which:
        for k in range(SIDES):
            u = AXES[0, k] * x[i] + AXES[1, k] * y[i]
            corner[k] = i if u > farthest[k] else corner[k]
            farthest[k] = max(farthest[k], u)
    out = np.zeros((SIDES, 3))
    for k in range(SIDES):
        a, b = corner[k], corner[(k + 1) % SIDES]
        dx, dy = x[b] - x[a], y[b] - y[a]
        out[k, 0], out[k, 1] = dy, -dx
        out[k, 2] = dy * x[a] - dx * y[a] - MARGIN * np.hypot(dx, dy) if dx != 0.0 or dy != 0.0 else 1.0
    return out


@kernel
def _chain(points: F64, out: F64) -> int:
    """Write the hull of the points (N, 2), counter-clockwise from the least x, into ``out``; return its corners."""
    order = _sorted(points)
    corners = 0
    for i in order:
        corners = _push(out, corners, 0, points[i])
    lower = corners - 1
    for i in order[::-1]:
        corners = _push(out, corners, lower, points[i])
    closed = corners > 1 and out[corners - 1, 0] == out[0, 0] and out[corners - 1, 1] == out[0, 1]
    return corners - 1 if closed else corners


@kernel
def _sorted(points: F64) -> I64:
    """Order of the points by x, then y."""
    order = np.argsort(points[:, 0])
    for i in range(1, len(order)):
        a, j = order[i], i
        while j > 0 and points[order[j - 1], 0] == points[a, 0] and points[order[j - 1], 1] > points[a, 1]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = a
    return order


@kernel
def _push(out: F64, corners: int, floor: int, point: F64) -> int:
    """Add a corner, and take back those after ``floor`` that it leaves inside; return the number of corners."""
    if corners > 0 and out[corners - 1, 0] == point[0] and out[corners - 1, 1] == point[1]:
        return corners
    while corners - floor >= 2:
        ax, ay = out[corners - 1, 0] - out[corners - 2, 0], out[corners - 1, 1] - out[corners - 2, 1]
        bx, by = point[0] - out[corners - 1, 0], point[1] - out[corners - 1, 1]
        if ax * by - ay * bx > 0.0:
            break
        corners -= 1
    out[corners] = point
    return corners + 1
