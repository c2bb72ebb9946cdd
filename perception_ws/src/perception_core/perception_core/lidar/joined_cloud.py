"""Several clouds of one stamp as one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import CloudError
from perception_core.geometry import transforms
from perception_core.geometry.transforms import Transform
from perception_core.lidar.deskew import times_after
from perception_core.lidar.jit import F32, kernel
from perception_core.types.cloud import PointCloud


def joined_cloud(clouds: Sequence[tuple[PointCloud, Transform]]) -> tuple[PointCloud, Transform]:
    """Return one cloud in the frame and at the stamp of the first, and the first's T_base_sensor.

    The points stay in order, cloud after cloud. Intensities and times are there where all clouds have them; rings are
    left out: they mean something within one sensor only. One cloud comes back as it is.

    Args:
        clouds: (cloud in its sensor's frame, float64 (4, 4) T_base_sensor), all at one stamp.

    Raises:
        CloudError: no cloud.
    """
    if not clouds:
        raise CloudError("joined cloud: no cloud to join")
    first, T_base_first = clouds[0]
    if len(clouds) == 1:
        return first, T_base_first
    xyz = np.empty((sum(len(cloud) for cloud, _ in clouds), 3), np.float32)
    start = len(first)
    xyz[:start] = first.xyz
    for cloud, T_base_sensor in clouds[1:]:
        T_first_sensor = (transforms.invert(T_base_first) @ T_base_sensor).astype(np.float32)
        _move_into(cloud.xyz, T_first_sensor, xyz[start : start + len(cloud)])
        start += len(cloud)
    parts = [cloud for cloud, _ in clouds]
    whole = PointCloud(xyz, first.stamp_ns, first.frame, _intensities(parts), None, _times(parts, first.stamp_ns))
    return whole, T_base_first


def _intensities(clouds: Sequence[PointCloud]) -> NDArray[np.float32] | None:
    columns = [cloud.intensity for cloud in clouds if cloud.intensity is not None]
    return np.concatenate(columns) if len(columns) == len(clouds) else None


def _times(clouds: Sequence[PointCloud], stamp_ns: int) -> NDArray[np.int64] | None:
    columns = [times for cloud in clouds if (times := times_after(cloud, stamp_ns)) is not None]
    return np.concatenate(columns) if len(columns) == len(clouds) else None


@kernel
def _move_into(points: F32, T: F32, out: F32) -> None:
    for i in range(len(points)):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        out[i, 0] = T[0, 0] * x + T[0, 1] * y + T[0, 2] * z + T[0, 3]
        out[i, 1] = T[1, 0] * x + T[1, 1] * y + T[1, 2] * z + T[1, 3]
        out[i, 2] = T[2, 0] * x + T[2, 1] * y + T[2, 2] * z + T[2, 3]
