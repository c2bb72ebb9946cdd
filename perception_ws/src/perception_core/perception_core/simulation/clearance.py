"""Whether moving bodies keep clear of each other: each is covered by circles, compared at many times at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.simulation.route import Trajectory

Floats = NDArray[np.float64]

TIME_STEP = 0.1
"""Seconds between the times compared."""

_HEADROOM = 0.5


@dataclass(frozen=True, slots=True)
class Sweep:
    """Where a body is through a drive.

    Attributes:
        centres: float64 (T, C, 2) metres, circles that cover it at each time.
        radius: of the circles, metres.
        low: float64 (T,) metres, height of its underside.
        height: metres.
    """

    centres: Floats
    radius: float
    low: Floats
    height: float

    def clear_of(self, other: "Sweep", gap: float) -> bool:
        """Tell whether there are always ``gap`` metres between the two, level, or one is over the other."""
        reach = self.radius + other.radius + gap
        apart = self.centres[:, :, None] - other.centres[:, None]
        near = ((apart**2).sum(axis=3) < reach**2).any(axis=(1, 2))
        over = (self.low > other.low + other.height + _HEADROOM) | (other.low > self.low + self.height + _HEADROOM)
        return not (near & ~over).any()


def sweep(trajectory: Trajectory, size: tuple[float, float, float], times: Floats) -> Sweep:
    """Return where a body of length, width and height in metres is at times (T,) in seconds."""
    length, width, height = size
    count = max(1, int(np.ceil(2.0 * length / width)))
    along = ((np.arange(count) + 0.5) / count - 0.5) * length
    motion = trajectory.at(times)
    x = motion.x[:, None] + along * np.cos(motion.yaw)[:, None]
    y = motion.y[:, None] + along * np.sin(motion.yaw)[:, None]
    radius = float(np.hypot(length / count, width) / 2.0)
    return Sweep(np.stack([x, y], axis=2), radius, motion.z, height)
