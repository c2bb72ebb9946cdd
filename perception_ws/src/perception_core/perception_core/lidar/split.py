"""Cut components that cannot be one solid object into pieces, and give each piece its heading.

A convex solid hides what lies behind its near sides. Where a component's rectangle lies open (the nearest returns of
many directions are deep inside of it or on its far side), the component is several things that touch: a trailer at a
fence, two walls of a yard, a cyclist at a rail. It is cut across or along the rectangle where the two smaller
rectangles have the least area, until every piece is closed, and never longer or wider than asked.
"""

import numpy as np

from perception_core.lidar.jit import F64, I32, I64, kernel
from perception_core.lidar.lshape import best_heading

SOLID = 0.15
"""Share of the mean number of points a cell needs for a say in the heading."""
SAMPLE = 600
"""Cells of a component that are looked at; of larger ones every so manieth."""
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
DIRECTIONS = 720
"""Directions of the horizon of nearest cells."""
BINS = 64
"""Places tried for a cut along each axis."""
DEEP = 0.7
"""Metres behind the near side of the rectangle from where on a direction counts as open."""
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
NO_CUT = -1e9
"""Angle of the cut of what stays whole."""
THIN = 0.2
"""Metres; no rectangle counts as narrower, so that cuts along a wall gain nothing."""


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
        sample = cells[:: (len(cells) + SAMPLE - 1) // SAMPLE]
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
def cells_by_label(labels: I32, count: int) -> tuple[I32, I32]:
    """Counting sort: (cells in the order of their labels, where each of the ``count`` labels begins)."""
    starts = np.zeros(count + 1, np.int32)
    for k in labels:
        starts[k + 1] += 1
    for k in range(count):
        starts[k + 1] += starts[k]
    place = starts.copy()
    order = np.empty(len(labels), np.int32)
    for i in range(len(labels)):
        order[place[labels[i]]] = i
        place[labels[i]] += 1
    return order, starts


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
    """Return the direction across which to cut and where along it; NO_CUT when the component stays whole."""
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
        open_share = _open_share(azimuth, reach, cells, low, low + size, eye, heading, horizon)
        no_vehicle = length > VEHICLE[0] and width > VEHICLE[1]
        if open_share < OPEN_SHARE and not no_vehicle:
            return NO_CUT, 0.0
        gain += (1.0 - AREA_GAIN) * open_share * open_share
    axis = 1 - along if length <= max_length and width > max_width else along
    angle, position, ratio = heading + axis * np.pi / 2, low[axis] + 0.5 * size[axis], 1e18
    grain = _grain(x, y, contour)
    for frame in (heading, grain):
        if frame != heading:
            uv, low, size = _turned(x, y, cells, frame)
        for axis in range(2):
            limit = gain if size[axis] >= size[1 - axis] else AREA_GAIN
            place, area = _least_area_cut(uv, axis, low, size)
            if area <= limit * length * width and area < ratio:
                angle, position, ratio = frame + axis * np.pi / 2, place, area
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
def _grain(x: F64, y: F64, contour: I32) -> float:
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


@kernel
def _open_share(
    azimuth: F64, reach: F64, cells: I32, low: F64, high: F64, eye: F64, heading: float, horizon: F64
) -> float:
    """Share of the near sides of the rectangle, by length, that are open: the view goes deep into it or through it.

    Directions in which something nearer hides the rectangle say nothing.
    """
    if low[0] < eye[0] < high[0] and low[1] < eye[1] < high[1]:
        return 1.0
    middle = np.arctan2((low[1] + high[1]) / 2 - eye[1], (low[0] + high[0]) / 2 - eye[0])
    first, last, far = 1e18, -1e18, 0.0
    for u in (low[0], high[0]):
        for v in (low[1], high[1]):
            turn = wrapped(np.arctan2(v - eye[1], u - eye[0]) - middle)
            first, last = min(first, turn), max(last, turn)
            far += 0.25 * np.sqrt((u - eye[0]) ** 2 + (v - eye[1]) ** 2)
    bins = min(max(int((last - first) * far / CONTOUR_STEP), 4), 128)
    step = (last - first) / bins
    nearest = np.full(bins, 1e18)
    for i in cells:
        b = int((wrapped(azimuth[i] - heading - middle) - first) / step)
        b = min(max(b, 0), bins - 1)
        nearest[b] = min(nearest[b], reach[i])
    deep = total = 0.0
    for b in range(bins):
        angle = middle + first + (b + 0.5) * step
        entry = _entry(eye, np.cos(angle), np.sin(angle), low, high)
        if nearest[b] > 1e17 and horizon[direction_of(angle + heading, len(horizon))] < entry:
            continue
        left, right = angle - 0.49 * step, angle + 0.49 * step
        ax, ay, bx, by = np.cos(left), np.sin(left), np.cos(right), np.sin(right)
        at, bt = _entry(eye, ax, ay, low, high), _entry(eye, bx, by, low, high)
        length = np.hypot(at * ax - bt * bx, at * ay - bt * by)
        total += length
        if nearest[b] > entry + DEEP:
            deep += length
    return deep / max(total, 1e-9)


@kernel
def _entry(eye: F64, dx: float, dy: float, low: F64, high: F64) -> float:
    """Distance from the eye at which the ray of a direction enters the rectangle (slab method)."""
    t = 0.0
    if abs(dx) > 1e-9:
        t = max(t, min((low[0] - eye[0]) / dx, (high[0] - eye[0]) / dx))
    if abs(dy) > 1e-9:
        t = max(t, min((low[1] - eye[1]) / dy, (high[1] - eye[1]) / dy))
    return t


@kernel
def wrapped(angle: float) -> float:
    """Angle in [-pi, pi]."""
    return float(angle - 2 * np.pi * np.round(angle / (2 * np.pi)))


@kernel
def direction_of(azimuth: float, directions: int) -> int:
    """Index of the direction of an azimuth among equal ones over the whole turn."""
    return int((wrapped(azimuth) + np.pi) / (2 * np.pi) * directions) % directions


@kernel
def horizon_of(azimuth: F64, reach: F64) -> F64:
    """Distance of the nearest cell in each of DIRECTIONS directions."""
    out = np.full(DIRECTIONS, 1e18)
    for i in range(len(azimuth)):
        d = direction_of(azimuth[i], DIRECTIONS)
        out[d] = min(out[d], reach[i])
    return out


@kernel
def _least_area_cut(uv: F64, axis: int, low: F64, size: F64) -> tuple[float, float]:
    """Return (position, area) of the cut across an axis whose two rectangles have the least area together."""
    best_position, best_area = 0.0, 1e18
    if size[axis] < 2 * THIN:
        return best_position, best_area
    step = size[axis] / BINS
    near, far, left, right, after = _profile(uv, axis, low[axis], step)
    lo, hi, start = 1e18, -1e18, 0.0
    for b in range(BINS - 1, 0, -1):
        if far[b] >= near[b]:
            lo, hi, start = min(lo, near[b]), max(hi, far[b]), left[b]
        after[b] = (low[axis] + size[axis] - start) * max(hi - lo, THIN) if hi >= lo else 0.0
    lo, hi, stop = 1e18, -1e18, 0.0
    for b in range(BINS - 1):
        if far[b] >= near[b]:
            lo, hi, stop = min(lo, near[b]), max(hi, far[b]), right[b]
        area = max(stop - low[axis], THIN) * max(hi - lo, THIN) + after[b + 1]
        if area < best_area:
            best_position, best_area = low[axis] + (b + 1) * step, area
    return best_position, best_area


@kernel
def _profile(uv: F64, axis: int, low: float, step: float) -> tuple[F64, F64, F64, F64, F64]:
    """Bounds across (near, far) and along (left, right) the axis of the points in each of BINS slices, and zeros."""
    work = np.empty((5, BINS))
    near, far, left, right = work[0], work[1], work[2], work[3]
    near[:], far[:], left[:], right[:], work[4, :] = 1e18, -1e18, 1e18, -1e18, 0.0
    scale = 1.0 / step
    for i in range(len(uv)):
        along, across = uv[i, axis], uv[i, 1 - axis]
        b = min(int((along - low) * scale), BINS - 1)
        near[b], far[b] = min(near[b], across), max(far[b], across)
        left[b], right[b] = min(left[b], along), max(right[b], along)
    return near, far, left, right, work[4]


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
