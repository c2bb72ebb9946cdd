"""Reading rosbag2 recordings as they are: a folder (MCAP or SQLite), or a bare .mcap or .db3 file.

Messages stay CDR bytes; who wants a field deserialises with rclpy. Everything that can be wrong with a recording is
a BagError of one line.
"""

import struct
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from rosbags.interfaces import Connection, Qos
from rosbags.rosbag2 import Reader

from perception_core.errors import BagError

_MCAP_MAGIC = b"\x89MCAP0\r\n"
_CDR_LITTLE_ENDIAN = 0x01


@dataclass(frozen=True, slots=True)
class BagTopic:
    """One topic of a recording: its message type (``std_msgs/msg/String``), count, and the QoS it was offered with."""

    name: str
    type: str
    count: int
    qos: tuple[Qos, ...]


@dataclass(frozen=True, slots=True)
class BagMessage:
    """One recorded message: ``data`` is CDR with its 4-byte header, ``log_ns`` the time it was recorded at."""

    topic: str
    type: str
    log_ns: int
    data: bytes


class BagReader:
    """An open recording, to be used in a ``with`` statement.

    Attributes:
        path: what was opened.
        topics: by name.
        start_ns, end_ns: log time of the first and the last message, both 0 when there is none.

    Raises:
        BagError: no such recording, not one, truncated, or of a serialisation other than CDR.
    """

    def __init__(self, path: Path | str) -> None:
        """Open the recording and read its index."""
        self.path = Path(path)
        self._stack = ExitStack()
        if not self.path.exists():
            raise BagError(f"{self.path}: no such bag")
        try:
            self._reader = self._stack.enter_context(Reader(self.path))
        except Exception as error:  # on a damaged file rosbags raises whatever it stumbles over
            raise BagError(f"{self.path}: {_diagnosis(self.path, error)}") from error
        self.topics = _topics(self.path, self._reader.connections)
        empty = self._reader.message_count == 0
        self.start_ns = 0 if empty else self._reader.start_time
        self.end_ns = 0 if empty else self._reader.end_time - 1

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self.close()

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        self._stack.close()

    def require(self, names: Collection[str]) -> None:
        """Check that every topic of ``names`` is recorded.

        Raises:
            BagError: naming those that are missing and those that are there.
        """
        missing = [name for name in names if name not in self.topics or not self.topics[name].count]
        if missing:
            there = ", ".join(f"{t.name} ({t.count})" for t in self.topics.values()) or "nothing"
            raise BagError(f"{self.path}: no messages on {', '.join(missing)}; recorded: {there}")

    def messages(
        self, topics: Collection[str] | None = None, start_ns: int | None = None, stop_ns: int | None = None
    ) -> Iterator[BagMessage]:
        """Yield messages in the order of their log time.

        Args:
            topics: names to read; None reads all, names that are not recorded yield nothing.
            start_ns: first log time to yield, inclusive.
            stop_ns: log time at which to stop, exclusive.

        Raises:
            BagError: where the recording is damaged.
        """
        wanted = [c for c in self._reader.connections if topics is None or c.topic in topics]
        if not wanted:
            return
        try:
            for connection, log_ns, data in self._reader.messages(wanted, start_ns, stop_ns):
                yield BagMessage(connection.topic, connection.msgtype, log_ns, bytes(data))
        except Exception as error:
            raise BagError(f"{self.path}: damaged after its index was read: {error}") from error


def header_stamp_ns(data: bytes) -> int:
    """Stamp in nanoseconds of a CDR message whose first field is a std_msgs/Header.

    The stamp is the first thing in it: int32 seconds and uint32 nanoseconds behind the 4 bytes of encapsulation
    (OMG DDSI-RTPS 2.5, 10.2).

    Raises:
        BagError: fewer than 12 bytes.
    """
    if len(data) < 12:
        raise BagError(f"a message of {len(data)} bytes cannot hold a header")
    sec, nanosec = struct.unpack_from("<iI" if data[1] & _CDR_LITTLE_ENDIAN else ">iI", data, 4)
    return int(sec) * 1_000_000_000 + int(nanosec)


def _topics(path: Path, connections: Collection[Connection]) -> dict[str, BagTopic]:
    topics: dict[str, BagTopic] = {}
    for connection in connections:
        encoding = getattr(connection.ext, "serialization_format", "cdr")
        if encoding != "cdr":
            raise BagError(f"{path}: {connection.topic} is serialised as {encoding!r}, expected cdr")
        before = topics.get(connection.topic)
        if before is not None and before.type != connection.msgtype:
            raise BagError(f"{path}: {connection.topic} has two types, {before.type} and {connection.msgtype}")
        count = connection.msgcount + (before.count if before else 0)
        qos = tuple(getattr(connection.ext, "offered_qos_profiles", ()))
        topics[connection.topic] = BagTopic(connection.topic, connection.msgtype, count, qos)
    return dict(sorted(topics.items()))


def _diagnosis(path: Path, error: Exception) -> str:
    if path.is_dir():
        return _folder_diagnosis(path, error)
    if path.suffix not in (".mcap", ".db3"):
        return "not a bag: expected a rosbag2 folder, or a .mcap or .db3 file"
    if path.suffix == ".mcap":
        return _mcap_diagnosis(path) or str(error)
    return f"cannot be read as SQLite: {error}"


def _folder_diagnosis(path: Path, error: Exception) -> str:
    if not (path / "metadata.yaml").exists():
        return "a folder without metadata.yaml is no rosbag2 recording (`ros2 bag reindex` writes one)"
    for file in sorted(path.glob("*.mcap")):
        found = _mcap_diagnosis(file)
        if found:
            return f"{file.name}: {found}"
    return f"cannot be read: {error}"


def _mcap_diagnosis(path: Path) -> str:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(len(_MCAP_MAGIC))
        file.seek(max(0, size - len(_MCAP_MAGIC)))
        tail = file.read()
    if head != _MCAP_MAGIC:
        return f"not an MCAP file: it begins with {head!r}"
    if tail != _MCAP_MAGIC:
        return f"truncated MCAP: {size} bytes without the end mark (`mcap recover` saves what is left)"
    return ""
