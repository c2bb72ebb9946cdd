"""Rain, snow, dust and fog near the sensor: cells that hold less than a solid thing would give there.

Single returns of the air are dense near the sensor, where they even touch each other, and solid things are far denser
there: the number of beams that meet a given width grows with the inverse of the range. The same reasoning makes the
search radius of the dynamic outlier removal filter grow with range (Charron, Phillips, Waslander, "De-noising of LiDAR
Point Clouds Corrupted by Snowfall", CRV 2018); here the window stays and the number grows, so that one pass over the
cells is enough. Poles and wires are thin, but all their returns are in a few cells; those of a wire or rope lie at one
height besides, where drops fall at any, so fewer are enough.
"""

import numpy as np

from perception_core.lidar.jit import F32, F64, I32, Mask, kernel

LOW = 0.3
"""Metres above ground; what ends lower may be a small thing on the ground."""
LEAST = 3
"""Points in a window that are enough at any range."""
LEVEL, LEVEL_SHARE, LEVEL_LEAST = 0.12, 0.4, 4
"""Metres of height within which all points of a window lie on a wire; share of the points asked for that is enough
there, and the least number."""
SPARSE = 15_000
"""Points of a scan below which its beams meet things, as well as drops, the less often the fewer they are: some half of
what 16 rings in steps of 0.2 degrees give. A lone ring on a rear window would be rain otherwise."""


def density_of(density: float, points: int) -> float:
    """Return what ``density`` for a dense LiDAR is in a scan of so many points."""
    return density * min(1.0, points / SPARSE)


@kernel
def find_specks(index: I32, count: I32, bottom: F32, top: F32, reach: F64, density: float) -> Mask:
    """Tell which cells (C,) hold specks: fewer than ``density / reach`` points with their eight neighbours.

    Args:
        index: int32 (C, 2) places of the cells, sorted by x, then y.
        count: int32 (C,) points.
        bottom, top: float32 (C,) metres above ground of the lowest and highest point.
        reach: float64 (C,) metres from the sensor.
        density: points times metres of range in a window of 3 x 3 cells.
    """
    n = len(index)
    out = np.zeros(n, np.bool_)
    row, column = index[:, 0].copy(), index[:, 1].copy()
    ahead = np.zeros(3, np.int64)
    for c in range(n):
        needed = density / max(reach[c], 1.0)
        if needed <= LEAST or count[c] >= needed:
            continue
        points, lowest, highest = 0, bottom[c], top[c]
        for k in range(3):
            x, y = row[c] + k - 1, column[c]
            i = ahead[k]
            while i < n and (row[i] < x or (row[i] == x and column[i] < y - 1)):
                i += 1
            ahead[k] = i
            while i < n and row[i] == x and column[i] <= y + 1:
                points += count[i]
                lowest, highest = min(lowest, bottom[i]), max(highest, top[i])
                i += 1
        if highest - lowest < LEVEL:
            needed = max(LEVEL_SHARE * needed, LEVEL_LEAST)
        out[c] = points < needed and highest > LOW
    return out
