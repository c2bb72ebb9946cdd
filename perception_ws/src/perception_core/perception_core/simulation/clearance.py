"""Whether moving bodies keep clear of each other: circles that cover one, against the rectangle of the other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.simulation.route import Motion, Trajectory

Floats = NDArray[np.float64]

TIME_STEP = 0.1
"""Seconds between the times compared."""

_HEADROOM = 0.5


@dataclass(frozen=True, slots=True)
class Sweep:
    """Where a body is through a drive.

    Attributes:
        motion: of the middle of its footprint at T times.
        size: length, width and height in metres.
    """

    motion: Motion
    size: tuple[float, float, float]

    def clear_of(self, other: "Sweep", gap: float) -> bool:
        """Tell whether there are always ``gap`` metres between the two, level, or one is over the other.

        Circles cover the narrower of the two and reach a little beyond it: it is called too near rather than clear.
        """
        slim, wide = (self, other) if self.size[1] <= other.size[1] else (other, self)
        centres, radius = slim.circles()
        x = centres[..., 0] - wide.motion.x[:, None]
        y = centres[..., 1] - wide.motion.y[:, None]
        c, s = np.cos(wide.motion.yaw)[:, None], np.sin(wide.motion.yaw)[:, None]
        along = np.maximum(np.abs(c * x + s * y) - wide.size[0] / 2.0, 0.0)
        across = np.maximum(np.abs(c * y - s * x) - wide.size[1] / 2.0, 0.0)
        near = (along**2 + across**2 < (radius + gap) ** 2).any(axis=1)
        return not (near & ~_over(self, other) & ~_over(other, self)).any()

    def circles(self) -> tuple[Floats, float]:
        """Return centres float64 (T, C, 2) of circles that cover the body at each time, and their radius in metres."""
        length, width, _ = self.size
        count = max(1, int(np.ceil(2.0 * length / width)))
        along = ((np.arange(count) + 0.5) / count - 0.5) * length
        x = self.motion.x[:, None] + along * np.cos(self.motion.yaw)[:, None]
        y = self.motion.y[:, None] + along * np.sin(self.motion.yaw)[:, None]
        return np.stack([x, y], axis=2), float(np.hypot(length / count, width) / 2.0)


def sweep(trajectory: Trajectory, size: tuple[float, float, float], times: Floats) -> Sweep:
    """Return where a body of length, width and height in metres is at times (T,) in seconds."""
    return Sweep(trajectory.at(times), size)


def _over(upper: Sweep, lower: Sweep) -> NDArray[np.bool_]:
    return np.asarray(upper.motion.z > lower.motion.z + lower.size[2] + _HEADROOM)
