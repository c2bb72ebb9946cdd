"""A grid around the robot: occupied, free, or nobody looked."""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.config import Config, param
from perception_core.geometry import transforms
from perception_core.planning.outlines import Outlines, checked_coverage, outlines
from perception_core.planning.sectors import nearest_in_sectors
from perception_core.types import Obstacles

Floats = NDArray[np.float64]
Cells = NDArray[np.int8]

OCCUPIED, FREE, UNKNOWN = 100, 0, -1
"""The values of nav_msgs/OccupancyGrid."""

_SHADOW_SECTORS = 720


@dataclass(frozen=True)
class OccupancyConfig(Config):
    """Parameters of the occupancy grid."""

    extent: float = param(80.0, "side of the square grid", unit="m", low=2.0, high=400.0)
    resolution: float = param(0.25, "side of a cell", unit="m", low=0.05, high=2.0)
    position_sigmas: float = param(1.0, "obstacles are widened by this many sigma of their position", low=0.0, high=5.0)
    max_margin: float = param(1.0, "upper bound of that", unit="m", low=0.0, high=10.0)


@dataclass(frozen=True, slots=True)
class OccupancyGridData:
    """A square grid whose axes are those of the fixed frame.

    Attributes:
        cells: int8 (H, W): 100 occupied, 0 free, -1 unknown; row along y, column along x.
        resolution: metres a cell.
        origin: (x, y, z) metres in the fixed frame of the outer corner of cell [0, 0]; x and y are whole
            multiples of the resolution, so that cells stay on the ground while the robot moves.
        frame: the fixed frame.
        stamp_ns: nanoseconds.
    """

    cells: Cells
    resolution: float
    origin: tuple[float, float, float]
    frame: str
    stamp_ns: int


def occupancy_grid(
    obstacles: Obstacles,
    T_fixed_base: transforms.Transform,
    coverage: NDArray[np.floating] | None,
    config: OccupancyConfig,
) -> OccupancyGridData:
    """Draw obstacles and coverage around the robot.

    A cell is occupied when it touches a footprint widened by the obstacle's position uncertainty; free when
    its middle was seen and no footprint stands before it; all else is unknown.

    Args:
        obstacles: in the fixed frame.
        T_fixed_base: (4, 4) pose of the base frame.
        coverage: (S,) metres up to which each sector of the base frame was seen (sector 0 starts at -pi,
            counter-clockwise), 0 where nothing was; None: nothing was seen anywhere.
        config: parameters.

    Raises:
        PerceptionError: coverage of a wrong shape.
    """
    seen = checked_coverage(coverage)
    shapes = outlines(obstacles, config.position_sigmas, config.max_margin)
    robot, yaw = T_fixed_base[:3, 3], transforms.yaw_of(T_fixed_base)
    side = math.ceil(config.extent / config.resolution)
    corner = np.round(robot[:2] / config.resolution - side / 2.0) * config.resolution
    cells = np.full((side, side), UNKNOWN, dtype=np.int8)
    shadow = nearest_in_sectors(shapes, T_fixed_base, _SHADOW_SECTORS)
    _clear(cells, corner, config.resolution, robot[:2], yaw, seen, shadow)
    _occupy(cells, corner, config.resolution, shapes.corners, shapes.starts, shapes.margin)
    origin = (float(corner[0]), float(corner[1]), float(robot[2]))
    return OccupancyGridData(cells, config.resolution, origin, obstacles.frame, obstacles.stamp_ns)


def warm_up() -> None:
    """Compile the loops."""
    cells = np.full((4, 4), UNKNOWN, dtype=np.int8)
    shapes = Outlines(np.eye(3)[:, :2].copy(), np.array([0, 3]), np.zeros(1))
    corner, robot = np.zeros(2), np.eye(4)[:3, 3]
    _clear(cells, corner, 1.0, robot[:2], 0.0, np.ones(4), np.full(4, np.inf))
    _occupy(cells, corner, 1.0, shapes.corners, shapes.starts, shapes.margin)


@njit(cache=True)
def _clear(
    cells: Cells,
    corner: Floats,
    resolution: float,
    robot: Floats,
    yaw: float,
    coverage: Floats,
    shadow: Floats,
) -> None:
    """Mark as free what lies within the coverage and before the first obstacle of its direction."""
    farthest = min(coverage.max(), 1e6)
    for row in range(cells.shape[0]):
        y = corner[1] + (row + 0.5) * resolution - robot[1]
        if abs(y) > farthest:
            continue
        for column in range(cells.shape[1]):
            x = corner[0] + (column + 0.5) * resolution - robot[0]
            reach = math.sqrt(x * x + y * y)
            if reach > farthest:
                continue
            turn = ((math.atan2(y, x) - yaw + math.pi) / (2.0 * math.pi)) % 1.0
            sector = min(int(turn * len(coverage)), len(coverage) - 1)
            direction = min(int(turn * len(shadow)), len(shadow) - 1)
            if reach <= coverage[sector] and reach <= shadow[direction]:
                cells[row, column] = FREE


@njit(cache=True)
def _occupy(
    cells: Cells,
    corner: Floats,
    resolution: float,
    corners: Floats,
    starts: NDArray[np.int64],
    margin: Floats,
) -> None:
    """Mark the cells whose circumscribed circle touches a convex polygon widened by its margin."""
    height, width = cells.shape
    for t in range(len(starts) - 1):
        polygon = corners[starts[t] : starts[t + 1]]
        if len(polygon) == 0:
            continue
        reach = margin[t] + resolution * math.sqrt(0.5)
        first_column = max(math.floor((polygon[:, 0].min() - reach - corner[0]) / resolution), 0)
        last_column = min(math.floor((polygon[:, 0].max() + reach - corner[0]) / resolution), width - 1)
        first_row = max(math.floor((polygon[:, 1].min() - reach - corner[1]) / resolution), 0)
        last_row = min(math.floor((polygon[:, 1].max() + reach - corner[1]) / resolution), height - 1)
        for row in range(first_row, last_row + 1):
            y = corner[1] + (row + 0.5) * resolution
            for column in range(first_column, last_column + 1):
                x = corner[0] + (column + 0.5) * resolution
                if _distance(polygon, x, y) <= reach:
                    cells[row, column] = OCCUPIED


@njit(cache=True)
def _distance(polygon: Floats, x: float, y: float) -> float:
    """Return the distance in metres from a point to a convex, counter-clockwise polygon (K, 2); 0 inside."""
    inside = len(polygon) > 2
    nearest = math.inf
    for i in range(len(polygon)):
        j = i + 1 if i + 1 < len(polygon) else 0
        ax, ay = polygon[i, 0], polygon[i, 1]
        dx, dy = polygon[j, 0] - ax, polygon[j, 1] - ay
        px, py = x - ax, y - ay
        if dx * py - dy * px < 0.0:
            inside = False
        length = dx * dx + dy * dy
        t = min(max((px * dx + py * dy) / length, 0.0), 1.0) if length > 0.0 else 0.0
        nearest = min(nearest, (px - t * dx) ** 2 + (py - t * dy) ** 2)
    return 0.0 if inside else math.sqrt(nearest)
