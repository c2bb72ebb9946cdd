"""AB3DMOT (Weng, Wang, Held and Kitani, IROS 2020), with arrays in place of its loops over pairs of boxes.

The Python package of it (pure-ab-3d-mot) needs two seconds for a scan of 100 objects; this one follows the same
equations with the same constants, and a test holds the two to the same tracks.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from perception_core.lidar.jit import F64, kernel

STATE, BOX = 10, 7
"""x, y, z of the bottom's middle, yaw, length, width, height, and the steps of x, y, z from scan to scan."""
THRESHOLD = -0.2
"""Least 3D GIoU of a pair (of KITTI's cars)."""
MIN_HITS, MAX_AGE = 3, 2
"""Scans seen until a track is told of, and unseen until it ends; KITTI has 10 scans a second."""

_TRANSITION = np.eye(STATE)
_TRANSITION[:3, 7:] = np.eye(3)
_BIRTH = np.diag([10.0] * BOX + [10_000.0] * 3)
_DRIFT = np.diag([1.0] * BOX + [0.01] * 3)
_NOISE = np.eye(BOX)


@dataclass(slots=True)
class Tracks:
    """T tracks as columns: numbers, states (T, 10), covariances (T, 10, 10), and how often and when they were seen."""

    number: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    state: F64 = field(default_factory=lambda: np.empty((0, STATE)))
    covariance: F64 = field(default_factory=lambda: np.empty((0, STATE, STATE)))
    hits: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    unseen: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    detection: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def where(self, kept: NDArray[np.bool_]) -> "Tracks":
        """Return some of the tracks."""
        return Tracks(*(getattr(self, name)[kept] for name in self.__slots__))


