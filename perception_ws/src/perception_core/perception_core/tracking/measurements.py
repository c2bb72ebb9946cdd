"""Objects of a scan as measurements in the fixed frame."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.geometry import transforms
from perception_core.tracking import ends
from perception_core.tracking.anchoring import SMALL
from perception_core.tracking.config import MeasurementConfig
from perception_core.types import Objects, Sensor
from perception_core.types.classes import INDEX, UNKNOWN

Floats = NDArray[np.float64]

_MIN_SIZE = 0.02

_RELIEF = 1.0
"""Metres by which the parts of a vehicle's face lie behind each other."""

_SHAPED = 0.93
"""Probability of being unknown below which the shape is that of a vehicle, its box completed."""

_HEMMED = 2
"""Loose ends from which on even that is rather a part of a facade between parked cars."""

NO_HULL = np.empty((0, 2))
"""The box is the footprint."""

_PERSON_WIDTH, _PERSON_TOP, _PERSON_DEPTH = 1.0, 2.2, 0.06
"""Metres: people, and riders seen from the front, are narrower, do not reach higher above the base, and no foils."""


@dataclass(slots=True)
class Measurements:
    """M boxes in the fixed frame.

    Attributes:
        centre: (M, 3) metres.
        noise: (M, 3, 3) covariance of ``centre``, m^2, positive definite.
        size: (M, 3) metres along the box axes, positive.
        yaw: (M,) radians.
        yaw_variance: (M,) rad^2.
        class_probabilities: (M, C), rows sum to 1.
        existence: (M,) in [0, 1].
        lidar: bool (M,) seen by a LiDAR: its near faces are where they were measured.
        sensors: uint8 (M,) bits.
        range: (M,) horizontal distance from the robot, metres.
        point_count: int32 (M,) LiDAR points.
        loose: bool (M, 2, 2) lower and upper end along length and width that are no ends of the object, see
            :mod:`perception_core.tracking.ends`.
        late: (M,) seconds after the scan's stamp at which it was seen.
        hull: object (M,) of float64 (K, 2): corners of the convex footprint, none where that is the box's.
    """

    centre: Floats
    noise: Floats
    size: Floats
    yaw: Floats
    yaw_variance: Floats
    class_probabilities: Floats
    existence: Floats
    lidar: NDArray[np.bool_]
    sensors: NDArray[np.uint8]
    range: Floats
    point_count: NDArray[np.int32]
    loose: NDArray[np.bool_]
    late: Floats
    hull: NDArray[np.object_]

    def __len__(self) -> int:
        """Return the number of measurements."""
        return len(self.centre)

    def select(self, index: NDArray[np.int64]) -> "Measurements":
        """Return a copy that holds the measurements of an index array, in that order."""
        return Measurements(**{name: getattr(self, name).take(index, axis=0) for name in _COLUMNS})

    @property
    def relief_variance(self) -> Floats:
        """Return (M,) m^2: what chance does to a face of which a LiDAR sees few points; none to small things."""
        large = self.lidar & (np.maximum(self.size[:, 0], self.size[:, 1]) >= SMALL)
        return np.where(large, _RELIEF**2 / np.maximum(self.point_count, 1), 0.0)

    def face_variance(self, config: MeasurementConfig) -> Floats:
        """Return (M,) m^2: how well a face that the LiDAR sees is known at this range, by so many points.

        Faces of vehicles are no planes: a bumper, a bonnet, a window. Which of them few points hit is chance.
        """
        return (config.face_sigma + config.face_sigma_per_metre * self.range) ** 2 + self.relief_variance


_COLUMNS = tuple(f.name for f in dataclasses.fields(Measurements))


