"""Where a box ends because the object ends, and where only the view of it does.

Seen through a gap between nearer things, a facade shows a sliver whose both ends are the edges of those things: its
middle glides along the wall as the robot passes, steadily and with any speed, and nothing has moved. The same holds
for a long structure that the clustering cuts in pieces. Such ends are no faces to follow an object by (Schueler et al.
2012, "360 degree multi sensor fusion for static and dynamic obstacles", treat the edges of shadows the same way).
"""

import enum
import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.tracking.anchoring import THIN, THIN_SHARE

Floats = NDArray[np.float64]
Ends = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class End(enum.IntEnum):
    """Why the visible part of an object ends where it does."""

    FREE = 0
    HIDDEN = 1
    CONTINUED = 2


_FREE, _HIDDEN, _CONTINUED = int(End.FREE), int(End.HIDDEN), int(End.CONTINUED)

_CORNERS = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])

RIGHT, LEFT = 0, 1
"""Columns of :func:`lateral_ends`: clockwise and counter-clockwise as the sensor looks."""

_BEYOND = 0.015
"""Radians beyond an end that are looked at: a few columns of a LiDAR."""

_RAYS = 3

_NEARER = 0.3
"""Metres by which the thing in front must be nearer."""

_SLACK = 0.15
"""Metres by which a box may reach beyond the thing in it."""

_LOW = 1.0
"""Metres of height: over what is lower, sensors on a roof look."""

_CONTIGUOUS = 0.5
"""Metres between the pieces of one structure."""

_COLUMN = 0.005
"""Radians: what is narrower is a column or two of points, whose depth is that of the surface behind it, or chance."""

SLIVER = 0.25
"""Metres: what is smaller in both directions has no axes."""


def loose_ends(centre: Floats, size: Floats, yaw: Floats, sensor: Floats, completed: Mask) -> Mask:
    """Tell which ends of M boxes of one scan say nothing about where the object ends.

    The hidden and continued ends of :func:`lateral_ends`, sorted by the axes of the boxes. A face that is seen is no
    loose end, unless it is so narrow that it is but the end of the face beside it; a sliver has nothing
    but loose ends: it is a column or two of points, and jumps with the beams.

    Args:
        centre: (M, 3) metres.
        size: (M, 3) metres.
        yaw: (M,) radians.
        sensor: (>=2,) metres, where the sensor stands.
        completed: bool (M,) the width may be a guess: with both ends hidden, no face but the wider one counts as seen.

    Returns:
        bool (M, 2, 2): [:, 0] along the length, [:, 1] along the width; [..., 0] the lower, [..., 1] the upper end.
    """
    out = np.zeros((len(centre), 2, 2), dtype=np.bool_)
    if len(centre) == 0:
        return out
    local, tips = _seen_from(centre, size, yaw, sensor)
    kinds = _lateral_ends(centre, size, yaw, sensor, tips)
    away = np.maximum(np.hypot(local[:, 0], local[:, 1]), 1e-3)
    _sort(kinds, local, tips, frozen(size), frozen(completed), away, out)
    return out


@njit(cache=True)
def _sort(kinds: Ends, local: Floats, tips: Floats, size: Floats, completed: Mask, away: Floats, out: Mask) -> None:
    """Fill the loose ends (M, 2, 2) of :func:`loose_ends`.

    Args:
        kinds: uint8 (M, 2) of :class:`End`, right and left.
        local: (M, 2) metres, the sensor in the boxes' axes.
        tips: (M, 2, 2) metres, the outermost corners right and left.
        size: (M, 3) metres.
        completed: bool (M,) see :func:`loose_ends`.
        away: (M,) metres from the sensor to the middles.
        out: all False.
    """
    for i in range(len(out)):
        longest = max(size[i, 0], size[i, 1])
        breadth = (abs(local[i, 1]) * size[i, 0] + abs(local[i, 0]) * size[i, 1]) / (away[i] * away[i])
        if longest < SLIVER or breadth < _COLUMN:
            out[i] = True
            continue
        guessed = completed[i] and kinds[i, 0] != _FREE and kinds[i, 1] != _FREE
        near = np.sign(local[i, 0]) if abs(local[i, 0]) > size[i, 0] / 2.0 else 0.0
        thin = max(THIN, THIN_SHARE * longest)
        for side in range(2):
            if kinds[i, side] == _FREE:
                continue
            tip = tips[i, side]
            axis = 1 if np.sign(tip[0]) == near else 0
            beside = 1 - axis
            out[i, axis, 1 if tip[axis] > 0.0 else 0] = True
            wide_beside = size[i, axis] * abs(local[i, beside]) < size[i, beside] * abs(local[i, axis])
            if size[i, axis] < thin or (guessed and wide_beside):
                out[i, beside, 1 if tip[beside] > 0.0 else 0] = True


