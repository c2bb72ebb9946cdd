"""Let go of people who stand nearer to things than returns are connected: between parked cars, at walls, in crowds.

The connecting distance has to bridge what a LiDAR leaves out of one surface, and so also bridges the two hands between
a person and a car. But near the robot people are dense, and half of that distance connects all of one of them. What
comes off whole by it, slim, standing on the ground, as high and as dense as a person, and no flat strip, as sides at a
grazing angle and walls behind a fence give, is a thing of its own.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.lidar.bev import BevCells
from perception_core.lidar.config import ClusterConfig
from perception_core.lidar.connect import components
from perception_core.lidar.jit import F32, F64, I32, I64, Mask, kernel

CLOSER = 0.5
"""Share of the connecting distance that connects all of a person."""
NEAR = 15.0
"""Metres of range; farther away people have too few returns, and a car's side has gaps as large."""
SLIM = 1.1
"""Metres along each axis of the base frame below which a thing may be a person."""
STANDS, HIGH = 0.5, 1.2
"""Metres above ground: of the lowest point at most, of the highest at least."""
DENSITY = 12.0
"""Points times metres of range, in multiples of those below which a window of cells is a speck."""
FLAT = 0.05
"""Metres, standard deviation of the cells across their longer axis, below which they are a strip."""


def free_upright(
    cells: BevCells,
    specks: NDArray[np.bool_],
    labels: NDArray[np.int32],
    count: int,
    sensor: NDArray[np.float64],
    density: float,
    config: ClusterConfig,
) -> tuple[NDArray[np.int32], int]:
    """Make components of their own of what stands upright and slim in larger ones, and of what they held together.

    Args:
        cells: C cells of the scan.
        specks: bool (C,) cells that connect to nothing.
        labels: int32 (C,) component of each cell, 0 to ``count`` - 1.
        count: number of components.
        sensor: float64 (3,) in the base frame.
        density: points times metres of range below which a window of cells is a speck.
        config: connecting distances.

    Returns:
        int32 (C,) labels and their number; the arguments where nothing is let go.
    """
    near = _in_larger(cells.bounds, cells.top, cells.reach, specks, labels, count)
    if len(near) == 0:
        return labels, count
    part, parts = _connected(cells, near, sensor, CLOSER, config)
    free = _uprights(
        cells.x[near],
        cells.y[near],
        cells.bounds[near],
        cells.bottom[near],
        cells.top[near],
        cells.reach[near],
        cells.count[near],
        part,
        parts,
        DENSITY * density,
    )
    of_part = np.empty(parts, np.int32)
    of_part[part] = labels[near]
    free &= np.bincount(part, minlength=parts) < np.bincount(labels, minlength=count)[of_part]
    if not free.any():
        return labels, count
    out = labels.copy()
    out[near[free[part]]] = count + (np.cumsum(free) - 1)[part[free[part]]]
    count += int(free.sum())
    held = np.zeros(count, np.bool_)
    held[of_part[free]] = True
    rest = np.flatnonzero(held[out])
    again, _ = _connected(cells, rest, sensor, 1.0, config)
    out[rest] = count + again
    used, numbered = np.unique(out, return_inverse=True)
    return numbered.astype(np.int32), len(used)


def _connected(
    cells: BevCells, which: NDArray[np.int64], sensor: NDArray[np.float64], share: float, config: ClusterConfig
) -> tuple[NDArray[np.int32], int]:
    """Connect some cells within a share of the usual distance; return their labels and the number of components."""
    return components(
        cells.index[which],
        cells.bounds[which],
        np.zeros(len(which), np.bool_),
        cell_size=config.cell_size,
        sensor=sensor,
        gap=share * config.gap,
        gap_per_range=share * config.gap_per_range,
        max_gap=share * config.max_gap,
        depth=config.depth_factor,
    )


@kernel
def _in_larger(bounds: F32, top: F32, reach: F64, specks: Mask, labels: I32, count: int) -> I64:
    """Return the cells near the sensor of components that are larger than a person, and as high."""
    extent = np.empty((count, 4), np.float32)
    extent[:, :2], extent[:, 2:] = np.float32(1e9), np.float32(-1e9)
    high = np.zeros(count, np.bool_)
    for i in range(len(labels)):
        k = labels[i]
        extent[k, 0], extent[k, 1] = min(extent[k, 0], bounds[i, 0]), min(extent[k, 1], bounds[i, 1])
        extent[k, 2], extent[k, 3] = max(extent[k, 2], bounds[i, 2]), max(extent[k, 3], bounds[i, 3])
        high[k] |= top[i] >= HIGH and reach[i] < NEAR
    for k in range(count):
        high[k] &= max(extent[k, 2] - extent[k, 0], extent[k, 3] - extent[k, 1]) >= SLIM
    return np.flatnonzero(high[labels] & (reach < NEAR) & ~specks)


@kernel
def _uprights(
    x: F64, y: F64, bounds: F32, bottom: F32, top: F32, reach: F64, points: I32, part: I32, parts: int, least: float
) -> Mask:
    """Tell which parts (P,) of cells stand on the ground as slim, as high and as dense as people, and are no strips."""
    low, high = np.full((parts, 3), 1e9), np.full((parts, 3), -1e9)
    count, seen, away = np.zeros(parts), np.zeros(parts), np.zeros(parts)
    for i in range(len(part)):
        k = part[i]
        low[k, 0], low[k, 1] = min(low[k, 0], bounds[i, 0]), min(low[k, 1], bounds[i, 1])
        high[k, 0], high[k, 1] = max(high[k, 0], bounds[i, 2]), max(high[k, 1], bounds[i, 3])
        low[k, 2], high[k, 2] = min(low[k, 2], bottom[i]), max(high[k, 2], top[i])
        count[k] += 1.0
        seen[k] += points[i]
        away[k] += reach[i]
    out = np.zeros(parts, np.bool_)
    for k in range(parts):
        slim = max(high[k, 0] - low[k, 0], high[k, 1] - low[k, 1]) < SLIM
        out[k] = slim and low[k, 2] < STANDS and high[k, 2] >= HIGH and seen[k] * away[k] >= least * count[k]
    strips = _spread_across(x, y, part, parts, count) < FLAT
    return out & ~strips


@kernel
def _spread_across(x: F64, y: F64, part: I32, parts: int, count: F64) -> F64:
    """Return the standard deviation (P,) of each part's cells across their longer axis, metres."""
    mean, moment = np.zeros((parts, 2)), np.zeros((parts, 3))
    for i in range(len(part)):
        mean[part[i], 0] += x[i]
        mean[part[i], 1] += y[i]
    mean /= count.reshape(-1, 1)
    for i in range(len(part)):
        k = part[i]
        dx, dy = x[i] - mean[k, 0], y[i] - mean[k, 1]
        moment[k, 0] += dx * dx
        moment[k, 1] += dx * dy
        moment[k, 2] += dy * dy
    moment /= count.reshape(-1, 1)
    middle, half = 0.5 * (moment[:, 0] + moment[:, 2]), 0.5 * (moment[:, 0] - moment[:, 2])
    least = middle - np.sqrt(half * half + moment[:, 1] * moment[:, 1])
    return np.sqrt(np.maximum(least, 0.0))
