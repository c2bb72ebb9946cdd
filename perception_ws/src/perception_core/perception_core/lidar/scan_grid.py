"""Bring a scan into the base frame, crop it, and place it in the cells of a polar grid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.azimuth import sector_turns
from perception_core.lidar.body import body_table, reach_of
from perception_core.lidar.config import CropConfig
from perception_core.lidar.jit import F32, I16, I32, I64, kernel
from perception_core.lidar.polar import TABLE_STEP, PolarGrid

Kinds = NDArray[np.uint8]

_NO_INTENSITY = np.empty(0, np.float32)
_NO_INTENSITY.flags.writeable = False  # as a cloud's is, or the kernel is compiled for each

BLOCK = 256
"""Points that are brought into the base frame at a time: their columns stay in the nearest cache."""


@dataclass(frozen=True, slots=True)
class GriddedScan:
    """K kept points in the base frame and their places in the polar grid around the sensor.

    Attributes:
        xyz: float32 (K, 3) metres, base frame.
        range: float32 (K,) metres, horizontal distance from the sensor.
        sector: float32 (K,) azimuth in sectors, [0, sectors).
        cell: int32 (K,) ring * sectors + sector.
        index: int32 (K,) place of each kept point in the input, rising.
        counts: int32 (cells,) points in each cell.
        lowest: float32 (cells,) metres, height of the lowest point of each cell in the base frame, inf where empty.
        sensor: float64 (3,) position of the sensor in the base frame.
        dropped: how many points were left out, by reason.
    """

    xyz: NDArray[np.float32]
    range: NDArray[np.float32]
    sector: NDArray[np.float32]
    cell: NDArray[np.int32]
    index: NDArray[np.int32]
    counts: NDArray[np.int32]
    lowest: NDArray[np.float32]
    sensor: NDArray[np.float64]
    dropped: dict[str, int]


def grid_scan(
    points: NDArray[np.float32],
    T_base_sensor: NDArray[np.float64],
    grid: PolarGrid,
    crop: CropConfig,
    intensity: NDArray[np.float32] | None = None,
    body: NDArray[np.float32] | None = None,
) -> GriddedScan:
    """Transform float32 (N, 3) points from the sensor into the base frame, crop, and place them in cells.

    Args:
        points: in the sensor's frame.
        T_base_sensor: base <- sensor.
        grid: around the sensor.
        crop: limits.
        intensity: float32 (N,) for the limits of intensity, or None where the cloud has none.
        body: the robot's own boxes as ``body_table`` makes them; None takes the one of ``crop``.
    """
    strongest = crop.max_intensity or np.inf
    limits = np.array(
        [crop.min_range, crop.max_range, crop.min_height, crop.max_height, crop.min_intensity, strongest], np.float32
    )
    body = body_table(crop) if body is None else body
    body_reach = np.float32(reach_of(body, T_base_sensor[:3, 3]))
    lit = intensity if intensity is not None and crop.limits_intensity else _NO_INTENSITY
    T = T_base_sensor.astype(np.float32)
    xyz, reach, sector, cell, index, counts, lowest, dropped = _place(
        points, T, limits, lit, body, body_reach, grid.table, grid.sectors, grid.rings
    )
    reasons = dict(zip(("range", "height", "body", "intensity"), map(int, dropped), strict=True))
    return GriddedScan(xyz, reach, sector, cell, index, counts, lowest, T_base_sensor[:3, 3].copy(), reasons)


@kernel
def _place(
    points: F32,
    T: F32,
    limits: F32,
    intensity: F32,
    body: F32,
    body_reach: np.float32,
    table: I16,
    sectors: int,
    rings: int,
) -> tuple[F32, F32, F32, I32, I32, I32, F32, I64]:
    """Return xyz, range, sector, cell, index of the kept points, points and lowest z a cell, counts of dropped ones."""
    n = len(points)
    xyz = np.empty((n, 3), np.float32)
    reach, sector = np.empty(n, np.float32), np.empty(n, np.float32)
    cell, index = np.empty(n, np.int32), np.empty(n, np.int32)
    counts = np.zeros(rings * sectors, np.int32)
    lowest = np.full(rings * sectors, np.float32(np.inf))
    dropped = np.zeros(4, np.int64)
    block, kind, places = np.empty((5, BLOCK), np.float32), np.empty(BLOCK, np.uint8), np.empty(BLOCK, np.int32)
    wide, last = np.int32(sectors), np.float32(sectors - 1)
    x0, y0, to_table = T[0, 3], T[1, 3], np.float32(1.0 / TABLE_STEP)
    k = 0
    for first in range(0, n, BLOCK):
        m = min(BLOCK, n - first)
        _polar_columns(points[first : first + m], T, np.float32(sectors), block)
        if _crop(block, limits, body_reach, kind[:m]):
            _crop_body(block, body, body_reach, x0, y0, kind[:m])
        if len(intensity) > 0:
            _crop_intensity(intensity[first : first + m], limits, kind[:m])
        kept = _keep(kind[:m], places, dropped)
        _write(block, places[:kept], x0, y0, xyz[k:], reach[k:], sector[k:])
        for q in range(kept):
            index[k + q] = first + places[q]
            ring = table[np.int32(reach[k + q] * to_table)]
            cell[k + q] = ring * wide + np.int32(min(sector[k + q], last))
        k += kept
    _count(cell[:k], xyz, counts, lowest)
    return xyz[:k], reach[:k], sector[:k], cell[:k], index[:k], counts, lowest, dropped


@kernel
def _polar_columns(points: F32, T: F32, sectors: np.float32, out: F32) -> None:
    """Fill rows x and y from the sensor in the axes of the base frame, z in the base frame, range, azimuth in sectors.

    Without a branch, so that the compiler makes vector instructions of it.
    """
    x, y, z, r, s = out[0], out[1], out[2], out[3], out[4]
    xx, xy, xz, yx, yy, yz = T[0, 0], T[0, 1], T[0, 2], T[1, 0], T[1, 1], T[1, 2]
    zx, zy, zz, height = T[2, 0], T[2, 1], T[2, 2], T[2, 3]
    for i in range(len(points)):
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        x[i] = xx * px + xy * py + xz * pz
        y[i] = yx * px + yy * py + yz * pz
        z[i] = zx * px + zy * py + zz * pz + height
    for i in range(len(points)):
        r[i] = np.sqrt(x[i] * x[i] + y[i] * y[i])
    for i in range(len(points)):
        s[i] = sector_turns(x[i], y[i]) * sectors


@kernel
def _crop(block: F32, limits: F32, body_reach: np.float32, kind: Kinds) -> int:
    """Say of each point of a block why it is dropped: 1 range (or not finite), 2 height; 0 where it is kept.

    Return how many are as near as the robot's body. Without a branch.
    """
    z, r = block[2], block[3]
    near, far, low, high = limits[0], limits[1], limits[2], limits[3]
    candidates = 0
    for i in range(len(kind)):
        height = (z[i] >= low) & (z[i] <= high)
        reach = (r[i] >= near) & (r[i] < far)
        reason = np.uint8(0) if height else np.uint8(2)
        kind[i] = reason if reach else np.uint8(1)
        candidates += r[i] <= body_reach
    return candidates


@kernel
def _crop_body(block: F32, body: F32, reach: np.float32, x0: np.float32, y0: np.float32, kind: Kinds) -> None:
    """Mark what is left in one of the body's boxes with 3."""
    for i in range(len(kind)):
        if block[3, i] <= reach and kind[i] == 0 and _is_body(block[0, i] + x0, block[1, i] + y0, block[2, i], body):
            kind[i] = 3


