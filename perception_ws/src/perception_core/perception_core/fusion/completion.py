"""From the visible part of an object to a box of the whole object, with what is guessed in the covariance.

A LiDAR sees the near sides. The near face keeps its place; the far side moves away from the sensor by what is missing.
How much that is depends on what the object is: every class, lying along or across what was seen, says its own (see
:mod:`.extents`), and the box is their mean, weighted by their probabilities. A class that is as likely as not so moves
the centre half way, and the other half stands in the covariance (the moments of the mixture). So do both ways to lie of
what a camera has named, by the squares of their probabilities: between their mean, which errs least in the place, and
the likelier way, which errs least in the size. What only its shape speaks for may be a piece of a wall, which does not
go on to its side: it lies in the likelier way.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.fusion.extents import CLASS_OF_KIND, Extents, Seen
from perception_core.types import Clusters, classes

Floats = NDArray[np.float64]

_FACE_NOISE = 0.1
"""Metres by which the ends of a seen face scatter; over its length that is an angle."""

_TILT_SIGMA = 0.05
"""Radians: obstacles stand upright on nearly level ground."""

_FACE_SIGMA = 0.08, 0.002
"""Metres, and a metre of range: how well the seen faces are known."""

_BOTTOM_SIGMA = 0.1
"""Metres, of the ground under an object."""


_SLIM_SIGMA = 0.06, 0.001
"""The same of people and of what they ride, which have no mirrors, and turn no corner within a scan."""

_SLIM_ONE_SIDED = {
    classes.PERSON: 0.25,
    classes.ANIMAL: 0.5,
    classes.CYCLIST: 0.5,
    classes.BICYCLE: 0.5,
    classes.MOTORCYCLE: 0.5,
}
"""How far the missing part of a thing lies behind what was seen, where that is not all of it: a person's box holds arms
and stride all around the trunk and the legs that return the beams."""

_EITHER_SIDE = 16.0
"""Variance of where a missing part lies that is spread over both sides, as a share of its square: less than the 1 / 12
of an even spread, more than the 1 / 20 of one that is mostly even on both sides."""

_FACE = np.array([_SLIM_SIGMA if classes.CLASSES[c] in _SLIM_ONE_SIDED else _FACE_SIGMA for c in CLASS_OF_KIND])
_ONE_SIDED = np.array([_SLIM_ONE_SIDED.get(classes.CLASSES[c], 1.0) for c in CLASS_OF_KIND])


@dataclass(frozen=True, slots=True)
class Boxes:
    """M oriented boxes: centre, size float64 (M, 3), yaw (M,), covariance (M, 6, 6) of x, y, z, roll, pitch, yaw."""

    centre: Floats
    size: Floats
    yaw: Floats
    covariance: Floats

    def where(self, mine: NDArray[np.bool_], other: "Boxes") -> "Boxes":
        """Return these boxes where ``mine`` (M,) says so, else the ``other`` ones."""
        return Boxes(
            np.where(mine[:, None], self.centre, other.centre),
            np.where(mine[:, None], self.size, other.size),
            np.where(mine, self.yaw, other.yaw),
            np.where(mine[:, None, None], self.covariance, other.covariance),
        )


def visible_boxes(clusters: Clusters) -> Boxes:
    """Return the boxes of what was seen; the yaw is the less certain the rounder the box and the fewer its points."""
    covariance = np.zeros((len(clusters), 6, 6))
    covariance[:, :3, :3] = clusters.covariance
    covariance[:, 3, 3] = covariance[:, 4, 4] = _TILT_SIGMA**2
    elongation = np.maximum(clusters.size[:, 0] - clusters.size[:, 1], 0.05)
    by_shape = np.arctan2(_FACE_NOISE, elongation)
    by_count = 0.5 / np.sqrt(np.maximum(clusters.point_count, 1))
    covariance[:, 5, 5] = np.minimum(np.hypot(by_shape, by_count), np.pi / 4) ** 2
    return Boxes(clusters.centre, clusters.size, clusters.yaw, covariance)


def complete(
    boxes: Boxes, seen: Seen, bottom: Floats, extents: Extents, probabilities: Floats, named: NDArray[np.bool_]
) -> Boxes:
    """Extend visible boxes to the whole objects, away from the sensor over the origin of the base frame.

    Args:
        boxes: M boxes of what was seen, in the base frame.
        seen: their description.
        bottom: float64 (M,) metres from the ground up to their lowest point.
        extents: what each class says of them.
        probabilities: float64 (M, C) of the classes, ``unknown`` last: such a thing stays as it was seen.
        named: bool (M,) whether a camera names it.

    Returns:
        Boxes at least as large as the seen ones; what is near stays where it was seen.
    """
    unknown = probabilities[:, -1]
    weight = probabilities[:, CLASS_OF_KIND, None] * extents.share
    missing = np.maximum(extents.mean - seen.extent[:, None, None, :], 0.0)
    chosen = _by_way(weight, unknown, named)
    grown = np.einsum("mco,mcoa->ma", chosen, missing)
    mean_shift, spread = _shifts(
        frozen(missing),
        frozen(extents.variance),
        frozen(_directions(seen)[:, None, :] * _ONE_SIDED[:, None]),
        frozen(_FACE[:, 0] + _FACE[:, 1] * seen.range[:, None]),
        frozen(weight),
        frozen(chosen),
        frozen(unknown),
    )
    axes = _axes(boxes.yaw)
    low, high = bottom, _rise(seen, extents, probabilities)
    covariance = boxes.covariance.copy()
    covariance[:, :3, :3] *= unknown[:, None, None]
    covariance[:, :2, :2] += axes.transpose(0, 2, 1) @ spread @ axes
    covariance[:, 2, 2] += (1.0 - unknown) * 2.0 * _BOTTOM_SIGMA**2 + high[1]
    centre = boxes.centre.copy()
    centre[:, :2] += np.einsum("ma,mab->mb", mean_shift, axes)
    fall = (1.0 - unknown) * np.maximum(low, 0.0)
    centre[:, 2] += (high[0] - fall) / 2
    size = boxes.size + np.column_stack([grown, high[0] + fall])
    return _longer_first(Boxes(centre, size, boxes.yaw, covariance))


@njit(cache=True)
def _shifts(
    missing: Floats,
    variance: Floats,
    direction: Floats,
    sigma: Floats,
    weight: Floats,
    chosen: Floats,
    unknown: Floats,
) -> tuple[Floats, Floats]:
    """Return by how much M boxes move as they grow, and how that spreads over K kinds and both ways to lie.

    Args:
        missing, variance: float64 (M, K, 2, 2) metres that were not seen of the true extents, m^2 of those.
        direction: float64 (M, K, 2) in [-1, 1]: towards which end a thing goes on, and how far all of it is there.
        sigma: float64 (M, K) metres, of the seen faces.
        weight: float64 (M, K, 2) probabilities.
        chosen: float64 (M, K, 2) the weights by which the box is shaped.
        unknown: float64 (M,) probability of a thing that stays as it was seen.

    Returns:
        float64 (M, 2) metres along and across the boxes, and the covariance (M, 2, 2) of their middles, m^2.
    """
    things, kinds = sigma.shape
    moved, spread = np.zeros((things, 2)), np.zeros((things, 2, 2))
    shift, within = np.empty((2, kinds, 2)), np.empty(2)
    for m in range(things):
        within[:] = 0.0
        for way, k, a in np.ndindex(2, kinds, 2):
            shift[way, k, a] = 0.5 * direction[m, k, a] * missing[m, k, way, a]
            moved[m, a] += chosen[m, k, way] * shift[way, k, a]
            aside = direction[m, k, a] ** 2
            either = (1.0 - aside) * (variance[m, k, way, a] + missing[m, k, way, a] ** 2) / _EITHER_SIDE
            within[a] += weight[m, k, way] * (aside * variance[m, k, way, a] / 4.0 + either + sigma[m, k] ** 2)
        # What each kind and way says besides is spread around the box.
        for way, k, a, b in np.ndindex(2, kinds, 2, 2):
            off = weight[m, k, way] * (shift[way, k, a] - moved[m, a])
            spread[m, a, b] += off * (shift[way, k, b] - moved[m, b])
        for a, b in np.ndindex(2, 2):
            spread[m, a, b] += unknown[m] * moved[m, a] * moved[m, b]
            spread[m, a, b] += within[a] if a == b else 0.0
    return moved, spread


def _by_way(weight: Floats, unknown: Floats, named: NDArray[np.bool_]) -> Floats:
    """Return the weights (M, K, 2) with those of the two ways to lie in the shares in which they shape the box."""
    share = weight.sum(axis=1)
    likelier = np.stack([share[:, 0] >= share[:, 1], share[:, 0] < share[:, 1]], axis=1)
    way = np.where(named[:, None], share**2, likelier)
    way = way / np.maximum(way.sum(axis=1, keepdims=True), 1e-12)
    scale = (1.0 - unknown)[:, None] * way / np.maximum(share, 1e-12)
    return np.asarray(weight * scale[:, None, :])


def _directions(seen: Seen) -> Floats:
    """Return (M, 2) in [-1, 1]: towards which end of each axis an object goes on, 0 for both alike."""
    lower, upper = seen.covered[..., 0], seen.covered[..., 1]
    return np.where(lower == upper, seen.sight, np.where(upper, 1.0, -1.0))


def _rise(seen: Seen, extents: Extents, probabilities: Floats) -> tuple[Floats, Floats]:
    """Return (M,) metres by which the whole objects are higher than what was seen, and the variance of their middle."""
    weight = probabilities[:, CLASS_OF_KIND] * extents.share.sum(axis=2)
    missing = np.maximum(extents.height - seen.top[:, None], 0.0)
    mean = (weight * missing).sum(axis=1)
    variance = (weight * (extents.height_variance + missing**2)).sum(axis=1) - mean**2
    return mean, variance / 4


def _axes(yaw: Floats) -> Floats:
    """Return (M, 2, 2): the directions along and across, as rows."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack([np.stack([c, s], axis=1), np.stack([-s, c], axis=1)], axis=1)


