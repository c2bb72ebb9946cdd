"""How much of a rectangle's near sides the view goes deep into."""

import numpy as np

from perception_core.lidar.contour import CONTOUR_STEP
from perception_core.lidar.directions import direction_of, wrapped
from perception_core.lidar.jit import F64, I32, kernel

DEEP = 0.7
"""Metres behind the near side of the rectangle from where on a direction counts as open."""


@kernel
def share_open(
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
