"""Directions seen from above, for compiled loops."""

import numpy as np
from numba import njit

_TINY = np.float32(1e-12)
_PER_TURN = np.float32(0.5 / np.pi)
_ONE, _PI, _HALF_PI, _TWO_PI = np.float32(1.0), np.float32(np.pi), np.float32(np.pi / 2), np.float32(2 * np.pi)
_ARCTAN = tuple(np.float32(c) for c in (0.9998660, -0.3302995, 0.1801410, -0.0851330, 0.0208351))


@njit(cache=True, error_model="numpy")
def sector_turns(x: np.float32, y: np.float32) -> np.float32:
    """Azimuth of float32 (x, y) as a fraction of a turn in [0, 1), 0 at -x, counter-clockwise.

    The arctangent is the polynomial 4.4.49 of Abramowitz and Stegun, error below 1e-5 rad: far finer than a sector.
    """
    ax, ay = abs(x), abs(y)
    t = min(ax, ay) / max(ax, ay, _TINY)
    s = t * t
    a = t * (_ARCTAN[0] + s * (_ARCTAN[1] + s * (_ARCTAN[2] + s * (_ARCTAN[3] + s * _ARCTAN[4]))))
    a = _HALF_PI - a if ay > ax else a
    a = _PI - a if x > 0.0 else a
    a = _TWO_PI - a if y > 0.0 else a
    turns = a * _PER_TURN
    return turns if turns < _ONE else turns - _ONE
