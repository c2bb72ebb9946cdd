"""Cut components that cannot be one solid object into pieces, and give each piece its heading.

A convex solid hides what lies behind its near sides. Where a component's rectangle lies open (the nearest returns of
many directions are deep inside of it or on its far side), the component is several things that touch: a trailer at a
fence, two walls of a yard, a cyclist at a rail. It is cut across or along the rectangle where the two smaller
rectangles have the least area, until every piece is closed, and never longer or wider than asked.
"""

import numba
import numpy as np

from perception_core.lidar.lshape import best_heading

FIT_POINTS = 120
"""Most cells taken for the search of a heading."""
BINS = 64
"""Places tried for a cut along each axis."""
DEEP = 0.6
"""Metres behind the near side of the rectangle from where on a direction counts as open."""
OPEN_SHARE = 0.3
"""Share of open directions beyond which a component is no convex solid."""
MIN_AREA = 1.5
"""Square metres; smaller rectangles are left alone."""


@numba.njit(cache=True)
def split_components(x, y, weights, labels, count, sensor_x, sensor_y, max_length, max_width):  # type: ignore[no-untyped-def]
    """Return (piece of each cell int32 (C,), headings float64 (P,)) for cells at float64 x, y with component labels."""
    n = len(x)
    order, starts = _by_label(labels, count)
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
        heading = _heading(x, y, weights, cells)
        middle = _cut(x, y, cells, heading, sensor_x, sensor_y, max_length, max_width)
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


@numba.njit(cache=True)
def _by_label(labels, count):  # type: ignore[no-untyped-def]
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


@numba.njit(cache=True)
def _heading(x, y, weights, cells):  # type: ignore[no-untyped-def]
    step = max(1, (len(cells) + FIT_POINTS - 1) // FIT_POINTS)
    m = (len(cells) + step - 1) // step
    px, py, pw = np.empty(m), np.empty(m), np.empty(m)
    for i in range(m):
        k = cells[i * step]
        px[i], py[i], pw[i] = x[k], y[k], weights[k]
    return best_heading(px, py, pw)


@numba.njit(cache=True)
def _cut(x, y, cells, heading, sensor_x, sensor_y, max_length, max_width):  # type: ignore[no-untyped-def]
    """Reorder ``cells`` so that the first m lie on one side of the best cut; 0 when the component stays whole."""
    m = len(cells)
    if m < 2:
        return 0
    c, s = np.cos(heading), np.sin(heading)
    uv = np.empty((m, 2))
    for i in range(m):
        k = cells[i]
        uv[i, 0] = c * x[k] + s * y[k]
        uv[i, 1] = c * y[k] - s * x[k]
    low = np.array([uv[:, 0].min(), uv[:, 1].min()])
    high = np.array([uv[:, 0].max(), uv[:, 1].max()])
    size = high - low
    length, width = max(size[0], size[1]), min(size[0], size[1])
    too_big = length > max_length or width > max_width
    if not too_big:
        if length * width < MIN_AREA or width < DEEP:
            return 0
        sensor = np.array([c * sensor_x + s * sensor_y, c * sensor_y - s * sensor_x])
        if _open_share(uv, low, high, sensor) < OPEN_SHARE:
            return 0
    axis, position, area = _least_area_cut(uv, low, size)
    if area > 0.7 * size[0] * size[1]:
        if not too_big:
            return 0
        axis = 0 if size[0] >= size[1] else 1
        position = low[axis] + 0.5 * size[axis]
    return _partition(cells, uv[:, axis], position)


@numba.njit(cache=True)
def _open_share(uv, low, high, sensor):  # type: ignore[no-untyped-def]
    """Share of directions from the sensor whose nearest cell lies deep behind the near sides of the rectangle."""
    inside = low[0] < sensor[0] < high[0] and low[1] < sensor[1] < high[1]
    if inside:
        return 1.0
    bins = 48
    centre = np.arctan2((low[1] + high[1]) / 2 - sensor[1], (low[0] + high[0]) / 2 - sensor[0])
    angle = np.empty(len(uv))
    for i in range(len(uv)):
        a = np.arctan2(uv[i, 1] - sensor[1], uv[i, 0] - sensor[0]) - centre
        angle[i] = (a + np.pi) % (2 * np.pi) - np.pi
    first, span = angle.min(), max(angle.max() - angle.min(), 1e-6)
    nearest = np.full(bins, 1e18)
    depth = np.zeros(bins)
    for i in range(len(uv)):
        dx, dy = uv[i, 0] - sensor[0], uv[i, 1] - sensor[1]
        r = np.sqrt(dx * dx + dy * dy)
        b = min(int((angle[i] - first) / span * bins), bins - 1)
        if r < nearest[b]:
            nearest[b] = r
            depth[b] = r * (1.0 - _entry(sensor, dx, dy, low, high))
    used = 0
    deep = 0
    for b in range(bins):
        if nearest[b] < 1e17:
            used += 1
            if depth[b] > DEEP:
                deep += 1
    return deep / used


@numba.njit(cache=True, inline="always")
def _entry(sensor, dx, dy, low, high):  # type: ignore[no-untyped-def]
    """Fraction of the way from the sensor to a cell at which the ray enters the rectangle (slab method)."""
    t = 0.0
    if dx != 0.0:
        t = max(t, min((low[0] - sensor[0]) / dx, (high[0] - sensor[0]) / dx))
    if dy != 0.0:
        t = max(t, min((low[1] - sensor[1]) / dy, (high[1] - sensor[1]) / dy))
    return min(t, 1.0)


@numba.njit(cache=True)
def _least_area_cut(uv, low, size):  # type: ignore[no-untyped-def]
    """Return (axis, position, area) of the cut whose two rectangles have the least area together."""
    best_axis, best_position, best_area = 0, 0.0, 1e18
    for axis in range(2):
        if size[axis] < 0.5:
            continue
        step = size[axis] / BINS
        near = np.full(BINS, 1e18)
        far = np.full(BINS, -1e18)
        left = np.full(BINS, 1e18)
        right = np.full(BINS, -1e18)
        for i in range(len(uv)):
            b = min(int((uv[i, axis] - low[axis]) / step), BINS - 1)
            near[b] = min(near[b], uv[i, 1 - axis])
            far[b] = max(far[b], uv[i, 1 - axis])
            left[b] = min(left[b], uv[i, axis])
            right[b] = max(right[b], uv[i, axis])
        after = np.zeros(BINS)
        lo, hi, start = 1e18, -1e18, 0.0
        for b in range(BINS - 1, 0, -1):
            if far[b] >= near[b]:
                lo, hi, start = min(lo, near[b]), max(hi, far[b]), left[b]
            after[b] = (low[axis] + size[axis] - start) * max(hi - lo, 0.2) if hi >= lo else 0.0
        lo, hi, stop = 1e18, -1e18, 0.0
        for b in range(BINS - 1):
            if far[b] >= near[b]:
                lo, hi, stop = min(lo, near[b]), max(hi, far[b]), right[b]
            area = (stop - low[axis]) * max(hi - lo, 0.2) + after[b + 1]
            if area < best_area:
                best_axis, best_position, best_area = axis, low[axis] + (b + 1) * step, area
    return best_axis, best_position, best_area


@numba.njit(cache=True)
def _partition(cells, values, position):  # type: ignore[no-untyped-def]
    """Stable partition of ``cells`` by ``values < position``; return the length of the first part, 0 if one is empty."""
    low = cells[values < position]
    high = cells[values >= position]
    if len(low) == 0 or len(high) == 0:
        return 0
    cells[: len(low)] = low
    cells[len(low) :] = high
    return len(low)