class Ab3dmot:
    """The tracker: boxes of one scan in, tracks out; one scan after the other at one rate."""

    def __init__(self) -> None:
        """Start without tracks."""
        self._tracks = Tracks()
        self._scans = 0
        self._next = 0

    def update(self, boxes: F64) -> Tracks:
        """Take the boxes (N, 7) of a scan, in a frame at rest; return the tracks told of.

        ``detection`` of the result is the row of ``boxes`` that a track was last corrected with in this scan, else -1.
        """
        self._scans += 1
        self._predict()
        rows, columns = associate(boxes, self._tracks.state[:, :BOX])
        self._correct(boxes, rows, columns)
        self._begin(boxes, np.setdiff1d(np.arange(len(boxes)), rows))
        tracks = self._tracks
        told = (tracks.unseen < MAX_AGE) & ((tracks.hits >= MIN_HITS) | (self._scans <= MIN_HITS))
        out = tracks.where(told)
        self._tracks = tracks.where(tracks.unseen < MAX_AGE)
        return out

    def _predict(self) -> None:
        tracks = self._tracks
        tracks.state = tracks.state @ _TRANSITION.T
        tracks.state[:, 3] = _wrapped(tracks.state[:, 3])
        tracks.covariance = _TRANSITION @ tracks.covariance @ _TRANSITION.T + _DRIFT
        tracks.unseen = tracks.unseen + 1
        tracks.detection = np.full_like(tracks.detection, -1)

    def _correct(self, boxes: F64, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> None:
        tracks = self._tracks
        state, covariance = tracks.state[columns], tracks.covariance[columns]
        measured = boxes[rows].copy()
        state[:, 3], measured[:, 3] = _one_way(state[:, 3], measured[:, 3])
        innovation_covariance = covariance[:, :BOX, :BOX] + _NOISE
        gain = covariance[:, :, :BOX] @ np.linalg.inv(innovation_covariance)
        state = state + np.einsum("tij,tj->ti", gain, measured - state[:, :BOX])
        state[:, 3] = _wrapped(state[:, 3])
        tracks.state[columns] = state
        tracks.covariance[columns] = covariance - gain @ covariance[:, :BOX, :]
        tracks.hits[columns] += 1
        tracks.unseen[columns] = 0
        tracks.detection[columns] = rows

    def _begin(self, boxes: F64, rows: NDArray[np.int64]) -> None:
        n, old = len(rows), self._tracks
        self._tracks = Tracks(
            np.concatenate([old.number, self._next + np.arange(n)]),
            np.concatenate([old.state, np.column_stack([boxes[rows], np.zeros((n, 3))])]),
            np.concatenate([old.covariance, np.tile(_BIRTH, (n, 1, 1))]),
            np.concatenate([old.hits, np.ones(n, np.int64)]),
            np.concatenate([old.unseen, np.zeros(n, np.int64)]),
            np.concatenate([old.detection, rows]),
        )
        self._next += n


def associate(boxes: F64, tracks: F64) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows of boxes (N, 7) and of tracks (T, 7) that belong together: the Hungarian method on the 3D GIoU."""
    if not len(boxes) or not len(tracks):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    affinity = giou(np.ascontiguousarray(boxes), np.ascontiguousarray(tracks)).astype(np.float32)
    rows, columns = linear_sum_assignment(-affinity)
    good = affinity[rows, columns] >= THRESHOLD
    return rows[good].astype(np.int64), columns[good].astype(np.int64)


def _wrapped(yaw: F64) -> F64:
    return np.where(yaw >= np.pi, yaw - 2.0 * np.pi, np.where(yaw < -np.pi, yaw + 2.0 * np.pi, yaw))


def _one_way(predicted: F64, measured: F64) -> tuple[F64, F64]:
    """Turn predicted yaws by whole or half turns until they are within a quarter turn of the measured ones."""
    predicted, measured = _wrapped(predicted), _wrapped(measured)
    apart = np.abs(measured - predicted)
    predicted = np.where((apart > np.pi / 2) & (apart < 1.5 * np.pi), _wrapped(predicted + np.pi), predicted)
    far = np.abs(measured - predicted) >= 1.5 * np.pi
    return np.where(far, predicted + np.where(measured > 0, 2.0 * np.pi, -2.0 * np.pi), predicted), measured


@kernel
def giou(a: F64, b: F64) -> F64:
    """Return the generalised 3D IoU (N, T) of upright boxes (N, 7) and (T, 7): in (-1, 1] (Rezatofighi et al. 2019)."""
    out = np.empty((len(a), len(b)))
    for i in range(len(a)):
        p = corners(a[i])
        for j in range(len(b)):
            q = corners(b[j])
            low, high = max(a[i, 2], b[j, 2]), min(a[i, 2] + a[i, 6], b[j, 2] + b[j, 6])
            shared = shared_area(p, q) * max(0.0, high - low)
            union = a[i, 4] * a[i, 5] * a[i, 6] + b[j, 4] * b[j, 5] * b[j, 6] - shared
            reach = max(a[i, 2] + a[i, 6], b[j, 2] + b[j, 6]) - min(a[i, 2], b[j, 2])
            around = hull_area(p, q) * reach
            out[i, j] = shared / union - (around - union) / around
    return out


@kernel
def corners(box: F64) -> F64:
    """Return the corners (4, 2) of a box (7,) seen from above, counter-clockwise."""
    c, s = np.cos(box[3]), np.sin(box[3])
    out = np.empty((4, 2))
    for k in range(4):
        u = box[4] * (0.5 if k in (0, 3) else -0.5)
        v = box[5] * (0.5 if k < 2 else -0.5)
        out[k, 0] = box[0] + c * u - s * v
        out[k, 1] = box[1] + s * u + c * v
    return out


@kernel
def shared_area(p: F64, q: F64) -> float:
    """Return the area that two convex counter-clockwise polygons share: one clipped at each side of the other."""
    poly, size = np.empty((16, 2)), len(p)
    poly[:size] = p
    for e in range(len(q)):
        x0, y0 = q[e]
        dx, dy = q[(e + 1) % len(q)] - q[e]
        kept, count = np.empty((16, 2)), 0
        for i in range(size):
            j = (i + 1) % size
            here = dx * (poly[i, 1] - y0) - dy * (poly[i, 0] - x0)
            there = dx * (poly[j, 1] - y0) - dy * (poly[j, 0] - x0)
            if here >= 0.0:
                kept[count] = poly[i]
                count += 1
            if (here >= 0.0) != (there >= 0.0):
                kept[count] = poly[i] + (poly[j] - poly[i]) * (here / (here - there))
                count += 1
        poly, size = kept, count
        if size == 0:
            return 0.0
    return area(poly[:size])


@kernel
def hull_area(p: F64, q: F64) -> float:
    """Return the area of the convex hull of two polygons (Andrew's monotone chain, 1979)."""
    points = np.concatenate((p, q))
    points = points[np.argsort(points[:, 0] * 1e7 + points[:, 1])]
    n = len(points)
    hull, size = np.empty((2 * n, 2)), 0
    for half in range(2):
        floor = size + 1
        for k in range(n):
            point = points[k] if half == 0 else points[n - 1 - k]
            while size > floor and _turn(hull[size - 2], hull[size - 1], point) <= 0.0:
                size -= 1
            hull[size] = point
            size += 1
        size -= 1
    return area(hull[:size])


@kernel
def area(polygon: F64) -> float:
    """Return the area of a polygon (K, 2), counter-clockwise."""
    twice = 0.0
    for i in range(len(polygon)):
        j = (i + 1) % len(polygon)
        twice += (polygon[i, 0] - polygon[0, 0]) * (polygon[j, 1] - polygon[0, 1])
        twice -= (polygon[j, 0] - polygon[0, 0]) * (polygon[i, 1] - polygon[0, 1])
    return 0.5 * twice


@kernel
def _turn(a: F64, b: F64, c: F64) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
