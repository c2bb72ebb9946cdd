"""How well each cluster fits each 2D box of one view.

The score of a pair multiplies what would be unlikely if the two were not the same thing: the share of the cluster's
projected points inside the box, the overlap of the cluster's pixel bounds with the box, whether the cluster is as far
as a thing of that class, that stands there and is so high in pixels, has to be, and whether its footprint fits the
class. A near car's points seldom lie mostly in a far car's box (share), the far car's few visible points fill little
of the near car's box (overlap), and neither is where the other's box says (depth): so neither steals the other's.

Directions are not exact: calibration errs, and what moves was elsewhere when an older image was taken. A pair may
therefore be shifted by as much before it is compared, and pays for the shift.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.fusion.camera_only import Ranges
from perception_core.fusion.config import AssociationConfig
from perception_core.fusion.masks import mask_counts
from perception_core.fusion.pixel_classes import match_support
from perception_core.fusion.priors import SIZE_PRIORS, SPEED_SIGMA, VEHICLES
from perception_core.fusion.views import CameraView, ProjectedClusters, count_inside
from perception_core.types import CLASSES, Clusters

Floats = NDArray[np.float64]

_SIZE_FLOOR = 0.05
"""Score of an implausible size: it weakens a match, the picture can still outvote it."""

_DEPTH_FLOOR = 0.2
"""Score of an implausible depth: the ground may be elsewhere, and the class another."""

_DEPTH_SLACK = 0.5, 0.05
"""Metres, and a metre of range: from a cluster's near side to the foot of its box, and of the class that was named."""

_NEARER_SHARE = 0.4
"""Share of the range by which something whose foot is covered may be nearer than it looks, standard deviation."""

_SLIM, _UPRIGHT = 1.2, 1.2
"""Metres; narrower in both directions and higher than this is a person or a pole, or the one part of a vehicle that is
not hidden, which is rare."""

_MOVES = 3.0
"""m/s across the line of sight of things whose class does not say, standard deviation."""


@dataclass(frozen=True, slots=True)
class PairScores:
    """M clusters and D detections of one view.

    Attributes:
        score: float64 (M, D) in [0, 1], 0 where the two cannot be a pair.
        share: float64 (M, D) of the cluster's points in the image that lie inside the box.
        support: float64 (M, D) in [0, 1]: how well the pixels under the cluster fit the box, against its rivals.
        in_mask: float64 (M, D) share of the cluster's points in the image that lie on the detection's mask; None
            without masks.
    """

    score: Floats
    share: Floats
    support: Floats
    in_mask: Floats | None


def pair_scores(
    clusters: Clusters,
    view: CameraView,
    projected: ProjectedClusters,
    found: Ranges,
    config: AssociationConfig,
    segmentation_trust: float,
) -> PairScores:
    """Compare all clusters with all boxes of one view.

    Args:
        clusters: of the scan.
        view: one camera's.
        projected: the clusters in the view's image.
        found: where the detections are by themselves.
        config: the parameters.
        segmentation_trust: how far label image and masks weaken a pair against its rivals, 0 to 1; they take no match
            away that has no rival, for masks are as often wrong as boxes.
    """
    boxes = view.detections.boxes
    play = _play(view, projected.depth, config)
    count = np.maximum(projected.count, 1)[:, None]
    share = count_inside(projected, _widened(boxes, projected, play)) / count
    overlap, strain = _overlap(projected.bounds, boxes, play)
    score = share * (0.3 + 0.7 * overlap) * strain * _depth_fit(clusters, found) * _footprint_fit(clusters, view)
    score *= np.minimum(1.0, 2.0 * projected.share)[:, None]
    score[projected.count < config.min_points] = 0.0
    score[score < config.min_score] = 0.0
    support = np.ones(share.shape)
    if view.segmentation is not None:
        support = match_support(projected, view, view.segmentation, segmentation_trust)
    in_mask = None
    if view.masks is not None:
        in_mask = mask_counts(projected, view.masks, len(boxes)) / count
        support = support * (1.0 - segmentation_trust * (1.0 - np.minimum(1.0, in_mask / np.maximum(share, 1e-6))))
    return PairScores(score, share, support, in_mask)


