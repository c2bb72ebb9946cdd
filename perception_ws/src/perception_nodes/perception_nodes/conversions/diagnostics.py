"""diagnostic_msgs/DiagnosticArray of what a node knows about itself."""

from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from perception_nodes.conversions.header import header_to_msg

OK = 0
WARN = 1
ERROR = 2
STALE = 3
"""Levels of diagnostic_msgs/DiagnosticStatus."""


def diagnostics_to_msg(
    stamp_ns: int, name: str, hardware_id: str, level: int, message: str, values: Mapping[str, float | int | str]
) -> DiagnosticArray:
    """Return one status; floats are written with 4 significant digits."""
    status = DiagnosticStatus(level=bytes([level]), name=name, message=message, hardware_id=hardware_id)
    status.values = [KeyValue(key=key, value=_text(value)) for key, value in values.items()]
    return DiagnosticArray(header=header_to_msg(stamp_ns, ""), status=[status])


def _text(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
