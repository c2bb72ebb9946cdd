"""Ground truth of one moment."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import PerceptionError


@dataclass(frozen=True, slots=True)
class Truth:
    """All M objects of a drive at the stamp of a scan, in ``frame`` (a fixed one, as odom), seen or not.

    Attributes:
        stamp_ns: int nanoseconds.
        frame: name of the fixed frame.
        ids: int32 (M,) from 1, the same through the drive.
        class_ids: int32 (M,) columns of ``types.classes.CLASSES``.
        centre: float64 (M, 3) metres, the middle of the box.
        size: float64 (M, 3) length, width, height in metres.
        yaw: float64 (M,) radians, x along the length, forward.
        velocity: float64 (M, 3) m/s in the axes of ``frame``.
        yaw_rate: float64 (M,) rad/s.
        point_count: int32 (M,) LiDAR returns of this scan from the object; -1 where nobody knows.
        visible_fraction: float64 (M,) share of the object's pixels inside the image that nothing hides; NaN where
            nobody knows.
        boxes_2d: float64 (M, 4) x_min, y_min, x_max, y_max in pixels of the object inside the image, hidden parts
            included; 0 where none of it is seen.
    """

    stamp_ns: int
    frame: str
    ids: NDArray[np.int32]
    class_ids: NDArray[np.int32]
    centre: NDArray[np.float64]
    size: NDArray[np.float64]
    yaw: NDArray[np.float64]
    velocity: NDArray[np.float64]
    yaw_rate: NDArray[np.float64]
    point_count: NDArray[np.int32]
    visible_fraction: NDArray[np.float64]
    boxes_2d: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check that every column has one row an object."""
        for name in self.__slots__[3:]:
            column = getattr(self, name)
            if len(column) != len(self.ids):
                raise PerceptionError(f"truth.{name}: expected {len(self.ids)} rows, got {len(column)}")

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.ids)
