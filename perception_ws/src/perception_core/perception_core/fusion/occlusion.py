"""Where the view of a cluster ends because a nearer thing stands before what lies beyond."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.fusion.sampling import MOST_POINTS, nearest_by_direction, sampled
from perception_core.types import Clusters

_BINS = 1440
"""Directions of the horizon, a quarter of a degree each."""

_SCALE = _BINS / (2.0 * np.pi)

_BEYOND = 5
"""Directions beyond an end that are looked at."""

_NEARER = 0.4
"""Metres by which the thing in front must be nearer."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """M clusters as the sensor at the base frame's origin sees them, and what it sees first in each direction.

    Attributes:
        first, last: int64 (M,) outermost directions, clockwise and counter-clockwise; ``last`` may exceed the number of
            directions where the cluster lies behind.
        reach: float64 (M, 2) metres of the points at either end.
        nearest: float64 (B,) metres to the nearest point in each direction, inf where there is none.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    reach: NDArray[np.float64]
    nearest: NDArray[np.float64]

    def covered(self) -> NDArray[np.bool_]:
        """Return bool (M, 2): whether a nearer thing ends the view at the clockwise, the counter-clockwise end."""
        steps = np.arange(1, _BEYOND + 1)
        before = self.nearest[(self.first[:, None] - steps) % _BINS] < self.reach[:, :1] - _NEARER
        after = self.nearest[(self.last[:, None] + steps) % _BINS] < self.reach[:, 1:] - _NEARER
        return np.column_stack([before.any(axis=1), after.any(axis=1)])

    def hidden_gap(self, a: int, b: int) -> bool:
        """Tell whether a nearer thing fills most of the directions between two clusters side by side."""
        right, left = (
            (a, b) if (self.first[b] - self.last[a]) % _BINS < (self.first[a] - self.last[b]) % _BINS else (b, a)
        )
        width = int((self.first[left] - self.last[right]) % _BINS)
        if not 1 < width < _BINS // 4:
            return False
        between = self.nearest[(self.last[right] + np.arange(1, width)) % _BINS]
        limit = min(self.reach[right, 1], self.reach[left, 0]) - _NEARER
        return bool(np.mean(between < limit) >= 0.5)


def horizon(clusters: Clusters, rows: NDArray[np.int64] | None = None) -> Horizon:
    """Look around from the origin; linear in the number of points.

    Args:
        clusters: of the scan.
        rows: int64 (K,) the points that are looked at; None takes a sample of each cluster.
    """
    m = len(clusters)
    rows = sampled(clusters.labels, clusters.point_count, MOST_POINTS) if rows is None else rows
    nearest = nearest_by_direction(clusters.points, rows, _BINS)
    corners = np.diff(clusters.hull_start)
    middle = np.repeat(np.arctan2(clusters.centre[:, 1], clusters.centre[:, 0]) * _SCALE, corners)
    turn = (np.arctan2(clusters.hull[:, 1], clusters.hull[:, 0]) * _SCALE - middle + _BINS / 2) % _BINS
    some, ends = np.flatnonzero(corners), _outermost(turn, clusters.hull_start)
    outer, reach = np.zeros((m, 2), np.int64), np.zeros((m, 2))
    at = ends[some]
    outer[some] = np.floor(turn[at] - _BINS / 2 + middle[at]).astype(np.int64)
    reach[some] = np.hypot(clusters.hull[at, 0], clusters.hull[at, 1])
    return Horizon(outer[:, 0], outer[:, 1], reach, nearest)


@njit(cache=True)
def _outermost(turn: NDArray[np.float64], start: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return int64 (M, 2): the first corner of the least turn of each cluster, and the last of the greatest."""
    ends = np.zeros((len(start) - 1, 2), np.int64)
    for k in range(len(ends)):
        low = high = start[k]
        for i in range(start[k], start[k + 1]):
            if turn[i] < turn[low]:
                low = i
            if turn[i] >= turn[high]:
                high = i
        ends[k, 0], ends[k, 1] = low, high
    return ends
