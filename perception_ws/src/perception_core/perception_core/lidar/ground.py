"""Elevation of the ground in polar cells, from the sensor outwards.

Each sector is filtered as a terrain profile: a Kalman filter over (height, slope) predicts the next ring from the
three cells inside of it, takes the lowest reliable points of the cell when they agree with the prediction, and else
lets the uncertainty grow until ground is seen again. Ideas taken: lowest points of region-wise cells and removal of
reflected noise (Patchwork++: Lee, Lim, Myung, IROS 2022), profiles along rays (Himmelsbach, von Hundelshausen,
Wuensche, "Fast Segmentation of 3D Point Clouds for Ground Vehicles", IV 2010). A robust smoothing of the whole field
follows (a membrane in the sense of Markov random fields, with the weights of Geman and McClure), in which cells that
stand out above their neighbours lose their weight.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.lidar.config import GroundConfig
from perception_core.lidar.jit import F32, F64, Mask, kernel
from perception_core.lidar.polar import PolarGrid
from perception_core.lidar.scan_grid import GriddedScan
from perception_core.lidar.start_plane import start_plane

BAND = 0.12
"""Metres above the lowest reliable point that still count as ground of the cell."""
MEASUREMENT_SIGMA = 0.03
"""Metres; noise of the mean of a cell's lowest points."""
VERTICAL_SIGMA = 0.1
"""Metres; the foot of something upright tells less about the ground."""
STEP_GATE = 0.2
"""Metres a step (kerb) may rise between neighbouring cells and still be ground."""
UPRIGHT = 1.0
"""Metres above the lowest points in which more points than in the band mean something upright."""
START_SLOPE_SIGMA = 0.02
"""Slope that remains when the plane under the robot is known."""
SLOPE_MEMORY = 15.0
"""Metres over which the slope of ground that is out of sight fades."""
SIGHT_SLACK = 0.2
"""Metres a point may lie below the line of sight over nearer ground."""
SWEEPS = 4
"""Gauss-Seidel sweeps of the smoothing."""
SMOOTH_SLOPE = 0.03, 0.05
"""Standard deviation of the slope between neighbouring cells, along and across the ray."""
ROBUST_SCALE = 0.15, 0.4
"""Metres at which data above and below the surface have lost most of their weight."""


@dataclass(frozen=True, slots=True)
class GroundModel:
    """Heights of the ground at the cell centres.

    Attributes:
        grid: the polar grid.
        height: float32 (R, S) metres in the base frame, finite everywhere.
        seen: bool (R, S) ground was measured there, not only predicted.
    """

    grid: PolarGrid
    height: NDArray[np.float32]
    seen: NDArray[np.bool_]


def fit_ground(scan: GriddedScan, grid: PolarGrid, config: GroundConfig) -> GroundModel:
    """Estimate the ground under and around a scan; z = 0 under the robot within ``config.start_sigma``."""
    plane = start_plane(scan.sorted_z, scan.starts, grid.centres, grid.sectors, config.start_sigma)
    height, slope, variance, seen = _propagate(
        plane,
        scan.sorted_z,
        scan.sorted_range,
        scan.starts,
        grid.centres,
        grid.sectors,
        float(scan.sensor[2]),
        config.start_sigma,
        config.slope_change,
        config.max_slope,
    )
    _smooth(height, slope, variance, seen, grid.centres, SWEEPS)
    return GroundModel(grid, height, seen)


def height_above_ground(scan: GriddedScan, model: GroundModel) -> NDArray[np.float32]:
    """Return float32 (K,) metres of each point above the bilinearly interpolated ground."""
    return _heights(scan.xyz, scan.range, scan.sector, scan.cell, model.height, model.grid.centres)


