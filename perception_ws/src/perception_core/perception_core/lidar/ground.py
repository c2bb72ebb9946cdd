"""Elevation of the ground in polar cells, from the sensor outwards.

Everything is measured from the plane around the robot (start_plane.py): points are sheared by it, so that tilt and
slope are gone to first order and straight lines of sight stay straight. Then

1. each sector is filtered as a terrain profile: a Kalman filter over (height, slope) predicts the next ring from the
   three cells inside of it, takes the lowest reliable points of the cell when they agree with the prediction, and else
   lets the uncertainty grow until ground is seen again. The slope is an Ornstein-Uhlenbeck process: out of sight it
   fades into the plane, and its uncertainty stays bounded; a surprise (foot of a ramp) sets it free again.
   Far from the last ground seen nearly everything could be ground by its height; there, points beside which the beam
   goes on to lower ground behind are those of a thing.
   Ideas taken: lowest points of region-wise cells and removal of reflected noise (Patchwork++: Lee, Lim, Myung, IROS
   2022), profiles along rays (Himmelsbach, von Hundelshausen, Wuensche, "Fast Segmentation of 3D Point Clouds for
   Ground Vehicles", IV 2010);
2. a robust smoothing of the whole field follows (a membrane in the sense of Markov random fields, with the weights of
   Geman and McClure), in which cells that stand out above their neighbours lose their weight;
3. the surface within a cell is a plane whose slopes are limited by those to both neighbours (minmod; van Leer, "Towards
   the ultimate conservative difference scheme V", 1979), so that a kerb stays a step;
4. what is ground is decided by the noise of the ground measured around there (asphalt or grass), by what is not known
   where none was seen, and by how high a step the robot drives over.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.lidar.config import GroundConfig
from perception_core.lidar.jit import F32, F64, I32, Mask, kernel
from perception_core.lidar.polar import PolarGrid
from perception_core.lidar.scan_grid import GriddedScan
from perception_core.lidar.start_plane import UNKNOWN_SIGMA, start_plane
from perception_core.types.clusters import PointClass

BAND = 0.12
"""Metres above the lowest reliable point that still count as ground of the cell."""
MEASUREMENT_SIGMA = 0.03
"""Metres; noise of the mean of a cell's lowest points."""
VERTICAL_SIGMA = 0.1
"""Metres; the foot of something upright tells less about the ground."""
STEP_GATE = 0.2
"""Metres a step (kerb) may rise between neighbouring cells and still be ground."""
UNSURE = 0.08
"""Metres, standard deviation of the prediction from which on the lowest points may be those of a thing."""
WIDEST = 5.0
"""Metres to each side within which the beams must go on beside it: wider than cars, narrower than rising ground."""
THING_DOUBT = 0.05
"""Metres, standard deviation of the ground under such a thing as far as the class of its points is concerned."""
SAME_BEAM = 0.004
"""Difference of the slopes of lines of sight in neighbouring sectors that can be one beam."""
UPRIGHT = 1.0
"""Metres above the lowest points in which more than half as many points as in the band mean something upright."""
START_SLOPE_SIGMA = 0.02
"""Slope that remains when the plane under the robot is known."""
FREE_SLOPE_SIGMA = 0.1
"""The same where the plane was looked for far away from below the sensor."""
RETURN_SLOPE_SIGMA = 0.03
"""Slope that remains where the profile turns back at ground that was seen."""
RETURN_DOUBT = 0.1
"""Metres; on the way back the uncertainty opens the gate no further: what is not anchored is not ground."""
UNKNOWN_HEIGHT = 10.0
"""Metres, standard deviation of the height where the way back begins."""
SLOPE_MEMORY = 15.0
"""Metres over which the slope against the plane fades."""
SURPRISE = 2.0
"""Standard deviations of an accepted height from which on the slope is known no more."""
SIGHT_SLACK = 0.2
"""Metres a point may lie below the line of sight over nearer ground."""
AGREEING = 3
"""Points as high as predicted that are enough to tell the line of sight over the cell itself."""
SWEEPS = 4
"""Sweeps of the smoothing, outwards and inwards in turn."""
SMOOTH_SLOPE = 0.03, 0.05
"""Standard deviation of the slope between neighbouring cells, along and across the ray."""
ROBUST_SCALE = 0.15, 0.4
"""Metres at which data above and below the surface have lost most of their weight."""
EDGE_SCALE = 0.1
"""Metres at which neighbours have lost most of their pull on each other: a kerb between them stays."""
NOISE = 0.02
"""Metres, standard deviation of points on the ground before any were seen."""
NOISE_SHARE = 0.3
"""How much of a cell's measured variance enters that of the ground further out."""
NOISE_FACTOR = 3.0
"""Standard deviations of the ground's noise that are still ground."""
DOUBT = 0.3
"""Metres; the level above which points are obstacles grows by no more than this where the ground was not seen."""

