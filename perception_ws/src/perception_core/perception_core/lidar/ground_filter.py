"""The Kalman filter over height and slope along a sector, for all sectors of a ring at once.

Rows of a state: height, slope, their covariance hh, hs, ss, variance of the points.
"""

import numpy as np

from perception_core.lidar.jit import F64, kernel

MEASUREMENT_SIGMA = 0.03
"""Metres; noise of the mean of a cell's lowest points."""
VERTICAL_SIGMA = 0.1
"""Metres; the foot of something upright tells less about the ground."""
SLOPE_MEMORY = 15.0
"""Metres over which the slope against the plane fades."""
SURPRISE = 2.0
"""Standard deviations of an accepted height from which on the slope is known no more."""
NOISE_SHARE = 0.3
"""How much of a cell's measured variance enters that of the ground further out."""


@kernel
def predict(inner: F64, d: float, slope_change: float, work: F64, out: F64) -> None:
    """Fuse the three neighbours in the inner ring by their precision and move them outwards by ``d``, into ``out``.

    The slope decays as exp(-d / SLOPE_MEMORY), the random walk that drives it has ``slope_change`` a square-root metre.
    Columns 1 to S are the sectors, those at the ends repeat the last and the first. Loops of one result and few
    operands, of which the compiler makes vector instructions.
    """
    sectors = inner.shape[1] - 2
    for k in range(6):
        inner[k, 0], inner[k, sectors + 1] = inner[k, sectors], inner[k, 1]
    q = slope_change**2
    fade = np.exp(-d / SLOPE_MEMORY) if slope_change > 0.0 else 1.0
    w, share = work[0], work[1]
    hh = inner[2]
    for j in range(sectors + 2):
        w[j] = 1.0 / (hh[j] + 1e-4)
    for j in range(1, sectors + 1):
        share[j] = 1.0 / (0.5 * w[j - 1] + w[j] + 0.5 * w[j + 1])
    for k in (0, 1, 3, 4, 5):
        _fuse(inner[k], w, share, out[k])
    h, s, p, hs, ss = out[0], out[1], out[2], out[3], out[4]
    for j in range(1, sectors + 1):
        h[j] += s[j] * d
    h[0], h[sectors + 1] = h[sectors], h[1]
    for j in range(1, sectors + 1):
        p[j] = 2.0 * share[j] + 2.0 * d * hs[j] + d * d * ss[j] + q * d**3 / 3.0
    for j in range(1, sectors + 1):
        hs[j] = (hs[j] + d * ss[j]) * fade + q * d * d / 2.0
    for j in range(1, sectors + 1):
        s[j] *= fade
    for j in range(1, sectors + 1):
        ss[j] = ss[j] * fade * fade + q * d


@kernel
def _fuse(column: F64, weight: F64, share: F64, out: F64) -> None:
    for j in range(1, len(column) - 1):
        total = 0.5 * (weight[j - 1] * column[j - 1] + weight[j + 1] * column[j + 1]) + weight[j] * column[j]
        out[j] = total * share[j]


@kernel
def update(state: F64, e: float, noise: float) -> None:
    """Kalman update of one state by a height ``e`` above it, in place."""
    hh, hs = state[2], state[3]
    gain_h, gain_s = hh / (hh + noise), hs / (hh + noise)
    state[0] += gain_h * e
    state[1] += gain_s * e
    state[2] = (1.0 - gain_h) * hh
    state[3] = (1.0 - gain_h) * hs
    state[4] -= gain_s * hs


@kernel
def correct(state: F64, e: float, n: int, upright: bool, spread: float, d: float, max_slope: float) -> None:
    """Update of the Kalman filter by one height, in place."""
    noise = MEASUREMENT_SIGMA**2 * (1.0 + 4.0 / n) + (VERTICAL_SIGMA**2 if upright else 0.0)
    if e * e > SURPRISE**2 * (state[2] + noise):
        change = (e / d) ** 2
        state[2] += change * d * d
        state[3] += change * d
        state[4] += change
    update(state, e, noise)
    state[1] = min(max(state[1], -max_slope), max_slope)
    if n > 2 and not upright:
        state[5] += NOISE_SHARE * (spread - state[5])
