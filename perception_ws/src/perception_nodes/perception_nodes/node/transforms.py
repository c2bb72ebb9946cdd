"""TF as the nodes use it: look-ups never block, messages wait for their transform in a short queue."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import tf2_py
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile
from tf2_msgs.msg import TFMessage

from perception_core.errors import PerceptionError, TransformError
from perception_core.geometry.transforms import Transform
from perception_nodes.conversions import tf
from perception_nodes.node import qos

CACHE_SECONDS = 10.0


class TransformBuffer:
    """The frames a node knows, fed from /tf and /tf_static."""

    def __init__(self, node: Node, on_update: Callable[[], None], subscribe: Callable[..., None]) -> None:
        """Subscribe through the node's own ``subscribe``; ``on_update`` runs after each message."""
        self._core = tf2_py.BufferCore(Duration(seconds=CACHE_SECONDS))
        self._on_update = on_update
        self._name = node.get_fully_qualified_name()
        subscribe(TFMessage, "/tf", self._moving, QoSProfile(depth=100))
        subscribe(TFMessage, "/tf_static", self._fixed, qos.latched(100))

    def lookup(self, target: str, source: str, stamp_ns: int) -> Transform:
        """Return T_target_source at the stamp. Raises TransformError."""
        return tf.lookup(self._core, target, source, stamp_ns)

    def newest(self, target: str, source: str, stamp_ns: int, max_age_ns: int) -> Transform:
        """Return T_target_source at the stamp, or a little before it (see ``tf.newest``). Raises TransformError."""
        return tf.newest(self._core, target, source, stamp_ns, max_age_ns)

    def clear(self) -> None:
        """Forget moving frames, because time was set back; static ones stay."""
        self._core.clear()

    def _moving(self, msg: TFMessage) -> None:
        self._set(msg, self._core.set_transform)

    def _fixed(self, msg: TFMessage) -> None:
        self._set(msg, self._core.set_transform_static)

    def _set(self, msg: TFMessage, store: Callable[..., None]) -> None:
        refused: PerceptionError | None = None
        for transform in msg.transforms:
            try:
                tf.transform_from_msg(transform)  # tf2 itself takes zero quaternions and NaN
                store(transform, self._name)
            except PerceptionError as error:
                refused = error
        self._on_update()
        if refused is not None:
            raise refused


@dataclass(slots=True)
class _Waiting:
    attempt: Callable[[], None]
    deadline_ns: int


class PendingQueue:
    """Work that waits for transforms, in order of arrival; nothing blocks and nothing is guessed."""

    def __init__(self, timeout_ns: int, capacity: int, give_up: Callable[[TransformError], None]) -> None:
        """Give up on work after ``timeout_ns`` of the steady clock, or when more than ``capacity`` waits."""
        self._timeout_ns = timeout_ns
        self._capacity = capacity
        self._give_up = give_up
        self._queue: deque[_Waiting] = deque()

    def __len__(self) -> int:
        """Return how much is waiting."""
        return len(self._queue)

    def add(self, attempt: Callable[[], None], now_ns: int) -> None:
        """Run ``attempt`` now, or again later when it raises TransformError; other errors pass through."""
        self._queue.append(_Waiting(attempt, now_ns + self._timeout_ns))
        self.retry(now_ns)

    def retry(self, now_ns: int) -> None:
        """Run what waits, in order, up to the first that still lacks its transform."""
        while self._queue:
            first = self._queue[0]
            try:
                first.attempt()
            except TransformError as error:
                if now_ns < first.deadline_ns and len(self._queue) <= self._capacity:
                    return
                self._queue.popleft()
                self._give_up(error)
            except BaseException:
                self._queue.popleft()
                raise
            else:
                self._queue.popleft()

    def clear(self) -> None:
        """Forget what waits, because time was set back."""
        self._queue.clear()
