"""player_node: plays a recording into ROS, its CDR bytes as they are, with /clock.

Messages are read ahead in a thread, so that reading never delays publishing. /clock is published at ``clock_rate``
and just before every message, so that in simulated time no message comes from the future. The stamps in the messages
stay as recorded: the latency of what listens is therefore measured on the wall, with ``publish_log``, which notes
when (CLOCK_MONOTONIC, shared by all processes of a machine) each stamped message was handed to the middleware.
"""

import contextlib
import csv
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import rclpy
from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy._rclpy_pybind11 import RCLError
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rosbags.interfaces import Qos, QosDurability, QosReliability
from rosgraph_msgs.msg import Clock
from rosidl_runtime_py.utilities import get_message

from perception_core.config import Config, from_mapping, param, specs
from perception_core.errors import BagError, PerceptionError
from perception_nodes.bag_reader import BagMessage, BagReader, BagTopic, header_stamp_ns
from perception_nodes.playback import PlaybackClock, ReadAhead

_STATIC_TF = "/tf_static"
_CLOCK = "/clock"
_SETTLE_S = 1.0
"""A publisher knows of a subscriber before that one knows of it, and subscribers come one after the other."""
_STAMPED_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/PointCloud2")


@dataclass(frozen=True)
class PlayerConfig(Config):
    """What to play, and how."""

    bag: str = param("", "recording to play: a rosbag2 folder, or a .mcap or .db3 file")
    rate: float = param(
        1.0, "seconds of the recording a second of wall time; may be changed while playing", low=0.01, high=100.0
    )
    loop: bool = param(False, "begin again at the end; time jumps back")
    paused: bool = param(False, "stands still, /clock too; may be changed while playing")
    start_offset: float = param(0.0, "where in the recording to begin", unit="s", low=0.0)
    duration: float = param(0.0, "how much of it to play, 0: to the end", unit="s", low=0.0)
    topics: tuple[str, ...] = param(("",), "topics to play; one empty name: all")
    exclude: tuple[str, ...] = param(("",), "beginnings of topic names not to play")
    clock_rate: float = param(
        200.0, "rate of /clock between messages, 0: no /clock at all", unit="Hz", low=0.0, high=1000.0
    )
    wait_for_topics: tuple[str, ...] = param(
        ("",), "begin when each of these topics has a subscriber; named twice: two"
    )
    wait_timeout: float = param(20.0, "begin anyway after this time", unit="s", low=0.0)
    read_ahead_mb: int = param(1024, "how much of the recording to hold in memory ahead of time", unit="MB", low=1)
    publish_log: str = param("", "CSV file to write: topic, stamp and wall time of each image and cloud published")


