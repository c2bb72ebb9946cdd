"""Join the strips of a side that is seen at a grazing angle.

Along a side that leans away by the angle a from the line of sight, neighbouring beams meet it r * step / sin(a) apart:
0.7 m on the side of a car 20 m ahead in the next lane. No connecting distance bridges that without also joining what
stands in front of each other. But such strips are thin, follow each other in azimuth, and lie in line with the edge
of the face from which the side leads away.
"""

import numpy as np

from perception_core.lidar.cell_order import cells_by_label
from perception_core.lidar.directions import wrapped
from perception_core.lidar.jit import F32, F64, I32, kernel

MAX_LENGTH = 5.2
"""Metres; longest vehicle put together from strips."""
MAX_WIDTH = 2.6
FACE = 0.6
"""Metres across the line of sight a face must have to lead to a side."""
THICK = 0.35
"""Metres across the side; thicker pieces are things of their own."""
IN_LINE = 0.25, 0.1
"""Metres a strip may lie off the edge, and more for each metre of gap (the face's heading is not exact)."""
BEAM_STEP = 0.0035
"""Radians between neighbouring beams (0.2 degrees, a spinning LiDAR at 10 Hz)."""
GAP_SLACK = 1.3, 0.3
"""Factor on the spacing that follows from the beam step, and metres on top of it."""
TILT = 0.06
"""Error of a face's heading in radians; far away it decides whether a side seems to face the sensor."""
MAX_GAP = 2.5
"""Metres; largest gap between strips along the side."""
MAX_TURN = 0.012
"""Radians (0.7 degrees) of azimuth between strips."""


@kernel
def join_sides(
    x: F64, y: F64, azimuth: F64, reach: F64, bottom: F32, top: F32, points: I32, piece: I32, headings: F64, sensor: F64
) -> I32:
    """Return int32 (P,) the piece each piece belongs to; arguments as in ``merge_fragments``."""
    p = len(headings)
    order, starts = cells_by_label(piece, p)
    box, span, _, _, _ = measure(x, y, azimuth, reach, bottom, top, points, piece, headings)
    owner = np.arange(p).astype(np.int32)
    outwards = np.argsort(span[:, 2])
    for i in range(p):
        a = outwards[i]
        if owner[a] != a or not _is_face(box[a], span[a]):
            continue
        c, s = np.cos(headings[a]), np.sin(headings[a])
        eye = np.array([c * sensor[0] + s * sensor[1], c * sensor[1] - s * sensor[0]])
        for j in range(i + 1, p):
            b = outwards[j]
            if span[b, 2] > span[a, 3] + MAX_GAP:
                break
            if owner[b] != b or not _follows(box[b], span[b], span[a]):
                continue
            bounds = bounds_of(x, y, order[starts[b] : starts[b + 1]], c, s)
            if _in_line(bounds, box[a], eye, 0) or _in_line(bounds, box[a], eye, 1):
                owner[b] = a
                turn = wrapped(span[b, 4] - span[a, 4])
                span[a, 0], span[a, 1] = min(span[a, 0], span[b, 0] + turn), max(span[a, 1], span[b, 1] + turn)
                span[a, 3] = max(span[a, 3], span[b, 3])
                box[a, 0], box[a, 2] = min(box[a, 0], bounds[0]), min(box[a, 2], bounds[2])
                box[a, 1], box[a, 3] = max(box[a, 1], bounds[1]), max(box[a, 3], bounds[3])
    return owner


@kernel
def _is_face(box: F64, span: F64) -> bool:
    length, width = max(box[1] - box[0], box[3] - box[2]), min(box[1] - box[0], box[3] - box[2])
    return bool((span[1] - span[0]) * span[2] >= FACE and length <= MAX_LENGTH and width <= MAX_WIDTH)


@kernel
def _follows(box: F64, span: F64, face: F64) -> bool:
    """Is a piece thin, and next to the face in azimuth?"""
    if min(box[1] - box[0], box[3] - box[2]) > THICK:
        return False
    turn = wrapped(span[4] - face[4])
    return bool(span[0] + turn <= face[1] + MAX_TURN and span[1] + turn >= face[0] - MAX_TURN)


