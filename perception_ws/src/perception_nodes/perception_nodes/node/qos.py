"""Quality of service of every endpoint; each can be changed by ``qos_overrides`` parameters."""

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions


def sensor_input(depth: int) -> QoSProfile:
    """Best effort matches every publisher, reliable or not; a short queue keeps data young."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.VOLATILE,
    )


def result(depth: int = 5) -> QoSProfile:
    """Reliable, as what is published matches every subscriber, RViz and recorders with it."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.VOLATILE,
    )


def latched(depth: int = 1) -> QoSProfile:
    """Reliable, and kept for those who come later."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def overriding() -> QoSOverridingOptions:
    """Let parameters ``qos_overrides.<topic>.<publisher|subscription>.<history|depth|reliability>`` decide."""
    return QoSOverridingOptions.with_default_policies()
