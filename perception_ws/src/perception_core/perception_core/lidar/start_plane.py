"""The plane around the robot: it pitches and rolls, roads slope, and a drone does not know how high it flies.

Where z = 0 under the robot is known, the plane is fitted from there. Where it is not (a drone), the dominant lowest
plane is looked for first: hypotheses through three cells drawn by a fixed sequence, scored by the cells that lie on
them less the cells that lie below (Fischler and Bolles, "Random Sample Consensus", CACM 1981, with the ground's own
knowledge that nothing real lies below it).
"""

import numpy as np

from perception_core.lidar.jit import F32, F64, kernel

REACH = 2.0, 12.0
"""Metres of range whose cells take part; from higher up the ground begins later, and so do these."""
REACH_GROWTH = 3.0
"""Cells up to this many times the range at which the ground begins take part."""
SLOPE_SIGMA = 0.1
"""Standard deviation of the plane's slopes before anything is seen."""
SCALES = (0.6, 0.4, 0.3, 0.2, 0.15, 0.1, 0.1, 0.1)
"""Metres at which a residual has lost most of its weight, from the first to the last iteration."""
NOISE = 0.3
"""Metres; neighbouring cells err together, so one cell says less than its own noise."""
UNKNOWN_SIGMA = 0.5
"""Metres; a start known less well than this is looked for in the data."""
HYPOTHESES = 160
"""Planes tried. Where a third of the cells is ground, three of them are all ground in one of 27 draws."""
SAMPLE = 600
"""Cells the hypotheses are drawn from and scored on, evenly picked."""
ON_PLANE = 0.3
"""Metres from a hypothesis within which a cell supports it."""
MAX_TILT = 0.6
"""Steepest plane, rise over run: the robot's tilt and the ground's slope together."""
TILT_PENALTY = 0.2
"""Share of the cells that a plane of the steepest tilt must have more than a level one."""
MIN_SUPPORT = 12
"""Fewer cells are no ground."""
MARGIN = 0.5
"""Metres below the lowest cell at which the ground is assumed where none was found: everything is an obstacle."""
MIN_SPREAD, MAX_SPREAD = 0.1, 0.5
"""Metres, limits of the standard deviation of the ground about the plane."""


@kernel
def start_plane(lowest: F32, centres: F32, sectors: int, sigma: float) -> tuple[F64, float, float]:
    """Fit z = a + b x + c y to the lowest points of the cells; x and y are counted from the sensor.

    Iteratively reweighted least squares with the weights of Geman and McClure, whose scale shrinks from iteration to
    iteration (graduated non-convexity: Blake and Zisserman, "Visual Reconstruction", 1987): near cells lead, and what
    stands on the plane or is reflected below it loses its weight.

    Args:
        lowest: float32 (cells,) lowest height of each polar cell in metres, inf where it is empty.
        centres: float32 (R,) ring centres in metres from the sensor.
        sectors: azimuth sectors, the first at -pi.
        sigma: metres, how well z = 0 is known under the robot.

    Returns:
        float64 (a, b, c), the standard deviation of the ground about it in metres, and the range from which on it
        was seen.
    """
    x, y, low, ring = _occupied(lowest, centres, sectors)
    plane, spread, nearest = np.zeros(3), sigma, REACH[0]
    if sigma > UNKNOWN_SIGMA:
        if len(x) == 0:
            return plane, sigma, REACH[0]
        plane, support = _search(x, y, low)
        if support < MIN_SUPPORT:
            plane[:] = 0.0
            plane[0] = low.min() - MARGIN
            return plane, MIN_SPREAD, centres[-1]
        nearest = max(centres[_first_ring(plane, x, y, low, ring, len(centres))], REACH[0])
    farthest = max(REACH[1], REACH_GROWTH * nearest)
    part = (centres[ring] >= nearest) & (centres[ring] <= farthest)
    plane = _refine(plane, x[part], y[part], low[part], sigma)
    if sigma > UNKNOWN_SIGMA:
        spread = _spread(plane, x[part], y[part], low[part])
    return plane, spread, nearest


