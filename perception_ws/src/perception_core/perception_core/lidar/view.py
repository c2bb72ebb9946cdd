"""Where a LiDAR's beams got to: the farthest return in each direction, coarse enough to send to others."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry import transforms
from perception_core.types.cloud import PointCloud

ROWS, COLUMNS = 90, 72
"""Directions of 2 degrees of elevation and 5 of azimuth."""


def farthest_returns(
    clouds: Sequence[tuple[PointCloud, transforms.Transform]], min_range: float
) -> NDArray[np.float32]:
    """Return float32 (ROWS, COLUMNS) metres to the farthest return in each direction, 0 where nothing came back.

    Directions are along the axes of the base frame, as seen from each return's own sensor: row 0 is straight up, column
    0 begins behind (-pi), counter-clockwise.

    Args:
        clouds: (cloud in its sensor's frame, T_base_sensor) of each LiDAR.
        min_range: metres; nearer returns are the sensor's own window or mount.
    """
    out = np.zeros(ROWS * COLUMNS, np.float32)
    for cloud, T_base_sensor in clouds:
        x, y, z = transforms.rotate(T_base_sensor, cloud.xyz).T
        reach = np.sqrt(x * x + y * y + z * z)
        far = reach > min_range
        x, y, z, reach = x[far], y[far], z[far], reach[far]
        row = (np.arccos(np.clip(z / reach, -1.0, 1.0)) * (ROWS / math.pi)).astype(np.intp)
        column = ((np.arctan2(y, x) / (2.0 * math.pi) + 0.5) * COLUMNS).astype(np.intp)
        direction = np.minimum(row, ROWS - 1) * COLUMNS + np.minimum(column, COLUMNS - 1)
        np.maximum.at(out, direction, reach.astype(np.float32, copy=False))
    return out.reshape(ROWS, COLUMNS)
