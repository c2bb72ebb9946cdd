"""Clusters whose numbers can be used: what comes over a wire may hold anything.

One NaN, or what becomes one when it is squared, would go from the cluster that holds it into the ground plane under all
of them. So such a cluster is left out,
and counted; its points stay as points of none.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.types import Clusters
from perception_core.types._checks import sound_covariances

_LARGEST = 1e6
"""Metres (the square of it in a covariance), radians, seconds: what is larger was not measured."""

_LARGEST_SIZE = 1e4
"""Metres: no scan reaches as far."""


def without_bad_clusters(clusters: Clusters) -> tuple[Clusters, int]:
    """Return the clusters whose numbers can be used, and how many were others.

    Numbers have to be finite and of a size that a scan can hold, sizes not negative, covariances symmetric and positive
    semidefinite up to rounding.
    """
    good = _good(clusters)
    return (clusters, 0) if good.all() else (_select(clusters, good), int((~good).sum()))


def _good(clusters: Clusters) -> NDArray[np.bool_]:
    """Return bool (M,): can all numbers of a cluster be used?"""
    good: NDArray[np.bool_] = ((clusters.size >= 0.0) & (clusters.size <= _LARGEST_SIZE)).all(axis=1)
    for column in (clusters.yaw, clusters.bottom, clusters.top, clusters.time_offset):
        good &= np.abs(column) <= _LARGEST
    good &= (np.abs(clusters.centre) <= _LARGEST).all(axis=1)
    bounded = (np.abs(clusters.covariance) <= _LARGEST**2).all(axis=(1, 2))
    good &= bounded & sound_covariances(np.where(bounded[:, None, None], clusters.covariance, 0.0))
    corners = (np.abs(clusters.hull) <= _LARGEST).all(axis=1)
    if not corners.all():
        good[_owner(clusters)[~corners]] = False
    return good


def _owner(clusters: Clusters) -> NDArray[np.int64]:
    """Return int64 (H,): the cluster of each corner."""
    return np.repeat(np.arange(len(clusters)), np.diff(clusters.hull_start))


def _select(clusters: Clusters, kept: NDArray[np.bool_]) -> Clusters:
    """Return the clusters that ``kept`` bool (M,) names, in their order, with all points."""
    place = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1).astype(np.int32)  # the last one is for label -1
    return Clusters(
        stamp_ns=clusters.stamp_ns,
        frame=clusters.frame,
        centre=clusters.centre[kept],
        size=clusters.size[kept],
        yaw=clusters.yaw[kept],
        covariance=clusters.covariance[kept],
        point_count=clusters.point_count[kept],
        points=clusters.points,
        labels=place[clusters.labels],
        hull=clusters.hull[kept[_owner(clusters)]],
        hull_start=np.append(0, np.cumsum(np.diff(clusters.hull_start)[kept])),
        bottom=clusters.bottom[kept],
        top=clusters.top[kept],
        time_offset=clusters.time_offset[kept],
    )