def turned(loose: Mask, turns: NDArray[np.int64]) -> Mask:
    """Return loose ends (M, 2, 2) as named by the axes of boxes turned by quarters (M,) counter-clockwise."""
    out, left = loose.copy(), turns % 4
    for _ in range(int(left.max(initial=0))):
        more = left > 0
        out[more] = np.stack([out[more, 1], out[more, 0, ::-1]], axis=1)
        left = left - more
    return out


def _seen_from(centre: Floats, size: Floats, yaw: Floats, sensor: Floats) -> tuple[Floats, Floats]:
    """Return the sensor's place (M, 2) and the outermost corners (M, 2, 2), right and left, in the boxes' axes."""
    c, s = np.cos(yaw), np.sin(yaw)
    local, cross, dot = _sights(frozen(centre), frozen(size), c, s, frozen(sensor))
    return local, _outermost(frozen(size), np.arctan2(cross, dot))


@njit(cache=True)
def _sights(centre: Floats, size: Floats, c: Floats, s: Floats, sensor: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the sensor's place (M, 2) in the axes of boxes turned by cosines and sines (M,), and what sees corners.

    That are cross and dot products (M, 4) of the ways from the sensor to the middle and to each corner.
    """
    m = len(centre)
    local, cross, dot = np.empty((m, 2)), np.empty((m, 4)), np.empty((m, 4))
    for i in range(m):
        dx, dy = sensor[0] - centre[i, 0], sensor[1] - centre[i, 1]
        x, y = c[i] * dx + s[i] * dy, c[i] * dy - s[i] * dx
        local[i, 0], local[i, 1] = x, y
        for k in range(4):
            along, across = _CORNERS[k, 0] * size[i, 0] / 2.0 - x, _CORNERS[k, 1] * size[i, 1] / 2.0 - y
            cross[i, k] = y * along - x * across
            dot[i, k] = -(x * along + y * across)
    return local, cross, dot


@njit(cache=True)
def _outermost(size: Floats, angle: Floats) -> Floats:
    """Return the corners (M, 2, 2), right and left, of boxes whose corners are seen at angles (M, 4) in radians."""
    out = np.empty((len(size), 2, 2))
    for i in range(len(size)):
        right = left = 0
        for k in range(1, 4):
            right = k if angle[i, k] < angle[i, right] else right
            left = k if angle[i, k] > angle[i, left] else left
        for axis in range(2):
            out[i, RIGHT, axis] = _CORNERS[right, axis] * size[i, axis] / 2.0
            out[i, LEFT, axis] = _CORNERS[left, axis] * size[i, axis] / 2.0
    return out


def lateral_ends(centre: Floats, size: Floats, yaw: Floats, sensor: Floats) -> Ends:
    """Tell the :class:`End` (M, 2) at the right and at the left of M boxes of one scan.

    Seen from above; heights are compared no more than the boxes of different heights touch. But what is low and stands
    before the middle of a higher box as well does not hide it: it is seen over that, as a car is over a guard rail.

    Args:
        centre: (M, 3) metres.
        size: (M, 3) metres.
        yaw: (M,) radians.
        sensor: (>=2,) metres, where the sensor stands.
    """
    if len(centre) == 0:
        return np.zeros((0, 2), dtype=np.uint8)
    return _lateral_ends(centre, size, yaw, sensor, _seen_from(centre, size, yaw, sensor)[1])


def _lateral_ends(centre: Floats, size: Floats, yaw: Floats, sensor: Floats, tips: Floats) -> Ends:
    """Return :func:`lateral_ends`, ``tips`` (M, 2, 2) being the outermost corners in the boxes' axes."""
    c, s = np.cos(yaw), np.sin(yaw)
    relative, tip = _from_sensor(frozen(centre), c, s, frozen(sensor), tips)
    out: Ends = _ends(relative, frozen(size), frozen(yaw), tip)
    return out


@njit(cache=True)
def _from_sensor(centre: Floats, c: Floats, s: Floats, sensor: Floats, tips: Floats) -> tuple[Floats, Floats]:
    """Return the middles (M, 2) and outermost corners (M, 2, 2) of boxes in the axes of the frame, from the sensor."""
    relative, out = np.empty((len(centre), 2)), np.empty_like(tips)
    for i in range(len(centre)):
        relative[i, 0], relative[i, 1] = centre[i, 0] - sensor[0], centre[i, 1] - sensor[1]
        for side in range(2):
            x, y = tips[i, side, 0], tips[i, side, 1]
            out[i, side, 0] = c[i] * x - s[i] * y + relative[i, 0]
            out[i, side, 1] = s[i] * x + c[i] * y + relative[i, 1]
    return relative, out


@njit(cache=True)
def _ends(centre: Floats, size: Floats, yaw: Floats, tip: Floats) -> Ends:
    m = len(centre)
    out = np.zeros((m, 2), dtype=np.uint8)
    c, s, half = np.cos(yaw), np.sin(yaw), size[:, :2] / 2.0
    reach = np.hypot(half[:, 0], half[:, 1])
    away = np.hypot(centre[:, 0], centre[:, 1])
    rays = np.empty((_RAYS, 2))
    for j in range(m):
        for side in range(2):
            x, y = tip[j, side, 0], tip[j, side, 1]
            distance = math.hypot(x, y)
            _rays(x, y, 2 * side - 1, rays)
            for i in range(m):
                if i == j or away[i] - reach[i] > distance + _CONTIGUOUS:
                    continue
                dx, dy = x - centre[i, 0], y - centre[i, 1]
                near = reach[i] + _CONTIGUOUS
                if dx * dx + dy * dy < near * near and out[j, side] == _FREE:
                    along, across = abs(c[i] * dx + s[i] * dy) - half[i, 0], abs(c[i] * dy - s[i] * dx) - half[i, 1]
                    if math.hypot(max(along, 0.0), max(across, 0.0)) < _CONTIGUOUS:
                        out[j, side] = _CONTINUED
                ahead = rays[_RAYS // 2]
                if abs(centre[i, 0] * ahead[1] - centre[i, 1] * ahead[0]) > reach[i] + away[i] * _BEYOND:
                    continue  # aside of all rays
                if _hidden(centre[i], c[i], s[i], half[i], reach[i], rays, distance - _NEARER) and not (
                    size[i, 2] < _LOW
                    and size[i, 2] < size[j, 2]
                    and _seen_over(centre[i], c[i], s[i], half[i], centre[j], tip[j, side])
                ):
                    out[j, side] = _HIDDEN
                    break
    return out


@njit(cache=True)
def _rays(x: float, y: float, sign: int, rays: Floats) -> None:
    """Fill the directions (R, 2) of rays a little beyond the end at (x, y)."""
    bearing = math.atan2(y, x)
    for ray in range(_RAYS):
        angle = bearing + sign * _BEYOND * (ray + 1) / _RAYS
        rays[ray, 0], rays[ray, 1] = math.cos(angle), math.sin(angle)


@njit(cache=True)
def _hidden(centre: Floats, c: float, s: float, half: Floats, reach: float, rays: Floats, limit: float) -> bool:
    """Tell whether one of the rays (R, 2) enters a box nearer than ``limit`` metres."""
    for ray in range(_RAYS):
        ux, uy = rays[ray, 0], rays[ray, 1]
        if abs(centre[0] * uy - centre[1] * ux) > reach:
            continue
        ox, oy = -(c * centre[0] + s * centre[1]), -(c * centre[1] - s * centre[0])
        if _enter(ox, oy, c * ux + s * uy, c * uy - s * ux, half[0], half[1]) < limit:
            return True
    return False


@njit(cache=True)
def _seen_over(centre: Floats, c: float, s: float, half: Floats, other: Floats, tip: Floats) -> bool:
    """Tell whether a box surely stands before the middle of another, and before what is half-way to its ``tip``."""
    ox, oy = -(c * centre[0] + s * centre[1]), -(c * centre[1] - s * centre[0])
    half_x, half_y = half[0] - min(_SLACK, half[0] / 2.0), half[1] - min(_SLACK, half[1] / 2.0)
    for share in (0.0, 0.5):
        x, y = other[0] + share * (tip[0] - other[0]), other[1] + share * (tip[1] - other[1])
        distance = max(math.hypot(x, y), 1e-3)
        ux, uy = x / distance, y / distance
        entered = _enter(ox, oy, c * ux + s * uy, c * uy - s * ux, half_x, half_y)
        if entered > distance - _NEARER:
            return False
    return True


@njit(cache=True)
def _enter(ox: float, oy: float, dx: float, dy: float, half_x: float, half_y: float) -> float:
    """Return how far along a ray from (ox, oy) a box around the origin begins, +inf if the ray misses it (slabs)."""
    dx = dx if abs(dx) > 1e-9 else 1e-9
    dy = dy if abs(dy) > 1e-9 else 1e-9
    ax, bx = (-half_x - ox) / dx, (half_x - ox) / dx
    ay, by = (-half_y - oy) / dy, (half_y - oy) / dy
    first, last = max(min(ax, bx), min(ay, by)), min(max(ax, bx), max(ay, by))
    if first > last or last < 0.0:
        return np.inf
    return max(first, 0.0)
