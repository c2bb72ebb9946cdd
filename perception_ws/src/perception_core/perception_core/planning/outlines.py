"""Footprints as packed polygons for the compiled loops."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import PerceptionError
from perception_core.types import Obstacles

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outlines:
    """T convex polygons, counter-clockwise, corner lists one behind the other.

    Attributes:
        corners: (N, 2) metres.
        starts: int64 (T + 1,) first corner of each polygon, and N.
        margin: (T,) metres, how far the obstacle may reach beyond its polygon.
    """

    corners: Floats
    starts: NDArray[np.int64]
    margin: Floats


def outlines(obstacles: Obstacles, sigmas: float, max_margin: float) -> Outlines:
    """Pack the footprints of obstacles in their own frame.

    Args:
        obstacles: T of them.
        sigmas: the margin is this many standard deviations of the position, in its worst horizontal
            direction.
        max_margin: metres, upper bound of the margin.
    """
    counts = np.array([len(f) for f in obstacles.footprints], dtype=np.int64)
    spread = np.linalg.eigvalsh(obstacles.pose_covariance[:, :2, :2])[:, -1]
    return Outlines(
        corners=np.concatenate([np.empty((0, 2)), *obstacles.footprints]),
        starts=np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
        margin=np.minimum(sigmas * np.sqrt(np.maximum(spread, 0.0)), max_margin),
    )


def checked_coverage(coverage: NDArray[np.floating] | None) -> Floats:
    """Return coverage as float64 (S,), one empty sector for None, 0 for what is not finite or negative.

    Raises:
        PerceptionError: not a vector.
    """
    if coverage is None or coverage.size == 0:
        return np.zeros(1)
    if coverage.ndim != 1:
        raise PerceptionError(f"coverage: expected shape (S,), got {coverage.shape}")
    out = np.asarray(coverage, dtype=np.float64)
    return np.where(np.isfinite(out) & (out > 0.0), out, 0.0)
