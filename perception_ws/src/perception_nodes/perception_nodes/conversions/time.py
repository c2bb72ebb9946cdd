"""Stamps: builtin_interfaces Time and Duration to and from int nanoseconds."""

from builtin_interfaces.msg import Duration, Time

from perception_core.errors import StampError

NS = 1_000_000_000
_SECONDS = 2**31
"""``sec`` is an int32."""


def ns_from_msg(stamp: Time | Duration) -> int:
    """Return int nanoseconds."""
    return int(stamp.sec) * NS + int(stamp.nanosec)


def split_ns(stamp_ns: int) -> tuple[int, int]:
    """Return (sec, nanosec) of a stamp.

    Raises:
        StampError: outside 0 to 2^31 s, which builtin_interfaces/Time cannot hold.
    """
    sec, nanosec = divmod(int(stamp_ns), NS)
    if not 0 <= sec < _SECONDS:
        raise StampError(f"stamp {stamp_ns} ns does not fit builtin_interfaces/Time (0 to 2^31 s)")
    return sec, nanosec


def time_to_msg(stamp_ns: int) -> Time:
    """Return a Time. Raises StampError as :func:`split_ns`."""
    sec, nanosec = split_ns(stamp_ns)
    return Time(sec=sec, nanosec=nanosec)


def duration_to_msg(duration_ns: int) -> Duration:
    """Return a Duration; ``nanosec`` counts upwards from ``sec``, also for negative durations.

    Raises:
        StampError: outside +-2^31 s.
    """
    sec, nanosec = divmod(int(duration_ns), NS)
    if not -_SECONDS <= sec < _SECONDS:
        raise StampError(f"duration {duration_ns} ns does not fit builtin_interfaces/Duration (+-2^31 s)")
    return Duration(sec=sec, nanosec=nanosec)


def seconds(duration_s: float) -> int:
    """Return int nanoseconds of a duration in seconds, as parameters give it."""
    return round(duration_s * NS)