@kernel
def _occupied(lowest: F32, centres: F32, sectors: int) -> tuple[F64, F64, F64, np.ndarray]:
    """Places, from the sensor, lowest heights and rings of the occupied cells."""
    n = len(lowest)
    x, y, low, ring = np.empty(n), np.empty(n), np.empty(n), np.empty(n, np.int64)
    azimuth = 2.0 * np.pi * (np.arange(sectors) + 0.5) / sectors - np.pi
    cos, sin = np.cos(azimuth), np.sin(azimuth)
    k = 0
    for i in range(len(centres)):
        for j in range(sectors):
            z = lowest[i * sectors + j]
            if z < np.inf:
                x[k], y[k], low[k], ring[k] = centres[i] * cos[j], centres[i] * sin[j], z, i
                k += 1
    return x[:k], y[:k], low[:k], ring[:k]


@kernel
def _search(x: F64, y: F64, low: F64) -> tuple[F64, int]:
    """Return the best plane through three cells, and how many cells of the sample lie on it."""
    step = max(1, len(x) // SAMPLE)
    x, y, low = x[::step].copy(), y[::step].copy(), low[::step].copy()
    n = len(x)
    best, best_score, best_support = np.zeros(3), -1e18, 0
    state = np.uint32(1)
    for _ in range(HYPOTHESES):
        picked = np.empty(3, np.int64)
        for m in range(3):
            # Numerical Recipes' quick generator: the same draws on every machine and in every scan.
            state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
            picked[m] = (np.int64(state) * n) >> 32
        p, q, r = picked
        dx, dy, ex, ey = x[q] - x[p], y[q] - y[p], x[r] - x[p], y[r] - y[p]
        area = dx * ey - dy * ex
        if abs(area) < 1.0:
            continue
        b = ((low[q] - low[p]) * ey - (low[r] - low[p]) * dy) / area
        c = ((low[r] - low[p]) * dx - (low[q] - low[p]) * ex) / area
        tilt = b * b + c * c
        if tilt > MAX_TILT**2:
            continue
        a = low[p] - b * x[p] - c * y[p]
        on = below = 0
        for i in range(n):
            e = low[i] - a - b * x[i] - c * y[i]
            on += abs(e) < ON_PLANE
            below += e <= -ON_PLANE
        score = on - below - TILT_PENALTY * n * tilt / MAX_TILT**2
        if score > best_score:
            best_score, best_support = score, on
            best[0], best[1], best[2] = a, b, c
    return best, best_support


@kernel
def _first_ring(plane: F64, x: F64, y: F64, low: F64, ring: np.ndarray, rings: int) -> int:
    """The ring up to which a twentieth of the cells on the plane lie."""
    on = np.zeros(rings, np.int64)
    for i in range(len(x)):
        on[ring[i]] += abs(low[i] - plane[0] - plane[1] * x[i] - plane[2] * y[i]) < ON_PLANE
    needed, total, first = on.sum() / 20.0, 0, 0
    for i in range(rings):
        total += on[i]
        if total > needed:
            first = i
            break
    return first


@kernel
def _refine(plane: F64, x: F64, y: F64, low: F64, sigma: float) -> F64:
    """Reweighted least squares from ``plane`` on."""
    for scale in SCALES:
        A = np.zeros((3, 3))
        b = np.zeros(3)
        A[0, 0], A[1, 1], A[2, 2] = 1.0 / sigma**2, 1.0 / SLOPE_SIGMA**2, 1.0 / SLOPE_SIGMA**2
        for i in range(len(x)):
            q = (low[i] - plane[0] - plane[1] * x[i] - plane[2] * y[i]) / scale
            w = 1.0 / (NOISE * (1.0 + q * q)) ** 2
            wx, wy = w * x[i], w * y[i]
            A[0, 0] += w
            A[0, 1] += wx
            A[0, 2] += wy
            A[1, 1] += wx * x[i]
            A[1, 2] += wx * y[i]
            A[2, 2] += wy * y[i]
            b[0] += w * low[i]
            b[1] += wx * low[i]
            b[2] += wy * low[i]
        A[1, 0], A[2, 0], A[2, 1] = A[0, 1], A[0, 2], A[1, 2]
        plane = np.linalg.solve(A, b)
    return plane


@kernel
def _spread(plane: F64, x: F64, y: F64, low: F64) -> float:
    """Standard deviation of the cells on the plane."""
    total, n = 0.0, 0
    for i in range(len(x)):
        e = low[i] - plane[0] - plane[1] * x[i] - plane[2] * y[i]
        if abs(e) < 3.0 * ON_PLANE:
            total += e * e
            n += 1
    return float(min(max(np.sqrt(total / max(n, 1)), MIN_SPREAD), MAX_SPREAD))
