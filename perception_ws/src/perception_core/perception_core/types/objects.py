"""Fused, untracked objects of one scan."""

import enum
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import CloudError
from perception_core.types._checks import column
from perception_core.types.classes import CLASSES


class Sensor(enum.IntFlag):
    """Which kind of sensor saw an object; the bits of ``Obstacle.sensors``."""

    NONE = 0
    LIDAR = 1
    CAMERA = 2


class Mode(enum.IntEnum):
    """What the perception stands on at this moment; the values of ``ObstacleArray.mode``."""

    FUSED = 0
    LIDAR_ONLY = 1
    CAMERA_ONLY = 2
    BLIND = 3


@dataclass(frozen=True, slots=True)
class Objects:
    """M objects as oriented boxes with class probabilities and uncertainty.

    Attributes:
        stamp_ns: stamp of the scan, int nanoseconds.
        frame: the robot's base frame, z up.
        centre: float64 (M, 3) metres, of the estimated whole object.
        size: float64 (M, 3) metres along the box axes.
        yaw: float64 (M,) radians about +z; the heading is known up to pi.
        covariance: float64 (M, 6, 6) of x, y, z, roll, pitch, yaw (REP-103 order), m^2, m rad, rad^2.
        class_probabilities: float64 (M, C), columns as ``classes.CLASSES``, rows sum to 1.
        existence: float64 (M,) probability in [0, 1] that there is an object at all.
        sensors: uint8 (M,) bits of :class:`Sensor`.
        point_count: int32 (M,) LiDAR points, 0 for camera-only objects.
        mode: what this set of objects stands on.
        hull: float64 (H, 2) corners of convex footprints that tell more than the boxes', counter-clockwise, one
            object's after the other: what was seen of things without a class, walls and hedges above all.
        hull_start: int32 (M + 1,) where the corners of each object begin; without any the box is the footprint.
        time_offset: float64 (M,) seconds after ``stamp_ns`` at which the object was seen, in the mean; where it is not
            given, 0. Ego motion is compensated already, what moves by itself is where it was then.
    """

    stamp_ns: int
    frame: str
    centre: NDArray[np.float64]
    size: NDArray[np.float64]
    yaw: NDArray[np.float64]
    covariance: NDArray[np.float64]
    class_probabilities: NDArray[np.float64]
    existence: NDArray[np.float64]
    sensors: NDArray[np.uint8]
    point_count: NDArray[np.int32]
    mode: Mode
    hull: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    hull_start: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    time_offset: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        """Check shapes and lengths, freeze the arrays."""
        set_ = object.__setattr__
        set_(self, "centre", column("objects.centre", self.centre, np.float64, (None, 3), CloudError))
        m = len(self.centre)
        shapes: dict[str, tuple[type[np.generic], tuple[int | None, ...]]] = {
            "size": (np.float64, (m, 3)),
            "yaw": (np.float64, (m,)),
            "covariance": (np.float64, (m, 6, 6)),
            "class_probabilities": (np.float64, (m, len(CLASSES))),
            "existence": (np.float64, (m,)),
            "sensors": (np.uint8, (m,)),
            "point_count": (np.int32, (m,)),
        }
        for name, (dtype, shape) in shapes.items():
            set_(self, name, column(f"objects.{name}", getattr(self, name), dtype, shape, CloudError))
        times = self.time_offset if len(self.time_offset) else np.zeros(m)
        set_(self, "time_offset", column("objects.time_offset", times, np.float64, (m,), CloudError))
        start = self.hull_start if len(self.hull_start) else np.zeros(m + 1, np.int32)
        set_(self, "hull", column("objects.hull", self.hull, np.float64, (None, 2), CloudError))
        set_(self, "hull_start", column("objects.hull_start", start, np.int32, (m + 1,), CloudError))
        if self.hull_start[-1] != len(self.hull):
            raise CloudError(f"objects.hull_start: ends at {self.hull_start[-1]}, but {len(self.hull)} corners")

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.centre)