def _play(view: CameraView, depth: Floats, config: AssociationConfig) -> Floats:
    """Return pixels (M, D) by which a cluster and its own box may be apart, one standard deviation."""
    focal = view.model.matrix[0, 0]
    speeds = [SPEED_SIGMA.get(CLASSES[int(c)], _MOVES) for c in view.detections.class_ids]
    moved = abs(view.age) * np.array(speeds).reshape(1, -1) / np.maximum(np.nan_to_num(depth, nan=1e6), 1.0)[:, None]
    return np.asarray(focal * np.hypot(config.calibration_sigma, moved))


def _widened(boxes: Floats, projected: ProjectedClusters, play: Floats) -> Floats:
    """Return the boxes (D, 4) with the play of a cluster at the mean depth of what is in the image on all sides."""
    if len(boxes) == 0 or len(projected.count) == 0:
        return boxes
    seen = projected.count > 0
    margin = np.median(play[seen], axis=0) if seen.any() else np.zeros(len(boxes))
    return np.asarray(boxes + margin[:, None] * [-1.0, -1.0, 1.0, 1.0])


def _overlap(bounds: Floats, boxes: Floats, play: Floats) -> tuple[Floats, Floats]:
    """Return intersection over union (M, D) after the best shift within ``play``, and what the shift costs (0 to 1]."""
    b = np.nan_to_num(bounds, nan=-1.0)[:, None, :]
    d = boxes[None]
    lows, highs = d[..., :2] - b[..., :2], d[..., 2:] - b[..., 2:]
    # Between these two shifts the smaller of the two lies inside the larger: none is needed where 0 is between them.
    wanted = np.clip(0.0, np.minimum(lows, highs), np.maximum(lows, highs))
    shift = np.clip(wanted, -play[..., None], play[..., None])
    low = np.maximum(b[..., :2] + shift, d[..., :2])
    high = np.minimum(b[..., 2:] + shift, d[..., 2:])
    shared = np.maximum(high - low, 0.0).prod(axis=2)
    union = np.maximum(b[..., 2:] - b[..., :2], 0.0).prod(axis=2) + (d[..., 2:] - d[..., :2]).prod(axis=2) - shared
    iou = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0.0)
    strain = np.exp(-0.25 * ((shift / play[..., None]) ** 2).sum(axis=2))
    return iou, strain


def _depth_fit(clusters: Clusters, found: Ranges) -> Floats:
    """Return (M, D) in [floor, 1]: is the cluster as far as the detection says by foot and height?"""
    centre = clusters.centre[:, :2] - found.eye[:2]
    far = np.hypot(centre[:, 0], centre[:, 1])
    near = np.maximum(far - np.hypot(clusters.size[:, 0], clusters.size[:, 1]) / 2, 0.0)
    distance = np.nan_to_num(found.distance, nan=0.0)[None]
    # Of a large cluster any part may be meant.
    off = np.clip(distance, near[:, None], far[:, None]) - distance
    sigma = (
        np.where(np.isfinite(found.sigma), found.sigma, 1e6)[None] + _DEPTH_SLACK[0] + _DEPTH_SLACK[1] * far[:, None]
    )
    may_be_nearer = np.hypot(sigma, _NEARER_SHARE * distance)
    sigma = np.where((off < 0.0) & found.foot_covered[None], may_be_nearer, sigma)
    return np.maximum(np.exp(-0.5 * (off / sigma) ** 2), _DEPTH_FLOOR)


def _footprint_fit(clusters: Clusters, view: CameraView) -> Floats:
    """Return (M, D) in [floor, 1]: can the cluster be (a part of) a thing of the box's class?

    What stands as slim and high as a person takes no vehicle's box: a vehicle is that slim from no side.
    """
    upright = (clusters.size[:, 0] < _SLIM) & (clusters.size[:, 2] > _UPRIGHT)
    fit = np.ones((len(clusters), len(view.detections)))
    for class_id in np.unique(view.detections.class_ids):
        prior = SIZE_PRIORS.get(CLASSES[class_id])
        if prior is None:
            continue
        excess = clusters.size[:, 0] - (prior.mean[0] + 2.0 * prior.sigma[0])
        column = np.exp(-0.5 * (np.maximum(excess, 0.0) / (0.5 + prior.sigma[0])) ** 2)
        if CLASSES[class_id] in VEHICLES:
            column[upright] = _SIZE_FLOOR
        fit[:, view.detections.class_ids == class_id] = column[:, None]
    return np.maximum(fit, _SIZE_FLOOR)
