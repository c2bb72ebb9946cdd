"""sensor_msgs/PointCloud2 to and from the core's clouds."""

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2, PointField

from perception_core.errors import CloudError
from perception_core.lidar.decoding import CloudField, CloudLayout, DecodedCloud, decode_cloud
from perception_core.types import PointCloud
from perception_nodes.conversions.bytes import fill_bytes
from perception_nodes.conversions.header import header_to_msg
from perception_nodes.conversions.time import ns_from_msg

_DATATYPES = {"f4": PointField.FLOAT32, "i4": PointField.INT32, "u2": PointField.UINT16}

LABELLED = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("cluster", "<i4")])
"""Layout of obstacle_points: ``cluster`` is the index into the clusters of the same stamp, -1 for none."""

BARE = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4")])
"""Layout of ground_points."""


def layout_from_msg(msg: PointCloud2) -> CloudLayout:
    """Return how the bytes of a PointCloud2 are to be read."""
    fields = tuple(CloudField(f.name, f.offset, f.datatype, f.count) for f in msg.fields)
    return CloudLayout(msg.width, msg.height, msg.point_step, msg.row_step, bool(msg.is_bigendian), fields)


def cloud_from_msg(msg: PointCloud2) -> DecodedCloud:
    """Decode any field layout; the bytes are read in place.

    Raises:
        CloudError: no x, y, z, or sizes that disagree with the data.
    """
    stamp_ns = ns_from_msg(msg.header.stamp)
    return decode_cloud(memoryview(msg.data), layout_from_msg(msg), stamp_ns, msg.header.frame_id)


def cloud_to_msg(cloud: PointCloud) -> PointCloud2:
    """Return x, y, z, and where the cloud has them intensity f4, ring u2, time f4 (seconds after the stamp)."""
    kinds = [("x", "<f4"), ("y", "<f4"), ("z", "<f4")]
    kinds += [("intensity", "<f4")] if cloud.intensity is not None else []
    kinds += [("ring", "<u2")] if cloud.ring is not None else []
    kinds += [("time", "<f4")] if cloud.time_offset_ns is not None else []
    rows = np.empty(len(cloud), dtype=np.dtype(kinds))
    rows["x"], rows["y"], rows["z"] = cloud.xyz.T
    if cloud.intensity is not None:
        rows["intensity"] = cloud.intensity
    if cloud.ring is not None:
        rows["ring"] = cloud.ring
    if cloud.time_offset_ns is not None:
        rows["time"] = cloud.time_offset_ns * 1e-9
    return rows_to_msg(rows, cloud.stamp_ns, cloud.frame)


def points_to_msg(points: NDArray[np.float32], stamp_ns: int, frame: str) -> PointCloud2:
    """Return a cloud of bare float32 points (N, 3)."""
    rows = np.ascontiguousarray(points, dtype="<f4").reshape(-1, 3).view(BARE).reshape(-1)
    return rows_to_msg(rows, stamp_ns, frame)


def labelled_points_to_msg(
    points: NDArray[np.float32], labels: NDArray[np.int32], stamp_ns: int, frame: str
) -> PointCloud2:
    """Return points (N, 3) with the cluster of each (N,), as :data:`LABELLED`."""
    rows = np.empty(len(points), dtype=LABELLED)
    columns = rows.view("<f4").reshape(-1, 4)
    columns[:, :3] = points
    rows["cluster"] = labels
    return rows_to_msg(rows, stamp_ns, frame)


def labelled_points_from_msg(msg: PointCloud2) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return points float32 (N, 3) and labels int32 (N,) of a cloud that :func:`labelled_points_to_msg` made.

    Raises:
        CloudError: another layout, or sizes that disagree with the data.
    """
    fields = [(f.name, f.offset, f.datatype) for f in msg.fields]
    if fields != [(f.name, f.offset, f.datatype) for f in _fields(LABELLED)] or msg.is_bigendian:
        names = ", ".join(f.name for f in msg.fields)
        raise CloudError(f"labelled points: expected fields x, y, z (f4), cluster (i4) packed, got {names}")
    expected = msg.width * msg.height * LABELLED.itemsize
    if msg.point_step != LABELLED.itemsize or len(msg.data) != expected:
        raise CloudError(
            f"labelled points: {msg.width} x {msg.height} points of {msg.point_step} bytes, but {len(msg.data)} bytes"
        )
    rows = np.frombuffer(msg.data, dtype=LABELLED)
    return np.ascontiguousarray(rows.view("<f4").reshape(-1, 4)[:, :3]), np.ascontiguousarray(rows["cluster"])


def rows_to_msg(rows: NDArray[np.void], stamp_ns: int, frame: str) -> PointCloud2:
    """Return an unorganised cloud of a structured array whose fields become the cloud's."""
    msg = PointCloud2(header=header_to_msg(stamp_ns, frame), height=1, width=len(rows), is_dense=True)
    msg.fields = _fields(rows.dtype)
    msg.point_step = rows.dtype.itemsize
    msg.row_step = rows.nbytes
    fill_bytes(msg.data, rows)
    return msg


def _fields(dtype: np.dtype) -> list[PointField]:
    assert dtype.fields is not None
    return [
        PointField(name=name, offset=offset, datatype=_DATATYPES[kind.str[1:]], count=1)
        for name, (kind, offset, *_) in dtype.fields.items()
    ]
