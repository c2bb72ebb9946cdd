"""Tracked obstacles: what the planner gets."""

import enum
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import PerceptionError
from perception_core.types._checks import check_covariances, column
from perception_core.types.classes import CLASSES
from perception_core.types.objects import Mode


class Motion(enum.IntEnum):
    """The values of ``Obstacle.motion``."""

    UNKNOWN = 0
    STATIC = 1
    MOVING = 2


class SensorKind(enum.IntEnum):
    """The values of ``SensorStatus.kind``."""

    LIDAR = 1
    CAMERA = 2


class SensorState(enum.IntEnum):
    """The values of ``SensorStatus.state``."""

    OK = 0
    LATE = 1
    MISSING = 2
    FAULTY = 3


@dataclass(frozen=True, slots=True)
class SensorStatus:
    """Health of one sensor as the perception sees it; ``reason`` is empty when OK, else one clear phrase."""

    name: str
    kind: SensorKind
    state: SensorState
    last_stamp_ns: int
    rate_hz: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Obstacles:
    """T confirmed tracks at one stamp, in the fixed frame, sorted by age (oldest first).

    Attributes:
        stamp_ns: stamp of the scan, int nanoseconds.
        frame: ``odom``, or the base frame where there is no odometry.
        ids: uint8 (T, 16) UUID bytes; never reused, never shared between instances.
        centre: float64 (T, 3) metres.
        size: float64 (T, 3) metres along the box axes.
        yaw: float64 (T,) radians, x along the length, towards the motion when moving.
        pose_covariance: float64 (T, 6, 6) of x, y, z, roll, pitch, yaw.
        velocity: float64 (T, 3) m/s in the axes of ``frame``.
        yaw_rate: float64 (T,) rad/s.
        twist_covariance: float64 (T, 6, 6) of vx, vy, vz, wx, wy, wz.
        class_probabilities: float64 (T, C), columns as ``classes.CLASSES``, rows sum to 1.
        existence: float64 (T,) in [0, 1].
        footprints: T float64 arrays (K, 2), convex, counter-clockwise, in ``frame``.
        motion: uint8 (T,) of :class:`Motion`.
        sensors: uint8 (T,) bits of ``Sensor`` over the last update.
        first_seen_ns: int64 (T,) stamp of the first observation.
        last_seen_ns: int64 (T,) stamp of the latest observation.
        predicted_path: float64 (T, P, 3) x, y, yaw every ``prediction_step_ns`` after ``stamp_ns`` (P may be 0).
        prediction_step_ns: int nanoseconds.
        mode: what this set stands on; empty with ``BLIND`` does not mean free.
        statuses: health of each sensor.
        predicted_covariance: float64 (T, P, 3, 3) of x, y, yaw of ``predicted_path`` in m^2 and rad^2, symmetric and
            positive semidefinite; (T, 0, 3, 3): not known.
    """

    stamp_ns: int
    frame: str
    ids: NDArray[np.uint8]
    centre: NDArray[np.float64]
    size: NDArray[np.float64]
    yaw: NDArray[np.float64]
    pose_covariance: NDArray[np.float64]
    velocity: NDArray[np.float64]
    yaw_rate: NDArray[np.float64]
    twist_covariance: NDArray[np.float64]
    class_probabilities: NDArray[np.float64]
    existence: NDArray[np.float64]
    footprints: tuple[NDArray[np.float64], ...]
    motion: NDArray[np.uint8]
    sensors: NDArray[np.uint8]
    first_seen_ns: NDArray[np.int64]
    last_seen_ns: NDArray[np.int64]
    predicted_path: NDArray[np.float64]
    prediction_step_ns: int
    mode: Mode
    statuses: tuple[SensorStatus, ...] = ()
    predicted_covariance: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0, 3, 3)))

    def __post_init__(self) -> None:
        """Check shapes, lengths and the covariances of the predicted path, freeze the arrays."""
        set_ = object.__setattr__
        set_(self, "ids", column("obstacles.ids", self.ids, np.uint8, (None, 16)))
        t = len(self.ids)
        shapes: dict[str, tuple[type[np.generic], tuple[int | None, ...]]] = {
            "centre": (np.float64, (t, 3)),
            "size": (np.float64, (t, 3)),
            "yaw": (np.float64, (t,)),
            "pose_covariance": (np.float64, (t, 6, 6)),
            "velocity": (np.float64, (t, 3)),
            "yaw_rate": (np.float64, (t,)),
            "twist_covariance": (np.float64, (t, 6, 6)),
            "class_probabilities": (np.float64, (t, len(CLASSES))),
            "existence": (np.float64, (t,)),
            "motion": (np.uint8, (t,)),
            "sensors": (np.uint8, (t,)),
            "first_seen_ns": (np.int64, (t,)),
            "last_seen_ns": (np.int64, (t,)),
            "predicted_path": (np.float64, (t, None, 3)),
        }
        for name, (dtype, shape) in shapes.items():
            set_(self, name, column(f"obstacles.{name}", getattr(self, name), dtype, shape))
        if len(self.footprints) != t:
            raise PerceptionError(f"obstacles.footprints: expected {t} polygons, got {len(self.footprints)}")
        set_(self, "footprints", tuple(_polygon(f) for f in self.footprints))
        set_(self, "predicted_covariance", self._checked_covariance(t))

    def _checked_covariance(self, t: int) -> NDArray[np.float64]:
        name = "obstacles.predicted_covariance"
        steps = self.predicted_path.shape[1] if np.size(self.predicted_covariance) else 0
        given = self.predicted_covariance if steps else np.empty((t, 0, 3, 3))
        out = column(name, given, np.float64, (t, steps, 3, 3))
        check_covariances(name, out)
        return out

    def __len__(self) -> int:
        """Return the number of obstacles."""
        return len(self.ids)


def _polygon(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a footprint as a column; there are hundreds, so what is one already is only frozen."""
    if type(corners) is np.ndarray and corners.dtype == np.float64 and corners.shape[1:] == (2,):
        if corners.flags.writeable or not corners.flags.c_contiguous:
            corners = np.ascontiguousarray(corners).view()
            corners.flags.writeable = False
        return corners
    return column("obstacles.footprints", corners, np.float64, (None, 2))
