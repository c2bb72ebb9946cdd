"""Ego motion of KITTI raw drives from the GPS/IMU records (oxts).

Source: the raw data development kit: Mercator projection scaled by the latitude of the first record, roll, pitch and
yaw as Rz Ry Rx. Positions are in metres east and north, heights above sea level.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perception_core.datasets.kitti_calibration import entry, read_calibration_lines, rigid
from perception_core.errors import DatasetError
from perception_core.geometry.transforms import Transform, invert

EARTH_RADIUS = 6378137.0
"""Metres, WGS 84 equatorial radius as in KITTI's development kit."""

_MIN_FIELDS = 6


@dataclass(frozen=True, slots=True)
class KittiOdometry:
    """Poses of base_link in ``odom``, the base_link of the first record.

    Attributes:
        stamp_ns: int64 (K,) nanoseconds, rising.
        T_odom_base: float64 (K, 4, 4).
    """

    stamp_ns: NDArray[np.int64]
    T_odom_base: NDArray[np.float64]


def mercator_pose(record: NDArray[np.float64], scale: float) -> Transform:
    """Return ``T_world_imu`` of one oxts record: lat, lon (degrees), alt (m), roll, pitch, yaw (rad), ...

    Args:
        record: float64 (>= 6,).
        scale: cosine of the latitude of the drive's first record.
    """
    lat, lon, alt, roll, pitch, yaw = record[:6]
    cr, sr, cp, sp, cy, sy = (
        np.cos(roll),
        np.sin(roll),
        np.cos(pitch),
        np.sin(pitch),
        np.cos(yaw),
        np.sin(yaw),
    )
    T = np.eye(4)
    T[:3, :3] = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    east = scale * EARTH_RADIUS * np.radians(lon)
    north = scale * EARTH_RADIUS * np.log(np.tan(np.radians(90.0 + lat) / 2.0))
    T[:3, 3] = [east, north, alt]
    return T


def read_imu_to_velo(path: Path) -> Transform:
    """Read ``T_velo_imu`` from calib_imu_to_velo.txt.

    Raises:
        DatasetError: the file or a key is missing, or the numbers are no rigid transform.
    """
    values = read_calibration_lines(path)
    return rigid(path, "R", np.column_stack([entry(path, values, "R", (3, 3)), entry(path, values, "T", (3,))]))


def odometry(
    record_paths: list[Path], stamps_ns: NDArray[np.int64], T_velo_imu: Transform, T_base_velo: Transform
) -> KittiOdometry:
    """Turn oxts records into poses of base_link relative to the first one.

    Raises:
        DatasetError: a record that is not a line of at least six finite numbers.
    """
    records = [_read_record(path) for path in record_paths]
    if not records:
        return KittiOdometry(np.empty(0, dtype=np.int64), np.empty((0, 4, 4)))
    scale = float(np.cos(np.radians(records[0][0])))
    T_imu_base = invert(T_base_velo @ T_velo_imu)
    T_world_base = np.stack([mercator_pose(record, scale) @ T_imu_base for record in records])
    return KittiOdometry(stamps_ns, invert(T_world_base[0]) @ T_world_base)


def _read_record(path: Path) -> NDArray[np.float64]:
    try:
        words = path.read_text(encoding="utf-8").split()
        record = np.array([float(word) for word in words])
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot read the oxts record ({error})") from error
    if record.size < _MIN_FIELDS or not np.isfinite(record[:_MIN_FIELDS]).all():
        raise DatasetError(f"{path}: expected at least {_MIN_FIELDS} finite numbers, got {words[:_MIN_FIELDS]}")
    return record
