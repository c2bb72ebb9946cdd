"""The plane the robot stands on: it pitches and rolls, and roads slope."""

import numpy as np

from perception_core.lidar.jit import F32, F64, I32, kernel

REACH = 2.0, 12.0
"""Metres of range whose cells take part."""
SLOPE_SIGMA = 0.1
"""Standard deviation of the plane's slopes before anything is seen."""
SCALES = (0.6, 0.4, 0.3, 0.2, 0.15, 0.1, 0.1, 0.1)
"""Metres at which a residual has lost most of its weight, from the first to the last iteration."""
NOISE = 0.3
"""Metres; neighbouring cells err together, so one cell says less than its own noise."""


@kernel
def start_plane(z: F32, starts: I32, centres: F32, sectors: int, sigma: float) -> F64:
    """Fit z = a + b x + c y to the lowest points of the cells around the sensor; return float64 (a, b, c).

    Iteratively reweighted least squares with the weights of Geman and McClure, whose scale shrinks from iteration to
    iteration (graduated non-convexity: Blake and Zisserman, "Visual Reconstruction", 1987): near cells lead, and what
    stands on the plane or is reflected below it loses its weight.

    Args:
        z: float32 (K,) heights sorted by polar cell.
        starts: int32 (cells + 1,) where each cell begins in ``z``.
        centres: float32 (R,) ring centres in metres from the sensor.
        sectors: azimuth sectors, the first at -pi.
        sigma: metres, how well z = 0 is known under the robot.
    """
    x, y, low = _lowest_points(z, starts, centres, sectors)
    plane = np.zeros(3)
    for scale in SCALES:
        A = np.zeros((3, 3))
        b = np.zeros(3)
        A[0, 0], A[1, 1], A[2, 2] = 1.0 / sigma**2, 1.0 / SLOPE_SIGMA**2, 1.0 / SLOPE_SIGMA**2
        for i in range(len(x)):
            q = (low[i] - plane[0] - plane[1] * x[i] - plane[2] * y[i]) / scale
            w = 1.0 / (NOISE * (1.0 + q * q)) ** 2
            row = (1.0, x[i], y[i])
            for k in range(3):
                b[k] += w * row[k] * low[i]
                for m in range(3):
                    A[k, m] += w * row[k] * row[m]
        plane = np.linalg.solve(A, b)
    return plane


@kernel
def _lowest_points(z: F32, starts: I32, centres: F32, sectors: int) -> tuple[F64, F64, F64]:
    """Places, from the sensor, and lowest heights of the occupied cells within reach."""
    x, y, low = np.empty(len(starts)), np.empty(len(starts)), np.empty(len(starts))
    n = 0
    for i in range(len(centres)):
        if not REACH[0] <= centres[i] <= REACH[1]:
            continue
        for j in range(sectors):
            c = i * sectors + j
            if starts[c + 1] > starts[c]:
                azimuth = 2.0 * np.pi * (j + 0.5) / sectors - np.pi
                x[n], y[n] = centres[i] * np.cos(azimuth), centres[i] * np.sin(azimuth)
                low[n] = z[starts[c] : starts[c + 1]].min()
                n += 1
    return x[:n], y[:n], low[:n]
