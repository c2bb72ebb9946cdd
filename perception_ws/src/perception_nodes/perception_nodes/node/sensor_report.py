"""What a sensor's own node says about its data: the faults that only it can see."""

import threading

from perception_core.types import SensorKind, SensorState, SensorStatus
from perception_interfaces.msg import SensorStatus as SensorStatusMsg
from perception_nodes.conversions.obstacles import sensor_status_to_msg
from perception_nodes.node.base import PerceptionNode
from perception_nodes.node.statistics import Rate


class SensorReport:
    """Publishes OK or FAULTY with its reason, once a second and at once when it changes.

    fusion_node listens and passes the reason on to the planner; late and missing data it sees itself. May be told of
    from several threads.
    """

    def __init__(self, node: PerceptionNode, topic: str, name: str, kind: SensorKind) -> None:
        """Publish for the sensor ``name`` on ``topic``."""
        self._publisher = node.publish_to(SensorStatusMsg, topic)
        self._name = name
        self._kind = kind
        self._last_stamp_ns = 0
        self._rate = Rate()
        self._lock = threading.RLock()
        self.fault = ""

    def delivered(self, stamp_ns: int, now_ns: int, impairment: str = "") -> None:
        """Note a message that could be used, at ``now_ns`` of the steady clock, though perhaps not trusted."""
        with self._lock:
            self._last_stamp_ns = stamp_ns
            self._rate.tick(now_ns)
            self._change(impairment, now_ns)

    def failed(self, reason: str, now_ns: int) -> None:
        """Note that the data cannot be used."""
        with self._lock:
            self._change(reason, now_ns)

    def publish(self, now_ns: int) -> None:
        """Say what is known."""
        with self._lock:
            state = SensorState.FAULTY if self.fault else SensorState.OK
            rate = self._rate.hz(now_ns)
            status = SensorStatus(self._name, self._kind, state, self._last_stamp_ns, rate, self.fault)
            self._publisher.publish(sensor_status_to_msg(status))

    def _change(self, fault: str, now_ns: int) -> None:
        if bool(fault) != bool(self.fault):
            self.fault = fault
            self.publish(now_ns)
        self.fault = fault
