"""Procedural textures for the camera: grain, tiles and windows from a place in the world, no image files."""

import math

import numpy as np
from numba import njit

from perception_core.simulation.materials import Material

_ASPHALT = int(Material.ASPHALT)
_PAVING = int(Material.PAVING)
_FACADE = int(Material.FACADE)
_BARK = int(Material.BARK)
_LEAVES = int(Material.LEAVES)
_GRASS = int(Material.GRASS)


@njit(cache=True, error_model="numpy")
def texture(kind: int, x: float, y: float, z: float, nx: float, ny: float, fine: float) -> tuple[float, float]:
    """Return the factor on the albedo and how much of a window pane there is, 0..1.

    ``kind`` is the material, x, y, z the place in the world (m), nx, ny the normal, ``fine`` 1 near by and less where
    the texture would be finer than a pixel.
    """
    if kind == _ASPHALT:
        grain = noise(17.0 * x, 17.0 * y) - 0.5
        patch = noise(0.35 * x, 0.35 * y) - 0.5
        return 1.0 + 0.22 * fine * grain + 0.22 * patch, 0.0
    if kind == _PAVING:
        seam = min(_seam(x, 0.6), _seam(y, 0.6))
        line = 1.0 - 0.3 * fine if seam < 0.018 else 1.0
        stain = 0.12 * fine * (noise(9.0 * x, 9.0 * y) - 0.5) + 0.1 * (noise(0.9 * x, 0.9 * y) - 0.5)
        return line * (1.0 + stain), 0.0
    if kind == _GRASS:
        return 0.85 + 0.5 * fine * (noise(6.0 * x, 6.0 * y) - 0.3) + 0.3 * (noise(0.3 * x, 0.3 * y) - 0.5), 0.0
    if kind == _LEAVES:
        return 0.55 + 0.9 * noise(7.0 * x + 3.0 * z, 7.0 * y - 3.0 * z) * (0.6 + 0.4 * fine), 0.0
    if kind == _BARK:
        return 0.8 + 0.4 * noise(14.0 * (x + y), 3.0 * z), 0.0
    if kind == _FACADE and nx * nx + ny * ny > 0.5:
        wall: tuple[float, float] = _facade(nx * y - ny * x, z, fine)
        return wall
    return 1.0, 0.0


@njit(cache=True, error_model="numpy")
def _facade(along: float, z: float, fine: float) -> tuple[float, float]:
    """Shop windows on the ground floor, framed windows above; ``along`` and ``z`` are metres on the wall."""
    stain = 1.0 + 0.14 * (noise(0.7 * along, 0.7 * z) - 0.5) + 0.08 * fine * (noise(12.0 * along, 30.0 * z) - 0.5)
    if z < 3.5:
        a = along % 4.2
        if 0.5 < a < 3.7 and 0.75 < z < 2.9:
            return 1.0, 1.0
        return stain * (0.8 if z < 3.2 else 1.12), 0.0
    a = along % 2.6
    h = (z - 3.4) % 3.1
    if 0.62 < a < 1.98 and 0.78 < h < 2.42:
        bar = abs(a - 1.3) < 0.04 or abs(h - 1.9) < 0.035
        edge = a < 0.72 or a > 1.88 or h < 0.88 or h > 2.32
        return (1.3, 0.0) if bar or edge else (1.0, 1.0)
    return stain * (0.86 if h < 0.14 else 1.0), 0.0


@njit(cache=True, error_model="numpy")
def _seam(x: float, period: float) -> float:
    r = x % period
    return min(r, period - r)


@njit(cache=True, error_model="numpy")
def noise(x: float, y: float) -> float:
    """Value noise in [0, 1], smooth between whole numbers."""
    ix, iy = math.floor(x), math.floor(y)
    fx, fy = x - ix, y - iy
    fx, fy = fx * fx * (3.0 - 2.0 * fx), fy * fy * (3.0 - 2.0 * fy)
    jx, jy = np.int64(ix), np.int64(iy)
    low: float = _hash(jx, jy) * (1.0 - fx) + _hash(jx + 1, jy) * fx
    high: float = _hash(jx, jy + 1) * (1.0 - fx) + _hash(jx + 1, jy + 1) * fx
    return low * (1.0 - fy) + high * fy


@njit(cache=True, error_model="numpy")
def _hash(x: int, y: int) -> float:
    h = (x * np.int64(374761393) + y * np.int64(668265263)) & np.int64(0xFFFFFFFF)
    h = ((h ^ (h >> 13)) * np.int64(1274126177)) & np.int64(0xFFFFFFFF)
    return ((h ^ (h >> 16)) & np.int64(0xFFFF)) / 65535.0
