"""A LiDAR scan as columns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import CloudError
from perception_core.types._checks import column


@dataclass(frozen=True, slots=True)
class PointCloud:
    """One scan in one frame, every point finite.

    Attributes:
        xyz: float32 (N, 3), metres, in ``frame``.
        stamp_ns: the scan's stamp, int nanoseconds.
        frame: TF frame of ``xyz``.
        intensity: float32 (N,) as the driver gives it (no common unit), or None.
        ring: uint16 (N,) laser index, or None.
        time_offset_ns: int64 (N,) when each point was seen, relative to ``stamp_ns`` (may be negative), or None; also
            where ego motion has brought the points to the stamp.

    Raises:
        CloudError: arrays of the wrong shape or of different lengths.
    """

    xyz: NDArray[np.float32]
    stamp_ns: int
    frame: str
    intensity: NDArray[np.float32] | None = None
    ring: NDArray[np.uint16] | None = None
    time_offset_ns: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        """Check shapes and lengths, freeze the arrays."""
        set_ = object.__setattr__
        set_(self, "xyz", column("cloud.xyz", self.xyz, np.float32, (None, 3), CloudError))
        n = len(self.xyz)
        for name, dtype in (("intensity", np.float32), ("ring", np.uint16), ("time_offset_ns", np.int64)):
            value = getattr(self, name)
            if value is not None:
                set_(self, name, column(f"cloud.{name}", value, dtype, (n,), CloudError))

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.xyz)
