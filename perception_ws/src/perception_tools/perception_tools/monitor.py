"""Listens to a live stack: every result with the time it came, warnings, and which nodes are active."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import rclpy
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rcl_interfaces.msg import Log
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rosidl_runtime_py.utilities import get_message

from perception_nodes.node.runner import make_executor
from perception_tools.bags import header_stamp_ns

_NODE = "perception_monitor"
_WARN = 30
"""rcl_interfaces/Log.WARN, which some distributions have as a byte and some as an int."""


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it came: ``data`` CDR, ``monotonic_ns`` when."""

    topic: str
    monotonic_ns: int
    data: bytes


class Monitor:
    """A node in a thread of this process; to be used in a ``with`` statement.

    Attributes:
        received: what came, in order.
        warnings: count of each warning or error that a node of the stack logged.
    """

    def __init__(self, topics: Mapping[str, str], namespace: str = "/perception") -> None:
        """Listen to ``topics`` (name: type)."""
        self.received: list[Received] = []
        self.warnings: Counter[str] = Counter()
        self._namespace = namespace
        self._context = Context()
        rclpy.init(args=["--ros-args", "--log-level", "error"], context=self._context)
        self._node = Node(_NODE, context=self._context, start_parameter_services=False)
        for topic, type_name in topics.items():
            self._node.create_subscription(get_message(type_name), topic, self._collector(topic), _qos(), raw=True)
        self._node.create_subscription(Log, "/rosout", self._on_log, QoSProfile(depth=100))
        self._executor = make_executor(self._context)
        self._thread = threading.Thread(target=self._spin, name="monitor")

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._executor.add_node(self._node)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and wait for the thread before ROS is taken down."""
        self._context.try_shutdown()
        self._thread.join(5.0)
        self._executor.shutdown(timeout_sec=2.0)

    def others(self) -> list[str]:
        """Return the nodes of the stack's namespace that others run now."""
        names = self._node.get_node_names_and_namespaces()
        return sorted(f"{space}/{name}" for name, space in names if space.startswith(self._namespace))

    def wait_active(self, nodes: Collection[str], alive: Callable[[], bool], timeout_s: float) -> list[str]:
        """Wait until lifecycle nodes are ACTIVE; return those that are not when time is up or ``alive`` turns false."""
        pending = list(nodes)
        deadline = time.monotonic() + timeout_s
        clients = {n: self._node.create_client(GetState, f"{self._namespace}/{n}/get_state") for n in nodes}
        while pending and time.monotonic() < deadline and alive():
            pending = [name for name in pending if not _is_active(clients[name])]
            time.sleep(0.1)
        return pending

    def count(self, topic: str) -> int:
        """Return how many messages of a topic have come."""
        return sum(1 for message in self.received if message.topic == topic)

    def times(self, topic: str) -> dict[int, int]:
        """Return when (monotonic ns) the first message of each header stamp of ``topic`` came."""
        times: dict[int, int] = {}
        for message in self.received:
            if message.topic == topic:
                times.setdefault(header_stamp_ns(message.data), message.monotonic_ns)
        return times

    def _collector(self, topic: str) -> Callable[[bytes], None]:
        def collect(data: bytes) -> None:
            self.received.append(Received(topic, time.monotonic_ns(), data))

        return collect

    def _on_log(self, message: Log) -> None:
        if message.level >= _WARN and message.name.startswith(self._namespace.strip("/")):
            self.warnings[f"{message.name.rpartition('.')[2]}: {message.msg}"] += 1

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            while self._context.ok():
                self._executor.spin()


def _is_active(client: Any) -> bool:
    if not client.service_is_ready():
        return False
    future = client.call_async(GetState.Request())
    deadline = time.monotonic() + 1.0
    while not future.done() and time.monotonic() < deadline:
        time.sleep(0.01)
    if not future.done():
        client.remove_pending_request(future)
        return False
    result = future.result()
    return result is not None and result.current_state.id == State.PRIMARY_STATE_ACTIVE


def _qos() -> QoSProfile:
    """Reliable with a deep queue: what is measured must not be lost by the one who measures."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=200,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.VOLATILE,
    )
