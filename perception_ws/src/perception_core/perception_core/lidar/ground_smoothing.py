"""Robust smoothing of the whole field of heights."""

import numpy as np

from perception_core.lidar.ground_filter import MEASUREMENT_SIGMA
from perception_core.lidar.jit import F32, Mask, kernel

SMOOTH_SLOPE = 0.03, 0.05
"""Standard deviation of the slope between neighbouring cells, along and across the ray."""
ROBUST_SCALE = 0.15, 0.4
"""Metres at which data above and below the surface have lost most of their weight."""
EDGE_SCALE = 0.1
"""Metres at which neighbours have lost most of their pull on each other: a kerb between them stays."""


@kernel
def smooth(height: F32, slope: F32, variance: F32, seen: Mask, centres: F32, sweeps: int) -> None:
    """Relax the heights in place towards their neighbours (along the ray: their slope continued) and the data.

    Rings are swept outwards and inwards in turn; within a ring all cells move at once.
    """
    rings, sectors = height.shape
    data = height.copy()
    weight = np.empty((rings, sectors), np.float32)
    own = np.float32(MEASUREMENT_SIGMA**2)
    one, unseen = np.float32(1.0), np.float32(0.1)
    before, behind = np.empty(sectors, np.float32), np.empty(sectors, np.float32)
    for i in range(rings):
        for j in range(sectors):
            weight[i, j] = (one if seen[i, j] else unseen) / (variance[i, j] + own)
    ring = np.empty(sectors + 2, np.float32)
    for sweep in range(sweeps):
        for step in range(1, rings):
            i = step if sweep % 2 == 0 else rings - step
            last = i + 1 == rings
            k = i if last else i + 1
            d, outer = centres[i] - centres[i - 1], centres[k] - centres[i]
            w_in = np.float32(1.0 / (SMOOTH_SLOPE[0] * d + 0.01) ** 2)
            w_out = np.float32(0.0 if last else 1.0 / (SMOOTH_SLOPE[0] * outer + 0.01) ** 2)
            w_side = np.float32(1.0 / (SMOOTH_SLOPE[1] * 2.0 * np.pi * centres[i] / sectors + 0.01) ** 2)
            ring[1 : sectors + 1] = height[i]
            ring[0], ring[sectors + 1] = height[i, sectors - 1], height[i, 0]
            for j in range(sectors):
                before[j] = height[i - 1, j] + slope[i - 1, j] * d
            for j in range(sectors):
                behind[j] = height[k, j] - slope[i, j] * outer
            _relax(ring, before, behind, data[i], weight[i], w_in, w_out, w_side, height[i])


@kernel
def _relax(
    ring: F32,
    before: F32,
    behind: F32,
    data: F32,
    weight: F32,
    w_in: np.float32,
    w_out: np.float32,
    w_side: np.float32,
    out: F32,
) -> None:
    """Move the cells of a ring, given with a neighbour more at each end, to the weighted mean of what pulls at them."""
    above, below = np.float32(1.0 / ROBUST_SCALE[0]), np.float32(1.0 / ROBUST_SCALE[1])
    edge = np.float32(1.0 / EDGE_SCALE)
    for j in range(len(out)):
        h, right, left = ring[j + 1], ring[j], ring[j + 2]
        e, a, b = data[j] - h, before[j], behind[j]
        w = weight[j] * _trust(e * (above if e > 0.0 else below))
        wa, wb = w_in * _trust((a - h) * edge), w_out * _trust((b - h) * edge)
        wr, wl = w_side * _trust((right - h) * edge), w_side * _trust((left - h) * edge)
        out[j] = (w * data[j] + wa * a + wb * b + wr * right + wl * left) / (w + wa + wb + wr + wl)


@kernel
def _trust(q: np.float32) -> np.float32:
    """Weight of a residual of ``q`` scales, after Geman and McClure."""
    w = np.float32(1.0) / (np.float32(1.0) + q * q)
    return w * w