@kernel
def bounds_of(x: F64, y: F64, cells: I32, c: float, s: float) -> F64:
    """Bounds u_min, u_max, v_min, v_max float64 (4,) of cells along and across a heading of cosine c and sine s."""
    out = np.array([1e18, -1e18, 1e18, -1e18])
    for i in cells:
        u, v = c * x[i] + s * y[i], c * y[i] - s * x[i]
        out[0], out[1] = min(out[0], u), max(out[1], u)
        out[2], out[3] = min(out[2], v), max(out[3], v)
    return out


@kernel
def _in_line(bounds: F64, box: F64, eye: F64, axis: int) -> bool:
    """Does a strip continue the rectangle along ``axis`` on the edge that faces the sensor?"""
    low, high = 2 * axis, 2 * axis + 1
    side_low, side_high = 2 - low, 3 - low
    ahead = 0.5 * (bounds[low] + bounds[high]) - eye[axis]
    doubt = TILT * abs(ahead)
    upper = abs(bounds[side_high] - box[side_high]) < abs(bounds[side_low] - box[side_low])
    edge = box[side_high] if upper else box[side_low]
    aside = eye[1 - axis] - edge if upper else edge - eye[1 - axis]
    if aside < -doubt:
        return False
    spacing = BEAM_STEP * (aside * aside + ahead * ahead) / max(aside - doubt, 0.1)
    gap = max(bounds[low] - box[high], box[low] - bounds[high])
    if gap > min(GAP_SLACK[0] * spacing + GAP_SLACK[1], MAX_GAP):
        return False
    off = max(edge - bounds[side_low], bounds[side_high] - edge)
    if off > IN_LINE[0] + IN_LINE[1] * max(gap, 0.0):
        return False
    length = max(box[high], bounds[high]) - min(box[low], bounds[low])
    return bool(length <= MAX_LENGTH and box[side_high] - box[side_low] <= MAX_WIDTH + THICK)


@kernel
def measure(
    x: F64, y: F64, azimuth: F64, reach: F64, bottom: F32, top: F32, points: I32, piece: I32, headings: F64
) -> tuple[F64, F64, F64, F64, I32]:
    """Measure each piece.

    Rectangle (P, 4) u and v bounds; span (P, 5) least and greatest azimuth relative to a reference, least and
    greatest range, reference azimuth; lowest and highest height (P,); points (P,).
    """
    p = len(headings)
    box, span = np.empty((p, 4)), np.empty((p, 5))
    box[:, 0], box[:, 1], box[:, 2], box[:, 3] = 1e18, -1e18, 1e18, -1e18
    span[:, 0], span[:, 1], span[:, 2], span[:, 3], span[:, 4] = 1e18, -1e18, 1e18, 0.0, 1e18
    low, high = np.full(p, 1e18), np.full(p, -1e18)
    count = np.zeros(p, np.int32)
    c, s = np.cos(headings), np.sin(headings)
    for i in range(len(x)):
        k = piece[i]
        u, v = c[k] * x[i] + s[k] * y[i], c[k] * y[i] - s[k] * x[i]
        box[k, 0], box[k, 1] = min(box[k, 0], u), max(box[k, 1], u)
        box[k, 2], box[k, 3] = min(box[k, 2], v), max(box[k, 3], v)
        if span[k, 4] > 1e17:
            span[k, 4] = azimuth[i]
        turn = wrapped(azimuth[i] - span[k, 4])
        span[k, 0], span[k, 1] = min(span[k, 0], turn), max(span[k, 1], turn)
        span[k, 2], span[k, 3] = min(span[k, 2], reach[i]), max(span[k, 3], reach[i])
        low[k], high[k] = min(low[k], bottom[i]), max(high[k], top[i])
        count[k] += points[i]
    return box, span, low, high, count
