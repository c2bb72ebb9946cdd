"""When each cluster was seen.

A spinning LiDAR needs a whole period for its sweep. What stands is brought to the scan's stamp by ego motion; what
moves by itself lies where it was when the beam met it, metres off at the speed of a motorway. Who follows it must
know when that was.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.lidar.jit import I32, kernel


def capture_times(
    time_offset_ns: NDArray[np.int64] | None, index: I32, obstacles: I32, labels: I32, clusters: int
) -> NDArray[np.float64]:
    """Return float64 (M,) seconds after the scan's stamp at which the points of each cluster were seen, in the mean.

    Args:
        time_offset_ns: int64 (P,) time of each point of the cloud after its stamp; None: all at the stamp.
        index: int32 (K,) place of each kept point in the cloud.
        obstacles: int32 (N,) which of the kept points are obstacle points.
        labels: int32 (N,) their clusters, -1 for none.
        clusters: M.
    """
    if time_offset_ns is None:
        return np.zeros(clusters)
    out: NDArray[np.float64] = _mean_times(frozen(time_offset_ns), index, obstacles, labels, clusters)
    return out


@kernel
def _mean_times(
    times: NDArray[np.int64], index: I32, obstacles: I32, labels: I32, clusters: int
) -> NDArray[np.float64]:
    total, count = np.zeros(clusters), np.zeros(clusters)
    for q in range(len(obstacles)):
        if labels[q] >= 0:
            total[labels[q]] += times[index[obstacles[q]]]
            count[labels[q]] += 1.0
    return total / np.maximum(count, 1.0) * 1e-9
