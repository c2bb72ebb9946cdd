"""The sector scan of what flies: obstacles and free space above, level with, and below the vehicle.

Heights are those above the vehicle along the vertical of the fixed frame, also while it tilts; ranges are horizontal.
An obstacle counts in every band that its height reaches into, with its whole footprint. A direction is free in a band
when beams crossed most of the band's height out to the free range; the cone above and below that no beam enters is left
out, as the ground around a car's own bumper is.
"""

import math
from collections.abc import Mapping

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.geometry import transforms
from perception_core.planning.outlines import Outlines, outlines
from perception_core.planning.sectors import (
    SectorConfig,
    SectorRanges,
    median_of_sectors,
    nearest_in_sectors,
    ranges_of,
)
from perception_core.types import Obstacles

Floats = NDArray[np.float64]
View = NDArray[np.float32]

Bands = Mapping[str, SectorRanges]
"""Ranges by the name of the band; empty without bands."""
BANDS = ("down", "level", "up")
_STEP = 1.0
"""Metres of range over which beams are looked for in a band."""
_LAYERS, _MOST = 4, 0.5
"""A band is cut into layers; it was looked at where beams crossed this share of them."""
_GAP = 3
"""Steps without beams that interrupt nothing: two neighbouring rows of a sparse LiDAR."""


def band_ranges(
    obstacles: Obstacles, T_fixed_base: transforms.Transform, view: View | None, config: SectorConfig
) -> dict[str, SectorRanges]:
    """Return the nearest obstacle a sector in each of the bands, which are none where ``config`` has no edges.

    Args:
        obstacles: in the fixed frame.
        T_fixed_base: (4, 4) pose of the base frame.
        view: float32 (E, A) metres to the farthest return in each direction of the base frame (row 0 straight up,
            column 0 from behind, counter-clockwise), 0 for none; None: nothing was seen anywhere.
        config: parameters.
    """
    if not config.band_edges:
        return {}
    shapes = outlines(obstacles, config.position_sigmas, config.max_margin)
    variance = np.maximum(obstacles.pose_covariance[:, 2, 2], 0.0)
    rise = np.minimum(config.position_sigmas * np.sqrt(variance), config.max_margin)
    middle, half = obstacles.centre[:, 2] - T_fixed_base[2, 3], obstacles.size[:, 2] / 2.0 + rise
    seen = band_coverage(view, T_fixed_base, config)
    out = {}
    for k, name in enumerate(BANDS):
        low, high = config.band_edges[k], config.band_edges[k + 1]
        inside = _chosen(shapes, (middle + half >= low) & (middle - half <= high))
        out[name] = ranges_of(nearest_in_sectors(inside, T_fixed_base, config.sectors), seen[k], config)
    return out


def band_coverage(view: View | None, T_fixed_base: transforms.Transform, config: SectorConfig) -> Floats:
    """Return (3, S) metres up to which beams crossed most of each band in each sector, 0 where none did."""
    if view is None:
        return np.zeros((len(BANDS), config.sectors))
    steps = math.ceil(min(config.free_range, config.range_max) / _STEP) + 1
    crossed = np.zeros((len(BANDS), view.shape[1], steps, _LAYERS), np.bool_)
    edges = np.array(config.band_edges) - config.lidar_height
    _cross(_levelled(view.shape, T_fixed_base), _reach(view, config), edges, _STEP, crossed)
    seen = _contiguous(crossed.mean(axis=3) >= _MOST) * _STEP
    return np.stack([median_of_sectors(band, config.sectors) for band in seen])


def _reach(view: View, config: SectorConfig) -> Floats:
    """Return (E, A) metres that each beam got; the silent range where a column has returns, but not this direction."""
    reach = np.minimum(view.astype(np.float64), config.range_max)
    if config.silent_range > 0.0:
        low, high = config.field_of_view
        elevation = 90.0 - (np.arange(len(view)) + 0.5) * 180.0 / len(view)
        silent = (view == 0.0) & ((elevation >= low) & (elevation <= high))[:, None] & (view > 0.0).any(axis=0)
        reach[silent] = config.silent_range
    return reach


def _levelled(shape: tuple[int, ...], T_fixed_base: transforms.Transform) -> Floats:
    """Return (E, A, 3) unit vectors of the view's directions in the axes of the base frame, set upright."""
    elevation = math.pi / 2.0 - (np.arange(shape[0]) + 0.5) * math.pi / shape[0]
    azimuth = (np.arange(shape[1]) + 0.5) * 2.0 * math.pi / shape[1] - math.pi
    e, a = np.meshgrid(elevation, azimuth, indexing="ij")
    vectors: Floats = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=2).reshape(-1, 3)
    upright = transforms.invert(transforms.from_yaw(transforms.yaw_of(T_fixed_base))) @ T_fixed_base
    return transforms.rotate(upright, vectors).reshape(*shape, 3)


def _chosen(shapes: Outlines, keep: NDArray[np.bool_]) -> Outlines:
    """Return some of the outlines."""
    counts = np.diff(shapes.starts)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts[keep])])
    return Outlines(shapes.corners[np.repeat(keep, counts)], starts, shapes.margin[keep])


def _contiguous(looked_at: NDArray[np.bool_]) -> Floats:
    """Return (..., S) steps from the first that was looked at to the last before a gap."""
    steps = looked_at.shape[-1]
    number = np.where(looked_at, np.arange(steps), -1)
    before = np.maximum.accumulate(number, axis=-1)
    first = np.where(looked_at.any(axis=-1), looked_at.argmax(axis=-1), steps)
    gap = (np.arange(steps) - before > _GAP) & (np.arange(steps) > first[..., None])
    end = np.where(gap.any(axis=-1), gap.argmax(axis=-1) - _GAP, before[..., -1] + 1)
    return np.where(first < steps, end, 0).astype(np.float64)


@njit(cache=True)
def _cross(directions: Floats, reach: Floats, edges: Floats, step: float, crossed: NDArray[np.bool_]) -> None:
    """Mark in (3, S, steps, layers) what each beam passes through, by the middles of the steps of range."""
    bands, sectors, steps, layers = crossed.shape
    for row in range(reach.shape[0]):
        for column in range(reach.shape[1]):
            if reach[row, column] <= 0.0:
                continue
            x, y, z = directions[row, column]
            across = math.sqrt(x * x + y * y)
            turn = (math.atan2(y, x) / (2.0 * math.pi) + 0.5) % 1.0
            sector = min(int(turn * sectors), sectors - 1)
            for k in range(min(steps, int(reach[row, column] * across / step))):
                height = (k + 0.5) * step * z / max(across, 1e-9)
                if height < edges[0] or height >= edges[bands]:
                    continue
                band = 0
                while height >= edges[band + 1]:
                    band += 1
                layer = int((height - edges[band]) / (edges[band + 1] - edges[band]) * layers)
                crossed[band, sector, k, min(layer, layers - 1)] = True


def warm_up() -> None:
    """Compile the loop."""
    band_coverage(np.ones((2, 2), np.float32), np.eye(4), SectorConfig(band_edges=(-2.0, -1.0, 1.0, 2.0)))
