"""Clusters that break up: a second box inside a confirmed track is a part of it, not a new object."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.geometry import boxes
from perception_core.tracking import class_belief, ends
from perception_core.tracking.measurements import Measurements
from perception_core.tracking.table import TrackTable

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

SAME_CLASS = 0.3
"""Agreement of classes from which on two boxes may be one object: a person beside a car is no part of it."""

_GROWTH = 0.5
"""Metres by which a rejoined box may exceed the track's: more is a neighbour, not a part."""


def owners(tracks: TrackTable, rows: Indices, left: Measurements, overlap: float) -> Indices:
    """Find the track of which each unmatched measurement is a fragment.

    Args:
        tracks: predicted, not yet corrected.
        rows: (K,) tracks that have a measurement in this scan; the others own nothing.
        left: (L,) measurements without a track.
        overlap: share of the measured box that must lie inside the track's.

    Returns:
        int64 (L,) row in ``tracks``, -1 for none; of several the one with the largest overlap.
    """
    candidates = rows[tracks.confirmed[rows]]
    owner = np.full(len(left), -1, dtype=np.int64)
    if len(candidates) == 0 or len(left) == 0:
        return owner
    inside = inside_share(
        left.centre,
        left.size,
        left.yaw,
        tracks.state[candidates, :3],
        tracks.size[candidates],
        tracks.heading[candidates, 0],
    )
    agreement = class_belief.agreement(tracks.class_probabilities[candidates], left.class_probabilities).T
    inside[agreement < SAME_CLASS] = 0.0
    best = inside.argmax(axis=1)
    good = inside[np.arange(len(left)), best] >= overlap
    owner[good] = candidates[best[good]]
    return owner


def inside_share(
    centre: Floats, size: Floats, yaw: Floats, outer_centre: Floats, outer_size: Floats, outer_yaw: Floats
) -> Floats:
    """Return (L, T) in [0, 1]: which share of each box lies inside each outer box.

    Boxes are (L or T, 3), (L or T, 3), (L or T,). Seen from above, in the axes of the outer box, the inner
    one is replaced by its bounding rectangle; boxes apart in height share nothing.
    """
    out: Floats = _inside_share(
        frozen(centre), frozen(size), frozen(yaw), frozen(outer_centre), frozen(outer_size), frozen(outer_yaw)
    )
    return out


@njit(cache=True)
def _inside_share(
    centre: Floats, size: Floats, yaw: Floats, outer_centre: Floats, outer_size: Floats, outer_yaw: Floats
) -> Floats:
    out = np.zeros((len(centre), len(outer_centre)))
    for j in range(len(outer_centre)):
        reach = math.hypot(outer_size[j, 0], outer_size[j, 1]) / 2.0
        c, s = math.cos(outer_yaw[j]), math.sin(outer_yaw[j])
        for i in range(len(centre)):
            dx, dy = centre[i, 0] - outer_centre[j, 0], centre[i, 1] - outer_centre[j, 1]
            near = reach + math.hypot(size[i, 0], size[i, 1]) / 2.0
            apart = abs(centre[i, 2] - outer_centre[j, 2]) >= (size[i, 2] + outer_size[j, 2]) / 2.0
            if apart or dx * dx + dy * dy >= near * near:
                continue
            turn = yaw[i] - outer_yaw[j]
            ct, st = abs(math.cos(turn)), abs(math.sin(turn))
            along, across = ct * size[i, 0] + st * size[i, 1], st * size[i, 0] + ct * size[i, 1]
            x = _shared(c * dx + s * dy, along, outer_size[j, 0])
            y = _shared(c * dy - s * dx, across, outer_size[j, 1])
            out[i, j] = x * y / (max(along, 1e-6) * max(across, 1e-6))
    return out


@njit(cache=True)
def _shared(middle: float, length: float, outer: float) -> float:
    """Return how many metres of an interval lie within another around 0."""
    low, high = max(middle - length / 2.0, -outer / 2.0), min(middle + length / 2.0, outer / 2.0)
    return max(high - low, 0.0)


def rejoin(tracks: TrackTable, rows: Indices, seen: Measurements, left: Measurements, owner: Indices) -> None:
    """Widen, in place, the matched measurements ``seen`` (K,) of ``rows`` (K,) by their fragments.

    The joined box has the track's yaw; it is left as it was if it would outgrow the track.
    """
    for k in np.flatnonzero(np.isin(rows, owner)):
        row = rows[k]
        parts = left.select(np.flatnonzero(owner == row))
        unite(seen, int(k), parts, tracks.heading[row, 0], tracks.size[row, :2] + _GROWTH)


def unite(seen: Measurements, k: int, parts: Measurements, target: float, most: Floats) -> bool:
    """Make one box of measurement ``k`` and its ``parts``, in place, unless it is larger than ``most`` (2,) metres.

    ``target`` is its yaw, in radians. Return whether it is one now.
    """
    centre = np.vstack([seen.centre[k : k + 1], parts.centre])
    size = np.vstack([seen.size[k : k + 1], parts.size])
    yaw = np.append(seen.yaw[k], parts.yaw)
    low, high = bounds(centre, size, yaw, target)
    low_xy, high_xy = low.min(axis=0), high.max(axis=0)
    if (high_xy - low_xy > most).any():
        return False
    bottom, top = (centre[:, 2] - size[:, 2] / 2).min(), (centre[:, 2] + size[:, 2] / 2).max()
    c, s = np.cos(target), np.sin(target)
    x, y = (low_xy + high_xy) / 2.0
    seen.centre[k] = c * x - s * y, s * x + c * y, (bottom + top) / 2.0
    seen.size[k] = *(high_xy - low_xy), top - bottom
    seen.loose[k] = _joined_ends(seen.loose[k], parts.loose, yaw, np.full(len(yaw), target), low, high)
    seen.yaw[k] = target
    return True


def _joined_ends(
    first: NDArray[np.bool_], others: NDArray[np.bool_], yaw: Floats, target: Floats, low: Floats, high: Floats
) -> NDArray[np.bool_]:
    """Return the loose ends (2, 2) of joined parts with bounds (N, 2): those of the outermost parts."""
    turns = np.rint((target - yaw) / (np.pi / 2.0)).astype(np.int64)
    loose = ends.turned(np.concatenate([first[None], others]), turns)
    axis = np.arange(2)
    return np.column_stack([loose[low.argmin(axis=0), axis, 0], loose[high.argmax(axis=0), axis, 1]])


def bounds(centre: Floats, size: Floats, yaw: Floats, target: float) -> tuple[Floats, Floats]:
    """Return lower and upper bounds (N, 2) in metres of boxes (N, 3), (N, 3), (N,) along axes turned by ``target``."""
    corners = boxes.bev_corners(centre, size, yaw)
    c, s = np.cos(target), np.sin(target)
    local = np.stack([c * corners[..., 0] + s * corners[..., 1], c * corners[..., 1] - s * corners[..., 0]], axis=2)
    return local.min(axis=1), local.max(axis=1)
