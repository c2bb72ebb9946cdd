"""sensor_msgs/LaserScan: the coverage of a LiDAR, and the nearest obstacle a sector."""

import array
import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import LaserScan

from perception_core.errors import CloudError
from perception_core.planning.sectors import SectorRanges
from perception_nodes.conversions.bytes import fill_bytes
from perception_nodes.conversions.header import header_to_msg


def coverage_to_msg(coverage: NDArray[np.float32], stamp_ns: int, frame: str, scan_time: float = 0.1) -> LaserScan:
    """Return how far the sensor saw, float32 (S,) metres a sector; sector 0 starts at -pi, 0 where it saw nothing.

    Beam i of the message is the middle of sector i.
    """
    width = 2.0 * math.pi / max(len(coverage), 1)
    msg = LaserScan(header=header_to_msg(stamp_ns, frame), angle_min=-math.pi + width / 2.0, angle_increment=width)
    msg.angle_max = math.pi - width / 2.0
    msg.scan_time = scan_time
    msg.range_max = float(coverage.max()) if len(coverage) else 0.0
    msg.ranges = _floats(coverage)
    return msg


def coverage_from_msg(msg: LaserScan) -> NDArray[np.float32]:
    """Return the coverage float32 (S,) of a message that :func:`coverage_to_msg` made.

    Raises:
        CloudError: beams that do not span the circle, or a range that is negative or not finite.
    """
    coverage = np.frombuffer(msg.ranges, dtype=np.float32).copy()
    span = len(coverage) * msg.angle_increment
    if len(coverage) and abs(span - 2.0 * math.pi) > 1e-3:
        raise CloudError(f"coverage: {len(coverage)} beams of {msg.angle_increment} rad span {span:.4f}, expected 2 pi")
    if not np.isfinite(coverage).all() or (coverage < 0.0).any():
        raise CloudError("coverage: ranges have to be finite and not negative")
    return coverage


def sectors_to_msg(sectors: SectorRanges, stamp_ns: int, frame: str, scan_time: float = 0.1) -> LaserScan:
    """Return the nearest obstacle a sector: a range, +inf where it is free, NaN where nothing is known (REP-117)."""
    msg = LaserScan(header=header_to_msg(stamp_ns, frame), scan_time=scan_time)
    msg.angle_min = sectors.angle_min
    msg.angle_increment = sectors.angle_increment
    msg.angle_max = sectors.angle_min + sectors.angle_increment * max(len(sectors.ranges) - 1, 0)
    msg.range_min, msg.range_max = sectors.range_min, sectors.range_max
    msg.ranges = _floats(sectors.ranges)
    return msg


def sectors_to_mavlink_msg(sectors: SectorRanges, stamp_ns: int, frame: str) -> LaserScan:
    """Return the same as MAVROS's obstacle_distance plugin takes it: angles clockwise, in the axes front right down.

    The plugin hands ranges on in centimetres: NaN and infinity as "unknown", so "free" is told as MAVLink's
    OBSTACLE_DISTANCE has it, a centimetre beyond the largest range.
    """
    free = np.isposinf(sectors.ranges)
    ranges = np.where(free, np.float32(sectors.range_max + 0.015), sectors.ranges)[::-1]
    last = sectors.angle_min + sectors.angle_increment * max(len(ranges) - 1, 0)
    clockwise = replace(sectors, ranges=ranges, angle_min=-last)
    return sectors_to_msg(clockwise, stamp_ns, f"{frame}_frd")


def _floats(values: NDArray[np.float32]) -> "array.array[float]":
    data = array.array("f")
    fill_bytes(data, np.asarray(values, dtype=np.float32))
    return data
