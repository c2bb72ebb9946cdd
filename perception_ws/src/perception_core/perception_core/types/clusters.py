"""What the LiDAR path finds in one scan."""

import enum
from dataclasses import dataclass, field

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
        hull: float64 (H, 2) corners of the convex footprints, counter-clockwise, one cluster's after the other; where
            it is not given, those of the boxes. A cluster on one line has two corners, of one point one.
        hull_start: int32 (M + 1,) where the corners of each cluster begin.
        bottom, top: float32 (M,) metres of the lowest and highest point above the ground under it; where they are not
            given, those of the boxes above z = 0.
        time_offset: float64 (M,) seconds after ``stamp_ns`` at which the points were seen, in the mean; where it is not
            given, 0. Ego motion is compensated already, what moves by itself is where it was then.
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
    hull: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    hull_start: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    bottom: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    top: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    time_offset: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

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
        times = self.time_offset if len(self.time_offset) else np.zeros(m)
        set_(self, "time_offset", column("clusters.time_offset", times, np.float64, (m,), CloudError))
        self._set_footprints(m)

    def _set_footprints(self, m: int) -> None:
        set_ = object.__setattr__
        if len(self.hull_start) == 0:
            set_(self, "hull", _box_corners(self.centre, self.size, self.yaw))
            set_(self, "hull_start", np.arange(0, 4 * m + 1, 4, dtype=np.int32))
        if len(self.bottom) == len(self.top) == 0:
            set_(self, "bottom", self.centre[:, 2] - self.size[:, 2] / 2)
            set_(self, "top", self.centre[:, 2] + self.size[:, 2] / 2)
        set_(self, "hull", column("clusters.hull", self.hull, np.float64, (None, 2), CloudError))
        set_(self, "hull_start", column("clusters.hull_start", self.hull_start, np.int32, (m + 1,), CloudError))
        set_(self, "bottom", column("clusters.bottom", self.bottom, np.float32, (m,), CloudError))
        set_(self, "top", column("clusters.top", self.top, np.float32, (m,), CloudError))
        if self.hull_start[-1] != len(self.hull):
            raise CloudError(f"clusters.hull_start: ends at {self.hull_start[-1]}, but {len(self.hull)} corners")

    def __len__(self) -> int:
        """Return the number of clusters."""
        return len(self.centre)

    def footprint(self, k: int) -> NDArray[np.float64]:
        """Return the corners float64 (H, 2) of the convex footprint of cluster ``k``, counter-clockwise."""
        return self.hull[self.hull_start[k] : self.hull_start[k + 1]]


def _box_corners(
    centre: NDArray[np.float64], size: NDArray[np.float64], yaw: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Corners (4 M, 2) of boxes, counter-clockwise."""
    c, s = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    u = size[:, :1] * [-0.5, 0.5, 0.5, -0.5]
    v = size[:, 1:2] * [-0.5, -0.5, 0.5, 0.5]
    corners = np.stack([centre[:, :1] + c * u - s * v, centre[:, 1:2] + s * u + c * v], axis=2)
    out: NDArray[np.float64] = corners.reshape(-1, 2)
    return out
