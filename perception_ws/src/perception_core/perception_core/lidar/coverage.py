"""How far the scan saw in each direction: free space is only where something was seen behind it or in it."""

import numba
import numpy as np
from numpy.typing import NDArray

from perception_core.lidar.scan_grid import GriddedScan


def sector_coverage(
    scan: GriddedScan, obstacles: NDArray[np.int32], ground: NDArray[np.bool_], sectors: int
) -> NDArray[np.float32]:
    """Return float32 (S,) metres up to which each azimuth sector was seen, 0 where it was not.

    Args:
        scan: the gridded scan.
        obstacles: int32 (N,) indices of obstacle points.
        ground: bool (K,) which points lie on the ground.
        sectors: S; sector 0 starts at -pi, counter-clockwise.
    """
    return _coverage(scan.xyz, obstacles, ground, sectors)


@numba.njit(cache=True)
def _coverage(xyz, obstacles, ground, sectors):  # type: ignore[no-untyped-def]
    out = np.zeros(sectors, np.float32)
    for p in range(len(xyz)):
        if ground[p]:
            _extend(out, xyz[p, 0], xyz[p, 1], sectors)
    for p in obstacles:
        _extend(out, xyz[p, 0], xyz[p, 1], sectors)
    return out


@numba.njit(cache=True, inline="always")
def _extend(out, x, y, sectors):  # type: ignore[no-untyped-def]
    j = int((np.arctan2(y, x) + np.pi) * (sectors / (2 * np.pi))) % sectors
    out[j] = max(out[j], np.sqrt(x * x + y * y))
