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
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
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
    far = np.maximum(np.where(np.isnan(depth), 1e6, depth), 1.0)
    moved = abs(view.age) * np.array(speeds) / far[:, None]
    return np.asarray(focal * np.hypot(config.calibration_sigma, moved))


def _widened(boxes: Floats, projected: ProjectedClusters, play: Floats) -> Floats:
    """Return the boxes (D, 4) with the play of a cluster at the mean depth of what is in the image on all sides."""
    if len(boxes) == 0 or len(projected.count) == 0:
        return boxes
    seen = np.flatnonzero(projected.count)
    margin = np.zeros(len(boxes))
    if len(seen):
        # The play falls with the depth: its median is that of the middle one, or the mean of the middle two.
        far = seen[np.argsort(projected.depth[seen])]
        margin = (play[far[(len(far) - 1) // 2]] + play[far[len(far) // 2]]) / 2
    return np.asarray(boxes + margin[:, None] * [-1.0, -1.0, 1.0, 1.0])


def _overlap(bounds: Floats, boxes: Floats, play: Floats) -> tuple[Floats, Floats]:
    """Return intersection over union (M, D) after the best shift within ``play``, and what the shift costs (0 to 1]."""
    iou, strain = _shifted(bounds, frozen(boxes), frozen(play))
    return iou, np.exp(-0.25 * strain)


@njit(cache=True)
def _shifted(bounds: Floats, boxes: Floats, play: Floats) -> tuple[Floats, Floats]:
    """Return intersection over union (M, D) after the best shift, and the sum of squares of shift over play (M, D)."""
    iou, strain = np.zeros((len(bounds), len(boxes))), np.zeros((len(bounds), len(boxes)))
    for m in range(len(bounds)):
        for d in range(len(boxes)):
            shared = own = other = 1.0
            for low in range(2):
                high = low + 2
                b0, b1 = (-1.0, -1.0) if np.isnan(bounds[m, low]) else (bounds[m, low], bounds[m, high])
                # Between these two shifts the smaller of the two lies inside the larger: none is needed where 0 is
                # between them.
                to_low, to_high = boxes[d, low] - b0, boxes[d, high] - b1
                wanted = min(max(0.0, min(to_low, to_high)), max(to_low, to_high))
                shift = min(max(wanted, -play[m, d]), play[m, d])
                if shift != 0.0:  # without play there is none
                    strain[m, d] += (shift / play[m, d]) ** 2
                shared *= max(min(b1 + shift, boxes[d, high]) - max(b0 + shift, boxes[d, low]), 0.0)
                own *= max(b1 - b0, 0.0)
                other *= boxes[d, high] - boxes[d, low]
            union = own + other - shared
            if union > 0.0:
                iou[m, d] = shared / union
    return iou, strain


def _depth_fit(clusters: Clusters, found: Ranges) -> Floats:
    """Return (M, D) in [floor, 1]: is the cluster as far as the detection says by foot and height?"""
    centre = clusters.centre[:, :2] - found.eye[:2]
    far = np.hypot(centre[:, 0], centre[:, 1])
    near = np.maximum(far - np.hypot(clusters.size[:, 0], clusters.size[:, 1]) / 2, 0.0)
    return np.asarray(np.maximum(np.exp(-0.5 * _off_place(near, far, *_told(found))), _DEPTH_FLOOR))


def _told(found: Ranges) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return distance and deviation (D,) in metres, where nothing tells beyond what matters; is the foot covered?"""
    sigma = np.where(np.isfinite(found.sigma), found.sigma, 1e6)
    return np.where(np.isnan(found.distance), 0.0, found.distance), sigma, found.foot_covered


@njit(cache=True)
def _off_place(near: Floats, far: Floats, distance: Floats, sigma: Floats, covered: NDArray[np.bool_]) -> Floats:
    """Return (M, D): the square of the deviations from clusters between ``near`` and ``far`` (M,) to detections."""
    out = np.empty((len(near), len(distance)))
    for m in range(len(near)):
        for d in range(len(distance)):
            # Of a large cluster any part may be meant.
            off = min(max(distance[d], near[m]), far[m]) - distance[d]
            spread = sigma[d] + _DEPTH_SLACK[0] + _DEPTH_SLACK[1] * far[m]
            if off < 0.0 and covered[d]:
                spread = np.hypot(spread, _NEARER_SHARE * distance[d])
            out[m, d] = (off / spread) ** 2
    return out


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
