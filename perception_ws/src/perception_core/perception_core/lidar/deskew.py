"""Motion compensation of one scan: every point from where the sensor was at its time to where it was at one stamp.

The path is evaluated at ``NODES`` moments of the sweep and blended linearly between them, so the cost is bounded
whatever the number of poses: below 1 ms for 114,000 points. Between two nodes of a sweep of 0.1 s (1.6 ms) the
blend is off by at most ``(r w^2 + a) dt^2 / 8``: 0.1 mm at 80 m, 2 rad/s and 10 m/s^2.

What moves by itself is not compensated (it would take its velocity, which is the tracker's to find). Compensation in
3D by per-point times is common to all LiDAR odometries; the constant rate between poses is that of KISS-ICP (Vizzo et
al., RA-L 2023), its replacement by measured motion that of LIO (Xu et al., FAST-LIO2, T-RO 2022).
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.geometry import transforms
from perception_core.lidar.ego_path import EgoPath
from perception_core.lidar.jit import F32, kernel
from perception_core.types.cloud import PointCloud

NODES = 65
"""Moments of a sweep at which the pose is computed."""


def sweep_of(cloud: PointCloud) -> tuple[int, int]:
    """Return stamps in ns of the first and the last point; both the cloud's own where it has no times."""
    times = cloud.time_offset_ns
    if times is None or len(times) == 0:
        return cloud.stamp_ns, cloud.stamp_ns
    low, high = _span(times)
    return cloud.stamp_ns + int(low), cloud.stamp_ns + int(high)


def deskew(cloud: PointCloud, path: EgoPath, to_ns: int, reach_ns: int) -> PointCloud:
    """Return the cloud as the sensor would have seen the standing world at ``to_ns``, stamped so.

    Args:
        cloud: in the sensor's frame; without times, all of it is moved from its stamp.
        path: T_fixed_sensor around the sweep and ``to_ns``.
        to_ns: stamp of the result.
        reach_ns: how long before and after the poses of ``path`` the motion is taken to go on; points beyond are
            moved as those at that limit.

    The order and number of the points stay, and so do the moments at which they were seen.
    """
    begin_ns, end_ns = sweep_of(cloud)
    limits = int(path.stamp_ns[0]) - reach_ns, int(path.stamp_ns[-1]) + reach_ns
    begin_ns, end_ns = (min(max(stamp, limits[0]), limits[1]) for stamp in (begin_ns, end_ns))
    nodes = begin_ns + np.linspace(0.0, end_ns - begin_ns, NODES).astype(np.int64)
    poses = path.at(np.append(nodes, np.int64(to_ns)))
    T_to_sensor = (transforms.invert(poses[-1]) @ poses[:-1])[:, :3]
    if cloud.time_offset_ns is None or begin_ns == end_ns:
        return _moved(cloud, transforms.apply(T_to_sensor[0], cloud.xyz), to_ns)
    rise = np.diff(T_to_sensor, axis=0, append=T_to_sensor[-1:])
    table = np.concatenate([T_to_sensor, rise], axis=2).astype(np.float32).reshape(NODES, 24)
    xyz = _blend(cloud.xyz, frozen(cloud.time_offset_ns), begin_ns - cloud.stamp_ns, end_ns - cloud.stamp_ns, table)
    return _moved(cloud, xyz, to_ns)


def warm_up() -> None:
    """Compile the kernels."""
    cloud = PointCloud(np.ones((3, 3), np.float32), 0, "", time_offset_ns=np.arange(3))
    deskew(cloud, EgoPath(np.arange(2), np.stack([np.eye(4)] * 2)), 0, 0)


def _moved(cloud: PointCloud, xyz: NDArray[np.float32], to_ns: int) -> PointCloud:
    return dataclasses.replace(cloud, xyz=xyz, stamp_ns=to_ns, time_offset_ns=times_after(cloud, to_ns))


def times_after(cloud: PointCloud, stamp_ns: int) -> NDArray[np.int64] | None:
    """Return int64 (N,) when the points of a cloud were seen, in ns after ``stamp_ns``; None where it has no times."""
    shift = cloud.stamp_ns - stamp_ns
    return cloud.time_offset_ns if shift == 0 or cloud.time_offset_ns is None else cloud.time_offset_ns + shift


@kernel
def _span(times: NDArray[np.int64]) -> tuple[int, int]:
    low = high = times[0]
    for t in times:
        low, high = min(low, t), max(high, t)
    return low, high


@kernel
def _blend(points: F32, times: NDArray[np.int64], begin: int, end: int, table: F32) -> F32:
    """Move each point by the transform of its time, blended between the two nodes around it.

    ``table`` holds, a node, the upper three rows of its transform and their differences to the next node's.
    """
    n, last = len(points), len(table) - 2
    out = np.empty((n, 3), np.float32)
    place = np.empty(n, np.float32)
    scale, top = np.float32((last + 1) / (end - begin)), np.float32(last + 1)
    for i in range(n):  # apart from the look-ups, so that the compiler makes vector instructions of it
        place[i] = min(max(np.float32(times[i] - begin) * scale, np.float32(0.0)), top)
    for i in range(n):
        k = np.uint32(min(np.int32(place[i]), np.int32(last)))
        f = place[i] - np.float32(k)
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        t = table[k]
        out[i, 0] = (t[0] + f * t[4]) * x + (t[1] + f * t[5]) * y + (t[2] + f * t[6]) * z + t[3] + f * t[7]
        out[i, 1] = (t[8] + f * t[12]) * x + (t[9] + f * t[13]) * y + (t[10] + f * t[14]) * z + t[11] + f * t[15]
        out[i, 2] = (t[16] + f * t[20]) * x + (t[17] + f * t[21]) * y + (t[18] + f * t[22]) * z + t[19] + f * t[23]
    return out
