"""Convex footprint hulls of clusters from the few points that can be corners.

The corners are found by the monotone chain of Andrew ("Another efficient algorithm for convex hulls in two
dimensions", Information Processing Letters 1979). What lies inside the polygon of the outermost points in eight
directions is no corner (Akl, Toussaint, "A fast convex hull algorithm", IPL 1978). The cells are tried first: the means
of a cluster's cells span a polygon inside the hull, and most cells lie in it with all their points.
"""

import numpy as np

from perception_core.lidar.cell_order import cells_by_label
from perception_core.lidar.jit import F32, F64, I32, I64, kernel

SIDES = 8
"""Directions of the inner polygon: along the axes and between them."""
FEW = 12
"""Points a cluster may have that are not worth a choice."""
FEW_TO_SORT = 40
"""Points that are sorted by insertion."""
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
    order, first = cells_by_label(labels + np.int32(1), count + 1)
    hull = np.empty((len(xyz) + 1, 2))  # of this and the next two little is used: memory that nobody touches is free
    hull_start = np.zeros(count + 1, np.int32)
    px, py = np.empty(len(xyz)), np.empty(len(xyz))
    sides, crossed = np.empty((SIDES, 3)), np.empty(SIDES, np.int64)
    used = 0
    for k in range(count):
        cells = order[first[k + 1] : first[k + 2]]
        n = 0
        for c in cells:
            n += starts[c + 1] - starts[c]
        if n > FEW:
            n = _outer_points(xyz, starts, bounds, x, y, cells, sides, crossed, px, py)
            _inner_polygon(px[:n], py[:n], sides)
            n = _outside(sides, px, py, n)
        else:
            n = _all_points(xyz, starts, cells, px, py)
        used += _chain(px[:n], py[:n], hull[used:])
        hull_start[k + 1] = used
    return hull[:used].copy(), hull_start


@kernel
def _all_points(xyz: F32, starts: I32, cells: I32, px: F64, py: F64) -> int:
    n = 0
    for c in cells:
        for p in range(starts[c], starts[c + 1]):
            px[n], py[n] = xyz[p, 0], xyz[p, 1]
            n += 1
    return n


@kernel
def _outer_points(
    xyz: F32, starts: I32, bounds: F32, x: F64, y: F64, cells: I32, sides: F64, crossed: I64, px: F64, py: F64
) -> int:
    """Write the points that lie outside of the polygon of the cells' means; return their number."""
    n = 0
    for c in cells:
        px[n], py[n] = x[c], y[c]
        n += 1
    _inner_polygon(px[:n], py[:n], sides)
    n = 0
    for c in cells:
        mx, my = 0.5 * (bounds[c, 0] + bounds[c, 2]), 0.5 * (bounds[c, 1] + bounds[c, 3])
        hx, hy = 0.5 * (bounds[c, 2] - bounds[c, 0]), 0.5 * (bounds[c, 3] - bounds[c, 1])
        crossings = _crossed(sides, mx, my, hx, hy, crossed)
        if crossings == 0:
            continue
        for p in range(starts[c], starts[c + 1]):
            u, v = xyz[p, 0], xyz[p, 1]
            px[n], py[n] = u, v
            for i in range(crossings):
                k = crossed[i]
                if sides[k, 0] * u + sides[k, 1] * v >= sides[k, 2]:
                    n += 1
                    break
    return n if n > 0 else _all_points(xyz, starts, cells, px, py)


@kernel
def _crossed(sides: F64, mx: float, my: float, hx: float, hy: float, out: I64) -> int:
    """Write which sides some point of a rectangle (middle, half size) may lie outside of; return their number."""
    crosses = False
    for k in range(SIDES):
        crosses |= sides[k, 0] * mx + sides[k, 1] * my + abs(sides[k, 0]) * hx + abs(sides[k, 1]) * hy >= sides[k, 2]
    n = 0
    if crosses:
        for k in range(SIDES):
            nx, ny = sides[k, 0], sides[k, 1]
            out[n] = k
            n += nx * mx + ny * my + abs(nx) * hx + abs(ny) * hy >= sides[k, 2]
    return n


