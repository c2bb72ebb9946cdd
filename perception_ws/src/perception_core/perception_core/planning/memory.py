"""What the cells around the robot remember, as log-odds of being occupied.

The inverse sensor model of Moravec and Elfes (ICRA 1985; Thrun, Burgard, Fox, Probabilistic Robotics, 9.2) with a
forgetful memory: log-odds shrink towards 0, "unknown", while nobody looks. They never change sign by that, so nothing
occupied becomes free for want of a look.
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.planning.drawing import CLEAR, EXPECTED, NOTHING, PASSING, STANDING, Codes

Cells = NDArray[np.int8]
Odds = NDArray[np.float32]

OCCUPIED, FREE, UNKNOWN = 100, 0, -1
"""The values of nav_msgs/OccupancyGrid."""

KNOWN = math.log(0.65 / 0.35)
"""Log-odds from which on a cell is told as occupied, or below whose negative as free: Nav2's map_server takes 0.65."""
LOOK = math.log(0.88 / 0.12)
"""Log-odds that one look adds: from unknown one is enough to know."""
CERTAIN = math.log(0.97 / 0.03)
"""The most that a cell holds: what stood here is released by three looks that see it free."""


@dataclass(frozen=True, slots=True)
class Fading:
    """Which share of its log-odds a cell keeps over a step of time."""

    occupied: float
    free: float


def fading(seconds: float, occupied_for: float, free_for: float) -> Fading:
    """Return the shares that remain after ``seconds``; what was certain is unknown after the given times in seconds."""
    rate = math.log(CERTAIN / KNOWN)
    return Fading(
        math.exp(-seconds * rate / occupied_for) if occupied_for > 0.0 else 0.0,
        math.exp(-seconds * rate / free_for) if free_for > 0.0 else 0.0,
    )


def remember(odds: Odds, shift: tuple[int, int], keep: Fading, seen: Codes) -> tuple[Odds, Cells]:
    """Move and fade the memory, and add what is seen now.

    Args:
        odds: float32 (H, W) log-odds before.
        shift: rows and columns that cell [0, 0] moved; what comes in at the edges is unknown.
        keep: share of the log-odds that remains.
        seen: (H, W) codes of :mod:`~perception_core.planning.drawing` in the cells after the shift.

    Returns:
        float32 (H, W) log-odds, and int8 (H, W) OCCUPIED, FREE or UNKNOWN.
    """
    after, cells = np.empty_like(odds), np.empty(odds.shape, np.int8)
    _remember(odds, shift[0], shift[1], np.float32(keep.occupied), np.float32(keep.free), seen, after, cells)
    return after, cells


@njit(cache=True)
def _remember(
    odds: Odds, rows: int, columns: int, occupied: np.float32, free: np.float32, seen: Codes, after: Odds, cells: Cells
) -> None:
    known, look, certain, zero = np.float32(KNOWN), np.float32(LOOK), np.float32(CERTAIN), np.float32(0.0)
    height, width = odds.shape
    for i in range(height):
        for j in range(width):
            k, m = i + rows, j + columns
            value = odds[k, m] if 0 <= k < height and 0 <= m < width else zero
            value *= occupied if value > zero else free
            code = seen[i, j]
            told = OCCUPIED
            if code == STANDING:
                value = min(max(value, zero) + look, certain)
            elif code == PASSING:
                value = zero  # it takes along what it is; what it uncovers nobody has seen
            elif code == EXPECTED:
                value = max(value, zero)
            else:
                if code == CLEAR:
                    value = max(value - look, -certain)
                told = OCCUPIED if value >= known else FREE if value <= -known else UNKNOWN
            after[i, j], cells[i, j] = value, told


def warm_up() -> None:
    """Compile the loop."""
    codes = np.array([[NOTHING, CLEAR, EXPECTED, PASSING, STANDING]])
    remember(np.zeros(codes.shape, np.float32), (0, 0), Fading(1.0, 1.0), codes)
