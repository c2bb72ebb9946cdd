"""Elevation of the ground in polar cells, from the sensor outwards.

Each sector is filtered as a terrain profile: a Kalman filter over (height, slope) predicts the next ring from the
three cells inside of it, takes the lowest reliable points of the cell when they agree with the prediction, and else
lets the uncertainty grow until ground is seen again. Ideas taken: lowest points of region-wise cells and reflected
noise removed by physics (Patchwork++: Lee, Lim, Myung, IROS 2022), profiles along rays (Himmelsbach et al., "Fast
Segmentation of 3D Point Clouds for Ground Vehicles", IV 2010). A robust smoothing of the whole field follows, in which
cells that stand out above their neighbours lose their weight.
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from perception_core.lidar.config import GroundConfig
from perception_core.lidar.polar import PolarGrid
from perception_core.lidar.scan_grid import GriddedScan

BAND = 0.12
"""Metres above the lowest reliable point that still count as ground of the cell."""
MEASUREMENT_SIGMA = 0.03
STEP_GATE = 0.2
"""Metres a step (kerb) may rise between neighbouring cells and still be ground."""
SWEEPS = 6


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
    """Estimate the ground under and around a scan."""
    z = scan.xyz[:, 2]
    out = _propagate(
        z, scan.range, scan.order, scan.starts, grid.centres, grid.sectors, float(scan.sensor[2]),
        config.start_sigma, config.slope_change, config.max_slope,
    )
    height, slope, variance, seen = out
    _smooth(height, slope, variance, seen, grid.centres, grid.sectors, SWEEPS)
    return GroundModel(grid, height, seen)


def height_above_ground(scan: GriddedScan, model: GroundModel) -> NDArray[np.float32]:
    """Return float32 (K,) metres of each point above the bilinearly interpolated ground."""
    return _heights(scan.xyz, scan.range, scan.sector, scan.cell, model.height, model.grid.centres)


@numba.njit(cache=True)
def _propagate(z, reach, order, starts, centres, sectors, sensor_z, start_sigma, slope_change, max_slope):  # type: ignore[no-untyped-def]
    rings = len(centres)
    height = np.zeros((rings, sectors), np.float32)
    slope = np.zeros((rings, sectors), np.float32)
    variance = np.zeros((rings, sectors), np.float32)
    seen = np.zeros((rings, sectors), np.bool_)
    # covariance of (height, slope): hh, hs, ss
    P = np.zeros((2, sectors, 3))
    P[:, :, 0] = start_sigma**2
    P[:, :, 2] = 0.03**2
    sight = np.full(sectors, -1e9)
    for i in range(rings):
        now, before = i % 2, (i + 1) % 2
        d = centres[i] - centres[i - 1] if i > 0 else centres[0]
        for j in range(sectors):
            if i == 0:
                h, s, hh, hs, ss = 0.0, 0.0, start_sigma**2, 0.0, 0.03**2
            else:
                h, s, hh, hs, ss = _predict(height, slope, P, i, j, sectors, d, before, slope_change)
            c = i * sectors + j
            ok, e, n, vertical = _lowest(z, reach, order, starts[c], starts[c + 1], h, s, centres[i], sensor_z, sight[j], hh)
            gate = STEP_GATE + 2.0 * np.sqrt(hh)
            if vertical:
                gate *= 0.5
            rise = s + (e / d if d > 0 else 0.0)
            accepted = ok and e < gate and (rise < max_slope or e < 0.1)
            if accepted:
                r = MEASUREMENT_SIGMA**2 * (1.0 + 4.0 / n) + (0.1**2 if vertical else 0.0)
                w = 1.0 / (hh + r)
                kh, ks = hh * w, hs * w
                h += kh * e
                s = min(max(s + ks * e, -max_slope), max_slope)
                hh, hs, ss = (1.0 - kh) * hh, (1.0 - kh) * hs, ss - ks * hs
                seen[i, j] = True
                sight[j] = max(sight[j], (h - sensor_z) / centres[i])
            height[i, j] = h
            slope[i, j] = s
            variance[i, j] = hh
            P[now, j, 0], P[now, j, 1], P[now, j, 2] = hh, hs, ss
    return height, slope, variance, seen


@numba.njit(cache=True, inline="always")
def _predict(height, slope, P, i, j, sectors, d, before, slope_change):  # type: ignore[no-untyped-def]
    """Fuse the three inner neighbours by their precision and move them outwards by ``d``."""
    w_sum = h = s = hs = ss = 0.0
    for o in (-1, 0, 1):
        k = (j + o) % sectors
        w = (1.0 if o == 0 else 0.5) / (P[before, k, 0] + 1e-4)
        w_sum += w
        h += w * height[i - 1, k]
        s += w * slope[i - 1, k]
        hs += w * P[before, k, 1]
        ss += w * P[before, k, 2]
    h /= w_sum
    s /= w_sum
    hh, hs, ss = 2.0 / w_sum, hs / w_sum, ss / w_sum
    hh = hh + 2.0 * d * hs + d * d * ss + slope_change**2 * d**3 / 3.0
    hs = hs + d * ss + slope_change**2 * d * d / 2.0
    ss = ss + slope_change**2 * d
    return h + s * d, s, hh, hs, ss


@numba.njit(cache=True, inline="always")
def _lowest(z, reach, order, begin, end, h, s, centre, sensor_z, sight, hh):  # type: ignore[no-untyped-def]
    """Return (found, height over the prediction, count, vertical) of the lowest reliable points of a cell.

    A point below the line of sight over ground already seen is a reflection: nothing real can be seen there.
    """
    low = 1e9
    for k in range(begin, end):
        p = order[k]
        if z[p] < sensor_z + sight * reach[p] - 0.2:
            continue
        e = z[p] - (h + s * (reach[p] - centre))
        if e < low:
            low = e
    if low > 1e8:
        return False, 0.0, 0, False
    total = 0.0
    n = 0
    above = 0
    for k in range(begin, end):
        p = order[k]
        e = z[p] - (h + s * (reach[p] - centre))
        if low <= e < low + BAND:
            total += e
            n += 1
        elif low + BAND <= e < low + 1.0:
            above += 1
    return True, total / n, n, above > n


@numba.njit(cache=True)
def _smooth(height, slope, variance, seen, centres, sectors, sweeps):  # type: ignore[no-untyped-def]
    rings = len(centres)
    data = height.copy()
    for _ in range(sweeps):
        for i in range(1, rings):
            d = centres[i] - centres[i - 1]
            lateral = 6.283185307179586 * centres[i] / sectors
            wr = 1.0 / (0.03 * d + 0.01) ** 2
            wl = 1.0 / (0.05 * lateral + 0.01) ** 2
            for j in range(sectors):
                e = data[i, j] - height[i, j]
                scale = 0.15 if e > 0 else 0.4
                w = 1.0 / (variance[i, j] + 0.03**2)
                if not seen[i, j]:
                    w *= 0.1
                w /= (1.0 + (e / scale) ** 2) ** 2
                a = w * data[i, j] + wr * (height[i - 1, j] + slope[i - 1, j] * d)
                b = w + wr
                if i + 1 < rings:
                    dn = centres[i + 1] - centres[i]
                    wn = 1.0 / (0.03 * dn + 0.01) ** 2
                    a += wn * (height[i + 1, j] - slope[i, j] * dn)
                    b += wn
                a += wl * (height[i, (j + 1) % sectors] + height[i, j - 1])
                b += 2.0 * wl
                height[i, j] = a / b


@numba.njit(cache=True)
def _heights(xyz, reach, sector, cell, height, centres):  # type: ignore[no-untyped-def]
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
        j = j % sectors
        k = j + 1 if j + 1 < sectors else 0
        low = height[i, j] + v * (height[i, k] - height[i, j])
        high = height[i + 1, j] + v * (height[i + 1, k] - height[i + 1, j])
        out[p] = xyz[p, 2] - (low + u * (high - low))
    return out