_GROUND, _OBSTACLE = np.uint8(PointClass.GROUND), np.uint8(PointClass.OBSTACLE)
_BELOW = np.uint8(PointClass.BELOW_GROUND)


@dataclass(frozen=True, slots=True)
class GroundModel:
    """The ground in the cells of the polar grid.

    Attributes:
        grid: the polar grid.
        plane: float64 (3,) a, b, c of the plane z = a + b x + c y around the robot, x and y from the sensor, base axes.
        rise: float32 (R, S) metres of the ground above that plane at the cell centres, finite everywhere.
        sigma: float32 (R, S) metres, standard deviation of ``rise`` before smoothing; at most ``THING_DOUBT`` where
            something stands.
        noise: float32 (R, S) metres, standard deviation of points on the ground.
        seen: bool (R, S) ground was measured there, not only predicted.
    """

    grid: PolarGrid
    plane: NDArray[np.float64]
    rise: NDArray[np.float32]
    sigma: NDArray[np.float32]
    noise: NDArray[np.float32]
    seen: NDArray[np.bool_]

    @property
    def height(self) -> NDArray[np.float32]:
        """float32 (R, S) metres of the ground at the cell centres in the base frame."""
        azimuth = 2.0 * np.pi * (np.arange(self.grid.sectors) + 0.5) / self.grid.sectors - np.pi
        slope = self.plane[1] * np.cos(azimuth) + self.plane[2] * np.sin(azimuth)
        height: F64 = self.rise + self.plane[0] + self.grid.centres[:, None] * slope[None, :]
        return height.astype(np.float32)


def fit_ground(scan: GriddedScan, grid: PolarGrid, config: GroundConfig) -> GroundModel:
    """Estimate the ground under and around a scan; z = 0 under the robot within ``config.start_sigma``."""
    plane, spread, nearest = start_plane(scan.lowest, grid.centres, grid.sectors, config.start_sigma)
    starts, z, reach = _sort_relative(scan.xyz, scan.range, scan.cell, scan.counts, plane, scan.sensor)
    rise, slope, variance, noise, seen, things = _propagate(
        z,
        reach,
        starts,
        grid.centres,
        grid.sectors,
        float(scan.sensor[2] - plane[0]),
        spread,
        START_SLOPE_SIGMA if config.start_sigma <= UNKNOWN_SIGMA else FREE_SLOPE_SIGMA,
        nearest,
        config.slope_change,
        config.max_slope,
        max(STEP_GATE, config.max_step),
    )
    _smooth(rise, slope, variance, seen, grid.centres, SWEEPS)
    sigma = np.sqrt(variance)
    sigma[things] = np.minimum(sigma[things], THING_DOUBT)
    return GroundModel(grid, plane, rise, sigma, np.sqrt(noise), seen)


