"""Give fragments back to the object they belong to.

The roof of a car seen at a grazing angle, and seats seen through its windows, are no things of their own: they float
without ground contact in the shadow of the body in front of them. They go to that body when they lie behind its near
side within the length of a vehicle, inside its angle of sight, and are too flat to be a person looking over it.
"""

import numpy as np

from perception_core.lidar.cell_order import cells_by_label
from perception_core.lidar.contour import contour_of, heading_of, solid_cells
from perception_core.lidar.directions import wrapped
from perception_core.lidar.grazing import join_sides, measure
from perception_core.lidar.jit import F32, F64, I32, Mask, kernel
from perception_core.lidar.parts import join_parts

FLOATING = 0.5
"""Metres above ground from where on a fragment has no ground contact."""
FLAT = 0.65
"""Metres of height; taller fragments may be a person."""
FRAGMENT_TOP = 2.0
"""Metres above ground; vehicles whose roof is higher do not show it to a LiDAR on a vehicle."""
OVER = 0.6
"""Metres a fragment may reach above the body."""
BODY_WIDTH = 1.0, 2.8, 6.0
"""Metres across the line of sight: narrower things have no fragments in their shadow; a vehicle seen from its end is
at most as wide as the second; what is wider than the third is a structure."""
BODY_DEPTH = 5.2, 2.4
"""Metres behind the near side that belong to a vehicle seen from its end and from its side."""
SHARE = 0.4
"""What lies inside a rectangle has at most this share of its points."""
MARGIN = 0.15
"""Metres by which a rectangle is widened for what lies inside."""
ASIDE = 0.4
"""Metres a fragment may stand out of the shadow of its body to the side."""


@kernel
def merge_fragments(
    x: F64, y: F64, azimuth: F64, reach: F64, bottom: F32, top: F32, points: I32, piece: I32, headings: F64, sensor: F64
) -> tuple[I32, F64]:
    """Join fragments to bodies.

    Args:
        x, y: float64 (C,) cells in the base frame.
        azimuth, reach: float64 (C,) the same as the sensor sees them, radians and metres.
        bottom, top: float32 (C,) lowest and highest height above ground in each cell.
        points: int32 (C,) number of points in each cell.
        piece: int32 (C,) piece of each cell.
        headings: float64 (P,).
        sensor: float64 (3,) in the base frame.

    Returns:
        int32 (C,) the piece each cell belongs to now, and float64 (P,) headings, new where fragments joined.
    """
    p = len(headings)
    sides = join_sides(x, y, azimuth, reach, bottom, top, points, piece, headings, sensor)
    headings = _refit(x, y, azimuth, reach, points, sides, sides[piece], headings)
    piece = sides[piece]
    order, starts = cells_by_label(piece, p)
    box, span, low, high, count = measure(x, y, azimuth, reach, bottom, top, points, piece, headings)
    centre = _circles(box, headings)
    owner = np.arange(p).astype(np.int32)
    near, possible = span[:, 2].copy(), np.empty(p, np.bool_)
    cx, cy, squared = centre[:, 0].copy(), centre[:, 1].copy(), centre[:, 2].copy()
    for b in range(p):
        if count[b] == 0:
            continue
        fragment = low[b] > FLOATING and high[b] - low[b] < FLAT and high[b] < FRAGMENT_TOP
        cells = order[starts[b] : starts[b + 1]]
        if fragment:
            _begin_before(span[b, 3], near, possible)
        else:
            _larger_around(x[cells[0]], y[cells[0]], count[b], cx, cy, squared, count, possible)
        for a in range(p):
            if not possible[a] or a == b or count[a] == 0 or span[b, 3] < near[a]:
                continue
            if owner[b] != b and count[a] < count[owner[b]]:
                continue
            if (fragment and low[a] < FLOATING and high[b] < high[a] + OVER and _in_shadow(b, a, box, span)) or (
                count[b] < SHARE * count[a]
                and (x[cells[0]] - cx[a]) ** 2 + (y[cells[0]] - cy[a]) ** 2 < squared[a]
                and _inside(cells, x, y, box[a], headings[a])
            ):
                owner[b] = a
    for b in range(p):
        while owner[owner[b]] != owner[b]:
            owner[b] = owner[owner[b]]
    joined = owner[piece]
    headings = _refit(x, y, azimuth, reach, points, owner, joined, headings)
    owner = join_parts(x, y, azimuth, reach, bottom, top, points, joined, headings)
    joined = owner[joined]
    return joined, _refit(x, y, azimuth, reach, points, owner, joined, headings)