@kernel
def _is_body(x: float, y: float, z: float, body: F32) -> bool:
    """Tell whether a point of the base frame lies in one of the boxes."""
    for b in range(len(body)):
        u = body[b, 0] * x + body[b, 1] * y + body[b, 2] * z + body[b, 9]
        v = body[b, 3] * x + body[b, 4] * y + body[b, 5] * z + body[b, 10]
        w = body[b, 6] * x + body[b, 7] * y + body[b, 8] * z + body[b, 11]
        if abs(u) <= body[b, 12] and abs(v) <= body[b, 13] and abs(w) <= body[b, 14]:
            return True
    return False


@kernel
def _crop_intensity(intensity: F32, limits: F32, kind: Kinds) -> None:
    """Mark what is left and too weak or too strong with 4."""
    for i in range(len(kind)):
        if kind[i] == 0 and not (limits[4] <= intensity[i] <= limits[5]):
            kind[i] = 4


@kernel
def _keep(kind: Kinds, places: I32, dropped: I64) -> int:
    """List the points to keep, without a branch; return how many there are."""
    k = 0
    for i in range(len(kind)):
        places[k] = i
        k += kind[i] == 0
    if k < len(kind):
        for i in range(len(kind)):
            if kind[i]:
                dropped[kind[i] - 1] += 1
    return k


@kernel
def _write(block: F32, places: I32, x0: np.float32, y0: np.float32, xyz: F32, reach: F32, sector: F32) -> None:
    """Write the kept points of a block, mostly all of it, in the base frame."""
    x, y, z, r, s = block[0], block[1], block[2], block[3], block[4]
    if len(places) == BLOCK:
        for i in range(BLOCK):
            xyz[i, 0], xyz[i, 1], xyz[i, 2] = x[i] + x0, y[i] + y0, z[i]
        reach[:BLOCK] = r
        sector[:BLOCK] = s
        return
    for q in range(len(places)):
        i = places[q]
        xyz[q, 0], xyz[q, 1], xyz[q, 2] = x[i] + x0, y[i] + y0, z[i]
        reach[q], sector[q] = r[i], s[i]


@kernel
def _count(cell: I32, xyz: F32, counts: I32, lowest: F32) -> None:
    """Count the points of each cell and find the lowest; neighbours in the cloud mostly share a cell."""
    last, low, first = np.int32(-1), np.float32(np.inf), 0
    for q in range(len(cell)):
        c, z = cell[q], xyz[q, 2]
        if c != last:
            if last >= 0:
                counts[last] += q - first
                lowest[last] = min(lowest[last], low)
            last, low, first = c, z, q
        low = min(low, z)
    if last >= 0:
        counts[last] += len(cell) - first
        lowest[last] = min(lowest[last], low)
