"""Nearest obstacle in each direction, as a drone's autopilot or a simple safety stop takes it."""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.config import Config, param
from perception_core.errors import ConfigError
from perception_core.geometry import transforms
from perception_core.planning.outlines import Outlines, checked_coverage, outlines
from perception_core.types import Obstacles

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SectorConfig(Config):
    """Parameters of the sector ranges."""

    sectors: int = param(72, "sectors of the full circle", low=4, high=3600)
    range_min: float = param(0.3, "nearer obstacles are reported at this range", unit="m", low=0.0, high=10.0)
    range_max: float = param(60.0, "farther obstacles are not reported", unit="m", low=1.0, high=300.0)
    free_range: float = param(
        10.0,
        "a sector without obstacle is free (+inf) when most of it was seen this far, else unknown (NaN): +inf promises "
        "no more than this",
        unit="m",
        low=0.0,
        high=300.0,
    )
    position_sigmas: float = param(
        1.0, "obstacles are taken nearer by this many sigma of their position", low=0.0, high=5.0
    )
    max_margin: float = param(1.0, "upper bound of that", unit="m", low=0.0, high=10.0)
    band_edges: tuple[float, ...] = param(
        (),
        "for what flies: four heights relative to the vehicle, rising, between which obstacle_scan/down, level and up "
        "lie; empty: no bands",
        unit="m",
        low=-200.0,
        high=200.0,
    )
    lidar_height: float = param(
        0.0, "bands: height of the LiDAR above the base frame's origin", unit="m", low=-10.0, high=10.0
    )
    silent_range: float = param(
        0.0,
        "bands: a direction within field_of_view from which nothing came back counts as free up to this; 0: as unknown",
        unit="m",
        low=0.0,
        high=300.0,
    )
    field_of_view: tuple[float, ...] = param(
        (-15.0, 15.0),
        "lowest and highest elevation of the LiDAR's beams in the base frame, for silent_range",
        unit="deg",
        low=-90.0,
        high=90.0,
    )

    def __post_init__(self) -> None:
        """Check the numbers of edges and their order."""
        super().__post_init__()
        if len(self.band_edges) not in (0, 4) or list(self.band_edges) != sorted(set(self.band_edges)):
            raise ConfigError(f"band_edges: expected none or four rising heights, got {list(self.band_edges)}")
        if len(self.field_of_view) != 2 or self.field_of_view[0] >= self.field_of_view[1]:
            raise ConfigError(f"field_of_view: expected lowest and highest, got {list(self.field_of_view)}")


@dataclass(frozen=True, slots=True)
class SectorRanges:
    """Ranges around the robot in its base frame, REP-117: +inf where free, NaN where nothing is known.

    Free holds no obstacle and was seen for at least ``free_range``, which need not be ``range_max``.

    Attributes:
        ranges: float32 (S,) metres.
        angle_min: radians, direction of the middle of sector 0, which starts at -pi.
        angle_increment: radians from sector to sector, counter-clockwise.
        range_min: metres; nearer obstacles are reported at this range.
        range_max: metres.
    """

    ranges: NDArray[np.float32]
    angle_min: float
    angle_increment: float
    range_min: float
    range_max: float


def sector_ranges(
    obstacles: Obstacles,
    T_fixed_base: transforms.Transform,
    coverage: NDArray[np.floating] | None,
    config: SectorConfig,
) -> SectorRanges:
    """Return the distance to the nearest footprint in each sector around the robot.

    Args:
        obstacles: in the fixed frame.
        T_fixed_base: (4, 4) pose of the base frame.
        coverage: (S,) metres up to which each sector of the base frame was seen (sector 0 starts at -pi,
            counter-clockwise), 0 where nothing was; None: nothing was seen anywhere.
        config: parameters.

    Raises:
        PerceptionError: coverage of a wrong shape.
    """
    seen = median_of_sectors(checked_coverage(coverage), config.sectors)
    nearest = nearest_in_sectors(
        outlines(obstacles, config.position_sigmas, config.max_margin), T_fixed_base, config.sectors
    )
    return ranges_of(nearest, seen, config)


