"""Oriented rectangles around bird's-eye points by search over the heading.

The criterion is closeness over area: points near the edge of the rectangle count by the inverse of their distance to
it (Zhang, Xu, Dong, Dolan, "Efficient L-Shape Fitting for Vehicle Detection Using Laser Scanners", IV 2017, algorithm
4), divided by the square of the rectangle's area (their algorithm 3). Closeness alone tilts towards a rounded bumper
or a corner. Where the first points are an outline, in its order, a heading also counts by how much of the outline runs
along or across it: what is seen of a side whose end is hidden says little about the rectangle, but much about the axes.
"""

import numpy as np

from perception_core.lidar.jit import F64, kernel

COARSE = 18
"""Headings tried over a quarter turn."""
FINE = 14
"""Headings tried then between the best and its neighbours: to two thirds of a degree."""
NEAREST = 0.1
"""Metres below which a nearer edge counts no more."""
COARSE_HEADINGS = np.arange(COARSE) * (np.pi / 2 / COARSE)
FINE_OFFSETS = np.concatenate([np.arange(-(FINE // 2), 0), np.arange(1, FINE // 2 + 1)]) * (
    np.pi / 2 / COARSE / (FINE // 2 + 1)
)
FINE_AXES = np.stack([np.cos(FINE_OFFSETS), np.sin(FINE_OFFSETS)])
COARSE_AXES = np.stack([np.cos(COARSE_HEADINGS), np.sin(COARSE_HEADINGS)])
THIN = 0.15
"""Metres added to both sides before the area is taken, so that thin walls are judged by their edges."""
STEP = 1.0
"""Metres; longer steps of the outline lead from one surface to another."""
DOUBT = 1.0, 0.15
"""Metres of outline, and share of it, that count for every heading."""
SHARPNESS = 4
"""The direction of a step counts by the cosine of four times its turn, from 0 to 1, to the power of two to this:
0.088 rad."""
BETTER = 1.0001
"""Factor by which a later heading must be better, so that rounding decides nothing."""


@kernel
def best_heading(x: F64, y: F64, weights: F64, outline: int = 0) -> float:
    """Heading in [0, pi/2) of the best rectangle; all arrays float64 (N,), N >= 1; the first ``outline`` an outline."""
    if len(x) <= 2:
        return float(np.arctan2(y[-1] - y[0], x[-1] - x[0]) % (np.pi / 2))
    step = np.pi / 2 / COARSE
    steps = _steps(x, y, outline)
    coarse = _scores(x, y, weights, steps, COARSE_AXES.copy())
    best = 0
    for k in range(1, COARSE):
        if coarse[k] > coarse[best] * BETTER:
            best = k
    axes = np.empty((2, FINE))
    for k in range(FINE):
        c, s = FINE_AXES[0, k], FINE_AXES[1, k]
        axes[0, k] = COARSE_AXES[0, best] * c - COARSE_AXES[1, best] * s
        axes[1, k] = COARSE_AXES[1, best] * c + COARSE_AXES[0, best] * s
    fine = _scores(x, y, weights, steps, axes)
    heading, score = best * step, coarse[best]
    for k in range(FINE):
        if fine[k] > score * BETTER:
            heading, score = best * step + FINE_OFFSETS[k], fine[k]
    return float(heading % (np.pi / 2))


@kernel
def _steps(x: F64, y: F64, outline: int) -> F64:
    """Steps of the outline float64 (S, 3): length, cosine and sine of four times the direction."""
    out = np.empty((max(outline - 1, 0), 3))
    n = 0
    for i in range(outline - 1):
        dx, dy = x[i + 1] - x[i], y[i + 1] - y[i]
        square = dx * dx + dy * dy
        if 1e-12 < square < STEP * STEP:
            c, s = (dx * dx - dy * dy) / square, 2.0 * dx * dy / square
            out[n, 0], out[n, 1], out[n, 2] = np.sqrt(square), c * c - s * s, 2.0 * c * s
            n += 1
    return out[:n]


@kernel
def _scores(x: F64, y: F64, weights: F64, steps: F64, axes: F64) -> F64:
    """Score of each heading of cosines and sines ``axes`` (2, M); the inner loops become vector instructions."""
    c, s = axes[0], axes[1]
    m = len(c)
    work = np.empty((8, m))
    u0, u1, v0, v1 = work[0], work[1], work[2], work[3]
    aligned, c4, s4 = work[5], work[6], work[7]
    score: F64 = work[4]
    for k in range(m):
        u0[k], u1[k], v0[k], v1[k], score[k] = 1e18, -1e18, 1e18, -1e18, 0.0
    for i in range(len(x)):
        for k in range(m):
            u, v = c[k] * x[i] + s[k] * y[i], c[k] * y[i] - s[k] * x[i]
            u0[k], u1[k], v0[k], v1[k] = min(u0[k], u), max(u1[k], u), min(v0[k], v), max(v1[k], v)
    for i in range(len(x)):
        for k in range(m):
            u, v = c[k] * x[i] + s[k] * y[i], c[k] * y[i] - s[k] * x[i]
            d = max(min(u - u0[k], u1[k] - u, v - v0[k], v1[k] - v), NEAREST)
            score[k] += weights[i] / d
    total = DOUBT[0]
    for i in range(len(steps)):
        total += DOUBT[1] * steps[i, 0]
    for k in range(m):
        c2, s2 = c[k] * c[k] - s[k] * s[k], 2.0 * c[k] * s[k]
        c4[k], s4[k], aligned[k] = c2 * c2 - s2 * s2, 2.0 * c2 * s2, total
    for i in range(len(steps)):
        length, cosine, sine = steps[i, 0], steps[i, 1], steps[i, 2]
        for k in range(m):
            a = 0.5 + 0.5 * (cosine * c4[k] + sine * s4[k])
            for _ in range(SHARPNESS):
                a *= a
            aligned[k] += length * a
    for k in range(m):
        area = (u1[k] - u0[k] + THIN) * (v1[k] - v0[k] + THIN)
        score[k] *= aligned[k] / (area * area)
    return score
