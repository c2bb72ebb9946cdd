"""Trackers that people use today, on the very objects that ours gets, each behind the call that ours has.

They know nothing of covariances, sensors or classes: an obstacle has the class of its latest object. They do not say
what moves, so that no wrong MOVING is held against them, and they are told of no gaps: one scan is one step.
"""

import importlib.util
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.boxes import bev_corners
from perception_core.geometry.transforms import Transform, apply, wrap_angle, yaw_of
from perception_core.tracking import Tracker, TrackerConfig
from perception_core.types import CLASSES, Mode, Motion, Objects, Obstacles
from perception_tools.benchmarks.tracking_ab3dmot import Ab3dmot

OURS, NORFAIR, AB3DMOT, PURE_AB3DMOT = "ours", "norfair", "AB3DMOT", "pure-ab-3d-mot"

NORFAIR_DISTANCE = 2.0
"""Metres between centres in the plane up to which they may be one; norfair has no default."""
NORFAIR_INERTIA, NORFAIR_DELAY = 10, 2
"""Scans a track lives on unseen (default 15, made for 30 Hz), and scans seen before it is told of (default 7)."""
NORFAIR_NOISE = 0.01
"""Factor on norfair's variances (R 4, Q 0.1, P 10, made for pixels): R is 0.2 m, the gains stay what they are."""

Floats = NDArray[np.float64]
_NAMESPACE = uuid.UUID(int=5)
_UNSAID = 1.0
"""Variance of what a peer says nothing about."""
_THINNEST = 0.01
"""Metres; a box without volume has no overlap."""
_PERIOD = 0.1
"""Seconds before the first scan."""


class ScanTracker(Protocol):
    """A tracker as the pipeline calls it."""

    def update(self, objects: Objects, T_fixed_base: Transform, fixed_frame: str) -> Obstacles:
        """Take one scan's objects, in the base frame; return the obstacles in the fixed frame."""
        ...


def contenders(names: tuple[str, ...] = (OURS, NORFAIR, AB3DMOT)) -> dict[str, Callable[[], ScanTracker]]:
    """Return what makes each tracker that is installed, ours first."""
    return {name: _MAKERS[name] for name in names if missing(name) is None}


def missing(name: str) -> str | None:
    """Return a line about a peer that is not installed; None for one that is."""
    packages = {NORFAIR: ("norfair", "norfair-enough"), PURE_AB3DMOT: ("pure_ab_3d_mot", "pure-ab-3d-mot")}
    module, package = packages.get(name, ("", ""))
    if module and importlib.util.find_spec(module) is None:
        return f"{name}: not installed: make bench, or pip install {package}"
    return None


class Norfair:
    """norfair: points in the plane, Euclidean distance, its own Kalman filter at constant velocity."""

    def __init__(self) -> None:
        """Make one of its trackers."""
        from norfair import OptimizedKalmanFilterFactory
        from norfair import Tracker as NorfairTracker

        r, q, position, speed = (NORFAIR_NOISE * variance for variance in (4.0, 0.1, 10.0, 1.0))
        self._tracker = NorfairTracker(
            distance_function="euclidean",
            distance_threshold=NORFAIR_DISTANCE,
            hit_counter_max=NORFAIR_INERTIA,
            initialization_delay=NORFAIR_DELAY,
            filter_factory=OptimizedKalmanFilterFactory(R=r, Q=q, pos_variance=position, vel_variance=speed),
        )
        self._memory = _Memory()

    def update(self, objects: Objects, T_fixed_base: Transform, fixed_frame: str) -> Obstacles:
        """Track the centres."""
        from norfair import Detection

        seconds = self._memory.step(objects, T_fixed_base)
        points = self._memory.centre[:, None, :2]
        tracks: list[Any] = [
            *self._tracker.update([Detection(points[i], data=(objects.stamp_ns, i)) for i in range(len(points))])
        ]
        rows = [t.last_detection.data[1] if t.last_detection.data[0] == objects.stamp_ns else -1 for t in tracks]
        numbers = [int(t.id) for t in tracks]
        out = self._memory.obstacles(numbers, rows, fixed_frame)
        for i, track in enumerate(tracks):
            out.centre[i, :2], out.velocity[i, :2] = track.estimate[0], track.estimate_velocity[0] / seconds
            out.place[i, :2, :2] = np.diag(track.filter.pos_variance.ravel())
            out.speed[i, :2, :2] = np.diag(track.filter.vel_variance.ravel()) / seconds**2
        return out.finished()