def ranges_of(nearest: Floats, seen: Floats, config: SectorConfig) -> SectorRanges:
    """Return the ranges of (S,) metres to the nearest obstacle, +inf for none, and (S,) metres that were seen."""
    free = seen >= min(config.free_range, config.range_max)
    ranges = np.where(free, np.inf, np.nan)
    hit = nearest <= config.range_max
    ranges[hit] = np.maximum(nearest[hit], config.range_min)
    increment = 2.0 * math.pi / config.sectors
    return SectorRanges(
        ranges=ranges.astype(np.float32),
        angle_min=-math.pi + increment / 2.0,
        angle_increment=increment,
        range_min=config.range_min,
        range_max=config.range_max,
    )


def nearest_in_sectors(shapes: Outlines, T_fixed_base: transforms.Transform, sectors: int) -> Floats:
    """Return (S,) metres from the robot to the nearest outline of each sector, less its margin; +inf: none."""
    robot, yaw = T_fixed_base[:2, 3], transforms.yaw_of(T_fixed_base)
    c, s = math.cos(yaw), math.sin(yaw)
    local = (shapes.corners - robot) @ np.array([[c, -s], [s, c]])
    nearest: Floats = _nearest(local, shapes.starts, shapes.margin, sectors)
    return nearest


def median_of_sectors(coverage: Floats, sectors: int) -> Floats:
    """Return (S,) metres: the median of the given sectors whose middles lie in each new one."""
    given = len(coverage)
    if given <= sectors:
        return coverage[((np.arange(sectors) + 0.5) * given / sectors).astype(np.int64)]
    target = ((np.arange(given) + 0.5) * sectors / given).astype(np.int64)
    return np.array([float(np.median(coverage[target == k])) for k in range(sectors)])


def warm_up() -> None:
    """Compile the loop."""
    nearest_in_sectors(Outlines(np.eye(3)[:, :2].copy(), np.array([0, 3]), np.zeros(1)), np.eye(4), 4)


@njit(cache=True)
def _nearest(corners: Floats, starts: NDArray[np.int64], margin: Floats, sectors: int) -> Floats:
    out = np.full(sectors, np.inf)
    for t in range(len(starts) - 1):
        first, last = starts[t], starts[t + 1]
        inside = last - first > 2
        for i in range(first, last):
            j = i + 1 if i + 1 < last else first
            ax, ay, bx, by = corners[i, 0], corners[i, 1], corners[j, 0], corners[j, 1]
            if ax * by - ay * bx <= 0.0:
                inside = False
            _edge(ax, ay, bx, by, margin[t], out)
        if inside:
            out[:] = 0.0
    return out


@njit(cache=True)
def _edge(ax: float, ay: float, bx: float, by: float, margin: float, out: Floats) -> None:
    """Lower ``out`` (S,) to the distance of the edge a-b from the origin in every sector that it crosses."""
    width = 2.0 * math.pi / len(out)
    start = math.atan2(ay, ax) + math.pi
    turn = math.atan2(ax * by - ay * bx, ax * bx + ay * by)
    low, high = (start, start + turn) if turn >= 0.0 else (start + turn, start)
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy
    along = min(max(-(ax * dx + ay * dy) / length, 0.0), 1.0) if length > 0.0 else 0.0
    foot_x, foot_y = ax + along * dx, ay + along * dy
    foot = low + (math.atan2(foot_y, foot_x) + math.pi - low) % (2.0 * math.pi)
    for k in range(math.floor(low / width), math.floor(high / width) + 1):
        left, right = max(low, k * width), min(high, (k + 1) * width)
        if left <= foot <= right:
            reach = math.hypot(foot_x, foot_y)
        else:
            reach = min(_along_ray(ax, ay, dx, dy, left), _along_ray(ax, ay, dx, dy, right))
        sector = k % len(out)
        out[sector] = min(out[sector], max(reach - margin, 0.0))


@njit(cache=True)
def _along_ray(ax: float, ay: float, dx: float, dy: float, angle: float) -> float:
    """Return the distance at which a ray from the origin (angle 0 along -x) meets the line a + t d."""
    c, s = -math.cos(angle), -math.sin(angle)
    across = c * dy - s * dx
    if abs(across) < 1e-12:
        return min(math.hypot(ax, ay), math.hypot(ax + dx, ay + dy))
    return max((ax * dy - ay * dx) / across, 0.0)
