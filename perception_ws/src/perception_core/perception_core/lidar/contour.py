"""What a component shows of itself: its solid cells, its near side, and the heading that these give it."""

import numpy as np

from perception_core.lidar.directions import wrapped
from perception_core.lidar.jit import F64, I32, I64, kernel
from perception_core.lidar.lshape import best_heading

SOLID = 0.15
"""Share of the mean number of points a cell needs for a say in the heading."""
SUPPORTS = 24
"""Directions in which the outermost cells take part in the search of a heading."""
SUPPORT_AXES = np.stack(
    [np.cos(np.arange(SUPPORTS) * (2 * np.pi / SUPPORTS)), np.sin(np.arange(SUPPORTS) * (2 * np.pi / SUPPORTS))]
)
CONTOUR_STEP = 0.2
"""Metres across the line of sight one direction of the contour stands for."""
CONTOUR_BINS = 128
"""Directions of a contour, at most."""
INNER_WEIGHT = 0.1
"""Weight of outermost cells behind the contour (roofs, what is seen through windows) in that search."""


@kernel
def solid_cells(points: I32, cells: I32) -> I32:
    """The cells without those that hold far fewer points than the others: mixed returns at edges, exhaust, dust."""
    total = 0
    for i in cells:
        total += points[i]
    least = SOLID * total / len(cells)
    out = np.empty(len(cells), np.int32)
    n = 0
    for i in cells:
        if points[i] >= least:
            out[n] = i
            n += 1
    return out[:n]


@kernel
def contour_of(azimuth: F64, reach: F64, cells: I32) -> I32:
    """The cells nearest to the sensor in their direction, in the order of azimuth."""
    m = len(cells)
    angle = np.empty(m)
    total, first, last = 0.0, 1e18, -1e18
    for i in range(m):
        angle[i] = wrapped(azimuth[cells[i]] - azimuth[cells[0]])
        first, last = min(first, angle[i]), max(last, angle[i])
        total += reach[cells[i]]
    span = max(last - first, 1e-9)
    bins = min(max(int(span * total / m / CONTOUR_STEP), 1), CONTOUR_BINS)
    nearest = np.full(bins, -1, np.int32)
    scale = bins / span
    for i in range(m):
        b = min(int((angle[i] - first) * scale), bins - 1)
        if nearest[b] < 0 or reach[cells[i]] < reach[nearest[b]]:
            nearest[b] = cells[i]
    n = 0
    for b in range(bins):
        if nearest[b] >= 0:
            nearest[n] = nearest[b]
            n += 1
    return nearest[:n]


@kernel
def heading_of(x: F64, y: F64, reach: F64, cells: I32, contour: I32) -> float:
    """Heading in [0, pi/2) of the rectangle around solid cells.

    The contour counts in full; of what lies behind it only the outermost cells count, and little.
    """
    if len(cells) == 1:
        return 0.0
    nearest = reach[contour].min()
    m = outline = len(contour)
    px, py = np.empty(m + SUPPORTS), np.empty(m + SUPPORTS)
    weight = np.full(m + SUPPORTS, INNER_WEIGHT)
    weight[:m] = 1.0
    for i in range(m):
        px[i], py[i] = x[contour[i]], y[contour[i]]
    outermost = _outermost(x, y, reach, cells, nearest)
    for k in range(SUPPORTS):
        if k == 0 or outermost[k] != outermost[k - 1]:
            px[m], py[m] = x[outermost[k]], y[outermost[k]]
            m += 1
    return best_heading(px[:m], py[:m], weight[:m], outline)


@kernel
def _outermost(x: F64, y: F64, reach: F64, cells: I32, nearest: float) -> I64:
    """The farthest cell in each of SUPPORTS directions, int64 (SUPPORTS,), of those not nearer than ``nearest``."""
    outermost, farthest = np.full(SUPPORTS, np.int64(cells[0])), np.full(SUPPORTS, -1e18)
    for c in cells:
        if reach[c] < nearest:
            continue
        i, px, py = np.int64(c), x[c], y[c]
        for k in range(SUPPORTS):
            u = SUPPORT_AXES[0, k] * px + SUPPORT_AXES[1, k] * py
            outermost[k] = i if u > farthest[k] else outermost[k]
            farthest[k] = max(farthest[k], u)
    return outermost


@kernel
def grain_of(x: F64, y: F64, contour: I32) -> float:
    """Heading most of a contour runs along or across: mean of its steps' directions modulo a quarter turn."""
    re = im = 0.0
    for i in range(len(contour) - 1):
        dx, dy = x[contour[i + 1]] - x[contour[i]], y[contour[i + 1]] - y[contour[i]]
        length = np.hypot(dx, dy)
        if 1e-6 < length < 1.0:
            angle = 4.0 * np.arctan2(dy, dx)
            re += length * np.cos(angle)
            im += length * np.sin(angle)
    return float(np.arctan2(im, re) / 4.0)
