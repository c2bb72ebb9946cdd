"""Times of single points: from whatever unit and epoch a driver uses to nanoseconds relative to the stamp.

No message says the unit of its time field; drivers use seconds, microseconds and nanoseconds, relative to the
stamp, to the start of the scan, or absolute. The unit follows from magnitude: a sweep lasts 0.01 to 0.5 s, a factor
of 50, and units lie a factor of 1000 apart, so at most one unit fits.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SWEEP_MIN_S = 0.01
SWEEP_MAX_S = 0.5
MAX_OFFSET_S = 1.0
"""Times farther from the stamp than this belong to another clock."""

_UNITS_NS = (1_000_000_000, 1_000_000, 1_000, 1)
_ABSOLUTE_FROM_S = 1e8
"""Seconds since 1970 above which a value counts as absolute (1973); clocks since boot stay below."""


def relative_times(values: NDArray[Any], stamp_ns: int) -> tuple[NDArray[np.int64] | None, str]:
    """Return int64 (N,) nanoseconds relative to ``stamp_ns`` and an empty string, or None and the reason.

    Args:
        values: (N,) times of any integer or floating type and byte order.
        stamp_ns: stamp of the cloud.
    """
    if len(values) == 0:
        return None, ""
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        return None, "times are not finite, deskewing is off"
    absolute = values.dtype.kind == "f" and values.dtype.itemsize == 8 and float(low) >= _ABSOLUTE_FROM_S
    unit = _absolute_unit(float(low)) if absolute else _relative_unit(float(high) - float(low))
    sweep = (float(high) - float(low)) * unit * 1e-9
    if not SWEEP_MIN_S <= sweep <= SWEEP_MAX_S:
        text = f"times span {float(high) - float(low):g} ({low} to {high})"
        return None, f"{text}, no unit makes that a sweep of {SWEEP_MIN_S} to {SWEEP_MAX_S} s, deskewing is off"
    base_ns = _to_ns(low, unit) - (stamp_ns if absolute else 0)
    largest = max(abs(base_ns), abs(base_ns + round(sweep * 1e9)))
    if largest > MAX_OFFSET_S * 1e9:
        return None, f"times lie {largest * 1e-9:.3f} s from the stamp (another clock?), deskewing is off"
    if values.dtype.kind == "f":
        since_low = np.rint((values - low).astype(np.float64) * float(unit)).astype(np.int64)
    else:
        since_low = (values.astype(np.int64) - int(low)) * unit
    return since_low + np.int64(base_ns), ""


def _absolute_unit(value: float) -> int:
    """Unit in ns of an absolute time: seconds since 1970 are about 1e9, milliseconds 1e12, and so on."""
    for unit, limit in zip(_UNITS_NS, (1e11, 1e14, 1e17), strict=False):
        if value < limit:
            return unit
    return 1


def _relative_unit(span: float) -> int:
    """Unit in ns that makes ``span`` a possible sweep; nanoseconds where none does."""
    for unit in _UNITS_NS:
        if SWEEP_MIN_S <= span * unit * 1e-9 <= SWEEP_MAX_S:
            return unit
    return 1


def _to_ns(value: Any, unit: int) -> int:
    """Convert one value exactly enough: whole units as integers, the fraction in floating point."""
    if isinstance(value, np.floating):
        whole = int(np.floor(float(value)))
        return whole * unit + round((float(value) - whole) * unit)
    return int(value) * unit
