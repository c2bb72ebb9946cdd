"""Oriented rectangles around bird's-eye points by search over the heading.

The criterion is closeness over area: points near the edge of the rectangle count by the inverse of their distance to
it (Zhang, Xu, Dong, Dolan, "Efficient L-Shape Fitting for Vehicle Detection Using Laser Scanners", IV 2017, algorithm
4), divided by the square of the rectangle's area (their algorithm 3). Closeness alone tilts towards a rounded bumper
or a corner.
"""

import numpy as np

from perception_core.lidar.jit import F64, kernel

COARSE = 18
"""Headings tried over a quarter turn; the best is refined to half a degree."""
NEAREST = 0.1
"""Metres below which a nearer edge counts no more."""
THIN = 0.15
"""Metres added to both sides before the area is taken, so that thin walls are judged by their edges."""


@kernel
def best_heading(x: F64, y: F64, weights: F64) -> float:
    """Heading in [0, pi/2) of the best rectangle; all arrays float64 (N,), N >= 1."""
    step = np.pi / 2 / COARSE
    best, best_score = 0.0, -1.0
    for i in range(COARSE):
        score = _score(x, y, weights, i * step)
        if score > best_score * 1.0001:
            best, best_score = i * step, score
    for _ in range(3):
        step *= 0.5
        middle = best
        for side in (-1.0, 1.0):
            score = _score(x, y, weights, middle + side * step)
            if score > best_score * 1.0001:
                best, best_score = middle + side * step, score
    return best % (np.pi / 2)


@kernel
def _score(x: F64, y: F64, weights: F64, heading: float) -> float:
    c, s = np.cos(heading), np.sin(heading)
    u0 = v0 = 1e18
    u1 = v1 = -1e18
    for i in range(len(x)):
        u, v = c * x[i] + s * y[i], c * y[i] - s * x[i]
        u0, u1, v0, v1 = min(u0, u), max(u1, u), min(v0, v), max(v1, v)
    closeness = 0.0
    for i in range(len(x)):
        u, v = c * x[i] + s * y[i], c * y[i] - s * x[i]
        d = min(u - u0, u1 - u, v - v0, v1 - v)
        closeness += weights[i] / max(d, NEAREST)
    return closeness / ((u1 - u0 + THIN) * (v1 - v0 + THIN)) ** 2