@kernel
def _propagate(
    plane: F64,
    z: F32,
    reach: F32,
    starts: NDArray[np.int32],
    centres: F32,
    sectors: int,
    sensor_z: float,
    start_sigma: float,
    slope_change: float,
    max_slope: float,
) -> tuple[F32, F32, F32, Mask]:
    """Filter all sectors ring by ring; return height, slope, variance of height, and where ground was seen."""
    rings = len(centres)
    height, slope = np.zeros((rings, sectors), np.float32), np.zeros((rings, sectors), np.float32)
    variance = np.zeros((rings, sectors), np.float32)
    seen = np.zeros((rings, sectors), np.bool_)
    state = np.zeros((2, sectors, 6))
    for j in range(sectors):
        azimuth = 2.0 * np.pi * (j + 0.5) / sectors - np.pi
        state[:, j, 0] = plane[0]
        state[:, j, 1] = plane[1] * np.cos(azimuth) + plane[2] * np.sin(azimuth)
        state[:, j, 2] = start_sigma**2
        state[:, j, 4] = START_SLOPE_SIGMA**2
    sight = np.full(sectors, -1e9)
    for i in range(rings):
        d = centres[i] - centres[i - 1] if i > 0 else centres[0]
        for j in range(sectors):
            prior = state[i % 2, j]
            _predict(state[(i + 1) % 2], j, d, slope_change, prior)
            cell = i * sectors + j
            a, b = starts[cell], starts[cell + 1]
            if b > a:
                floor = sensor_z + sight[j] * centres[i] - SIGHT_SLACK
                e, n, upright = _lowest(z[a:b], reach[a:b], prior[0], prior[1], centres[i], floor, sight[j])
                seen[i, j] = n > 0 and _agrees(e, upright, prior, d, max_slope)
            if seen[i, j]:
                _correct(prior, e, n, upright, max_slope)
                sight[j] = max(sight[j], (prior[0] - sensor_z) / centres[i])
            else:
                prior[1] *= np.exp(-d / SLOPE_MEMORY)
            height[i, j], slope[i, j], variance[i, j] = prior[0], prior[1], prior[2]
    return height, slope, variance, seen


@kernel
def _predict(inner: F64, j: int, d: float, slope_change: float, out: F64) -> None:
    """Fuse the three neighbours in the inner ring by their precision and move them outwards by ``d``, into ``out``.

    A state is (height, slope, their covariance hh, hs, ss, and the distance since ground was seen); the slope walks
    at random.
    """
    total = 0.0
    out[:] = 0.0
    for offset in (-1, 0, 1):
        k = (j + offset) % inner.shape[0]
        w = (1.0 if offset == 0 else 0.5) / (inner[k, 2] + 1e-4)
        total += w
        for i in range(6):
            out[i] += w * inner[k, i]
    for i in range(6):
        out[i] /= total
    hs, ss, q = out[3], out[4], slope_change**2
    out[0] += out[1] * d
    out[2] = 2.0 / total + 2.0 * d * hs + d * d * ss + q * d**3 / 3.0
    out[3] = hs + d * ss + q * d * d / 2.0
    out[4] = ss + q * d
    out[5] += d


@kernel
def _lowest(
    z: F32, reach: F32, height: float, slope: float, centre: float, floor: float, sight: float
) -> tuple[float, int, bool]:
    """Find the lowest reliable points of a cell: mean height over the prediction, count, and whether upright.

    A point below the line of sight over ground already seen is a reflection: nothing real can be seen there.
    """
    low = 1e9
    for p in range(len(z)):
        if z[p] >= floor + max(sight, -1e3) * (reach[p] - centre):
            low = min(low, z[p] - slope * (reach[p] - centre))
    total, n, above = 0.0, 0, 0
    for p in range(len(z)):
        level = z[p] - slope * (reach[p] - centre)
        if low <= level < low + BAND:
            total += level - height
            n += 1
        elif low < level < low + UPRIGHT:
            above += 1
    return total / max(n, 1), n, above > n


