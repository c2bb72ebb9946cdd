"""Body rates as they come from wheel odometry or a gyro, kept for the path of a sweep."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import TransformError
from perception_core.geometry.transforms import Transform
from perception_core.lidar.ego_path import EgoPath, path_from_rates

MAX_GAP_NS = 100_000_000
"""Between rates farther apart nobody knows how the robot moved."""

_KEPT = 1024
_MARGIN_NS = 20_000_000
_MOST = 128
"""Rates used for one sweep: 500 Hz over a quarter of a second; of more, every second or third is taken."""

_NS = 1_000_000_000


class RateHistory:
    """The newest rates of the base frame, in its own axes."""

    def __init__(self) -> None:
        """Start without any."""
        self._rates: deque[tuple[int, NDArray[np.float64], NDArray[np.float64] | None]] = deque(maxlen=_KEPT)

    def __len__(self) -> int:
        """Return the number of rates kept."""
        return len(self._rates)

    def add(
        self,
        stamp_ns: int,
        angular: NDArray[np.float64],
        linear: NDArray[np.float64] | None,
        T_base_frame: Transform,
    ) -> None:
        """Take rates of a frame that is fixed to the base; what is not finite or not newer is left out.

        Args:
            stamp_ns: int nanoseconds; set back by more than a second it begins anew.
            angular: float64 (3,) rad/s in the frame's axes.
            linear: float64 (3,) m/s of the frame's origin in its axes, None from a gyro.
            T_base_frame: (4, 4) where the frame is mounted.
        """
        if self._rates and stamp_ns < self._rates[-1][0] - _NS:
            self.clear()
        if self._rates and stamp_ns <= self._rates[-1][0]:
            return
        if not np.isfinite(angular).all() or (linear is not None and not np.isfinite(linear).all()):
            return
        R, lever = T_base_frame[:3, :3], T_base_frame[:3, 3]
        turn = R @ angular
        speed = None if linear is None else R @ linear - np.cross(turn, lever)
        self._rates.append((stamp_ns, turn, speed))

    def path(self, begin_ns: int, end_ns: int) -> EgoPath:
        """Return the path of the base around [begin, end].

        Raises:
            TransformError: fewer than two rates there, or a gap of more than 0.1 s within the sweep.
        """
        near = [r for r in self._rates if begin_ns - _MARGIN_NS <= r[0] <= end_ns + _MARGIN_NS]
        near = near[:: 1 + len(near) // _MOST]
        if len(near) < 2:
            raise TransformError(f"{len(near)} rates between {begin_ns} and {end_ns} ns, at least 2 are needed")
        stamps = np.array([r[0] for r in near], np.int64)
        gap = int(np.diff(stamps).max())
        if gap > MAX_GAP_NS:
            raise TransformError(f"no rates for {gap * 1e-9:.3f} s within the sweep")
        speeds = [r[2] for r in near if r[2] is not None]
        linear = np.stack(speeds) if len(speeds) == len(near) else None
        return path_from_rates(stamps, np.stack([r[1] for r in near]), linear)

    def clear(self) -> None:
        """Forget everything, because time was set back."""
        self._rates.clear()