def from_objects(
    objects: Objects, T_fixed_base: transforms.Transform, config: MeasurementConfig
) -> tuple[Measurements, int]:
    """Move objects into the fixed frame and mend what would break a filter.

    Objects with a value that is not finite are left out; covariances get the floors of ``config``, and those
    that are not positive definite are replaced by their diagonal.

    Returns:
        The measurements, and how many objects were left out.
    """
    good = np.flatnonzero(_finite(objects))
    noise = T_fixed_base[:3, :3] @ objects.covariance[good, :3, :3] @ T_fixed_base[:3, :3].T
    classes = np.clip(objects.class_probabilities[good], 1e-6, None)
    centre = objects.centre[good]
    measurements = Measurements(
        centre=transforms.apply(T_fixed_base, centre),
        noise=_positive_definite(noise, config.min_sigma**2),
        size=np.maximum(objects.size[good], _MIN_SIZE),
        yaw=objects.yaw[good] + transforms.yaw_of(T_fixed_base),
        yaw_variance=np.maximum(objects.covariance[good, 5, 5], config.min_yaw_sigma**2),
        class_probabilities=classes / classes.sum(axis=1, keepdims=True),
        existence=np.clip(objects.existence[good], 0.0, 1.0),
        lidar=(objects.sensors[good] & np.uint8(Sensor.LIDAR)) > 0,
        sensors=objects.sensors[good],
        range=np.hypot(centre[:, 0], centre[:, 1]),
        point_count=objects.point_count[good],
        loose=_loose(objects, good),
        late=objects.time_offset[good],
        hull=_hulls(objects, good, T_fixed_base),
    )
    return measurements, len(objects) - len(good)


def _loose(objects: Objects, good: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return (M, 2, 2) loose ends of the good objects; none for what a camera named or what may be a person."""
    centre, size, sensors = objects.centre[good], objects.size[good], objects.sensors[good]
    shaped = objects.class_probabilities[good, INDEX[UNKNOWN]] < _SHAPED
    loose = ends.loose_ends(centre, size, objects.yaw[good], np.zeros(2), shaped)
    whole = (sensors & np.uint8(Sensor.LIDAR)) == 0
    whole |= (sensors & np.uint8(Sensor.CAMERA)) > 0
    whole |= shaped & (loose.sum(axis=(1, 2)) < _HEMMED)
    loose[whole | _may_be_person(centre, size)] = False
    return loose


def _hulls(objects: Objects, good: NDArray[np.int64], T_fixed_base: transforms.Transform) -> NDArray[np.object_]:
    """Return the footprints (M,) of the good objects in the fixed frame; points and lines are none."""
    out = np.full(len(good), None, np.object_)
    z = np.repeat(objects.centre[:, 2], np.diff(objects.hull_start))
    corners = transforms.apply(T_fixed_base, np.column_stack([objects.hull, z]))[:, :2]
    broken = not np.isfinite(corners).all()
    begin, end = objects.hull_start[good].tolist(), objects.hull_start[good + 1].tolist()
    for i, (a, b) in enumerate(zip(begin, end, strict=True)):
        out[i] = corners[a:b] if b - a > 2 and not (broken and not np.isfinite(corners[a:b]).all()) else NO_HULL
    return out


def _may_be_person(centre: Floats, size: Floats) -> NDArray[np.bool_]:
    """Tell what (M,) is of a person's size: what hides a part of it hides less than half a metre."""
    longest, top = np.maximum(size[:, 0], size[:, 1]), centre[:, 2] + size[:, 2] / 2.0
    deep = np.minimum(size[:, 0], size[:, 1]) > _PERSON_DEPTH
    return deep & (longest > ends.SLIVER) & (longest < _PERSON_WIDTH) & (top < _PERSON_TOP)


def _finite(objects: Objects) -> NDArray[np.bool_]:
    single = (objects.yaw, objects.existence, objects.time_offset)
    columns = (*single, objects.centre, objects.size, objects.covariance, objects.class_probabilities)
    good = np.ones(len(objects), dtype=np.bool_)
    for column in columns:
        finite = np.isfinite(column)
        if not finite.all():
            good &= finite.reshape(len(column), -1).all(axis=1)
    return good


def _positive_definite(noise: Floats, floor: float) -> Floats:
    """Return (M, 3, 3) symmetric matrices with leading minors (Sylvester) above those of the floor."""
    out: Floats = _symmetric(frozen(noise), floor)
    minor = out[:, 0, 0] * out[:, 1, 1] - out[:, 0, 1] ** 2
    bad = (minor <= floor**2 * 0.1) | (np.linalg.det(out) <= floor**3 * 0.1)
    if bad.any():
        out[bad] = np.einsum("mii->mi", out[bad])[:, :, None] * np.eye(3)
    return out


@njit(cache=True)
def _symmetric(noise: Floats, floor: float) -> Floats:
    """Return symmetric matrices (M, 3, 3) with diagonals of ``floor`` at least."""
    out = np.empty_like(noise)
    for i in range(len(noise)):
        for a in range(3):
            for b in range(3):
                out[i, a, b] = (noise[i, a, b] + noise[i, b, a]) / 2.0
            out[i, a, a] = max(abs(out[i, a, a]), floor)
    return out