class Ab3dmotTracker:
    """AB3DMOT: boxes, 3D GIoU, a Kalman filter at constant velocity of the whole box."""

    def __init__(self) -> None:
        """Start without tracks."""
        self._tracker = Ab3dmot()
        self._memory = _Memory()

    def update(self, objects: Objects, T_fixed_base: Transform, fixed_frame: str) -> Obstacles:
        """Track the boxes."""
        seconds = self._memory.step(objects, T_fixed_base)
        tracks = self._tracker.update(box_rows(objects, T_fixed_base))
        out = self._memory.obstacles(tracks.number.tolist(), tracks.detection.tolist(), fixed_frame)
        x, covariance = tracks.state, tracks.covariance
        out.size[:] = np.maximum(x[:, 4:7], _THINNEST)
        out.centre[:] = x[:, :3]
        out.centre[:, 2] += out.size[:, 2] / 2.0
        out.yaw[:] = x[:, 3]
        out.velocity[:] = x[:, 7:] / seconds
        out.place[:], out.speed[:] = covariance[:, :3, :3], covariance[:, 7:, 7:] / seconds**2
        return out.finished()


class PureAb3dmot:
    """The package pure-ab-3d-mot on the same boxes; for its speed: a test shows that its tracks are AB3DMOT's."""

    def __init__(self) -> None:
        """Make one of its trackers."""
        from pure_ab_3d_mot.tracker import Ab3DMot

        self._tracker: Any = Ab3DMot()

    def track(self, objects: Objects, T_fixed_base: Transform) -> Floats:
        """Return its rows (T, 8): height, width, length, x, y, z, rotation, number, in KITTI's camera axes."""
        boxes = kitti_rows(box_rows(objects, T_fixed_base))
        rows = self._tracker.track({"dets": boxes, "info": np.zeros((len(boxes), 1))})[0]
        return np.asarray(rows, dtype=np.float64)[:, :8]


def box_rows(objects: Objects, T_fixed_base: Transform) -> Floats:
    """Return the boxes (N, 7) as AB3DMOT takes them: x, y, z of the bottom's middle, yaw, length, width, height."""
    centre = apply(T_fixed_base, objects.centre)
    centre[:, 2] -= objects.size[:, 2] / 2.0
    yaw = wrap_angle(objects.yaw + yaw_of(T_fixed_base))
    return np.column_stack([centre, yaw, np.maximum(objects.size, _THINNEST)])


def kitti_rows(boxes: Floats) -> Floats:
    """Return boxes (N, 7) in KITTI's axes, x right, y down, z ahead: height, width, length, x, y, z, rotation."""
    x, y, z, yaw, length, width, height = boxes.T
    return np.column_stack([height, width, length, -y, -z, x, wrap_angle(-yaw - np.pi / 2.0)])


