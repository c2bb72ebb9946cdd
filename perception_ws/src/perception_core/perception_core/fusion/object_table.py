"""The objects of a scan in the making, column by column."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from perception_core.fusion.completion import Boxes
from perception_core.types import Mode, Objects

Floats = NDArray[np.float64]

NO_HULL = np.empty((0, 2))
"""The footprint is the box's."""


@dataclass(frozen=True, slots=True)
class ObjectTable:
    """M finished objects in the base frame.

    Attributes:
        boxes: of the whole objects.
        probabilities: float64 (M, C), columns as ``types.CLASSES``, rows sum to 1.
        existence: float64 (M,) in [0, 1].
        sensors: uint8 (M,) bits of ``types.Sensor``.
        points: int64 (M,) returns.
        time_offset: float64 (M,) seconds from the stamp to when they were measured.
        hulls: M float64 (H, 2), footprints in metres where those are not the boxes', else of no corners.
    """

    boxes: Boxes
    probabilities: Floats
    existence: Floats
    sensors: NDArray[np.uint8]
    points: NDArray[np.int64]
    time_offset: Floats
    hulls: list[Floats]

    def select(self, rows: NDArray[np.int64]) -> "ObjectTable":
        """Return some of them."""
        b = self.boxes
        return ObjectTable(
            Boxes(b.centre[rows], b.size[rows], b.yaw[rows], b.covariance[rows]),
            self.probabilities[rows],
            self.existence[rows],
            self.sensors[rows],
            self.points[rows],
            self.time_offset[rows],
            [self.hulls[i] for i in rows.tolist()],
        )


def joined(a: ObjectTable, b: ObjectTable) -> ObjectTable:
    """Return the objects of both."""
    boxes = Boxes(*(np.concatenate([getattr(a.boxes, f.name), getattr(b.boxes, f.name)]) for f in fields(Boxes)))
    columns = ("probabilities", "existence", "sensors", "points", "time_offset")
    rest = {name: np.concatenate([getattr(a, name), getattr(b, name)]) for name in columns}
    return ObjectTable(boxes, **rest, hulls=a.hulls + b.hulls)


def pack(table: ObjectTable, stamp_ns: int, frame: str, mode: Mode) -> Objects:
    """Return the objects as fusion publishes them; ``stamp_ns`` nanoseconds, ``frame`` the base frame."""
    return Objects(
        stamp_ns=stamp_ns,
        frame=frame,
        centre=table.boxes.centre,
        size=table.boxes.size,
        yaw=table.boxes.yaw,
        covariance=table.boxes.covariance,
        class_probabilities=table.probabilities,
        existence=table.existence,
        sensors=table.sensors,
        point_count=table.points.astype(np.int32),
        mode=mode,
        time_offset=table.time_offset,
        hull=np.concatenate([NO_HULL, *table.hulls]),
        hull_start=np.cumsum([0, *(len(h) for h in table.hulls)]),
    )
