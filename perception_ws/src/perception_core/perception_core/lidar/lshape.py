"""Oriented rectangles around bird's-eye points by search over the heading.

The criterion is closeness: points near the edge of the rectangle count by the inverse of their distance to it
(Zhang, Xu, Dong, Dolan, "Efficient L-Shape Fitting for Vehicle Detection Using Laser Scanners", IV 2017, algorithm 4).
"""

import numba
import numpy as np

COARSE = 30
"""Headings tried over a quarter turn; the best is refined to half a degree."""
NEAREST = 0.05
"""Metres below which a nearer edge counts no more."""


@numba.njit(cache=True)
def best_heading(x, y, weights):  # type: ignore[no-untyped-def]
    """Heading in [0, pi/2) whose rectangle's edges lie closest to the points; all arrays float64 (N,), N >= 1."""
    step = np.pi / 2 / COARSE
    best, best_score = 0.0, -1.0
    for i in range(COARSE):
        score = _closeness(x, y, weights, i * step)
        if score > best_score * 1.0001:
            best, best_score = i * step, score
    for _ in range(3):
        step *= 0.5
        for side in (-1.0, 1.0):
            score = _closeness(x, y, weights, best + side * step)
            if score > best_score * 1.0001:
                best, best_score = best + side * step, score
                break
    return best % (np.pi / 2)


@numba.njit(cache=True)
def _closeness(x, y, weights, heading):  # type: ignore[no-untyped-def]
    c, s = np.cos(heading), np.sin(heading)
    u0 = v0 = 1e18
    u1 = v1 = -1e18
    for i in range(len(x)):
        u, v = c * x[i] + s * y[i], c * y[i] - s * x[i]
        u0, u1, v0, v1 = min(u0, u), max(u1, u), min(v0, v), max(v1, v)
    score = 0.0
    for i in range(len(x)):
        u, v = c * x[i] + s * y[i], c * y[i] - s * x[i]
        d = min(min(u - u0, u1 - u), min(v - v0, v1 - v))
        score += weights[i] / max(d, NEAREST)
    return score
