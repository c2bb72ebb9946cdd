"""Errors of what was found: place, size, direction, motion; root mean squares over all pairs of all scans."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.evaluation.pairs import Pairs

MOVING_SPEED = 0.5
"""m/s of the true object from which it counts as moving."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Root mean square errors; NaN where there is no pair or no truth.

    An object is *settled* when it was first asked for ``settling_time`` ago or longer: a track that dies and is born
    again stays settled, so that changing the id hides no error. By the track's own age the columns ``_aged`` count.

    Attributes:
        pairs: number of pairs.
        position: metres in 3D.
        position_horizontal: metres in the ground plane.
        size: metres, root mean square over length, width and height.
        yaw: radians, modulo pi.
        velocity: m/s in 3D, all pairs.
        velocity_settled: of settled objects.
        velocity_settled_moving: of those that move.
        velocity_aged: of tracks as old as ``settling_time``.
        yaw_rate_settled: rad/s.
    """

    pairs: int
    position: float
    position_horizontal: float
    size: float
    yaw: float
    velocity: float
    velocity_settled: float
    velocity_settled_moving: float
    velocity_aged: float
    yaw_rate_settled: float


def accuracy(pairs: Pairs, settling_time: float) -> Accuracy:
    """Measure the errors of ``pairs``."""
    settled = pairs.since >= settling_time - 1e-9
    return Accuracy(
        len(pairs),
        _rms(pairs.position),
        _rms(pairs.position[:, :2]),
        _rms(pairs.size) / np.sqrt(3.0),
        _rms(pairs.yaw[:, None]),
        _rms(pairs.velocity),
        _rms(pairs.velocity[settled]),
        _rms(pairs.velocity[settled & (pairs.speed >= MOVING_SPEED)]),
        _rms(pairs.velocity[pairs.age >= settling_time - 1e-9]),
        _rms(pairs.yaw_rate[settled][:, None]),
    )


def _rms(errors: NDArray[np.float64]) -> float:
    """Return the root mean square length of errors (N, D); rows that are not known are left out."""
    squares = (errors[~np.isnan(errors).any(axis=1)] ** 2).sum(axis=1)
    return float(np.sqrt(squares.mean())) if len(squares) else float("nan")
