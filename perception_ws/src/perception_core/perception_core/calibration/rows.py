"""Which laser each point comes from, where a cloud does not say it."""

import numpy as np
from numpy.typing import NDArray

from perception_core.types.cloud import PointCloud

_FEW, _MANY = 4, 256
_BINS = 64


def laser_rows(cloud: PointCloud) -> NDArray[np.int32]:
    """Return int32 (N,) the row of each point: rows are scan lines, the lowest first.

    Taken from ``ring``, else from the order of the points (drivers and data sets write one laser after the other: a
    row ends where the azimuth jumps back by more than half a turn), else from the elevation in equal bins.
    """
    xyz = cloud.xyz.astype(np.float64)
    elevation = np.arctan2(xyz[:, 2], np.hypot(xyz[:, 0], xyz[:, 1]))
    if cloud.ring is not None:
        return _sorted_by_elevation(cloud.ring.astype(np.int64), elevation)
    azimuth = np.arctan2(xyz[:, 1], xyz[:, 0])
    turns = _turns(azimuth)
    if len(turns) and _FEW <= turns[-1] + 1 <= _MANY:
        rows = _sorted_by_elevation(turns, elevation)
        if _are_level(rows, elevation):
            return rows
    return _bins(elevation)


def _turns(azimuth: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count, before each point, how often the azimuth (N,) from -pi to pi has gone through the seam it goes through."""
    if len(azimuth) == 0:
        return np.zeros(0, np.int64)
    forward = (azimuth + 2.0 * np.pi) % (2.0 * np.pi)
    step = np.diff(forward, prepend=forward[:1])
    return np.cumsum(np.abs(step) > np.pi).astype(np.int64)


def _sorted_by_elevation(rows: NDArray[np.int64], elevation: NDArray[np.float64]) -> NDArray[np.int32]:
    """Number rows (N,) anew, from 0 without gaps, by their median elevation."""
    names, of_point = np.unique(rows, return_inverse=True)
    order = np.lexsort((elevation, of_point))
    starts = np.searchsorted(of_point[order], np.arange(len(names) + 1))
    middle = (starts[:-1] + starts[1:]) // 2
    rank = np.argsort(np.argsort(elevation[order][middle], kind="stable"), kind="stable")
    return np.asarray(rank[of_point], np.int32)


def _are_level(rows: NDArray[np.int32], elevation: NDArray[np.float64]) -> bool:
    """Tell whether most points lie nearer to the middle of their row than rows lie apart from each other twice over."""
    count = int(rows.max()) + 1
    middle = np.array([np.median(elevation[rows == row]) for row in range(count)])
    apart = float(np.median(np.diff(middle)))
    return float(np.median(np.abs(elevation - middle[rows]))) < apart


def _bins(elevation: NDArray[np.float64]) -> NDArray[np.int32]:
    if len(elevation) == 0:
        return np.zeros(0, np.int32)
    low, high = np.percentile(elevation, (0.5, 99.5))
    place = (elevation - low) / max(high - low, 1e-6) * _BINS
    return np.asarray(np.clip(place, 0, _BINS - 1), np.int32)