def _longer_first(boxes: Boxes) -> Boxes:
    """Return the same boxes with their length along the longer side."""
    turned = boxes.size[:, 1] > boxes.size[:, 0]
    size = np.where(turned[:, None], boxes.size[:, [1, 0, 2]], boxes.size)
    yaw = boxes.yaw + np.where(turned, np.where(boxes.yaw <= 0.0, np.pi / 2, -np.pi / 2), 0.0)
    return Boxes(boxes.centre, size, yaw, boxes.covariance)


def merge_boxes(boxes: Boxes, parts: list[int], points: list[int]) -> tuple[Floats, Floats, float, Floats]:
    """Join the visible boxes of the parts of one object along the axes of the part with the most points.

    Args:
        boxes: of all things.
        parts: two or more of them.
        points: point count of each part.

    Returns:
        Centre (3,), size (3,), yaw and covariance (6, 6).
    """
    lead = parts[int(np.argmax(points))]
    yaw = float(boxes.yaw[lead])
    to_lead = _axes(boxes.yaw[[lead]])[0]
    turn = boxes.yaw[parts] - yaw
    c, s = np.abs(np.cos(turn)), np.abs(np.sin(turn))
    half = boxes.size[parts] / 2
    reach = np.column_stack([c * half[:, 0] + s * half[:, 1], s * half[:, 0] + c * half[:, 1], half[:, 2]])
    middle = boxes.centre[parts] - boxes.centre[lead]
    middle[:, :2] = middle[:, :2] @ to_lead.T
    low, high = (middle - reach).min(axis=0), (middle + reach).max(axis=0)
    offset = (low + high) / 2
    centre = boxes.centre[lead] + np.append(offset[:2] @ to_lead, offset[2])
    one = Boxes(centre[None], (high - low)[None], np.array([yaw]), boxes.covariance[[lead]])
    merged = _longer_first(one)
    return merged.centre[0], merged.size[0], float(merged.yaw[0]), merged.covariance[0]
