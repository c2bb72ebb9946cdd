"""What stands in the line of a long thing, flush with its side, lies as that does.

Of a body that is seen at its corner the outline is a triangle, and the rectangle on its longest side is as small as the
one on its legs: its heading is a guess between the two. Where the end of a truck, or of a wall, was parted from the
rest by a dark tank or a ladder, the rest tells which: no part of a body crosses the line of its side.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.fusion.completion import Boxes

Floats = NDArray[np.float64]

_LONG, _ELONGATED = 4.0, 2.0
"""Metres, and times its width, from which on the heading of a thing is beyond doubt."""

_OBLIQUE = np.radians(10.0)
"""Least angle between two headings that is worth mending."""

_SMALL = 1.0
"""Metres below which a heading does not matter."""

_GAP, _FLUSH = 1.0, 0.3
"""Metres between two parts along their line, and from one's near side to the other's."""

_ROOM = 1.3
"""How many times the area of its own rectangle a thing may take in another's heading: else its own is no guess."""


def in_line(boxes: Boxes, footprints: list[Floats], points: NDArray[np.int64]) -> Boxes:
    """Return boxes of which those in the line of a better seen long one have its heading.

    Args:
        boxes: M boxes of what was seen from the origin of the base frame.
        footprints: M float64 (H, 2) convex outlines of what was seen, metres; of no corners where the box stays.
        points: int64 (M,) returns.
    """
    length, width = boxes.size[:, 0], boxes.size[:, 1]
    long = np.flatnonzero((length >= _LONG) & (length >= _ELONGATED * width))
    centre, size, yaw = boxes.centre, boxes.size, boxes.yaw
    changed = False
    long = long[np.argsort(points[long], kind="stable")]
    turn = np.abs((boxes.yaw - boxes.yaw[long, None] + np.pi / 4) % (np.pi / 2) - np.pi / 4)
    away = boxes.centre[None, :, :2] - boxes.centre[long, None, :2]
    apart = np.hypot(away[..., 0], away[..., 1]) - length[long, None] / 2 - length
    there = (turn > _OBLIQUE) & (points < points[long, None]) & (length > _SMALL) & (apart < _GAP)
    which, beside = np.nonzero(there)
    for v, p in zip(long[which].tolist(), beside.tolist(), strict=True):
        found = _along(boxes, v, footprints[p])
        if found is None or found[1].prod() > _ROOM * _area(boxes, p):
            continue
        if not changed:
            centre, size, yaw, changed = centre.copy(), size.copy(), yaw.copy(), True
        turned = found[1][1] > found[1][0]
        centre[p, :2], size[p, :2] = found[0], found[1][::-1] if turned else found[1]
        yaw[p] = (boxes.yaw[v] + turned * np.pi / 2 + np.pi / 2) % np.pi - np.pi / 2
    return Boxes(centre, size, yaw, boxes.covariance) if changed else boxes


def _area(boxes: Boxes, p: int) -> float:
    """Return the area of box ``p`` in m^2."""
    return float(boxes.size[p, 0] * boxes.size[p, 1])


def _along(boxes: Boxes, v: int, outline: Floats) -> tuple[Floats, Floats] | None:
    """Return middle (2,) and extents (2,) of an outline along box ``v``; None where it is not in its line."""
    if len(outline) == 0:
        return None
    c, s = np.cos(boxes.yaw[v]), np.sin(boxes.yaw[v])
    axes = np.array([[c, s], [-s, c]])
    centre, half = boxes.centre[v, :2], boxes.size[v, :2] / 2
    if not _flush(frozen(outline), frozen(centre), frozen(half), float(c), float(s)):
        return None
    local = (outline - centre) @ axes.T
    low, high = local.min(axis=0), local.max(axis=0)
    return centre + (low + high) / 2 @ axes, high - low


@njit(cache=True)
def _flush(outline: Floats, centre: Floats, half: Floats, c: float, s: float) -> bool:
    """Tell whether an outline (H, 2) is near the end of a box, and its near side in the line of the box's."""
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for i in range(len(outline)):
        x, y = outline[i, 0] - centre[0], outline[i, 1] - centre[1]
        along, across = x * c + y * s, y * c - x * s
        low[0], high[0] = min(low[0], along), max(high[0], along)
        low[1], high[1] = min(low[1], across), max(high[1], across)
    to_the_left = s * centre[0] - c * centre[1] > 0.0
    near = half[1] - high[1] if to_the_left else half[1] + low[1]
    return bool(max(low[0] - half[0], -half[0] - high[0]) <= _GAP and abs(near) <= _FLUSH)
