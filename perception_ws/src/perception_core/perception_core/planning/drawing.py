"""The loops that draw what is seen now into cells: free ground, and footprints of obstacles.

A cell holds one of the codes below; of several the highest stays.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.geometry.azimuth import sector_turns

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]

NOTHING, CLEAR, EXPECTED, PASSING, STANDING = (np.uint8(code) for code in range(5))
"""Nobody looked; seen free; an obstacle that no sensor saw this time; one that moves or may; one that stands."""


@njit(cache=True, error_model="numpy")
def clear(cells: Codes, corner: Floats, resolution: float, robot: Floats, yaw: float, limit: Floats) -> None:
    """Mark as CLEAR the cells whose middle is no farther than what was seen free in its direction.

    Args:
        cells: (H, W) of NOTHING, written in place; rows along y.
        corner: (2,) metres, outer corner of cell [0, 0] in the fixed frame.
        resolution: metres a cell.
        robot: (2,) metres in the fixed frame.
        yaw: radians, of the robot.
        limit: (D,) metres seen free in each direction of the base frame, the first from -pi on, counter-clockwise.
    """
    directions = len(limit)
    farthest = min(limit.max(), 1e6)
    squared = (np.minimum(limit, 1e6) ** 2).astype(np.float32)
    turned, scale = np.float32(1.0 - (0.5 * yaw / math.pi) % 1.0), np.float32(directions)
    at = np.empty(cells.shape[1], np.float32)
    for row in range(cells.shape[0]):
        y = corner[1] + (row + 0.5) * resolution - robot[1]
        if abs(y) > farthest:
            continue
        half = math.sqrt(farthest * farthest - y * y)
        first = max(math.floor((robot[0] - half - corner[0]) / resolution), 0)
        last = min(math.floor((robot[0] + half - corner[0]) / resolution) + 1, cells.shape[1])
        left, across = corner[0] - robot[0], np.float32(y)
        for column in range(first, last):  # apart from the look-up, so that it is compiled to vector instructions
            turn = sector_turns(np.float32(left + (column + 0.5) * resolution), across) + turned
            at[column] = (turn - np.floor(turn)) * scale
        for column in range(first, last):
            x = np.float32(left + (column + 0.5) * resolution)
            if x * x + across * across <= squared[min(int(at[column]), directions - 1)]:
                cells[row, column] = CLEAR


@njit(cache=True)
def occupy(
    cells: Codes,
    corner: Floats,
    resolution: float,
    corners: Floats,
    starts: NDArray[np.int64],
    margin: Floats,
    codes: Codes,
) -> None:
    """Raise the cells whose circumscribed circle touches a convex polygon, widened by its margin, to its code.

    Args:
        cells: (H, W) codes, written in place; rows along y.
        corner: (2,) metres, outer corner of cell [0, 0].
        resolution: metres a cell.
        corners: (N, 2) metres, polygon after polygon.
        starts: (T + 1,) first corner of each polygon, and N.
        margin: (T,) metres.
        codes: (T,) what each polygon is.
    """
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
                if cells[row, column] < codes[t] and _distance(polygon, x, y) <= reach:
                    cells[row, column] = codes[t]


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