class PlayerNode(Node):
    """Publishes a recording; `play` returns at its end."""

    def __init__(self) -> None:
        """Declare the parameters, open the recording and advertise its topics.

        Raises:
            BagError: the recording cannot be read, or a topic asked for is not in it.
            ConfigError: a parameter is out of its range.
        """
        super().__init__("player_node", namespace="/perception")
        self._config = _declare(self)
        if not self._config.bag:
            raise BagError("player_node: the parameter bag names no recording")
        self._reader = BagReader(self._config.bag)
        self._playback = PlaybackClock(self._config.rate, paused=self._config.paused)
        self._sources = {t.name: self.create_publisher(_message_class(t), t.name, _qos(t)) for t in self._wanted()}
        clock = QoSProfile(depth=1)
        self._clock_publisher = self.create_publisher(Clock, _CLOCK, clock) if self._config.clock_rate else None
        self._published: list[tuple[str, int, int]] = []
        self.add_on_set_parameters_callback(self._on_parameters)

    def play(self) -> None:
        """Publish the recording once, or until the context is shut down when looping."""
        start = self._reader.start_ns + round(self._config.start_offset * 1e9)
        stop = start + round(self._config.duration * 1e9) if self._config.duration else self._reader.end_ns + 1
        self.get_logger().info(f"playing {self._config.bag}: {len(self._sources)} topics, {(stop - start) / 1e9:.1f} s")
        self._publish_static(start)
        self._wait_for_subscribers()
        while self.context.ok():
            self._playback.restart(start, time.monotonic_ns())
            self._play_once(start, stop)
            if not self.context.ok():
                return
            if not self._config.loop:
                break
            self.get_logger().info("at the end of the recording: beginning again, time jumps back")
        self._drain()

    def close(self) -> None:
        """Write the publish log and close the recording."""
        if self._config.publish_log:
            _write_log(Path(self._config.publish_log), self._published)
        self._reader.close()

    def _play_once(self, start: int, stop: int) -> None:
        with ReadAhead(self._read_again(start, stop), self._config.read_ahead_mb << 20) as ahead:
            ahead.wait_until_full(self.context.ok)
            self._playback.restart(start, time.monotonic_ns())
            for message in self._on_time(ahead):
                self._publish(message)

    def _publish_static(self, start: int) -> None:
        """Send the frames before anything that needs them; they are kept for those who come later."""
        for message in self._reader.messages((_STATIC_TF,), stop_ns=start + 1):
            self._publish(message)

    def _read_again(self, start: int, stop: int) -> Iterator[BagMessage]:
        # The body runs in the thread that reads ahead, and SQLite wants its file opened there.
        with BagReader(self._config.bag) as reader:
            yield from reader.messages(self._sources, start, stop)

    def _on_time(self, messages: Iterable[BagMessage]) -> Iterator[BagMessage]:
        clock_ns = 0
        for message in messages:
            while self.context.ok() and (wait := self._playback.until(message.log_ns, time.monotonic_ns())) != 0:
                if wait is not None and self._clock_publisher is not None:
                    self._tell(self._playback.now(time.monotonic_ns()))
                time.sleep(self._nap(wait))
            if not self.context.ok():
                return
            if message.log_ns > clock_ns:
                clock_ns = message.log_ns
                self._tell(clock_ns)
            yield message

    def _nap(self, wait_ns: int | None) -> float:
        period = 1.0 / self._config.clock_rate if self._config.clock_rate else 0.005
        return period if wait_ns is None else min(period, wait_ns * 1e-9)

    def _tell(self, now_ns: int) -> None:
        if self._clock_publisher is not None:
            clock = Clock()
            clock.clock.sec, clock.clock.nanosec = divmod(now_ns, 1_000_000_000)
            self._clock_publisher.publish(clock)

    def _publish(self, message: BagMessage) -> None:
        publisher = self._sources.get(message.topic)
        if publisher is None:
            return
        if self._config.publish_log and message.type in _STAMPED_TYPES:
            self._published.append((message.topic, header_stamp_ns(message.data), time.monotonic_ns()))
        publisher.publish(message.data)

    def _wait_for_subscribers(self) -> None:
        """Wait for the subscribers asked for, and then until no more have come for a while."""
        wanted = Counter(name for name in self._config.wait_for_topics if name)
        if not wanted:
            return
        self._reader.require([name for name in wanted if name not in self._sources])
        deadline = time.monotonic() + self._config.wait_timeout
        counts, changed = self._subscribers(), time.monotonic()
        while self.context.ok() and time.monotonic() < deadline:
            time.sleep(0.02)
            if counts != (counts := self._subscribers()):
                changed = time.monotonic()
            if counts >= wanted and time.monotonic() - changed >= _SETTLE_S:
                return
        lonely = ", ".join(f"{name} ({counts[name]} of {wanted[name]})" for name in wanted - counts)
        if lonely:
            self.get_logger().warning(f"subscribers are missing on {lonely}: playing all the same")

    def _subscribers(self) -> Counter[str]:
        counts = {name: source.get_subscription_count() for name, source in self._sources.items()}
        if self._clock_publisher is not None:
            counts[_CLOCK] = self._clock_publisher.get_subscription_count()
        return Counter(counts)

    def _drain(self) -> None:
        deadline = time.monotonic() + 1.0
        for publisher in self._sources.values():
            _wait_acknowledged(publisher, max(0.0, deadline - time.monotonic()))

    def _wanted(self) -> list[BagTopic]:
        named = [name for name in self._config.topics if name]
        self._reader.require(named)
        excluded = tuple(prefix for prefix in self._config.exclude if prefix)
        topics = [self._reader.topics[name] for name in named] or list(self._reader.topics.values())
        return [t for t in topics if t.name != _CLOCK and not t.name.startswith(excluded or ("\0",))]

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        for parameter in parameters:
            if parameter.name == "paused":
                self._playback.set_paused(bool(parameter.value), time.monotonic_ns())
            elif parameter.name == "rate":
                self._playback.set_rate(float(parameter.value), time.monotonic_ns())
            elif parameter.name in PlayerConfig.__dataclass_fields__:
                return SetParametersResult(successful=False, reason=f"{parameter.name} is read at the start only")
        return SetParametersResult(successful=True)


def _declare(node: Node) -> PlayerConfig:
    values = {}
    for spec in specs(PlayerConfig):
        described = ParameterDescriptor(description=spec.doc + (f" [{spec.unit}]" if spec.unit else ""))
        default = list(spec.default) if isinstance(spec.default, tuple) else spec.default
        value = node.declare_parameter(spec.name, default, described).value
        values[spec.name] = tuple(value) if isinstance(default, list) else value
    return from_mapping(PlayerConfig, values, "player_node.")


def _message_class(topic: BagTopic) -> type:
    try:
        return get_message(topic.type)
    except (AttributeError, ModuleNotFoundError, ValueError) as error:
        raise BagError(f"{topic.name}: the message type {topic.type} is not installed here ({error})") from error


def _qos(topic: BagTopic) -> QoSProfile:
    """Offer what the recording says was offered; without a word of it reliable, which serves every subscriber."""
    offered: Qos | None = topic.qos[0] if topic.qos else None
    latched = topic.name == _STATIC_TF or (offered is not None and offered.durability == QosDurability.TRANSIENT_LOCAL)
    best_effort = offered is not None and offered.reliability == QosReliability.BEST_EFFORT
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=max(10, min(offered.depth, 100) if offered is not None else 10),
        reliability=ReliabilityPolicy.BEST_EFFORT if best_effort else ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def _wait_acknowledged(publisher: Publisher, seconds: float) -> None:
    publisher.wait_for_all_acked(Duration(seconds=seconds))


def _write_log(path: Path, rows: list[tuple[str, int, int]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("topic", "stamp_ns", "monotonic_ns"))
        writer.writerows(rows)


def main(args: list[str] | None = None) -> int:
    """Run the node; 0 at the end of the recording, 2 with one logged line when it cannot be played."""
    rclpy.init(args=args)
    executor = SingleThreadedExecutor()
    thread = threading.Thread(target=_spin, args=(executor,), name="executor")
    node: PlayerNode | None = None
    try:
        node = PlayerNode()
        executor.add_node(node)
        thread.start()
        node.play()
        return 0
    except PerceptionError as error:
        rclpy.logging.get_logger("player_node").fatal(str(error))
        return 2
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    except RCLError:
        if rclpy.ok():
            raise
        return 0  # a signal shut the context down while a message was on its way
    finally:
        if node is not None:
            node.close()
        rclpy.try_shutdown()
        if thread.is_alive():
            thread.join()


def _spin(executor: SingleThreadedExecutor) -> None:
    with contextlib.suppress(ExternalShutdownException):
        executor.spin()


if __name__ == "__main__":
    sys.exit(main())
