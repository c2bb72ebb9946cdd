"""Terrain profiles: each sector filtered outwards from the sensor, and back where nothing was seen."""

import numpy as np

from perception_core.lidar.ground_beams import stands_out
from perception_core.lidar.ground_cell import lowest
from perception_core.lidar.ground_filter import correct, predict, update
from perception_core.lidar.jit import F32, F64, I32, Mask, kernel

BAND = 0.12
"""Metres above the lowest reliable point that still count as ground of the cell."""
UNSURE = 0.08
"""Metres, standard deviation of the prediction from which on the lowest points may be those of a thing."""
FREE_SLOPE_SIGMA = 0.1
"""The same where the plane was looked for far away from below the sensor."""
RETURN_SLOPE_SIGMA = 0.03
"""Slope that remains where the profile turns back at ground that was seen."""
RETURN_DOUBT = 0.1
"""Metres; on the way back the uncertainty opens the gate no further: what is not anchored is not ground."""
UNKNOWN_HEIGHT = 10.0
"""Metres, standard deviation of the height where the way back begins."""
NOISE = 0.02
"""Metres, standard deviation of points on the ground before any were seen."""


@kernel
def propagate(
    z: F32,
    reach: F32,
    starts: I32,
    centres: F32,
    sectors: int,
    sensor_z: float,
    start_sigma: float,
    slope_sigma: float,
    nearest: float,
    slope_change: float,
    max_slope: float,
    max_step: float,
) -> tuple[F32, F32, F32, F32, Mask, Mask]:
    """Filter all sectors ring by ring; return height, slope, variance, noise, where ground was seen, where things were.

    The uncertainty begins to grow at range ``nearest``, where ``start_sigma`` holds.
    """
    rings = len(centres)
    height, slope = np.zeros((rings, sectors), np.float32), np.zeros((rings, sectors), np.float32)
    variance, noise = np.zeros((rings, sectors), np.float32), np.zeros((rings, sectors), np.float32)
    seen, things = np.zeros((rings, sectors), np.bool_), np.zeros((rings, sectors), np.bool_)
    # Rows: height, slope, their covariance hh, hs, ss, variance of the points.
    inner, prior, work = np.zeros((6, sectors + 2)), np.zeros((6, sectors + 2)), np.empty((2, sectors + 2))
    inner[2], inner[4], inner[5] = start_sigma**2, slope_sigma**2, NOISE**2
    sight = np.full(sectors, -1e9)
    sights = np.empty((rings, sectors), np.float32)
    for i in range(rings):
        d = centres[i] - centres[i - 1] if i > 0 else centres[0]
        predict(inner, d, slope_change if centres[i] > nearest else 0.0, work, prior)
        sights[i] = sight
        for j in range(sectors):
            cell = i * sectors + j
            if starts[cell + 1] > starts[cell]:
                seen[i, j], things[i, j] = _observe(
                    z, reach, starts, i, prior, j + 1, centres, sensor_z, sight[j], d, max_slope, max_step, np.inf, 1.0
                )
                if seen[i, j]:
                    sight[j] = max(sight[j], (prior[0, j + 1] - sensor_z) / centres[i])
        height[i], slope[i] = prior[0, 1:-1], prior[1, 1:-1]
        variance[i], noise[i] = prior[2, 1:-1], prior[5, 1:-1]
        inner, prior = prior, inner
    _return(
        height,
        slope,
        variance,
        noise,
        seen,
        things,
        sights,
        z,
        reach,
        starts,
        centres,
        sensor_z,
        slope_change,
        max_slope,
        max_step,
    )
    return height, slope, variance, noise, seen, things


