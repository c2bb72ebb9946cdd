"""Where to cut across an axis: so that two rectangles have the least area, or in the widest gap."""

import numpy as np

from perception_core.lidar.jit import F64, kernel

BINS = 64
"""Places tried for a cut along each axis."""
THIN = 0.2
"""Metres; no rectangle counts as narrower, so that cuts along a wall gain nothing."""


@kernel
def least_area_cut(uv: F64, axis: int, low: F64, size: F64) -> tuple[float, float]:
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
def widest_gap(uv: F64, axis: int, low: F64, size: F64, margin: float) -> tuple[float, float]:
    """Return (middle, width) of the widest run of the axis without a point, ``margin`` from its ends; 0 wide: none."""
    step = size[axis] / BINS
    place, widest, begin = low[axis], 0, 0
    if size[axis] <= 2.0 * margin:
        return place, 0.0
    taken = np.zeros(BINS, np.bool_)
    for i in range(len(uv)):
        taken[min(int((uv[i, axis] - low[axis]) / step), BINS - 1)] = True
    first, last = int(margin / step), BINS - int(margin / step)
    for b in range(BINS):
        if taken[b] or b < first or b >= last:
            begin = b + 1
        elif b + 1 - begin > widest:
            widest = b + 1 - begin
            place = low[axis] + 0.5 * (begin + b + 1) * step
    return place, widest * step


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
