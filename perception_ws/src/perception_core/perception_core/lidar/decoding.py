"""Decode a PointCloud2 buffer of any field layout into a :class:`PointCloud`.

Works on the layout alone, without ROS: the node copies the numbers of the message into a :class:`CloudLayout`.
Values are read through strided views; the only copies are the columns of the result.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import CloudError
from perception_core.lidar.jit import kernel
from perception_core.lidar.point_times import relative_times
from perception_core.types.cloud import PointCloud

MAX_COORDINATE = 10_000.0
"""Metres; a coordinate beyond it is no LiDAR return and is dropped and counted."""

_FORMATS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}
"""NumPy formats of sensor_msgs/PointField datatypes (INT8 = 1 ... FLOAT64 = 8)."""

_FLOATS = (7, 8)
_INTENSITY_NAMES = ("intensity", "intensities", "reflectivity", "reflectance")
_RING_NAMES = ("ring", "line", "channel", "laser_id")
_TIME_NAMES = ("time", "t", "timestamp", "time_stamp", "offset_time", "time_offset")


@dataclass(frozen=True, slots=True)
class CloudField:
    """One field of a point: ``offset`` in bytes, ``datatype`` and ``count`` as in sensor_msgs/PointField."""

    name: str
    offset: int
    datatype: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class CloudLayout:
    """How the bytes of a cloud are arranged; steps in bytes, as in sensor_msgs/PointCloud2."""

    width: int
    height: int
    point_step: int
    row_step: int
    is_bigendian: bool
    fields: tuple[CloudField, ...]


@dataclass(frozen=True, slots=True)
class DecodedCloud:
    """A cloud and what had to be left out of it.

    Attributes:
        cloud: the finite points in the order of the message.
        dropped_non_finite: points with NaN or inf coordinates.
        has_time: whether ``cloud.time_offset_ns`` is there.
        warning: empty, or what is wrong with optional fields (times, rings), for diagnostics.
        dropped_far: points with a coordinate beyond ``MAX_COORDINATE``.
    """

    cloud: PointCloud
    dropped_non_finite: int
    has_time: bool
    warning: str
    dropped_far: int = 0


def decode_cloud(data: Any, layout: CloudLayout, stamp_ns: int, frame: str) -> DecodedCloud:
    """Read x, y, z and, where the driver sends them, intensity, ring and time of each point.

    Args:
        data: bytes-like buffer (bytes, bytearray, memoryview, array.array('B'), uint8 array).
        layout: the arrangement the message states.
        stamp_ns: stamp of the message, int nanoseconds.
        frame: TF frame of the coordinates.

    Raises:
        CloudError: sizes that disagree, x, y or z missing or not floating point, a field with an unknown datatype,
            beyond the point step, or of count != 1 where one value is needed.
    """
    buffer = _checked_buffer(data, layout)
    fields = _checked_fields(layout)
    warnings: list[str] = []
    xyz, keep, non_finite, far = _coordinates(buffer, layout, fields)
    intensity = ring = times = None
    if (field := _first(fields, _INTENSITY_NAMES)) is not None:
        intensity = _intensity(_select(_values(buffer, layout, field), keep))
    if (field := _first(fields, _RING_NAMES)) is not None:
        ring = _ring(_select(_values(buffer, layout, field), keep), field.name, warnings)
    if (field := _first(fields, _TIME_NAMES)) is not None:
        times, problem = relative_times(_select(_values(buffer, layout, field), keep), stamp_ns)
        if problem:
            warnings.append(f"field {field.name}: {problem}")
    cloud = PointCloud(xyz, stamp_ns, frame, intensity, ring, times)
    return DecodedCloud(cloud, non_finite, times is not None, "; ".join(warnings), far)


def _checked_buffer(data: Any, layout: CloudLayout) -> memoryview:
    for name in ("width", "height", "point_step", "row_step"):
        value = getattr(layout, name)
        if value < 0:
            raise CloudError(f"cloud.{name}: expected 0 or more, got {value}")
    try:
        buffer = memoryview(data).cast("B")
    except TypeError as error:
        raise CloudError(f"cloud.data: expected contiguous bytes, got {type(data).__name__} ({error})") from error
    row = layout.width * layout.point_step
    if layout.height > 0 and layout.row_step < row:
        raise CloudError(
            f"cloud.row_step: {layout.row_step} bytes are too few for width {layout.width} x point_step "
            f"{layout.point_step} = {row} bytes"
        )
    expected = layout.row_step * layout.height
    if len(buffer) != expected:
        raise CloudError(
            f"cloud.data: expected row_step {layout.row_step} x height {layout.height} = {expected} bytes, "
            f"got {len(buffer)}"
        )
    return buffer


def _checked_fields(layout: CloudLayout) -> dict[str, CloudField]:
    """Return the fields by name after checking every one that will be read."""
    fields: dict[str, CloudField] = {}
    for field in layout.fields:
        if field.name in ("x", "y", "z") and field.name in fields:
            raise CloudError(
                f"cloud.fields: {field.name} appears twice, at bytes {fields[field.name].offset} and {field.offset}"
            )
        fields.setdefault(field.name, field)
    names = ", ".join(f.name for f in layout.fields) or "none"
    for axis in ("x", "y", "z"):
        if axis not in fields:
            raise CloudError(f"cloud.fields: no {axis}; the fields are: {names}")
        if fields[axis].datatype not in _FLOATS:
            raise CloudError(f"field {axis}: datatype {fields[axis].datatype}, expected 7 (float32) or 8 (float64)")
    read = [_first(fields, group) for group in (("x",), ("y",), ("z",), _INTENSITY_NAMES, _RING_NAMES, _TIME_NAMES)]
    for used in read:
        if used is not None:
            _check_field(used, layout.point_step)
    return fields


def _check_field(field: CloudField, point_step: int) -> None:
    if field.datatype not in _FORMATS:
        raise CloudError(f"field {field.name}: unknown datatype {field.datatype}, expected 1 to 8")
    if field.count != 1:
        raise CloudError(f"field {field.name}: count {field.count}, expected 1")
    end = field.offset + np.dtype(_FORMATS[field.datatype]).itemsize
    if field.offset < 0 or end > point_step:
        raise CloudError(f"field {field.name}: bytes {field.offset} to {end} lie outside point_step {point_step}")


def _first(fields: dict[str, CloudField], names: tuple[str, ...]) -> CloudField | None:
    return next((fields[name] for name in names if name in fields), None)


def _values(buffer: memoryview, layout: CloudLayout, field: CloudField) -> NDArray[Any]:
    """Return a view (height, width) of one field in the byte order of the message."""
    dtype = np.dtype(_FORMATS[field.datatype]).newbyteorder(">" if layout.is_bigendian else "<")
    if layout.width == 0 or layout.height == 0:
        return np.empty((layout.height, layout.width), dtype)
    return np.ndarray(
        shape=(layout.height, layout.width),
        dtype=dtype,
        buffer=buffer,
        offset=field.offset,
        strides=(layout.row_step, layout.point_step),
    )


def _coordinates(
    buffer: memoryview, layout: CloudLayout, fields: dict[str, CloudField]
) -> tuple[NDArray[np.float32], NDArray[np.intp] | None, int, int]:
    """Return xyz float32 (N, 3), the indices of kept points (None when all are), and the counts of dropped ones."""
    x, y, z = _alike(*(_values(buffer, layout, fields[axis]) for axis in "xyz"))
    count = layout.width * layout.height
    # numba would compile anew for these: a view of one number counts as contiguous
    gather = _gather if count > 1 else _gather_points
    xyz, index, far = gather(x, y, z, MAX_COORDINATE)
    return xyz, None if len(xyz) == count else index, count - len(xyz) - far, far


def _gather_points(
    x: NDArray[Any], y: NDArray[Any], z: NDArray[Any], limit: float
) -> tuple[NDArray[np.float32], NDArray[np.intp], int]:
    """Copy the points within the limit from three views (height, width), wherever they lie; count the finite others."""
    height, width = x.shape
    xyz = np.empty((height * width, 3), np.float32)
    index = np.empty(height * width, np.intp)
    kept = far = 0
    for row in range(height):
        for column in range(width):
            u, v, w = x[row, column], y[row, column], z[row, column]
            if abs(u) <= limit and abs(v) <= limit and abs(w) <= limit:
                xyz[kept, 0], xyz[kept, 1], xyz[kept, 2] = u, v, w
                index[kept] = row * width + column
                kept += 1
            elif np.isfinite(u) and np.isfinite(v) and np.isfinite(w):
                far += 1
    return xyz[:kept], index[:kept], far


_gather = kernel(_gather_points)


def warm_up() -> None:
    """Compile the kernel for both widths of coordinates, lying at whole multiples of their size or not."""
    for datatype, size in ((7, 4), (8, 8)):
        for gap in (0, 1):
            step = 3 * size + gap
            fields = tuple(CloudField(axis, k * size, datatype) for k, axis in enumerate("xyz"))
            decode_cloud(bytes(2 * step), CloudLayout(2, 1, step, 2 * step, False, fields), 0, "")


def _alike(*axes: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return views of one type, native, aligned alike, read-only: numba compiles anew for each difference."""
    one_type = all(axis.dtype == axes[0].dtype and axis.dtype.isnative for axis in axes)
    if not one_type or len({axis.flags.aligned for axis in axes}) > 1:
        kind = np.result_type(*(axis.dtype for axis in axes)).newbyteorder("=")
        block = np.stack(axes, axis=2).astype(kind, copy=False)
        axes = tuple(block[:, :, k] for k in range(len(axes)))
    for axis in axes:
        axis.flags.writeable = False
    return axes


def _select(values: NDArray[Any], keep: NDArray[np.intp] | None) -> NDArray[Any]:
    flat = values.reshape(-1)
    return flat if keep is None else flat.take(keep)


def _intensity(values: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        out = values.astype(np.float32)
    if values.dtype.kind == "f" and not np.isfinite(out).all():
        out[~np.isfinite(out)] = 0.0
    return out


def _ring(values: NDArray[Any], name: str, warnings: list[str]) -> NDArray[np.uint16] | None:
    if values.dtype.kind != "u" or values.dtype.itemsize > 2:
        with np.errstate(invalid="ignore"):
            bad = ~((values >= 0) & (values <= 65535))
        if bad.any():
            warnings.append(f"field {name}: value {values[bad][0]} is no laser index, rings are left out")
            return None
    return values.astype(np.uint16)
