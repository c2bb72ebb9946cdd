"""What every point of the cloud was taken for, in the order of the cloud."""

import numpy as np
from numpy.typing import NDArray

from perception_core.lidar.jit import F32, I32, kernel
from perception_core.types.clusters import PointClass

_DROPPED, _OBSTACLE = np.uint8(PointClass.DROPPED), np.uint8(PointClass.OBSTACLE)
_OVERHEAD, _SPECK = np.uint8(PointClass.OVERHEAD), np.uint8(PointClass.SPECK)


@kernel
def classify(
    count: int, index: I32, height: F32, classes: NDArray[np.uint8], obstacles: I32, labels: I32
) -> tuple[NDArray[np.uint8], F32]:
    """Return the class uint8 (P,) of each point and its height float32 (P,) above ground, NaN where it was cropped.

    Args:
        count: P, points of the cloud.
        index: int32 (K,) place of each kept point in the cloud.
        height: float32 (K,) metres of the kept points above ground.
        classes: uint8 (K,) their classes as the ground tells them: GROUND, OBSTACLE, BELOW_GROUND.
        obstacles: int32 (N,) which of the kept points are obstacle points.
        labels: int32 (N,) their clusters, -1 for none.
    """
    point_class = np.full(count, _DROPPED, np.uint8)
    point_height = np.full(count, np.nan, np.float32)
    named = np.arange(256).astype(np.uint8)
    named[_OBSTACLE] = _OVERHEAD
    for k in range(len(index)):
        point_height[index[k]] = height[k]
        point_class[index[k]] = named[classes[k]]
    for q in range(len(obstacles)):
        point_class[index[obstacles[q]]] = _OBSTACLE if labels[q] >= 0 else _SPECK
    return point_class, point_height
