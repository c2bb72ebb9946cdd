"""What the LiDAR path finds in one scan."""

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import CloudError
from perception_core.types._checks import column


class PointClass(enum.IntEnum):
    """What the LiDAR path took one point of a scan for."""

    DROPPED = 0
    """Outside of the crop: out of range, too high or low, on the robot's own body, not finite."""
    GROUND = 1
    OBSTACLE = 2
    OVERHEAD = 3
    """Above the clearance, with nothing under it that stands."""
    BELOW_GROUND = 4
    """A reflection, or a hole."""
    SPECK = 5
    """Above ground, but too little of it to be a thing: rain, dust, a stray return, something lower than a kerb."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Clusters of one scan as oriented boxes around what was seen (not completed to a whole object).

    M clusters, N points above ground. Box axes: x along ``size[:, 0]`` (the longer side), z up; ``yaw`` in
    (-pi, pi] about +z of ``frame``; a box is symmetric under yaw + pi.

    Attributes:
        stamp_ns: stamp of the scan, int nanoseconds.
        frame: the robot's base frame, z up.
        centre: float64 (M, 3) metres.
        size: float64 (M, 3) metres, length >= width, height.
        yaw: float64 (M,) radians.
        covariance: float64 (M, 3, 3) of ``centre``, m^2.
        point_count: int32 (M,).
        points: float32 (N, 3) obstacle points in ``frame``.
        labels: int32 (N,) index of each point's cluster, -1 for none.
    """

    stamp_ns: int
    frame: str
    centre: NDArray[np.float64]
    size: NDArray[np.float64]
    yaw: NDArray[np.float64]
    covariance: NDArray[np.float64]
    point_count: NDArray[np.int32]
    points: NDArray[np.float32]
    labels: NDArray[np.int32]

    def __post_init__(self) -> None:
        """Check shapes and lengths, freeze the arrays."""
        set_ = object.__setattr__
        set_(self, "centre", column("clusters.centre", self.centre, np.float64, (None, 3), CloudError))
        m = len(self.centre)
        set_(self, "size", column("clusters.size", self.size, np.float64, (m, 3), CloudError))
        set_(self, "yaw", column("clusters.yaw", self.yaw, np.float64, (m,), CloudError))
        set_(self, "covariance", column("clusters.covariance", self.covariance, np.float64, (m, 3, 3), CloudError))
        set_(self, "point_count", column("clusters.point_count", self.point_count, np.int32, (m,), CloudError))
        set_(self, "points", column("clusters.points", self.points, np.float32, (None, 3), CloudError))
        set_(self, "labels", column("clusters.labels", self.labels, np.int32, (len(self.points),), CloudError))

    def __len__(self) -> int:
        """Return the number of clusters."""
        return len(self.centre)
