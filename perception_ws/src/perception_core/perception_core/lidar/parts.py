"""Join the parts of one vehicle that are seen past something nearer, or by few beams.

Of a far car one ring may meet the boot, one the roof, and a few points its side past the car in front of it. Such
parts lie farther apart than any connecting distance, but within the footprint of one car, and nothing was seen between
them: they touch in bearing, or what lies between them is hidden. What stands upright and slim is left alone, it may be
a person beside a car; but for strips along the line of sight, as sides that are seen at a grazing angle give them.
"""

import numpy as np

from perception_core.lidar.cell_order import cells_by_label
from perception_core.lidar.directions import DIRECTIONS, direction_of, horizon_of, wrapped
from perception_core.lidar.grazing import bounds_of, measure
from perception_core.lidar.jit import F32, F64, I32, kernel

CAR = 4.9, 2.1
"""Metres; footprint that the parts of a car have together at most. The car in front of it begins farther away."""
CAR_TOP = 2.2
"""Metres above ground."""
BODY = 0.8, 6
"""Metres of length, and points, of a part that others join."""
SLIM = 1.0
"""Metres of length; shorter upright things may be people."""
OPEN, TOUCHES, HIDES = 0, 1, 2
UPRIGHT = 0.75, 0.5
"""Metres of height of such a thing, and metres above ground of its lowest point."""
STRIP = 2.0
"""A strip along the line of sight is this many times as deep as it is wide."""
TOUCH = 0.3
"""Metres across the line of sight that parts may be apart where nothing hides what lies between them."""
HIDDEN = 0.8, 0.6
"""The same where a nearer thing hides it, and the share of the directions in between in which it must."""
NEARER = 0.4
"""Metres by which the nearer thing is nearer."""
LINK, LINK_HIDDEN, LINK_OVER = 0.4, 1.0, 2.5
"""Metres parts may be apart along the axes of the car; farther where a nearer thing hides what lies between, and where
a part without ground contact is seen over the other."""
FLOATING = 0.5
"""Metres above ground from where on a part has no ground contact."""
NEAR = 15.0
"""Metres of range; nearer than this the parts of a vehicle are dense enough to touch, and slim ones are left alone."""


@kernel
def join_parts(
    x: F64, y: F64, azimuth: F64, reach: F64, bottom: F32, top: F32, points: I32, piece: I32, headings: F64
) -> I32:
    """Return int32 (P,) the piece each piece belongs to; arguments as in ``merge_fragments``."""
    p = len(headings)
    order, starts = cells_by_label(piece, p)
    box, span, low, high, count = measure(x, y, azimuth, reach, bottom, top, points, piece, headings)
    horizon = horizon_of(azimuth, reach)
    owner = np.arange(p).astype(np.int32)
    possible = np.empty(p, np.int32)
    n = 0
    for k in range(p):
        length = max(box[k, 1] - box[k, 0], box[k, 3] - box[k, 2])
        if count[k] > 0 and high[k] < CAR_TOP and length <= CAR[0]:
            possible[n] = k
            n += 1
    by_count = possible[:n][np.argsort(-count[possible[:n]].astype(np.float64), kind="mergesort")]
    for i in range(n):
        a = by_count[i]
        length = max(box[a, 1] - box[a, 0], box[a, 3] - box[a, 2])
        if owner[a] != a or length < BODY[0] or count[a] < BODY[1]:
            continue
        for j in range(n):
            b = by_count[j]
            if j <= i or owner[b] != b or span[b, 2] > span[a, 3] + CAR[0] or span[b, 3] < span[a, 2] - CAR[0]:
                continue
            turn = wrapped(span[b, 4] - span[a, 4])
            between = _between(span[a], span[b], turn, horizon)
            if between == OPEN or _maybe_person(box[b], span[b], low[b], high[b]):
                continue
            most_apart = LINK_HIDDEN if between == HIDES else LINK
            if low[b] > FLOATING and _seen_over(span[a], span[b], turn):
                most_apart = LINK_OVER
            if _fits(x, y, order, starts, owner, a, b, headings, most_apart):
                owner[b] = a
                span[a, 0], span[a, 1] = min(span[a, 0], span[b, 0] + turn), max(span[a, 1], span[b, 1] + turn)
                span[a, 2], span[a, 3] = min(span[a, 2], span[b, 2]), max(span[a, 3], span[b, 3])
    return owner


@kernel
def _maybe_person(box: F64, span: F64, low: float, high: float) -> bool:
    length = max(box[1] - box[0], box[3] - box[2])
    if length >= SLIM or low > UPRIGHT[1] or (high - low < UPRIGHT[0] and span[2] > NEAR):
        return False
    return bool(span[3] - span[2] < STRIP * (span[1] - span[0]) * span[2] or length < 0.5 * SLIM)


@kernel
def _between(a: F64, b: F64, turn: float, horizon: F64) -> int:
    """Say whether two spans (see ``measure``) touch in bearing, or what lies between is hidden; ``turn``: a to b."""
    first, last = min(a[1], b[1] + turn), max(a[0], b[0] + turn)
    near = min(a[2], b[2])
    apart = (last - first) * near
    if apart <= TOUCH:
        return TOUCHES
    if apart > HIDDEN[0]:
        return OPEN
    hidden = 0
    step = 2.0 * np.pi / DIRECTIONS
    bins = int((last - first) / step) + 1
    for k in range(bins):
        hidden += horizon[direction_of(a[4] + first + (k + 0.5) * (last - first) / bins, DIRECTIONS)] < near - NEARER
    return HIDES if hidden >= HIDDEN[1] * bins else OPEN


@kernel
def _seen_over(a: F64, b: F64, turn: float) -> bool:
    """Is the span ``b`` seen behind ``a``, in the directions of it by half?"""
    overlap = min(a[1], b[1] + turn) - max(a[0], b[0] + turn)
    return bool(b[2] > a[2] and overlap >= 0.5 * (b[1] - b[0]))


@kernel
def _fits(
    x: F64, y: F64, order: I32, starts: I32, owner: I32, a: int, b: int, headings: F64, most_apart: float
) -> bool:
    """Is there a rectangle of a car, along the heading of one of both, around ``b`` and what ``a`` owns?

    And are they no more than ``most_apart`` metres apart along its sides?
    """
    for heading in (headings[a], headings[b]):
        c, s = np.cos(heading), np.sin(heading)
        one, other = bounds_of(x, y, order[starts[b] : starts[b + 1]], c, s), np.array([1e18, -1e18, 1e18, -1e18])
        for k in range(len(owner)):
            if owner[k] == a:
                part = bounds_of(x, y, order[starts[k] : starts[k + 1]], c, s)
                other[0], other[1] = min(other[0], part[0]), max(other[1], part[1])
                other[2], other[3] = min(other[2], part[2]), max(other[3], part[3])
        u = max(one[1], other[1]) - min(one[0], other[0])
        v = max(one[3], other[3]) - min(one[2], other[2])
        apart = max(one[0] - other[1], other[0] - one[1], one[2] - other[3], other[2] - one[3])
        if apart <= most_apart and max(u, v) <= CAR[0] and min(u, v) <= CAR[1]:
            return True
    return False
