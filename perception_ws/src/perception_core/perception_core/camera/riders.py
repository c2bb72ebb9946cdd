"""A rider and what is ridden are one object for a planner.

COCO labels the person and the bicycle apart. The rule, in image pixels, with P the person's box and V the
box of the bicycle or motorcycle (y down):

1. Aligned: the centre of P lies between the left and the right side of V, or the centre of V between those
   of P (a bicycle seen from ahead is narrower than its rider).
2. Overlap: the intersection is at least 30 % of the smaller of the two areas.
3. Head above the vehicle: the top of P is above the top of V by at least 15 % of V's height.
4. Feet on it: the bottom of P is below the top of V, and not below the bottom of V by more than 10 % of V's
   height (someone who walks in front of a parked bicycle stands nearer, so lower in the image).
5. Of one scale: P is between 0.8 and 2.5 times as high as V.

Pairs are made greedily, largest overlap first; a person rides one vehicle, a bicycle carries one person, a
motorcycle up to two. The result has the box around all of them, the best score of them, and the class
``cyclist`` (bicycle) or ``motorcycle``. Someone who pushes a bicycle, level with it, satisfies the rule
too: ``cyclist`` is the more cautious answer for a planner.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.types.classes import BICYCLE, CYCLIST, INDEX, MOTORCYCLE, PERSON

_SEATS = {INDEX[BICYCLE]: 1, INDEX[MOTORCYCLE]: 2}
_RIDDEN = {INDEX[BICYCLE]: INDEX[CYCLIST], INDEX[MOTORCYCLE]: INDEX[MOTORCYCLE]}
_MIN_OVERLAP = 0.3
_MIN_HEAD = 0.15
_MAX_FEET = 0.1
_HEIGHT_RATIO = (0.8, 2.5)

Columns = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]]


def merge_riders(boxes: NDArray[np.float64], scores: NDArray[np.float64], class_ids: NDArray[np.int32]) -> Columns:
    """Join persons with the bicycles and motorcycles they ride.

    Args:
        boxes: float64 (N, 4) x_min, y_min, x_max, y_max in pixels.
        scores: float64 (N,).
        class_ids: int32 (N,) columns of ``types.classes.CLASSES``.

    Returns:
        The same columns of M <= N objects, best score first; equal scores keep their order.
    """
    there = set(class_ids.tolist())
    if INDEX[PERSON] not in there or there.isdisjoint(_SEATS):
        return boxes, scores, class_ids
    persons = np.flatnonzero(class_ids == INDEX[PERSON])
    vehicles = np.flatnonzero((class_ids == INDEX[BICYCLE]) | (class_ids == INDEX[MOTORCYCLE]))
    boxes, scores, class_ids = boxes.copy(), scores.copy(), class_ids.copy()
    kept = np.ones(len(boxes), bool)
    for person, vehicle in _pairs(boxes, class_ids, persons, vehicles):
        kept[person] = False
        boxes[vehicle, :2] = np.minimum(boxes[vehicle, :2], boxes[person, :2])
        boxes[vehicle, 2:] = np.maximum(boxes[vehicle, 2:], boxes[person, 2:])
        scores[vehicle] = max(scores[vehicle], scores[person])
        class_ids[vehicle] = _RIDDEN.get(int(class_ids[vehicle]), class_ids[vehicle])
    order = np.flatnonzero(kept)
    order = order[np.argsort(-scores[order], kind="stable")]
    return boxes[order], scores[order], class_ids[order]


def _pairs(
    boxes: NDArray[np.float64],
    class_ids: NDArray[np.int32],
    persons: NDArray[np.intp],
    vehicles: NDArray[np.intp],
) -> list[tuple[int, int]]:
    overlap = riding_overlap(boxes[persons], boxes[vehicles])
    seats = [_SEATS[int(class_ids[v])] for v in vehicles]
    riding: set[int] = set()
    pairs = []
    for flat in np.argsort(-overlap, axis=None, kind="stable"):
        p, v = divmod(int(flat), len(vehicles))
        if overlap[p, v] == 0.0:
            break
        if p in riding or seats[v] == 0:
            continue
        riding.add(p)
        seats[v] -= 1
        pairs.append((int(persons[p]), int(vehicles[v])))
    return pairs


def riding_overlap(persons: NDArray[np.float64], vehicles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 (P, V): intersection over the smaller area where person p rides vehicle v, else 0."""
    p, v = persons[:, np.newaxis], vehicles[np.newaxis]
    width = np.minimum(p[..., 2], v[..., 2]) - np.maximum(p[..., 0], v[..., 0])
    height = np.minimum(p[..., 3], v[..., 3]) - np.maximum(p[..., 1], v[..., 1])
    intersection = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    areas_p, areas_v = _area(p), _area(v)
    overlap = intersection / np.maximum(np.minimum(areas_p, areas_v), 1e-9)

    height_p, height_v = p[..., 3] - p[..., 1], v[..., 3] - v[..., 1]
    head = v[..., 1] - p[..., 1] >= _MIN_HEAD * height_v
    feet = (p[..., 3] > v[..., 1]) & (p[..., 3] - v[..., 3] <= _MAX_FEET * height_v)
    scale = (height_p >= _HEIGHT_RATIO[0] * height_v) & (height_p <= _HEIGHT_RATIO[1] * height_v)
    aligned = _holds_centre(v, p) | _holds_centre(p, v)
    rides = aligned & (overlap >= _MIN_OVERLAP) & head & feet & scale
    return np.where(rides, overlap, 0.0)


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    area: NDArray[np.float64] = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return area


def _holds_centre(outer: NDArray[np.float64], inner: NDArray[np.float64]) -> NDArray[np.bool_]:
    centre = 0.5 * (inner[..., 0] + inner[..., 2])
    held: NDArray[np.bool_] = (outer[..., 0] <= centre) & (centre <= outer[..., 2])
    return held