@dataclass(slots=True)
class _Told:
    """Obstacles in the making, columns of T rows; ``place`` and ``speed`` are covariances (T, 3, 3)."""

    stamp_ns: int
    frame: str
    mode: Mode
    ids: NDArray[np.uint8]
    centre: Floats
    size: Floats
    yaw: Floats
    velocity: Floats
    place: Floats
    speed: Floats
    class_probabilities: Floats
    existence: Floats
    sensors: NDArray[np.uint8]
    first_seen_ns: NDArray[np.int64]
    last_seen_ns: NDArray[np.int64]

    def finished(self) -> Obstacles:
        """Return the obstacles."""
        n = len(self.ids)
        pose, twist = np.tile(np.eye(6) * _UNSAID, (2, n, 1, 1))
        pose[:, :3, :3], twist[:, :3, :3] = self.place, self.speed
        return Obstacles(
            self.stamp_ns, self.frame, self.ids, self.centre, self.size, self.yaw, pose, self.velocity, np.zeros(n),
            twist, self.class_probabilities, self.existence,
            tuple(bev_corners(self.centre, self.size, self.yaw)), np.full(n, Motion.UNKNOWN, np.uint8), self.sensors,
            self.first_seen_ns, self.last_seen_ns, np.zeros((n, 0, 3)), 0, self.mode,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Last:
    """What is remembered of a track: its latest object, in the fixed frame."""

    centre: Floats
    size: Floats
    yaw: float
    class_probabilities: Floats
    existence: float
    sensors: int
    first_seen_ns: int
    last_seen_ns: int


class _Memory:
    """What the peers forget: the class, the height and the size of each track's latest object, and its times."""

    def __init__(self) -> None:
        self._last: dict[int, _Last] = {}
        self._objects: Objects | None = None
        self.centre: Floats = np.empty((0, 3))
        self._yaw: Floats = np.empty(0)

    def step(self, objects: Objects, T_fixed_base: Transform) -> float:
        """Take the objects of a scan; return the seconds since the last one."""
        before = self._objects
        self._objects = objects
        self.centre = apply(T_fixed_base, objects.centre)
        self._yaw = wrap_angle(objects.yaw + yaw_of(T_fixed_base))
        return _PERIOD if before is None else (objects.stamp_ns - before.stamp_ns) / 1e9

    def obstacles(self, numbers: Sequence[int], rows: Sequence[int], frame: str) -> _Told:
        """Return the tracks ``numbers``, each as its latest object was; ``rows``: that of this scan, -1 for none."""
        assert self._objects is not None, "step comes before"
        for number, row in zip(numbers, rows, strict=True):
            if row >= 0:
                self._last[number] = self._seen(number, row)
        told = [self._last[number] for number in numbers]
        n = len(told)
        return _Told(
            stamp_ns=self._objects.stamp_ns,
            frame=frame,
            mode=self._objects.mode,
            ids=np.array([list(uuid.uuid5(_NAMESPACE, str(k)).bytes) for k in numbers], np.uint8).reshape(n, 16),
            centre=np.array([t.centre for t in told]).reshape(n, 3),
            size=np.array([t.size for t in told]).reshape(n, 3),
            yaw=np.array([t.yaw for t in told]),
            velocity=np.zeros((n, 3)),
            place=np.tile(np.eye(3), (n, 1, 1)),
            speed=np.tile(np.eye(3), (n, 1, 1)),
            class_probabilities=np.array([t.class_probabilities for t in told]).reshape(n, len(CLASSES)),
            existence=np.array([t.existence for t in told]),
            sensors=np.array([t.sensors if r >= 0 else 0 for t, r in zip(told, rows, strict=True)], np.uint8),
            first_seen_ns=np.array([t.first_seen_ns for t in told], np.int64),
            last_seen_ns=np.array([t.last_seen_ns for t in told], np.int64),
        )

    def _seen(self, number: int, row: int) -> _Last:
        objects, old = self._objects, self._last.get(number)
        assert objects is not None, "step comes before"
        return _Last(
            self.centre[row],
            objects.size[row],
            float(self._yaw[row]),
            objects.class_probabilities[row],
            float(objects.existence[row]),
            int(objects.sensors[row]),
            objects.stamp_ns if old is None else old.first_seen_ns,
            objects.stamp_ns,
        )


_MAKERS: Mapping[str, Callable[[], ScanTracker]] = {
    OURS: lambda: Tracker(TrackerConfig(), _NAMESPACE.bytes),
    NORFAIR: Norfair,
    AB3DMOT: Ab3dmotTracker,
}
