"""Which cluster belongs to which 2D box of one camera: one global assignment a view."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from perception_core.fusion.config import AssociationConfig
from perception_core.fusion.pixel_classes import match_support
from perception_core.fusion.priors import SIZE_PRIORS
from perception_core.fusion.views import CameraView, ProjectedClusters, count_inside
from perception_core.geometry import boxes
from perception_core.types import CLASSES, Clusters

_EDGE_PX = 3.0
"""A box this near to the image's border may be cut off: its pixel height says nothing about depth."""

_SIZE_FLOOR = 0.05
"""Likelihood of an implausible size: it weakens a match, the picture can still outvote it."""

_SLIM, _UPRIGHT = 1.2, 1.2
"""Metres; narrower in both directions and higher than this is a person or a pole, or the one part of a vehicle that is
not hidden, which is rare."""

_VEHICLES = frozenset(("car", "truck", "bus"))


@dataclass(frozen=True, slots=True)
class Association:
    """Matches of one view.

    Attributes:
        cluster: int64 (K,) main cluster of each match.
        detection: int64 (K,) index into the view's detections.
        score: float64 (K,) in [0, 1].
        part_cluster: int64 (L,) further clusters that are parts of a matched object ...
        part_match: int64 (L,) ... and the match, 0 to K - 1, that each belongs to.
    """

    cluster: NDArray[np.int64]
    detection: NDArray[np.int64]
    score: NDArray[np.float64]
    part_cluster: NDArray[np.int64]
    part_match: NDArray[np.int64]


def associate(
    clusters: Clusters,
    view: CameraView,
    projected: ProjectedClusters,
    config: AssociationConfig,
    segmentation_trust: float,
) -> Association:
    """Match clusters and detections one to one so that the summed score is greatest.

    The score of a pair multiplies the share of the cluster's projected points inside the box, the overlap of the
    cluster's pixel bounds with the box, and how well the metric height of the box at the cluster's depth and the
    cluster's footprint fit the class. A near car's points seldom lie mostly in a far car's box (share), and the
    far car's few visible points fill little of the near car's box (overlap), so neither steals the other's. Where the
    view has a label image, points on pixels of another class than the box's weaken a pair against its rivals, and keep
    a cluster from being a part; they take no match away that has no rival, for masks are as often wrong as boxes.

    Args:
        clusters: of the scan.
        view: one camera's.
        projected: the clusters in the view's image.
        config: the parameters.
        segmentation_trust: how far the label image weakens, 0 to 1.
    """
    detections = view.detections
    if len(clusters) == 0 or len(detections) == 0:
        none = np.empty(0, dtype=np.int64)
        return Association(none, none, np.empty(0), none, none)
    inside = count_inside(projected, detections.boxes)
    share = inside / np.maximum(projected.count, 1)[:, None]
    support = np.ones(share.shape)
    if view.segmentation is not None:
        support = match_support(projected, view, view.segmentation, segmentation_trust)
    overlap = boxes.iou_aligned(np.nan_to_num(projected.bounds, nan=-1.0), detections.boxes)
    plausible = _plausibility(clusters, projected.depth, view)
    score = share * (0.3 + 0.7 * overlap) * plausible * np.minimum(1.0, 2.0 * projected.share)[:, None]
    score[projected.count < config.min_points] = 0.0
    score[score < config.min_score] = 0.0
    rows, columns = linear_sum_assignment(-score * support)
    kept = score[rows, columns] >= config.min_score
    rows, columns = rows[kept].astype(np.int64), columns[kept].astype(np.int64)
    parts, owners = _parts(clusters, share * support, projected.count, rows, columns, view, config)
    return Association(rows, columns, score[rows, columns], parts, owners)


def _plausibility(clusters: Clusters, depth: NDArray[np.float64], view: CameraView) -> NDArray[np.float64]:
    """Return (M, D) in [floor, 1]: does the box's class fit the cluster's depth and footprint?

    What stands as slim and high as a person takes no vehicle's box: a vehicle is that slim from no side.
    """
    detections = view.detections
    fit = np.ones((len(clusters), len(detections)))
    upright = (clusters.size[:, 0] < _SLIM) & (clusters.size[:, 2] > _UPRIGHT)
    width, height = detections.image_size
    for d in range(len(detections)):
        prior = SIZE_PRIORS.get(CLASSES[int(detections.class_ids[d])])
        if prior is None:
            continue
        x0, y0, x1, y1 = detections.boxes[d]
        if y0 > _EDGE_PX and y1 < height - _EDGE_PX and x0 > _EDGE_PX and x1 < width - _EDGE_PX:
            metric = (y1 - y0) * np.nan_to_num(depth) / view.model.matrix[1, 1]
            deviation = (metric - prior.mean[2]) / (2.0 * prior.sigma[2] + 0.15 * prior.mean[2])
            fit[:, d] *= np.exp(-0.5 * deviation**2)
        excess = clusters.size[:, 0] - (prior.mean[0] + 2.0 * prior.sigma[0])
        fit[:, d] *= np.exp(-0.5 * (np.maximum(excess, 0.0) / (0.5 + prior.sigma[0])) ** 2)
        if CLASSES[int(detections.class_ids[d])] in _VEHICLES:
            fit[upright, d] = _SIZE_FLOOR
    return np.maximum(fit, _SIZE_FLOOR)


def _parts(
    clusters: Clusters,
    share: NDArray[np.float64],
    count: NDArray[np.int64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    view: CameraView,
    config: AssociationConfig,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find clusters that lie in a matched box, near the matched cluster and within the size of its class."""
    free = np.setdiff1d(np.flatnonzero(count >= config.min_points), rows)
    parts: list[int] = []
    owners: list[int] = []
    for match, (main, d) in enumerate(zip(rows, columns, strict=True)):
        prior = SIZE_PRIORS.get(CLASSES[int(view.detections.class_ids[d])])
        if prior is None:
            continue
        reach = prior.mean[0] + 2.0 * prior.sigma[0]
        for other in free[share[free, d] >= config.part_share]:
            corners = boxes.bev_corners(
                clusters.centre[[main, other]], clusters.size[[main, other]], clusters.yaw[[main, other]]
            )
            hull = corners.reshape(-1, 2)
            diagonal = float(np.linalg.norm(np.ptp(hull, axis=0)))
            gap = boxes.distance_to_boxes(
                _closest_corner(corners[1], clusters.centre[main]),
                clusters.centre[[main]],
                clusters.size[[main]],
                clusters.yaw[[main]],
            )
            if gap[0] <= config.part_gap and diagonal <= float(np.hypot(reach, prior.mean[1])) and other not in parts:
                parts.append(int(other))
                owners.append(match)
    return np.array(parts, dtype=np.int64), np.array(owners, dtype=np.int64)


def _closest_corner(corners: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    nearest: NDArray[np.float64] = corners[np.argmin(np.linalg.norm(corners - centre[:2], axis=1))]
    return nearest
