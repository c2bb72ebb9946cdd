"""Two solids share no place: bits of vehicles, and what is guessed of one where another stands."""

import numpy as np
from numpy.typing import NDArray

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
    inside = np.zeros(len(points), np.bool_)
    for v in vehicles.tolist():
        local = _local(visible.centre[:, None, :2], whole, v)[:, 0]
        inside |= (local <= whole.size[v, :2] / 2 + _INSIDE_SLACK).all(axis=1) & (points < points[v])
    grown = whole.size[:, 0] - visible.size[:, 0]
    corners, seen = (shapes.bev_corners(b.centre, b.size, b.yaw) for b in (whole, visible))
    for i in vehicles[(grown[vehicles] > _GROWN) & ~inside[vehicles]].tolist():
        reach = (whole.size[vehicles, 0] + whole.size[i, 0]) / 2
        near = np.hypot(*(whole.centre[vehicles, :2] - whole.centre[i, :2]).T) < reach
        rivals = vehicles[near & (points[vehicles] > points[i])]
        inside[i] = any(_lies_more_on(corners[i], seen[i], corners[v]) for v in rivals.tolist())
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
    swallowed = np.zeros(len(named), dtype=np.bool_)
    centre, size, yaw = table.boxes.centre, table.boxes.size, table.boxes.yaw
    corners = shapes.bev_corners(centre, size, yaw)
    top = centre[:, 2] + size[:, 2] / 2
    for v in np.flatnonzero(named & vehicle).tolist():
        local = _local(corners, table.boxes, v)
        inside = (local <= size[v, :2] / 2 + _INSIDE_SLACK).all(axis=(1, 2)) & (top <= top[v] + 2 * _INSIDE_SLACK)
        swallowed |= inside & (table.points < table.points[v])
    return ~swallowed | (named & ~vehicle)


def _local(points: Floats, boxes: Boxes, v: int) -> Floats:
    """Return how far points (M, K, 2) lie from the middle of box ``v`` along and across it, metres."""
    c, s = np.cos(boxes.yaw[v]), np.sin(boxes.yaw[v])
    return np.asarray(np.abs((points - boxes.centre[v, :2]) @ np.array([[c, -s], [s, c]])))
