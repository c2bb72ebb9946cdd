"""Messages of recordings, and writing them: one MCAP file with the message definitions in it.

A single .mcap file, not a folder, is what users name on the command line; ``ros2 bag play``, ``ros2 bag info`` and
Foxglove open it as it is, because rosbag2's metadata is embedded and every schema is written as ros2msg text.
"""

import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from rclpy.serialization import deserialize_message, serialize_message
from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from perception_core.errors import BagError
from perception_nodes.bag_reader import BagMessage, BagReader, BagTopic, header_stamp_ns
from perception_tools.cdr import PaddingCleaner

__all__ = ["LATCHED", "RELIABLE", "BagMessage", "BagReader", "BagTopic", "BagWriter", "decoded", "header_stamp_ns"]

_VERSION = 9
# Stands in the embedded metadata, where readers do not believe it (files get renamed): one name for all, so that the
# same content gives the same bytes.
_INNER_NAME = "recording"
_FOREVER = QosTime(sec=9223372036, nsec=854775807)


def _qos(durability: QosDurability, depth: int) -> Qos:
    return Qos(
        QosHistory.KEEP_LAST,
        depth,
        QosReliability.RELIABLE,
        durability,
        _FOREVER,
        _FOREVER,
        QosLiveliness.AUTOMATIC,
        _FOREVER,
        avoid_ros_namespace_conventions=False,
    )


RELIABLE = _qos(QosDurability.VOLATILE, 10)
"""What a player offers by default: serves reliable and best-effort subscribers."""
LATCHED = _qos(QosDurability.TRANSIENT_LOCAL, 10)
"""For /tf_static and other topics that a late subscriber must still get."""


class BagWriter:
    """Writes one MCAP file; to be used in a ``with`` statement.

    The file appears under its name when it is complete; after an exception nothing is left of it. An existing file
    is replaced.

    Raises:
        BagError: the name does not end in .mcap, a folder has that name, or the place cannot be written to.
    """

    def __init__(self, path: Path | str) -> None:
        """Begin a file that will be called ``path``."""
        self.path = Path(path)
        if self.path.suffix != ".mcap":
            raise BagError(f"{self.path}: the name of a recording to write must end in .mcap")
        if self.path.is_dir():
            raise BagError(f"{self.path}: there is a folder of that name")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix=f".{self.path.stem}.", dir=self.path.parent))
        except OSError as error:
            raise BagError(f"{self.path}: cannot be written: {error.strerror}") from error
        self._writer = Writer(self._folder / _INNER_NAME, version=_VERSION, storage_plugin=StoragePlugin.MCAP)
        self._writer.open()
        self._connections: dict[str, Connection] = {}
        self._cleaners: dict[str, PaddingCleaner] = {}

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the file, or remove it after an exception."""
        try:
            if kind is None:
                self._writer.close()
                (self._folder / _INNER_NAME / f"{_INNER_NAME}.mcap").replace(self.path)
            else:
                self._writer.abort()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def add_topic(self, name: str, type_name: str, qos: Sequence[Qos] = (RELIABLE,)) -> None:
        """Announce a topic of type ``sensor_msgs/msg/Image``; a second announcement does nothing.

        Raises:
            BagError: no such message type is installed.
        """
        if name in self._connections:
            return
        store = typestore_for(type_name)
        self._connections[name] = self._writer.add_connection(
            name, type_name, typestore=store, offered_qos_profiles=qos
        )
        self._cleaners[name] = PaddingCleaner(store, type_name)

    def write(self, topic: str, log_ns: int, message: Any) -> None:
        """Append a message at ``log_ns``: an rclpy message, or CDR bytes, which are written as they are.

        Raises:
            BagError: the topic was not announced.
        """
        connection = self._connections.get(topic)
        if connection is None:
            raise BagError(f"{self.path}: {topic} was not announced")
        data = message if isinstance(message, bytes) else self._cleaners[topic].clean(serialize_message(message))
        self._writer.write(connection, log_ns, data)


def decoded(path: Path, message: BagMessage, kind: type) -> Any:
    """Return the message of type ``kind`` that was recorded in ``path``.

    Raises:
        BagError: its bytes are no such message.
    """
    try:
        return deserialize_message(message.data, kind)
    except Exception as error:  # the middleware's own, which differ from one to the next
        raise BagError(
            f"{path}: {message.topic} at {message.log_ns * 1e-9:.3f} s is no {message.type} as it is installed here "
            "(an older recording?)"
        ) from error


def typestore_for(type_name: str) -> Typestore:
    """Message definitions of ``type_name`` and what it is made of, from rosbags or the installed packages.

    Raises:
        BagError: no such message type is installed.
    """
    store = get_typestore(Stores.ROS2_JAZZY)
    pending = [type_name]
    while pending:
        name = pending.pop()
        if name in store.fielddefs:
            continue
        added = get_types_from_msg(_definition(name), name)
        store.register({key: value for key, value in added.items() if key not in store.fielddefs})
        pending += [used for used in _used_types(added[name]) if used not in store.fielddefs]
    return store


@cache
def _definition(type_name: str) -> str:
    package, _, name = type_name.replace("/msg/", "/").partition("/")
    try:
        return (Path(get_package_share_directory(package)) / "msg" / f"{name}.msg").read_text()
    except (PackageNotFoundError, OSError, ValueError) as error:
        raise BagError(f"{type_name}: no such message type is installed ({error})") from error


def _used_types(definition: Any) -> list[str]:
    """Names of the messages a rosbags type definition has as fields."""
    used = []
    for _, field in definition[1]:
        detail = field[1]
        while isinstance(detail, tuple) and isinstance(detail[0], tuple):  # arrays and sequences of something
            detail = detail[0][1]
        if isinstance(detail, str):
            used.append(detail)
    return used
