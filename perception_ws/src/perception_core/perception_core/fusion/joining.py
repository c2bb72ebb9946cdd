"""Clusters that are parts of one object: a truck's cab and body, a bus behind a pole.

A cluster without a box of its own belongs to a matched one when a camera shows both as one thing and both together are
no larger than it: the camera by the box or the mask that holds both, the LiDAR by a small gap, or by a gap that a
nearer thing hides. Where two cameras see one half each, the halves are one where their boxes end at the image's border.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.fusion.association import Association
from perception_core.fusion.config import AssociationConfig
from perception_core.fusion.occlusion import Horizon
from perception_core.fusion.pair_scores import PairScores
from perception_core.fusion.priors import SIZE_PRIORS, VEHICLES
from perception_core.fusion.views import CameraView, ProjectedClusters
from perception_core.geometry import boxes
from perception_core.types import CLASSES, Clusters

_MASK_SHARE = 0.5
"""Share of a cluster's points on the mask of a detection from which it is a part of it."""

_SLACK = 0.3
"""Metres by which the parts of one object may exceed its usual size plus two deviations."""

_BORDER_PX = 4.0

_STANDS, _UPRIGHT = 0.6, 0.8
"""Metres above the ground, and share of the usual height of a class, between which a body reaches."""

_SLIM, _ON_GROUND, _TALL, _BESIDE = 0.6, 0.3, 0.9, 0.3
"""Metres: what is slimmer than this in both directions, reaches from so near the ground to so high, and has so much
room between it and the next thing, stands by itself: a child, a post. No part of a vehicle does."""


@dataclass(frozen=True, slots=True)
class _Link:
    """Two clusters that a camera shows as one thing of a class."""

    main: int
    part: int
    class_name: str
    by_mask: bool


def group_parts(
    clusters: Clusters,
    views: Sequence[CameraView],
    images: Sequence[ProjectedClusters],
    pairs: Sequence[PairScores],
    found: Sequence[Association],
    horizon: Horizon,
    config: AssociationConfig,
) -> list[list[int]]:
    """Return the clusters of each object, its leading one first; every cluster is in one of them."""
    owner = list(range(len(clusters)))
    groups = {c: [c] for c in owner}
    matched = np.zeros(len(clusters), np.bool_)
    for one in found:
        matched[one.cluster] = True
    links: list[_Link] = []
    for view, projected, pair, one in zip(views, images, pairs, found, strict=True):
        links += _links(view, projected, pair, one, matched, config)
    links += _seam_links(views, found)
    gaps = _gaps(clusters, links)
    for link, gap in zip(links, gaps, strict=True):
        main, part = owner[link.main], owner[link.part]
        if main == part or not _is_one(clusters, groups[main] + groups[part], link, gap, horizon, config):
            continue
        groups[main] += groups.pop(part)
        for c in groups[main]:
            owner[c] = main
    return list(groups.values())


def _links(
    view: CameraView,
    projected: ProjectedClusters,
    pairs: PairScores,
    found: Association,
    matched: NDArray[np.bool_],
    config: AssociationConfig,
) -> list[_Link]:
    """Return what one camera shows: unmatched clusters in the boxes, or on the masks, of matched ones."""
    links: list[_Link] = []
    inside = pairs.share * pairs.support
    enough = (projected.count >= config.min_points) & ~matched
    for main, d in zip(found.cluster.tolist(), found.detection.tolist(), strict=True):
        name = CLASSES[int(view.detections.class_ids[d])]
        if name not in SIZE_PRIORS:
            continue
        on_mask = np.zeros(len(enough), np.bool_) if pairs.in_mask is None else pairs.in_mask[:, d] >= _MASK_SHARE
        parts = np.flatnonzero(enough & (on_mask | (inside[:, d] >= config.part_share)))
        links += [_Link(main, int(part), name, bool(on_mask[part])) for part in parts]
    return links


def _seam_links(views: Sequence[CameraView], found: Sequence[Association]) -> list[_Link]:
    """Return pairs of matched clusters of different cameras whose boxes both end at a side of their image."""
    cut: list[tuple[int, int, str]] = []
    for v, (view, one) in enumerate(zip(views, found, strict=True)):
        width = view.detections.image_size[0]
        for c, d in zip(one.cluster.tolist(), one.detection.tolist(), strict=True):
            x0, _, x1, _ = view.detections.boxes[d]
            name = CLASSES[int(view.detections.class_ids[d])]
            if (x0 < _BORDER_PX or x1 > width - _BORDER_PX) and name in VEHICLES:
                cut.append((v, c, name))
    return [_Link(c, e, n, False) for v, c, n in cut for w, e, o in cut if w > v and c != e and n == o]


def _is_one(
    clusters: Clusters, parts: list[int], link: _Link, gap: float, horizon: Horizon, config: AssociationConfig
) -> bool:
    """Tell whether the parts together are no larger than a thing of the class, and those linked, ``gap`` apart, near.

    Two that each reach from the ground to a person's height are two people, unless together they are as slim as one.
    """
    prior = SIZE_PRIORS[link.class_name]
    reach = float(prior.mean[0] + 2.0 * prior.sigma[0])
    if gap > reach:
        return False
    apart = gap > config.part_gap or (link.class_name in VEHICLES and _stands_alone(clusters, link.part, gap))
    if apart and not (link.by_mask or horizon.hidden_gap(link.main, link.part)):
        return False
    lead = max(parts, key=lambda c: int(clusters.point_count[c]))
    c, s = np.cos(clusters.yaw[lead]), np.sin(clusters.yaw[lead])
    hull = np.concatenate([clusters.footprint(p) for p in parts])
    extent = np.sort(np.ptp(hull @ np.array([[c, -s], [s, c]]), axis=0))
    widest = float(prior.mean[1] + 2.0 * prior.sigma[1])
    bodies = (clusters.bottom[parts] < _STANDS) & (clusters.top[parts] >= _UPRIGHT * prior.mean[2])
    if link.class_name not in VEHICLES and bodies.sum() > 1 and extent[1] > prior.mean[0] + prior.sigma[0]:
        return False
    return bool(extent[1] <= reach + _SLACK and extent[0] <= widest + _SLACK)


def _stands_alone(clusters: Clusters, part: int, gap: float) -> bool:
    """Tell whether a cluster is a body of its own, ``gap`` metres from the next."""
    slim = bool((clusters.size[part, :2] < _SLIM).all())
    return slim and clusters.bottom[part] < _ON_GROUND and clusters.top[part] > _TALL and gap > _BESIDE


def _gaps(clusters: Clusters, links: Sequence[_Link]) -> list[float]:
    """Return metres between the box of the one cluster of each link and the nearest corner of the other's."""
    if not links:
        return []
    ends = np.array([(link.main, link.part) for link in links])
    corners = boxes.bev_corners(clusters.centre[ends[:, 1]], clusters.size[ends[:, 1]], clusters.yaw[ends[:, 1]])
    main = ends[:, 0]
    yaw = clusters.yaw[main]
    c, s = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    x, y = (corners - clusters.centre[main, None, :2]).transpose(2, 0, 1)
    half = clusters.size[main, None, :2] / 2
    along, across = np.abs(x * c + y * s) - half[..., 0], np.abs(y * c - x * s) - half[..., 1]
    gaps: list[float] = np.hypot(np.maximum(along, 0.0), np.maximum(across, 0.0)).min(axis=1).tolist()
    return gaps
