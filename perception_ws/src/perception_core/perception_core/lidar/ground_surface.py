"""The surface within the cells, and what each point is against it."""

import numpy as np
from numpy.typing import NDArray

from perception_core.lidar.jit import F32, F64, I32, Mask, kernel
from perception_core.types.clusters import PointClass

NOISE_FACTOR = 3.0
"""Standard deviations of the ground's noise that are still ground."""
DOUBT = 0.3
"""Metres; the level above which points are obstacles grows by no more than this where the ground was not seen."""
_GROUND, _OBSTACLE = np.uint8(PointClass.GROUND), np.uint8(PointClass.OBSTACLE)
_BELOW = np.uint8(PointClass.BELOW_GROUND)


@kernel
def surface_of(
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
def heights_and_classes(
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
