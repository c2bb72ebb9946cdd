"""Detections that no cluster explains: placed by their camera, unless the LiDAR knows better.

What the LiDAR has already is not told again: a cluster in the bearings of the box and within the gate of its range
explains it. What the LiDAR saw to be free is not invented: where the ground goes on in sight well beyond the object, in
most of the directions of its box, beams went through it. Neither holds where the LiDAR saw nothing at all, beyond its
range or in the shadow that black paint leaves in the ground: there the camera is believed as far as its detections
usually are. In between, within the range at which the LiDAR saw ground but not beyond the object, it should have found
something: its silence makes the object less probable.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.fusion import camera_only
from perception_core.fusion.camera_only import Ranges, prior_of
from perception_core.fusion.completion import Boxes
from perception_core.fusion.config import CameraOnlyConfig
from perception_core.fusion.ground import GroundPlane
from perception_core.fusion.views import CameraView
from perception_core.types import Clusters

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_FREE_BEYOND = 1.5
"""Standard deviations of the object's range beyond which ground has to be seen for its place to be free ..."""

_FREE_MARGIN = 2.0
"""... and metres: half a vehicle."""

_FREE_SHARE = 0.5
"""Share of the directions of the middle half of the box in which it has to be."""

_SILENT = 0.4
"""Probability factor where the LiDAR reaches as far as the object and found nothing of it."""

_SAME = 3.0
"""Standard deviations within which two cameras' objects are one."""

_SURE_RANGE = 1.2
"""How much farther than the coverage counts as out of the LiDAR's sight."""


@dataclass(frozen=True, slots=True)
class Placed:
    """K detections on the ground.

    Attributes:
        view, detection: int64 (K,) whose they are.
        class_id: int64 (K,) their labels.
        centre: float64 (K, 3) metres, base frame; covariance: float64 (K, 3, 3) m^2.
        side: float64 (K, 2) bearings in radians of left and right edge.
    """

    view: Indices
    detection: Indices
    class_id: Indices
    centre: Floats
    covariance: Floats
    side: Floats

    def select(self, rows: Indices) -> "Placed":
        """Return some of them."""
        return Placed(
            self.view[rows],
            self.detection[rows],
            self.class_id[rows],
            self.centre[rows],
            self.covariance[rows],
            self.side[rows],
        )

    def only(self, kept: Sequence[NDArray[np.bool_]]) -> "Placed":
        """Return those that ``kept`` bool (D,) of their view names."""
        chosen = [bool(kept[v][d]) for v, d in zip(self.view.tolist(), self.detection.tolist(), strict=True)]
        return self.select(np.flatnonzero(chosen))

    @property
    def range(self) -> Floats:
        """float64 (K,) horizontal metres from the base frame's origin."""
        return np.hypot(self.centre[:, 0], self.centre[:, 1])

    @property
    def range_sigma(self) -> Floats:
        """float64 (K,) metres along the line of sight."""
        sight = self.centre[:, :2] / np.maximum(self.range, 1e-6)[:, None]
        return np.asarray(np.sqrt(np.einsum("ka,kab,kb->k", sight, self.covariance[:, :2, :2], sight)))


@dataclass(frozen=True, slots=True)
class Merged:
    """K objects: boxes, log P(labels | class) float64 (K, C) and reliability float64 (K,)."""

    boxes: Boxes
    labels: Floats
    reliability: Floats


def place_all(
    views: Sequence[CameraView], found: Sequence[Ranges], ground: GroundPlane, config: CameraOnlyConfig
) -> Placed:
    """Place the detections of all views that can be."""
    none = np.empty(0, np.int64)
    nowhere = Placed(none, none, none, np.empty((0, 3)), np.empty((0, 3, 3)), np.empty((0, 2)))
    parts = [nowhere]
    for v, (view, where) in enumerate(zip(views, found, strict=True)):
        kept, centre, covariance = camera_only.place(view, where, ground, config)
        labels = view.detections.class_ids[kept].astype(np.int64)
        parts.append(Placed(np.full(len(kept), v), kept, labels, centre, covariance, where.side[kept]))
    return Placed(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Placed)))


def explained(placed: Placed, clusters: Clusters, gate: float) -> NDArray[np.bool_]:
    """Tell which detections have a cluster in their bearings and within ``gate`` deviations of their range."""
    if len(placed.view) == 0 or len(clusters) == 0:
        return np.zeros(len(placed.view), np.bool_)
    bearing = np.arctan2(clusters.centre[:, 1], clusters.centre[:, 0])
    reach = np.hypot(clusters.centre[:, 0], clusters.centre[:, 1])
    half = np.hypot(clusters.size[:, 0], clusters.size[:, 1]) / 2
    width = np.arctan2(half, np.maximum(reach, 0.1))
    middle, span = placed.side.mean(axis=1), np.maximum((placed.side[:, 0] - placed.side[:, 1]) / 2, 1e-3)
    apart = np.abs((bearing[None] - middle[:, None] + np.pi) % (2.0 * np.pi) - np.pi)
    shared = np.minimum(apart + width[None], span[:, None]) - np.maximum(apart - width[None], -span[:, None])
    aligned = shared >= 0.5 * np.minimum(2.0 * width[None], 2.0 * span[:, None])
    size = np.array([prior_of(int(c)).mean[0] for c in placed.class_id]) / 2
    off = np.maximum(np.abs(reach[None] - placed.range[:, None]) - half[None] - size[:, None], 0.0)
    out: NDArray[np.bool_] = (aligned & (off <= gate * placed.range_sigma[:, None])).any(axis=1)
    return out