@kernel
def _return(
    height: F32,
    slope: F32,
    variance: F32,
    noise: F32,
    seen: Mask,
    things: Mask,
    sights: F32,
    z: F32,
    reach: F32,
    starts: I32,
    centres: F32,
    sensor_z: float,
    slope_change: float,
    max_slope: float,
    max_step: float,
) -> None:
    """Filter back from the outside, in place: where no ground was seen, what was seen beyond it counts as well."""
    rings, sectors = height.shape
    outer, prior, work = np.zeros((6, sectors + 2)), np.zeros((6, sectors + 2)), np.empty((2, sectors + 2))
    outer[0, 1:-1], outer[2], outer[4], outer[5, 1:-1] = height[-1], UNKNOWN_HEIGHT**2, FREE_SLOPE_SIGMA**2, noise[-1]
    for i in range(rings - 2, -1, -1):
        d = centres[i + 1] - centres[i]
        predict(outer, d, slope_change, work, prior)
        for j in range(sectors):
            k = j + 1
            if seen[i, j]:
                prior[0, k], prior[1, k], prior[2, k] = height[i, j], -slope[i, j], variance[i, j]
                prior[3, k], prior[4, k], prior[5, k] = 0.0, RETURN_SLOPE_SIGMA**2, noise[i, j]
                continue
            update(prior[:, k], height[i, j] - prior[0, k], variance[i, j])
            cell = i * sectors + j
            if starts[cell + 1] > starts[cell]:
                seen[i, j], thing = _observe(
                    z,
                    reach,
                    starts,
                    i,
                    prior,
                    k,
                    centres,
                    sensor_z,
                    sights[i, j],
                    d,
                    max_slope,
                    max_step,
                    RETURN_DOUBT,
                    -1.0,
                )
                things[i, j] = (things[i, j] or thing) and not seen[i, j]
                if seen[i, j]:
                    noise[i, j] = prior[5, k]
            height[i, j], slope[i, j], variance[i, j] = prior[0, k], -prior[1, k], prior[2, k]
        outer, prior = prior, outer


@kernel
def _observe(
    z: F32,
    reach: F32,
    starts: I32,
    ring: int,
    prior: F64,
    j: int,
    centres: F32,
    sensor_z: float,
    sight: float,
    d: float,
    max_slope: float,
    max_step: float,
    doubt: float,
    outward: float,
) -> tuple[bool, bool]:
    """Correct column ``j`` of the prior by the points of its cell where they can be ground.

    Return whether they are, and whether they could be by their height but are seen to belong to a thing.

    The slope of the prior counts outwards where ``outward`` is 1, inwards where it is -1.
    """
    state, centre, sectors = prior[:, j], centres[ring], prior.shape[1] - 2
    across = 0.5 * abs(prior[0, j + 1] - prior[0, j - 1])
    limit = state[0] + max_step + 2.0 * min(np.sqrt(state[2]), doubt)
    a, b = starts[ring * sectors + j - 1], starts[ring * sectors + j]
    e, n, upright, spread = lowest(
        z[a:b], reach[a:b], state[0], outward * state[1], centre, sensor_z, sight, BAND + across, limit
    )
    if n == 0 or not _agrees(e, upright, state, d, max_slope, max_step, doubt):
        return False, False
    if (
        e > 0.5 * max_step
        and state[2] > UNSURE**2
        and stands_out(z, reach, starts, ring, j - 1, centres, sensor_z, state[0], e, outward * state[1], max_step)
    ):
        return False, True
    correct(state, e, n, upright, max(spread - across * across / 12.0, 0.0), d, max_slope)
    return True, False


@kernel
def _agrees(e: float, upright: bool, prior: F64, d: float, max_slope: float, max_step: float, doubt: float) -> bool:
    """Can the lowest points, ``e`` above the prediction, be ground? A kerb may be steep, the foot of a thing not."""
    step = 0.5 * max_step if upright else max_step
    gate = np.hypot(step, 2.0 * min(np.sqrt(prior[2]), doubt) * (0.5 if upright else 1.0))
    kerb = e < step and prior[1] < 0.3 * max_slope
    return bool(e < gate and (kerb or e < 0.5 * max_step or prior[1] + e / d < max_slope))
