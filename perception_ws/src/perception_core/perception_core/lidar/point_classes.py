"""What every point of the cloud was taken for, in the order of the cloud."""

import numpy as np
from numpy.typing import NDArray

from perception_core.lidar.jit import F32, I32, kernel
from perception_core.types.clusters import PointClass

_DROPPED, _GROUND, _OBSTACLE = np.uint8(PointClass.DROPPED), np.uint8(PointClass.GROUND), np.uint8(PointClass.OBSTACLE)
_OVERHEAD, _BELOW, _SPECK = np.uint8(PointClass.OVERHEAD), np.uint8(PointClass.BELOW_GROUND), np.uint8(PointClass.SPECK)


@kernel
def classify(
    count: int, index: I32, reach: F32, height: F32, obstacles: I32, labels: I32, threshold: float, per_range: float
) -> tuple[NDArray[np.uint8], F32]:
    """Return the class uint8 (P,) of each point and its height float32 (P,) above ground, NaN where it was cropped.

    Args:
        count: P, points of the cloud.
        index: int32 (K,) place of each kept point in the cloud.
        reach, height: float32 (K,) horizontal range and height above ground of the kept points, metres.
        obstacles: int32 (N,) which of the kept points are obstacle points.
        labels: int32 (N,) their clusters, -1 for none.
        threshold, per_range: points within ``threshold + per_range * reach`` of the ground are ground.
    """
    point_class = np.full(count, _DROPPED, np.uint8)
    point_height = np.full(count, np.nan, np.float32)
    for k in range(len(index)):
        h, level = height[k], threshold + per_range * reach[k]
        point_height[index[k]] = h
        point_class[index[k]] = _OVERHEAD if h > level else (_GROUND if h >= -level else _BELOW)
    for q in range(len(obstacles)):
        point_class[index[obstacles[q]]] = _OBSTACLE if labels[q] >= 0 else _SPECK
    return point_class, point_height
