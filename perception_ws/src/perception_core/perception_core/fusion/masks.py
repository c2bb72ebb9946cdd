"""Which detection the pixels under returns belong to."""

import numpy as np
from numpy.typing import NDArray

from perception_core.fusion.views import ProjectedClusters, pixels_under
from perception_core.types import InstanceMasks


def instances_at(pixels: NDArray[np.float64], masks: InstanceMasks) -> NDArray[np.int64]:
    """Return int64 (P,): the detection on whose mask each projected point (P, 2) falls, -1 for none."""
    return masks.instances[pixels_under(pixels)].astype(np.int64) - 1


def mask_counts(projected: ProjectedClusters, masks: InstanceMasks, detections: int) -> NDArray[np.int64]:
    """Return int64 (M, D): points of each cluster on the mask of each detection."""
    m, owner = len(projected.count), instances_at(projected.pixels, masks)
    on = (owner >= 0) & (owner < detections)
    flat = np.bincount(projected.labels[on] * detections + owner[on], minlength=m * detections)
    return flat.astype(np.int64).reshape(m, detections)
