"""Two solids share no place: bits of vehicles, and what is guessed of one where another stands."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.fusion.completion import Boxes
from perception_core.fusion.object_table import ObjectTable
from perception_core.fusion.priors import VEHICLES
from perception_core.geometry import boxes as shapes
from perception_core.types import Sensor
from perception_core.types.classes import INDEX

Floats = NDArray[np.float64]

_INSIDE_SLACK = 0.1
"""Metres by which a fragment may stick out of the vehicle it belongs to."""

_GROWN, _OVERLAP = 0.5, 0.2
"""Metres that were guessed of a vehicle's length, and the share of its footprint by which it may lie on another."""

_VEHICLES = [INDEX[name] for name in sorted(VEHICLES)]


def inside_vehicles(
    visible: Boxes, whole: Boxes, probabilities: Floats, points: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell which objects stand within the whole box of a probable vehicle with more returns.

    They are bits of it, a bonnet or a mirror, or something beside it, and no second vehicle inside the first. Nor does
    what is guessed of a vehicle lie on one that shows more of itself: two solids share no place.
    """
    vehicles = np.flatnonzero(probabilities[:, _VEHICLES].sum(axis=1) >= 0.5)
    fewer = points[None] < points[vehicles, None]
    inside: NDArray[np.bool_] = (fewer & _within(visible.centre[:, None, :2], whole, vehicles)).any(axis=0)
    grown = whole.size[:, 0] - visible.size[:, 0]
    guessed = vehicles[(grown[vehicles] > _GROWN) & ~inside[vehicles]]
    apart = whole.centre[guessed, None, :2] - whole.centre[None, vehicles, :2]
    near = np.hypot(apart[..., 0], apart[..., 1]) < (whole.size[guessed, :1] + whole.size[None, vehicles, 0]) / 2
    near &= points[None, vehicles] > points[guessed, None]
    if not near.any():
        return inside
    corners, seen = (shapes.bev_corners(b.centre, b.size, b.yaw) for b in (whole, visible))
    for i, rivals in zip(guessed.tolist(), near, strict=True):
        inside[i] = any(_lies_more_on(corners[i], seen[i], corners[v]) for v in vehicles[rivals].tolist())
    return inside


def _lies_more_on(whole: Floats, seen: Floats, other: Floats) -> bool:
    """Tell whether an outline (4, 2) lies on another by far more of itself than the part of it that was seen does."""
    share = _shared(whole, other)
    return share > _OVERLAP and share > _shared(seen, other) + _OVERLAP


def _shared(own: Floats, other: Floats) -> float:
    """Return the share of an outline (4, 2) that lies on another."""
    return shapes.polygon_area(shapes.clip_polygon(own, other)) / max(shapes.polygon_area(own), 1e-6)


def outside_bigger(table: ObjectTable) -> NDArray[np.bool_]:
    """Tell which objects are no LiDAR fragments inside a vehicle that a camera named.

    Mirrors and parts seen through windows stand inside the box of their car, with no name of their own or with that of
    a vehicle; the car's box already blocks the place.
    """
    named = (table.sensors & np.uint8(Sensor.CAMERA)) > 0
    vehicle = np.isin(table.probabilities.argmax(axis=1), _VEHICLES)
    centre, size, yaw = table.boxes.centre, table.boxes.size, table.boxes.yaw
    top = centre[:, 2] + size[:, 2] / 2
    outer = np.flatnonzero(named & vehicle)
    inside = _within(shapes.bev_corners(centre, size, yaw), table.boxes, outer)
    inside &= top[None] <= top[outer, None] + 2 * _INSIDE_SLACK
    swallowed = (inside & (table.points[None] < table.points[outer, None])).any(axis=0)
    return np.asarray(~swallowed | (named & ~vehicle))


def _within(places: Floats, boxes: Boxes, outer: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return bool (V, M): which of M things lie with all of their points (M, K, 2) in each of the boxes ``outer``."""
    yaw, half = boxes.yaw[outer], boxes.size[outer, :2] / 2 + _INSIDE_SLACK
    within: NDArray[np.bool_] = _all_within(
        frozen(places), frozen(boxes.centre[outer, :2]), frozen(half), np.cos(yaw), np.sin(yaw)
    )
    return within


@njit(cache=True)
def _all_within(places: Floats, centre: Floats, half: Floats, c: Floats, s: Floats) -> NDArray[np.bool_]:
    out = np.ones((len(centre), len(places)), np.bool_)
    for v in range(len(centre)):
        for m in range(len(places)):
            for k in range(places.shape[1]):
                x, y = places[m, k, 0] - centre[v, 0], places[m, k, 1] - centre[v, 1]
                if abs(x * c[v] + y * s[v]) > half[v, 0] or abs(y * c[v] - x * s[v]) > half[v, 1]:
                    out[v, m] = False
                    break
    return out
