"""Transforms: geometry_msgs/TransformStamped to and from ``T_target_source``, and look-ups at a stamp."""

import tf2_py
from geometry_msgs.msg import Quaternion, TransformStamped, Vector3
from rclpy.time import Time

from perception_core.errors import TransformError
from perception_core.geometry import transforms
from perception_core.geometry.transforms import Transform
from perception_nodes.conversions.header import header_to_msg


def transform_from_msg(msg: TransformStamped) -> Transform:
    """Return float64 (4, 4) T_parent_child.

    Raises:
        CalibrationError: a quaternion that is not unit, or a value that is not finite; names both frames.
    """
    t, q = msg.transform.translation, msg.transform.rotation
    name = f"{msg.header.frame_id}->{msg.child_frame_id}"
    return transforms.from_quaternion((t.x, t.y, t.z), (q.x, q.y, q.z, q.w), name)


def transform_to_msg(T_parent_child: Transform, parent: str, child: str, stamp_ns: int = 0) -> TransformStamped:
    """Return the stamped message of a float64 (4, 4) transform."""
    t, q = transforms.to_quaternion(T_parent_child)
    msg = TransformStamped(header=header_to_msg(stamp_ns, parent), child_frame_id=child)
    msg.transform.translation = Vector3(x=float(t[0]), y=float(t[1]), z=float(t[2]))
    msg.transform.rotation = Quaternion(x=float(q[0]), y=float(q[1]), z=float(q[2]), w=float(q[3]))
    return msg


def lookup(buffer: tf2_py.BufferCore, target: str, source: str, stamp_ns: int) -> Transform:
    """Return T_target_source at ``stamp_ns``; never identity in place of a missing one, never the latest.

    Raises:
        TransformError: no such transform at that stamp; the message names frames, stamp and tf2's reason.
    """
    if target == source:
        return transforms.identity()
    try:
        msg = buffer.lookup_transform_core(target, source, _time(target, source, stamp_ns))
    except tf2_py.TransformException as error:
        raise TransformError(f"{target} <- {source} at {stamp_ns} ns: {_first_sentence(error)}") from error
    return transform_from_msg(msg)


def newest(buffer: tf2_py.BufferCore, target: str, source: str, stamp_ns: int, max_age_ns: int) -> Transform:
    """Return T_target_source at ``stamp_ns``, or the last one before it where that is at most ``max_age_ns`` old.

    For what is to be said at a moment that no message comes from, and that no odometry has reached yet.

    Raises:
        TransformError: none is as new; the message is that of :func:`lookup`.
    """
    try:
        return lookup(buffer, target, source, stamp_ns)
    except TransformError as error:
        try:
            last_ns = buffer.get_latest_common_time(target, source).nanoseconds
        except tf2_py.TransformException:
            raise error from None
        if not 0 <= stamp_ns - last_ns <= max_age_ns:
            raise
        return lookup(buffer, target, source, last_ns)


def _time(target: str, source: str, stamp_ns: int) -> Time:
    if stamp_ns <= 0:  # tf2 reads 0 as "the latest"
        raise TransformError(f"{target} <- {source}: stamp {stamp_ns} ns is not set")
    return Time(nanoseconds=stamp_ns)


def _first_sentence(error: Exception) -> str:
    return str(error).strip().rstrip(".")
