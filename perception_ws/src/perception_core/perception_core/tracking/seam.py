"""The seam of the sweep: what stands where a turn of the LiDAR begins and ends is seen in two parts, a turn apart.

Who follows the robot at 30 m/s has gone 3 m on between its left and its right half: two clusters, and two tracks that
would go side by side for as long as it follows. With the velocity of a track both parts can be moved to one time; if
they touch then, and are together no larger than vehicles are, they are one.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.tracking import class_belief, fragments, imm
from perception_core.tracking.anchoring import SMALL
from perception_core.tracking.measurements import NO_HULL, Measurements
from perception_core.tracking.table import TrackTable

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_TURN = 0.03
"""Seconds between the parts: more than a swing of the beam over any object takes, less than a turn at 20 Hz."""

_NEAR = 10.0
"""Metres between the middles of parts: half a truck, and the way of a fast one within a turn."""

_FAST, _MOVES = 3.0, 0.9
"""m/s, probability: what is slower does not part; what may stand has no velocity to move parts by."""

_TOUCH = 0.3
"""Metres between parts of one body: beam spacing, and the error of the velocity over a turn."""

_BROADEST, _LONGEST = 2.7, 20.0
"""Metres: no vehicle is broader, or longer."""

_MOST = np.array([_LONGEST, _LONGEST])
"""Metres along both axes of what several pairs make together."""


def join(tracks: TrackTable, seen: Measurements, overlap: float) -> Measurements:
    """Return the measurements with the parts of one vehicle on both sides of the seam made one, the others as they are.

    Args:
        tracks: predicted to the stamp of the scan.
        seen: of one scan.
        overlap: share of one part that must lie inside the track whose velocity moves them.
    """
    speed = np.hypot(tracks.state[:, 3], tracks.state[:, 4])
    moving = tracks.confirmed & (speed > _FAST) & (tracks.model_probability[:, imm.STILL] < 1.0 - _MOVES)
    moving &= np.maximum(tracks.size[:, 0], tracks.size[:, 1]) > SMALL  # half a vehicle is larger
    first, second = _across(seen, tracks.state[moving, :2])
    if len(first) == 0:
        return seen
    out, gone = seen.select(np.arange(len(seen))), np.zeros(len(seen), dtype=np.bool_)
    for row in np.flatnonzero(moving).tolist():
        for a, b in _parts_of(tracks, row, seen, first, second, overlap):
            if not (gone[a] or gone[b]):
                big, small = (a, b) if seen.point_count[a] >= seen.point_count[b] else (b, a)
                part = _moved(out, small, out.late[big], tracks.state[row, 3:])
                if fragments.unite(out, big, part, tracks.heading[row, 0], _MOST):
                    out.point_count[big] += out.point_count[small]
                    out.hull[big] = NO_HULL
                    gone[small] = True
    return out.select(np.flatnonzero(~gone)) if gone.any() else seen


def _across(seen: Measurements, place: Floats) -> tuple[Indices, Indices]:
    """Return pairs of like measurements that a LiDAR saw a turn apart, the later ones first, near one of some places.

    The places (P, 2) are those of tracks that move: most scans have nothing to be asked further.
    """
    late = seen.late[seen.lidar]
    if len(place) == 0 or len(late) == 0 or not late.max() - late.min() > _TURN:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    away = np.linalg.norm(seen.centre[:, None, :2] - place[None], axis=2)
    asked = np.flatnonzero(seen.lidar & (away < _NEAR).any(axis=1))
    later = seen.late[asked, None] - seen.late[None, asked] > _TURN
    later &= np.linalg.norm(seen.centre[asked, None, :2] - seen.centre[None, asked, :2], axis=2) < _NEAR
    if not later.any():
        return asked[:0], asked[:0]
    classes = seen.class_probabilities[asked]
    a, b = np.nonzero(later & (class_belief.agreement(classes, classes) >= fragments.SAME_CLASS))
    return asked[a], asked[b]


def _parts_of(
    tracks: TrackTable, row: int, seen: Measurements, first: Indices, second: Indices, overlap: float
) -> list[tuple[int, int]]:
    """Return those of the pairs that are parts of one track: at one time they touch, and one of them lies in it."""
    near = np.abs(seen.centre[first, :2] - tracks.state[row, :2]).max(axis=1) < _NEAR
    if not near.any():
        return []
    asked, index = np.unique(np.concatenate([first[near], second[near]]), return_inverse=True)
    a, b = index.reshape(2, -1)
    box = tracks.state[row : row + 1, :3], tracks.size[row : row + 1], tracks.heading[row : row + 1, 0]
    place = seen.centre[asked] - seen.late[asked, None] * tracks.state[row, 3:], seen.size[asked], seen.yaw[asked]
    inside = fragments.inside_share(*place, *box)[:, 0] >= overlap
    if not inside.any():
        return []
    low, high = fragments.bounds(*place, tracks.heading[row, 0])
    gap = np.maximum(low[a] - high[b], low[b] - high[a]).max(axis=1)
    extent = np.maximum(high[a], high[b]) - np.minimum(low[a], low[b])
    fits = (extent.max(axis=1) < _LONGEST) & (extent.min(axis=1) < _BROADEST)
    one = (inside[a] | inside[b]) & (gap < _TOUCH) & fits
    return list(zip(asked[a[one]].tolist(), asked[b[one]].tolist(), strict=True))


def _moved(seen: Measurements, part: int, late: float, velocity: Floats) -> Measurements:
    """Return one measurement as it would have been ``late`` seconds after the stamp, at a ``velocity`` (3,) in m/s."""
    out = seen.select(np.array([part]))
    out.centre[0] += (late - out.late[0]) * velocity
    out.late[0] = late
    return out