def above_ground(
    scan: GriddedScan, model: GroundModel, config: GroundConfig
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return float32 (K,) metres of each point above ground, and uint8 (K,) what it therefore is.

    The class is GROUND, OBSTACLE or BELOW_GROUND of :class:`~perception_core.types.PointClass`. On steps higher than
    ``config.max_step`` heights count from the lower side.
    """
    surface = _surface(
        model.rise,
        model.sigma,
        model.noise,
        model.seen,
        config.obstacle_height,
        config.height_per_range,
        config.max_step,
        model.grid.centres,
    )
    return _classify(
        scan.xyz,
        scan.range,
        scan.sector,
        scan.cell,
        surface,
        model.grid.centres,
        model.plane,
        scan.sensor,
    )


def height_above_ground(scan: GriddedScan, model: GroundModel) -> NDArray[np.float32]:
    """Return float32 (K,) metres of each point above the ground."""
    return above_ground(scan, model, GroundConfig())[0]


@kernel
def _sort_relative(xyz: F32, reach: F32, cell: I32, counts: I32, plane: F64, sensor: F64) -> tuple[I32, F32, F32]:
    """Counting sort by cell of the heights above ``plane`` and of the ranges; return where cells begin, z, range."""
    starts = np.empty(len(counts) + 1, np.int32)
    starts[0] = 0
    for c in range(len(counts)):
        starts[c + 1] = starts[c] + counts[c]
    place = starts[:-1].copy()
    z, r = np.empty(len(cell), np.float32), np.empty(len(cell), np.float32)
    ahead, left = np.float32(plane[1]), np.float32(plane[2])
    origin = np.float32(plane[0] - plane[1] * sensor[0] - plane[2] * sensor[1])
    for i in range(len(cell)):
        k = place[cell[i]]
        z[k], r[k] = xyz[i, 2] - (origin + ahead * xyz[i, 0] + left * xyz[i, 1]), reach[i]
        place[cell[i]] = k + 1
    return starts, z, r


@kernel
def _propagate(
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
        _predict(inner, d, slope_change if centres[i] > nearest else 0.0, work, prior)
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
        _predict(outer, d, slope_change, work, prior)
        for j in range(sectors):
            k = j + 1
            if seen[i, j]:
                prior[0, k], prior[1, k], prior[2, k] = height[i, j], -slope[i, j], variance[i, j]
                prior[3, k], prior[4, k], prior[5, k] = 0.0, RETURN_SLOPE_SIGMA**2, noise[i, j]
                continue
            _update(prior[:, k], height[i, j] - prior[0, k], variance[i, j])
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
def _update(state: F64, e: float, noise: float) -> None:
    """Kalman update of one state by a height ``e`` above it, in place."""
    hh, hs = state[2], state[3]
    gain_h, gain_s = hh / (hh + noise), hs / (hh + noise)
    state[0] += gain_h * e
    state[1] += gain_s * e
    state[2] = (1.0 - gain_h) * hh
    state[3] = (1.0 - gain_h) * hs
    state[4] -= gain_s * hs


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
    e, n, upright, spread = _lowest(
        z[a:b], reach[a:b], state[0], outward * state[1], centre, sensor_z, sight, BAND + across, limit
    )
    if n == 0 or not _agrees(e, upright, state, d, max_slope, max_step, doubt):
        return False, False
    if (
        e > 0.5 * max_step
        and state[2] > UNSURE**2
        and _stands_out(z, reach, starts, ring, j - 1, centres, sensor_z, state[0], e, outward * state[1], max_step)
    ):
        return False, True
    _correct(state, e, n, upright, max(spread - across * across / 12.0, 0.0), d, max_slope)
    return True, False


@kernel
def _stands_out(
    z: F32,
    reach: F32,
    starts: I32,
    ring: int,
    sector: int,
    centres: F32,
    sensor_z: float,
    height: float,
    e: float,
    slope: float,
    max_step: float,
) -> bool:
    """Does the beam that met the lowest points of a cell, ``e`` above the prediction, go on beside them?

    Ground wider than a car is met by a beam at ranges that change little from sector to sector. Beside a thing the
    beam goes on to ground behind it that is lower by more than a step, or on one side a nearer thing stops it.
    """
    direction = (height + e - sensor_z) / centres[ring]
    level = height + e - max(0.5 * e, max_step)
    left = _beside(z, reach, starts, ring, sector, 1, centres, sensor_z, direction, level, slope)
    if left == 0:
        return False
    return left + _beside(z, reach, starts, ring, sector, -1, centres, sensor_z, direction, level, slope) >= 3


@kernel
def _beside(
    z: F32,
    reach: F32,
    starts: I32,
    ring: int,
    sector: int,
    side: int,
    centres: F32,
    sensor_z: float,
    direction: float,
    level: float,
    slope: float,
) -> int:
    """Where the beam of a ``direction`` ends in the next sectors on one side of a cell.

    2: on ground behind, below ``level``; 1: on something nearer; 0: at the range of the cell or on nothing known.
    """
    rings, sectors = len(centres), (len(starts) - 1) // len(centres)
    centre = centres[ring]
    most = min(int(WIDEST / (centre * 2.0 * np.pi / sectors)) + 1, sectors // 8)
    for step in range(1, most + 1):
        k = (sector + side * step) % sectors
        for i in range(ring + 1, rings):
            if sensor_z + direction * centres[i] < level + slope * (centres[i] - centre) - 2.0 * SIGHT_SLACK:
                break
            for p in range(starts[i * sectors + k], starts[i * sectors + k + 1]):
                over = z[p] - level - slope * (reach[p] - centre)
                if (
                    -2.0 * SIGHT_SLACK < over < 0.0
                    and abs(z[p] - sensor_z - direction * reach[p]) < SAME_BEAM * reach[p]
                ):
                    return 2
        for i in range(ring - 1):
            for p in range(starts[i * sectors + k], starts[i * sectors + k + 1]):
                if abs(z[p] - sensor_z - direction * reach[p]) < SAME_BEAM * reach[p]:
                    return 1
    return 0


@kernel
def _predict(inner: F64, d: float, slope_change: float, work: F64, out: F64) -> None:
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
def _lowest(
    z: F32,
    reach: F32,
    height: float,
    slope: float,
    centre: float,
    sensor_z: float,
    sight: float,
    band: float,
    limit: float,
) -> tuple[float, int, bool, float]:
    """Find the lowest reliable points of a cell: mean height over the prediction, count, whether upright, variance.

    There are none where all lie above ``limit``.
    A point below the line of sight over ground already seen is a reflection: nothing real can be seen there.
    """
    middle, rise = np.float32(centre), np.float32(slope)
    low, at = np.float32(np.inf), 0
    for p in range(len(z)):
        level = z[p] - rise * (reach[p] - middle)
        if level < low:
            low, at = level, p
    if low < height - SIGHT_SLACK:
        sight = max(sight, _own_sight(z, reach, height, rise, middle, sensor_z, band))
    if z[at] - sensor_z < sight * reach[at] - SIGHT_SLACK:
        low = _lowest_in_sight(z, reach, rise, middle, sensor_z - SIGHT_SLACK, sight)
    if low > limit:
        return float(low) - height, 0, False, 0.0
    total, square, n, above = np.float32(0.0), np.float32(0.0), 0, 0
    zero, width, tall = np.float32(0.0), np.float32(band), np.float32(UPRIGHT)
    for p in range(len(z)):
        level = z[p] - rise * (reach[p] - middle) - low
        if zero <= level < width:
            total += level
            square += level * level
            n += 1
        elif zero < level < tall:
            above += 1
    mean = float(total) / max(n, 1)
    return mean + float(low) - height, n, 2 * above > n, float(square) / max(n, 1) - mean * mean


@kernel
def _own_sight(
    z: F32, reach: F32, height: float, rise: np.float32, middle: np.float32, sensor_z: float, band: float
) -> float:
    """Slope of the line of sight over those points of the cell that lie where the ground was predicted."""
    own, n = -np.inf, 0
    for p in range(len(z)):
        if abs(z[p] - rise * (reach[p] - middle) - height) < band:
            own, n = max(own, (z[p] - sensor_z) / reach[p]), n + 1
    return own if n >= AGREEING else -np.inf


@kernel
def _lowest_in_sight(z: F32, reach: F32, rise: np.float32, middle: np.float32, base: float, sight: float) -> np.float32:
    """The lowest point that lies above a line of ``sight`` from ``base``; inf where all lie below it."""
    low = np.float32(np.inf)
    origin, growth = np.float32(base), np.float32(max(sight, -1e3))
    for p in range(len(z)):
        if z[p] >= origin + growth * reach[p]:
            low = min(low, z[p] - rise * (reach[p] - middle))
    return low


@kernel
def _agrees(e: float, upright: bool, prior: F64, d: float, max_slope: float, max_step: float, doubt: float) -> bool:
    """Can the lowest points, ``e`` above the prediction, be ground? A kerb may be steep, the foot of a thing not."""
    step = 0.5 * max_step if upright else max_step
    gate = np.hypot(step, 2.0 * min(np.sqrt(prior[2]), doubt) * (0.5 if upright else 1.0))
    kerb = e < step and prior[1] < 0.3 * max_slope
    return bool(e < gate and (kerb or e < 0.5 * max_step or prior[1] + e / d < max_slope))


@kernel
def _correct(state: F64, e: float, n: int, upright: bool, spread: float, d: float, max_slope: float) -> None:
    """Update of the Kalman filter by one height, in place."""
    noise = MEASUREMENT_SIGMA**2 * (1.0 + 4.0 / n) + (VERTICAL_SIGMA**2 if upright else 0.0)
    if e * e > SURPRISE**2 * (state[2] + noise):
        change = (e / d) ** 2
        state[2] += change * d * d
        state[3] += change * d
        state[4] += change
    _update(state, e, noise)
    state[1] = min(max(state[1], -max_slope), max_slope)
    if n > 2 and not upright:
        state[5] += NOISE_SHARE * (spread - state[5])


@kernel
def _smooth(height: F32, slope: F32, variance: F32, seen: Mask, centres: F32, sweeps: int) -> None:
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


@kernel
def _surface(
    rise: F32,
    sigma: F32,
    noise: F32,
    seen: Mask,
    obstacle_height: float,
    height_per_range: float,
    max_step: float,
    centres: F32,
) -> F32:
    """Return float32 (cells, 5): height at the centre, slopes a metre outwards and a sector, obstacle level, depth.

    The depth is how far below the height ground may lie: down to the lowest neighbour that was seen, and a step more.

    A step is what the limited slopes leave of the difference to a neighbour and the one after it, both seen. Up to
    ``max_step``, points between both levels are ground; on a higher one heights count from the lower side.
    Rough ground is wider or longer than a cell: smooth ground on both sides and before it says that a stone lies there.
    """
    rings, sectors = rise.shape
    out = np.empty((rings * sectors, 5), np.float32)
    zero, one, two = np.float32(0.0), np.float32(1.0), np.float32(2.0)
    for i in range(rings):
        inner, outer = max(i - 1, 0), min(i + 1, rings - 1)
        before = one / max(centres[i] - centres[inner], np.float32(0.1))
        behind = one / max(centres[outer] - centres[i], np.float32(0.1))
        inner2, outer2 = max(i - 2, 0), min(i + 2, rings - 1)
        two_in, two_out = centres[i] - centres[inner2], centres[outer2] - centres[i]
        base = np.float32(obstacle_height + height_per_range * centres[i])
        for j in range(sectors):
            k, m = j - 1 if j > 0 else sectors - 1, j + 1 if j + 1 < sectors else 0
            h = rise[i, j]
            a, b = rise[inner, j] - h, rise[outer, j] - h
            l, r = rise[i, k] - h, rise[i, m] - h
            along, across = _minmod(-a * before, b * behind), _minmod(-l, r)
            k2 = j - 2 if j >= 2 else j - 2 + sectors
            m2 = j + 2 if j + 2 < sectors else j + 2 - sectors
            rough = min(noise[i, j], max(noise[i, k2], noise[i, m2], noise[inner2, j]))
            level = base + np.float32(NOISE_FACTOR) * rough
            fall = min(
                a + along / before if seen[inner, j] else zero,
                b - along / behind if seen[outer, j] else zero,
                l + across if seen[i, k] else zero,
                r - across if seen[i, m] else zero,
                zero,
            )
            if seen[i, j]:
                a = _step(a + along / before, rise[inner2, j] - h + along * two_in, seen[inner, j] and seen[inner2, j])
                b = _step(b - along / behind, rise[outer2, j] - h - along * two_out, seen[outer, j] and seen[outer2, j])
                l = _step(l + across, rise[i, k2] - h + two * across, seen[i, k] and seen[i, k2])
                r = _step(r - across, rise[i, m2] - h - two * across, seen[i, m] and seen[i, m2])
                up = max(a, b, l, r)
                level += up if zero < up <= max_step else zero
                k3 = j - 3 if j >= 3 else j - 3 + sectors
                m3 = j + 3 if j + 3 < sectors else j + 3 - sectors
                lower = h
                if seen[i, k] and seen[i, m]:
                    lower = min(lower, _lower_side(rise[i, k3], rise[i, k], rise[i, m], rise[i, m3], h, max_step))
                if seen[inner, j] and seen[outer, j]:
                    nearer, farther = rise[max(i - 3, 0), j], rise[min(i + 3, rings - 1), j]
                    lower = min(lower, _lower_side(nearer, rise[inner, j], rise[outer, j], farther, h, max_step))
                if lower < h:
                    h, along, across = lower, zero, zero
                    quiet = min(noise[i, j], noise[inner, j], noise[i, k], noise[i, m])
                    level = base + np.float32(NOISE_FACTOR) * quiet
            else:
                level += min(sigma[i, j], np.float32(DOUBT))
            c = i * sectors + j
            out[c, 0], out[c, 1], out[c, 2], out[c, 3] = h, along, across, level
            out[c, 4] = max(level, np.float32(max_step)) - fall
    return out


@kernel
def _step(next_one: np.float32, one_after: np.float32, seen: bool) -> np.float32:
    """The smaller of two differences of one sign: a step continues as raised ground, a bump does not."""
    return _minmod(next_one, one_after) if seen else np.float32(0.0)


@kernel
def _lower_side(
    before: np.float32, left: np.float32, right: np.float32, behind: np.float32, h: np.float32, max_step: float
) -> np.float32:
    """The lower neighbour of a cell of height ``h`` where both differ by more than the ground on either side explains.

    ``before`` and ``behind`` are as far from the neighbours as these from each other.
    """
    slope = np.float32(0.5) * (abs(left - before) + abs(behind - right))
    return min(left, right, h) if abs(right - left) - slope > max_step else h


@kernel
def _minmod(a: np.float32, b: np.float32) -> np.float32:
    """The smaller of two slopes of one sign, else none."""
    smaller = a if abs(a) < abs(b) else b
    return smaller if a * b > 0.0 else np.float32(0.0)


@kernel
def _classify(
    xyz: F32,
    reach: F32,
    sector: F32,
    cell: I32,
    surface: F32,
    centres: F32,
    plane: F64,
    sensor: F64,
) -> tuple[F32, NDArray[np.uint8]]:
    """Return the height of each point above the surface, and its class."""
    sectors = len(surface) // len(centres)
    height, classes = np.empty(len(xyz), np.float32), np.empty(len(xyz), np.uint8)
    middle = np.empty(len(surface), np.float32)
    for i in range(len(centres)):
        middle[i * sectors : (i + 1) * sectors] = centres[i]
    ahead, left = np.float32(plane[1]), np.float32(plane[2])
    origin = np.float32(plane[0] - plane[1] * sensor[0] - plane[2] * sensor[1])
    half = np.float32(0.5)
    for p in range(len(xyz)):
        k = cell[p]
        s = sector[p]
        u = s - np.float32(int(s)) - half
        h = xyz[p, 2] - (origin + ahead * xyz[p, 0] + left * xyz[p, 1])
        h -= surface[k, 0] + surface[k, 1] * (reach[p] - middle[k]) + surface[k, 2] * u
        level = surface[k, 3]
        height[p] = h
        classes[p] = _OBSTACLE if h > level else (_GROUND if h >= -surface[k, 4] else _BELOW)
    return height, classes
