"""Bring a scan into the base frame, crop it, and sort it into the cells of a polar grid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.lidar.body import body_table, reach_of
from perception_core.lidar.config import CropConfig
from perception_core.lidar.jit import F32, I16, I32, kernel
from perception_core.lidar.polar import TABLE_STEP, PolarGrid, sector_turns

_NO_INTENSITY = np.empty(0, np.float32)
_NO_INTENSITY.flags.writeable = False  # as a cloud's is, or the kernel is compiled for each


@dataclass(frozen=True, slots=True)
class GriddedScan:
    """K kept points in the base frame and their places in the polar grid around the sensor.

    Attributes:
        xyz: float32 (K, 3) metres, base frame.
        range: float32 (K,) metres, horizontal distance from the sensor.
        sector: float32 (K,) azimuth in sectors, [0, sectors).
        cell: int32 (K,) ring * sectors + sector.
        index: int32 (K,) place of each kept point in the input, rising.
        starts: int32 (cells + 1,) where each cell begins in the two sorted columns.
        sorted_z: float32 (K,) heights in the base frame, sorted by cell.
        sorted_range: float32 (K,) ranges, sorted by cell.
        sensor: float64 (3,) position of the sensor in the base frame.
        dropped: how many points were left out, by reason.
    """

    xyz: NDArray[np.float32]
    range: NDArray[np.float32]
    sector: NDArray[np.float32]
    cell: NDArray[np.int32]
    index: NDArray[np.int32]
    starts: NDArray[np.int32]
    sorted_z: NDArray[np.float32]
    sorted_range: NDArray[np.float32]
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
    """Transform float32 (N, 3) points from the sensor into the base frame, crop, and sort by cell.

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
    body_reach = reach_of(body, T_base_sensor[:3, 3])
    lit = intensity if intensity is not None and crop.limits_intensity else _NO_INTENSITY
    T = T_base_sensor.astype(np.float32)
    xyz, reach, sector, cell, index, counts, dropped = _place(
        points, T, limits, lit, body, body_reach, grid.table, grid.sectors, grid.rings
    )
    starts, sorted_z, sorted_range = _sort_by_cell(xyz, reach, cell, counts)
    reasons = dict(zip(("range", "height", "body", "intensity"), map(int, dropped), strict=True))
    sensor = T_base_sensor[:3, 3].copy()
    return GriddedScan(xyz, reach, sector, cell, index, starts, sorted_z, sorted_range, sensor, reasons)


@kernel
def _place(
    points: F32,
    T: F32,
    limits: F32,
    intensity: F32,
    body: F32,
    body_reach: float,
    table: I16,
    sectors: int,
    rings: int,
) -> tuple[F32, F32, F32, I32, I32, I32, NDArray[np.int64]]:
    """Return xyz, range, sector, cell, index of the kept points, the points a cell, and the counts of dropped ones."""
    x, y, z, r, turns = _polar_columns(points, T)
    n = len(points)
    xyz = np.empty((n, 3), np.float32)
    reach = np.empty(n, np.float32)
    azimuth = np.empty(n, np.float32)
    cell = np.empty(n, np.int32)
    index = np.empty(n, np.int32)
    counts = np.zeros(rings * sectors, np.int32)
    dropped = np.zeros(4, np.int64)
    lit = len(intensity) > 0
    turn, to_table = np.float32(sectors), np.float32(1.0 / TABLE_STEP)
    k = 0
    for i in range(n):
        if not (limits[0] <= r[i] < limits[1]):
            dropped[0] += 1
        elif not (limits[2] <= z[i] <= limits[3]):
            dropped[1] += 1
        elif r[i] <= body_reach and _is_body(x[i] + T[0, 3], y[i] + T[1, 3], z[i], body):
            dropped[2] += 1
        elif lit and not (limits[4] <= intensity[i] <= limits[5]):
            dropped[3] += 1
        else:
            s = turns[i] * turn
            c = table[int(r[i] * to_table)] * sectors + min(int(s), sectors - 1)
            xyz[k, 0], xyz[k, 1], xyz[k, 2] = x[i] + T[0, 3], y[i] + T[1, 3], z[i]
            reach[k], azimuth[k], cell[k], index[k] = r[i], s, c, i
            counts[c] += 1
            k += 1
    return xyz[:k], reach[:k], azimuth[:k], cell[:k], index[:k], counts, dropped


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
def _polar_columns(points: F32, T: F32) -> tuple[F32, F32, F32, F32, F32]:
    """Columns x and y from the sensor in the axes of the base frame, z in the base frame, range, azimuth in turns.

    Without a branch, so that the compiler makes vector instructions of it.
    """
    n = len(points)
    x, y, z = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32)
    r, turns = np.empty(n, np.float32), np.empty(n, np.float32)
    for i in range(n):
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        x[i] = T[0, 0] * px + T[0, 1] * py + T[0, 2] * pz
        y[i] = T[1, 0] * px + T[1, 1] * py + T[1, 2] * pz
        z[i] = T[2, 0] * px + T[2, 1] * py + T[2, 2] * pz + T[2, 3]
    for i in range(n):
        r[i] = np.sqrt(x[i] * x[i] + y[i] * y[i])
        turns[i] = sector_turns(x[i], y[i])
    return x, y, z, r, turns


@kernel
def _sort_by_cell(xyz: F32, reach: F32, cell: I32, counts: I32) -> tuple[I32, F32, F32]:
    """Counting sort of heights and ranges by cell."""
    starts = np.empty(len(counts) + 1, np.int32)
    starts[0] = 0
    for c in range(len(counts)):
        starts[c + 1] = starts[c] + counts[c]
    place = starts[:-1].copy()
    z = np.empty(len(cell), np.float32)
    r = np.empty(len(cell), np.float32)
    for i in range(len(cell)):
        k = place[cell[i]]
        z[k], r[k] = xyz[i, 2], reach[i]
        place[cell[i]] = k + 1
    return starts, z, r
