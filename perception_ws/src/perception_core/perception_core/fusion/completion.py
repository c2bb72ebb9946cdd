"""From the visible part of an object to a box of the whole object, with what is guessed in the covariance.

A LiDAR sees the near sides. The near face keeps its place; the far side moves away from the sensor to the size of the
class. The share of the prior that was used shows in the covariance: an extent guessed with deviation s moves the
centre with deviation s / 2 along that axis.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.fusion.priors import SizePrior
from perception_core.types import Clusters

_FACE_SLACK = 0.45
"""Metres by which a visible extent may exceed the prior's width and still be the narrow (front or rear) face."""

_FACE_NOISE = 0.1
"""Metres by which the ends of a seen face scatter; over its length that is an angle."""

_TILT_SIGMA = 0.05
"""Radians: obstacles stand upright on nearly level ground."""

_EDGE_ON = 0.15
"""A side seen under a smaller sine than this gives no end of its own: its extent is a guess."""


@dataclass(frozen=True, slots=True)
class Box:
    """One oriented box with covariance; ``covariance`` is float64 (6, 6) of x, y, z, roll, pitch, yaw."""

    centre: NDArray[np.float64]
    size: NDArray[np.float64]
    yaw: float
    covariance: NDArray[np.float64]


def visible_boxes(clusters: Clusters) -> list[Box]:
    """Return the boxes of what was seen; the yaw is the less certain the rounder the box and the fewer its points."""
    m = len(clusters)
    covariance = np.zeros((m, 6, 6))
    covariance[:, :3, :3] = clusters.covariance
    covariance[:, 3, 3] = covariance[:, 4, 4] = _TILT_SIGMA**2
    elongation = np.maximum(clusters.size[:, 0] - clusters.size[:, 1], 0.05)
    by_shape = np.arctan2(_FACE_NOISE, elongation)
    by_count = 0.5 / np.sqrt(np.maximum(clusters.point_count, 1))
    covariance[:, 5, 5] = np.minimum(np.hypot(by_shape, by_count), np.pi / 4) ** 2
    columns = zip(clusters.centre, clusters.size, clusters.yaw.tolist(), covariance, strict=True)
    return [Box(centre, size, yaw, cov) for centre, size, yaw, cov in columns]


def complete(box: Box, prior: SizePrior, solid: bool) -> Box:
    """Extend a visible box to the size of its class, away from the sensor at the origin of the base frame.

    Args:
        box: what was seen, in the base frame (the LiDAR stands above its origin).
        prior: size of the class.
        solid: True for vehicles, whose narrow face may be all that is seen: the hidden axis is then the length.

    Returns:
        A box at least as large as the seen one; the near faces stay where they were seen.
    """
    size, yaw = box.size.copy(), box.yaw
    if solid and size[0] <= prior.mean[1] + _FACE_SLACK and _faces_sensor_across(box):
        size[[0, 1]] = size[[1, 0]]
        yaw = yaw + np.pi / 2 if yaw <= 0 else yaw - np.pi / 2
    axes = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
    centre = box.centre.copy()
    covariance = box.covariance.copy()
    sight = -centre[:2] / max(float(np.linalg.norm(centre[:2])), 1e-6)
    for axis in (0, 1):
        missing = prior.mean[axis] - size[axis]
        if missing <= 0.0:
            continue
        towards = float(axes[axis] @ sight)
        within = abs(float(axes[axis] @ centre[:2])) < size[axis] / 2
        if not within and abs(towards) > _EDGE_ON:
            centre[:2] -= np.sign(towards) * axes[axis] * missing / 2
        size[axis] = prior.mean[axis]
        spread = min(prior.sigma[axis], missing) / 2 if not within else missing / 4
        covariance[:2, :2] += spread**2 * np.outer(axes[axis], axes[axis])
    return Box(centre, size, float(yaw), covariance)


def _faces_sensor_across(box: Box) -> bool:
    """Tell whether the long side of the visible box is the one turned to the sensor (or the box is nearly square)."""
    if box.size[0] - box.size[1] < 0.25:
        return True
    along = np.array([np.cos(box.yaw), np.sin(box.yaw)])
    sight = box.centre[:2] / max(float(np.linalg.norm(box.centre[:2])), 1e-6)
    return bool(abs(along @ sight) < np.sqrt(0.5))


def merge_boxes(boxes: list[Box], points: list[int]) -> Box:
    """Join the visible boxes of the parts of one object along the axes of the part with the most points.

    Args:
        boxes: one or more visible boxes.
        points: point count of each.
    """
    if len(boxes) == 1:
        return boxes[0]
    lead = boxes[int(np.argmax(points))]
    c, s = np.cos(lead.yaw), np.sin(lead.yaw)
    to_lead = np.array([[c, s], [-s, c]])
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for box in boxes:
        d = box.yaw - lead.yaw
        reach = np.abs([[np.cos(d), -np.sin(d)], [np.sin(d), np.cos(d)]]) @ box.size[:2] / 2
        middle = np.append(to_lead @ (box.centre[:2] - lead.centre[:2]), box.centre[2])
        half = np.append(reach, box.size[2] / 2)
        low, high = np.minimum(low, middle - half), np.maximum(high, middle + half)
    middle, size = (low + high) / 2, high - low
    centre = np.append(lead.centre[:2] + to_lead.T @ middle[:2], middle[2])
    if size[1] > size[0]:
        yaw = lead.yaw + np.pi / 2 if lead.yaw <= 0 else lead.yaw - np.pi / 2
        return Box(centre, size[[1, 0, 2]], float(yaw), lead.covariance)
    return Box(centre, size, lead.yaw, lead.covariance)
