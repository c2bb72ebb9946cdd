"""Cut components that cannot be one solid object into pieces, and give each piece its heading.

A convex solid hides what lies behind its near sides. Where a component's rectangle lies open (the nearest returns of
many directions are deep inside of it or on its far side), the component is several things that touch: a trailer at a
fence, two walls of a yard, a cyclist at a rail. It is cut across or along the rectangle where the two smaller
rectangles have the least area, until every piece is closed, and never longer or wider than asked.
"""

import numpy as np

from perception_core.lidar.cell_order import cells_by_label
from perception_core.lidar.contour import contour_of, grain_of, heading_of, solid_cells
from perception_core.lidar.cuts import THIN, least_area_cut, widest_gap
from perception_core.lidar.directions import horizon_of
from perception_core.lidar.jit import F64, I32, kernel
from perception_core.lidar.openness import DEEP, share_open

SAMPLE = 600
"""Cells of a component that are looked at; of larger ones every so manieth."""
OPEN_SHARE = 0.3
"""Share of open directions beyond which a component is no convex solid."""
VEHICLE = 6.0, 3.3
"""Metres; what is longer and wider is no vehicle, and may have free space behind its near side: a wall with another
that leads away from it, hedges around a garden."""
MIN_LENGTH = 2.2
"""Metres; shorter components are left whole."""
AREA_GAIN = 0.7
"""A cut is worth it when the two rectangles have less than this share of the area of the one; the share grows to all
of it as the component opens."""
LEAST_SIDE = 1.0
"""Metres of a rectangle on each side of a gap at which it is cut: less is a stray return."""
NO_CUT = -1e9
"""Angle of the cut of what stays whole."""


@kernel
def split_components(
    x: F64,
    y: F64,
    azimuth: F64,
    reach: F64,
    points: I32,
    labels: I32,
    count: int,
    sensor: F64,
    max_length: float,
    max_width: float,
) -> tuple[I32, F64]:
    """Cut components into pieces.

    Args:
        x, y: float64 (C,) cells in the base frame.
        azimuth, reach: float64 (C,) the same as the sensor sees them, radians and metres.
        points: int32 (C,) points in each cell.
        labels: int32 (C,) component of each cell, 0 to ``count`` - 1.
        count: number of components.
        sensor: float64 (3,) in the base frame.
        max_length, max_width: metres no piece's rectangle exceeds.

    Returns:
        int32 (C,) piece of each cell, float64 (P,) heading of each piece.
    """
    n = len(x)
    horizon = horizon_of(azimuth, reach)
    order, starts = cells_by_label(labels, count)
    begin = np.empty(n + count + 1, np.int32)
    end = np.empty(n + count + 1, np.int32)
    top = 0
    for k in range(count - 1, -1, -1):
        begin[top], end[top] = starts[k], starts[k + 1]
        top += 1
    piece = np.empty(n, np.int32)
    headings = np.empty(n, np.float64)
    pieces = 0
    while top > 0:
        top -= 1
        a, b = begin[top], end[top]
        cells = order[a:b]
        sample = cells[:: (len(cells) + SAMPLE - 1) // SAMPLE].copy()
        solid = solid_cells(points, sample)
        contour = contour_of(azimuth, reach, solid)
        heading = heading_of(x, y, reach, solid, contour)
        angle, position = _best_cut(
            x, y, azimuth, reach, sample, heading, contour, sensor, horizon, max_length, max_width
        )
        middle = _partition(x, y, cells, angle, position) if angle > NO_CUT else 0
        if middle == 0:
            for i in cells:
                piece[i] = pieces
            headings[pieces] = heading
            pieces += 1
        else:
            begin[top], end[top] = a + middle, b
            begin[top + 1], end[top + 1] = a, a + middle
            top += 2
    return piece, headings[:pieces].copy()


@kernel
def _best_cut(
    x: F64,
    y: F64,
    azimuth: F64,
    reach: F64,
    cells: I32,
    heading: float,
    contour: I32,
    sensor: F64,
    horizon: F64,
    max_length: float,
    max_width: float,
) -> tuple[float, float]:
    """Return the direction across which to cut and where along it; NO_CUT when the component stays whole.

    What is too big is cut in any case: where no cut saves area, in the widest gap, else in the middle. Two cars that
    a person between them joins have such a gap, and each is seen from two sides only, so that its own corner would
    save as much.
    """
    if len(cells) < 2:
        return NO_CUT, 0.0
    uv, low, size = _turned(x, y, cells, heading)
    length, width = max(size[0], size[1]), min(size[0], size[1])
    along = 0 if size[0] >= size[1] else 1
    too_big = length > max_length or width > max_width
    gain = AREA_GAIN
    if not too_big:
        if length < MIN_LENGTH or width < DEEP:
            return NO_CUT, 0.0
        c, s = np.cos(heading), np.sin(heading)
        eye = np.array([c * sensor[0] + s * sensor[1], c * sensor[1] - s * sensor[0]])
        open_share = share_open(azimuth, reach, cells, low, low + size, eye, heading, horizon)
        no_vehicle = length > VEHICLE[0] and width > VEHICLE[1]
        if open_share < OPEN_SHARE and not no_vehicle:
            return NO_CUT, 0.0
        gain += (1.0 - AREA_GAIN) * open_share * open_share
    beyond = 1 - along if length <= max_length and width > max_width else along
    angle, position, ratio = heading + beyond * np.pi / 2, low[beyond] + 0.5 * size[beyond], 1e18
    widest = THIN
    grain = grain_of(x, y, contour)
    for frame in (heading, grain):
        if frame != heading:
            uv, low, size = _turned(x, y, cells, frame)
        for axis in range(2):
            limit = gain if size[axis] >= size[1 - axis] else AREA_GAIN
            place, area = least_area_cut(uv, axis, low, size)
            if area <= limit * length * width and area < ratio:
                angle, position, ratio = frame + axis * np.pi / 2, place, area
            if too_big and ratio > 1e17:
                place, gap = widest_gap(uv, axis, low, size, LEAST_SIDE)
                if gap > widest:
                    angle, position, widest = frame + axis * np.pi / 2, place, gap
    if not too_big and ratio > 1e17:
        return NO_CUT, 0.0
    return angle, position


@kernel
def _turned(x: F64, y: F64, cells: I32, heading: float) -> tuple[F64, F64, F64]:
    """Cells in the axes of a heading (M, 2), and lowest corner (2,) and size (2,) of their rectangle."""
    c, s = np.cos(heading), np.sin(heading)
    uv = np.empty((len(cells), 2))
    for i in range(len(cells)):
        k = cells[i]
        uv[i, 0], uv[i, 1] = c * x[k] + s * y[k], c * y[k] - s * x[k]
    low, size = np.full(2, 1e18), np.full(2, -1e18)
    for i in range(len(cells)):
        for axis in range(2):
            low[axis], size[axis] = min(low[axis], uv[i, axis]), max(size[axis], uv[i, axis])
    size -= low
    return uv, low, size


@kernel
def _partition(x: F64, y: F64, cells: I32, angle: float, position: float) -> int:
    """Partition ``cells`` stably by their place along ``angle``; return the length of the first, 0 if one is none."""
    c, s = np.cos(angle), np.sin(angle)
    high = np.empty(len(cells), np.int32)
    lows = highs = 0
    for i in cells:
        if c * x[i] + s * y[i] < position:
            cells[lows] = i
            lows += 1
        else:
            high[highs] = i
            highs += 1
    if lows == 0 or highs == 0:
        return 0
    cells[lows:] = high[:highs]
    return lows