@kernel
def _outside(sides: F64, px: F64, py: F64, count: int) -> int:
    """Move the points that lie on or outside of one of the sides to the front; return their number, 1 at least."""
    kept = 0
    for i in range(count):
        u, v = px[i], py[i]
        outside = False
        for k in range(SIDES):
            outside |= sides[k, 0] * u + sides[k, 1] * v >= sides[k, 2]
        px[kept], py[kept] = u, v
        kept += outside
    return max(kept, 1)


@kernel
def _inner_polygon(x: F64, y: F64, out: F64) -> None:
    """Sides (SIDES, 3) of the polygon of the outermost points: outward normal (not of unit length) and offset.

    A side between equal points has no normal, and nothing lies outside of it.
    """
    corner = np.zeros(SIDES, np.int64)
    a, b = x[0], y[0]
    a0, a1, b0, b1, c0, c1, d0, d1 = a, a, b, b, a + b, a + b, b - a, b - a
    for i in range(len(x)):
        a, b = x[i], y[i]
        c, d = a + b, b - a
        if a > a1:
            a1, corner[0] = a, i
        if c > c1:
            c1, corner[1] = c, i
        if b > b1:
            b1, corner[2] = b, i
        if d > d1:
            d1, corner[3] = d, i
        if a < a0:
            a0, corner[4] = a, i
        if c < c0:
            c0, corner[5] = c, i
        if b < b0:
            b0, corner[6] = b, i
        if d < d0:
            d0, corner[7] = d, i
    for k in range(SIDES):
        i, j = corner[k], corner[(k + 1) % SIDES]
        dx, dy = x[j] - x[i], y[j] - y[i]
        out[k, 0], out[k, 1] = dy, -dx
        out[k, 2] = dy * x[i] - dx * y[i] - MARGIN * np.hypot(dx, dy) if dx != 0.0 or dy != 0.0 else 1.0


@kernel
def _chain(x: F64, y: F64, out: F64) -> int:
    """Write the hull of the points, counter-clockwise from the least x, into ``out``; return its corners."""
    order = _sorted(x, y)
    first, last = order[0], order[-1]
    dx, dy = x[last] - x[first], y[last] - y[first]
    corners = 0
    for i in order:
        if dx * (y[i] - y[first]) - dy * (x[i] - x[first]) <= 0.0:
            corners = _push(out, corners, 0, x[i], y[i])
    lower = corners - 1
    for i in order[::-1]:
        if dx * (y[i] - y[first]) - dy * (x[i] - x[first]) >= 0.0:
            corners = _push(out, corners, lower, x[i], y[i])
    closed = corners > 1 and out[corners - 1, 0] == out[0, 0] and out[corners - 1, 1] == out[0, 1]
    return corners - 1 if closed else corners


@kernel
def _sorted(x: F64, y: F64) -> I64:
    """Order of the points by x, then y."""
    few = len(x) <= FEW_TO_SORT
    order = np.arange(len(x)) if few else np.argsort(x)
    for i in range(1, len(order)):
        a, j = order[i], i
        u, v = x[a], y[a]
        while j > 0 and (x[order[j - 1]] > u or (x[order[j - 1]] == u and y[order[j - 1]] > v)):
            order[j] = order[j - 1]
            j -= 1
        order[j] = a
    return order


@kernel
def _push(out: F64, corners: int, floor: int, x: float, y: float) -> int:
    """Add a corner, and take back those after ``floor`` that it leaves inside; return the number of corners."""
    if corners > 0 and out[corners - 1, 0] == x and out[corners - 1, 1] == y:
        return corners
    while corners - floor >= 2:
        ax, ay = out[corners - 1, 0] - out[corners - 2, 0], out[corners - 1, 1] - out[corners - 2, 1]
        bx, by = x - out[corners - 1, 0], y - out[corners - 1, 1]
        if ax * by - ay * bx > 0.0:
            break
        corners -= 1
    out[corners, 0], out[corners, 1] = x, y
    return corners + 1