@kernel
def _agrees(e: float, upright: bool, prior: F64, d: float, max_slope: float) -> bool:
    """Can the lowest points, ``e`` above the prediction, be ground? A kerb may be steep, the foot of a thing not."""
    step = 0.5 * STEP_GATE if upright else STEP_GATE
    gate = step + 2.0 * np.sqrt(prior[2]) * (0.5 if upright else 1.0)
    kerb = e < step and prior[1] < 0.3 * max_slope
    return bool(e < gate and (kerb or e < 0.5 * STEP_GATE or prior[1] + e / d < max_slope))


@kernel
def _correct(state: F64, e: float, n: int, upright: bool, max_slope: float) -> None:
    """Update of the Kalman filter by one height, in place."""
    noise = MEASUREMENT_SIGMA**2 * (1.0 + 4.0 / n) + (VERTICAL_SIGMA**2 if upright else 0.0)
    hh, hs = state[2], state[3]
    gain_h, gain_s = hh / (hh + noise), hs / (hh + noise)
    state[0] += gain_h * e
    state[1] = min(max(state[1] + gain_s * e, -max_slope), max_slope)
    state[2] = (1.0 - gain_h) * hh
    state[3] = (1.0 - gain_h) * hs
    state[4] -= gain_s * hs
    state[5] = 0.0


@kernel
def _smooth(height: F32, slope: F32, variance: F32, seen: Mask, centres: F32, sweeps: int) -> None:
    """Relax the heights in place towards their neighbours (along the ray: their slope continued) and the data."""
    rings, sectors = height.shape
    data = height.copy()
    weight = np.empty((rings, sectors))
    for i in range(rings):
        for j in range(sectors):
            weight[i, j] = (1.0 if seen[i, j] else 0.1) / (variance[i, j] + MEASUREMENT_SIGMA**2)
    for _ in range(sweeps):
        for i in range(1, rings):
            d = centres[i] - centres[i - 1]
            outer = centres[i + 1] - centres[i] if i + 1 < rings else np.float32(1.0)
            w_in = 1.0 / (SMOOTH_SLOPE[0] * d + 0.01) ** 2
            w_out = 1.0 / (SMOOTH_SLOPE[0] * outer + 0.01) ** 2 if i + 1 < rings else 0.0
            w_side = 1.0 / (SMOOTH_SLOPE[1] * 2.0 * np.pi * centres[i] / sectors + 0.01) ** 2
            following = min(i + 1, rings - 1)
            for j in range(sectors):
                e = data[i, j] - height[i, j]
                q = e / (ROBUST_SCALE[0] if e > 0.0 else ROBUST_SCALE[1])
                w = weight[i, j] / ((1.0 + q * q) * (1.0 + q * q))
                total = w * data[i, j] + w_in * (height[i - 1, j] + slope[i - 1, j] * d)
                total += w_out * (height[following, j] - slope[i, j] * outer)
                total += w_side * (height[i, j + 1 if j + 1 < sectors else 0] + height[i, j - 1])
                height[i, j] = total / (w + w_in + w_out + 2.0 * w_side)


@kernel
def _heights(xyz: F32, reach: F32, sector: F32, cell: NDArray[np.int32], height: F32, centres: F32) -> F32:
    rings, sectors = height.shape
    out = np.empty(len(xyz), np.float32)
    for p in range(len(xyz)):
        ring = cell[p] // sectors
        i = ring if reach[p] >= centres[ring] else ring - 1
        i = min(max(i, 0), rings - 2)
        u = (reach[p] - centres[i]) / (centres[i + 1] - centres[i])
        u = min(max(u, np.float32(0.0)), np.float32(1.0))
        t = sector[p] - np.float32(0.5)
        j = int(np.floor(t))
        v = t - np.float32(j)
        j = j if j >= 0 else sectors - 1
        k = j + 1 if j + 1 < sectors else 0
        low = height[i, j] + v * (height[i, k] - height[i, j])
        high = height[i + 1, j] + v * (height[i + 1, k] - height[i + 1, j])
        out[p] = xyz[p, 2] - (low + u * (high - low))
    return out