def seen_free(placed: Placed, coverage: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which detections stand where the LiDAR saw the ground go on well beyond them."""
    beyond = placed.range + np.maximum(_FREE_BEYOND * placed.range_sigma, _FREE_MARGIN)
    free: NDArray[np.bool_] = _looks(frozen(coverage), frozen(placed.side), beyond)[0] >= _FREE_SHARE
    return free


def chance(placed: Placed, coverage: NDArray[np.float32]) -> Floats:
    """Return (K,): how far the LiDAR's silence leaves the detections probable."""
    reach = _looks(frozen(coverage), frozen(placed.side), np.zeros(len(placed.view)))[1]
    return np.where(reach * _SURE_RANGE >= placed.range, _SILENT, 1.0)


@njit(cache=True)
def _looks(coverage: NDArray[np.float32], side: Floats, beyond: Floats) -> tuple[Floats, Floats]:
    """Look at the coverage (S,) in the directions of the middle half of each box.

    Args:
        coverage: float32 (S,) metres a sector.
        side: float64 (K, 2) bearings in radians of left and right edge.
        beyond: float64 (K,) metres.

    Returns:
        float64 (K,) the share of the directions in which the coverage goes beyond, and (K,) its median in metres.
    """
    n = len(coverage)
    share, middle = np.empty(len(side)), np.empty(len(side))
    for k in range(len(side)):
        left, right = side[k]
        quarter = (left - right) / 4.0
        first = int(np.floor((right + quarter + np.pi) / (2.0 * np.pi) * n))
        last = int(np.floor((left - quarter + np.pi) / (2.0 * np.pi) * n))
        seen = np.empty(last - first + 1, np.float32)
        for i in range(len(seen)):
            seen[i] = coverage[(first + i) % n]
        share[k] = np.sum(seen > beyond[k]) / len(seen)
        seen.sort()
        middle[k] = (seen[(len(seen) - 1) // 2] + seen[len(seen) // 2]) / np.float32(2.0)
    return share, middle


def merge_doubles(placed: Placed, labels: Floats, reliability: Floats) -> Merged:
    """Join what several cameras placed within their uncertainty of each other; the labels of both count.

    Args:
        placed: K detections.
        labels: float64 (K, C) log P(label | class).
        reliability: float64 (K,) probability that each is true.
    """
    owner = _owners(placed)
    heads = np.unique(owner)
    count = len(heads)
    centre, covariance = np.zeros((count, 3)), np.zeros((count, 6, 6))
    size, yaw = np.zeros((count, 3)), np.zeros(count)
    log, there = np.zeros((count, labels.shape[1])), np.zeros(count)
    for k, head in enumerate(heads.tolist()):
        rows = np.flatnonzero(owner == head)
        information = np.linalg.inv(placed.covariance[rows])
        covariance[k, :3, :3] = np.linalg.inv(information.sum(axis=0))
        centre[k] = covariance[k, :3, :3] @ np.einsum("kab,kb->a", information, placed.centre[rows])
        best = rows[int(np.argmax(reliability[rows]))]
        size[k] = prior_of(int(placed.class_id[best])).mean
        yaw[k] = np.arctan2(centre[k, 1], centre[k, 0])
        log[k] = labels[rows].sum(axis=0)
        there[k] = 1.0 - np.prod(1.0 - reliability[rows])
    covariance[:, 3, 3] = covariance[:, 4, 4] = _TILT**2
    covariance[:, 5, 5] = np.pi**2 / 12  # a heading known up to pi, evenly spread
    return Merged(Boxes(centre, size, yaw, covariance), log, there)


_TILT = 0.1
"""Radians."""


def _owners(placed: Placed) -> Indices:
    """Return int64 (K,): the first detection of another view that each stands for, itself else."""
    owner = np.arange(len(placed.view))
    for i in range(len(owner)):
        for j in range(i):
            if placed.view[i] == placed.view[j] or owner[j] != j or (placed.view[owner == j] == placed.view[i]).any():
                continue
            apart = placed.centre[i, :2] - placed.centre[j, :2]
            joint = placed.covariance[i, :2, :2] + placed.covariance[j, :2, :2]
            if apart @ np.linalg.solve(joint, apart) <= _SAME**2:
                owner[i] = j
                break
    return owner