@kernel
def _begin_before(far: float, near: F64, out: Mask) -> None:
    """Tell which pieces begin nearer than ``far``; without a branch, as the next, so that it takes no time."""
    for a in range(len(near)):
        out[a] = far >= near[a]


@kernel
def _larger_around(x: float, y: float, points: int, cx: F64, cy: F64, squared: F64, count: I32, out: Mask) -> None:
    """Tell which pieces are larger than one of ``points`` points, and have (x, y) in the circle around them."""
    for a in range(len(count)):
        dx, dy = x - cx[a], y - cy[a]
        out[a] = (dx * dx + dy * dy < squared[a]) & (points < SHARE * count[a])


@kernel
def _refit(x: F64, y: F64, azimuth: F64, reach: F64, points: I32, owner: I32, joined: I32, headings: F64) -> F64:
    """Headings with those of bodies that took fragments searched again."""
    p = len(headings)
    out = headings.copy()
    changed = np.zeros(p, np.bool_)
    for b in range(p):
        if owner[b] != b:
            changed[owner[b]] = True
    order, starts = cells_by_label(joined, p)
    for k in range(p):
        if changed[k]:
            cells = solid_cells(points, order[starts[k] : starts[k + 1]])
            contour = contour_of(azimuth, reach, cells)
            out[k] = heading_of(x, y, reach, cells, contour)
    return out


@kernel
def _circles(box: F64, headings: F64) -> F64:
    """Circles (P, 3) around the rectangles, widened by the margin: centre x, y, and squared radius."""
    c, s = np.cos(headings), np.sin(headings)
    u, v = 0.5 * (box[:, 0] + box[:, 1]), 0.5 * (box[:, 2] + box[:, 3])
    out = np.empty((len(box), 3))
    out[:, 0], out[:, 1] = c * u - s * v, s * u + c * v
    radius = 0.5 * np.sqrt((box[:, 1] - box[:, 0]) ** 2 + (box[:, 3] - box[:, 2]) ** 2) + 2.0 * MARGIN
    out[:, 2] = radius**2
    return out


@kernel
def _in_shadow(b: int, a: int, box: F64, span: F64) -> bool:
    """Does ``b`` lie behind the near side of the body ``a`` and within its angle of sight?"""
    across = (span[a, 1] - span[a, 0]) * span[a, 2]
    if across < BODY_WIDTH[0] or max(box[a, 1] - box[a, 0], box[a, 3] - box[a, 2]) > BODY_WIDTH[2]:
        return False
    depth = BODY_DEPTH[0] if across < BODY_WIDTH[1] else BODY_DEPTH[1]
    if span[b, 2] < span[a, 2] or span[b, 3] > span[a, 2] + depth:
        return False
    turn = wrapped(span[b, 4] - span[a, 4])
    slack = ASIDE / max(span[a, 2], 0.5)
    return bool(span[b, 0] + turn > span[a, 0] - slack and span[b, 1] + turn < span[a, 1] + slack)


@kernel
def _inside(cells: I32, x: F64, y: F64, box: F64, heading: float) -> bool:
    """Do all of these cells lie within the rectangle?"""
    c, s = np.cos(heading), np.sin(heading)
    for i in cells:
        u, v = c * x[i] + s * y[i], c * y[i] - s * x[i]
        if not (box[0] - MARGIN <= u <= box[1] + MARGIN and box[2] - MARGIN <= v <= box[3] + MARGIN):
            return False
    return True
