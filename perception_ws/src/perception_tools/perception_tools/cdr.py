"""CDR bytes that depend on the message alone.

The middleware's serialisation leaves the padding between fields as it finds it in memory: the same message twice gives
different bytes, and a recording carries crumbs of the process that made it. The layout is that of plain CDR, version 1
(OMG DDSI-RTPS 2.5, 10.2; DDS-XTYPES 1.3, 7.4.1): primitives aligned to their size, counted from behind the 4 bytes of
encapsulation; strings and sequences preceded by a uint32 length.
"""

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rosbags.interfaces import Nodetype
from rosbags.typesys.store import Typestore

from perception_core.errors import BagError

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZES = {
    "bool": 1, "byte": 1, "octet": 1, "char": 1, "int8": 1, "uint8": 1,
    "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "float32": 4,
    "int64": 8, "uint64": 8, "float64": 8,
}  # fmt: skip
_HEADER = 4
_UINT32 = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class _Run:
    """``count`` primitives of ``size`` bytes, fixed in number."""

    size: int
    count: int


@dataclass(frozen=True, slots=True)
class _Text:
    """A string."""


@dataclass(frozen=True, slots=True)
class _Sequence:
    """Any number of ``element``."""

    element: tuple[Any, ...]


class PaddingCleaner:
    """Sets the padding of one message type's CDR to zero."""

    def __init__(self, store: Typestore, type_name: str) -> None:
        """Lay the fields of the type out once.

        Raises:
            BagError: a field type that plain CDR of ROS messages does not have (wstring).
        """
        self._name = type_name
        self._layout = tuple(_merged(_layout(store, type_name)))

    def clean(self, data: bytes) -> bytes:
        """Return ``data``, little-endian CDR with its header, with zeros for padding.

        Raises:
            BagError: the bytes are not a message of this type.
        """
        out = bytearray(data)
        try:
            end = _walk(out, _HEADER, self._layout)
        except struct.error as error:
            raise BagError(f"{self._name}: {len(data)} bytes end within a field") from error
        if not end <= len(out) <= end + 3:
            raise BagError(f"{self._name}: {len(data)} bytes, expected {end}")
        out[end:] = bytes(len(out) - end)
        return bytes(out)


def _walk(data: bytearray, at: int, layout: tuple[Any, ...]) -> int:
    for item in layout:
        if isinstance(item, _Run):
            at = _align(data, at, item.size) + item.size * item.count
            continue
        at = _align(data, at, 4)
        (length,) = _UINT32.unpack_from(data, at)
        at += 4
        if isinstance(item, _Text):
            at += length
        elif len(item.element) == 1 and isinstance(item.element[0], _Run):
            run = item.element[0]
            if length:
                at = _align(data, at, run.size) + run.size * run.count * length
        else:
            for _ in range(length):
                at = _walk(data, at, item.element)
    return at


def _align(data: bytearray, at: int, size: int) -> int:
    gap = (_HEADER - at) % size
    if gap:
        data[at : at + gap] = bytes(gap)
    return at + gap


def _layout(store: Typestore, type_name: str) -> list[Any]:
    _, fields = store.fielddefs[type_name]
    return [part for _, field in fields for part in _field(store, type_name, field)]


def _field(store: Typestore, owner: str, field: tuple[Any, Any]) -> list[Any]:
    kind, detail = field
    parts: dict[Nodetype, Callable[[], list[Any]]] = {
        Nodetype.BASE: lambda: [_primitive(owner, detail[0])],
        Nodetype.NAME: lambda: _layout(store, detail),
        Nodetype.ARRAY: lambda: _field(store, owner, detail[0]) * detail[1],
        Nodetype.SEQUENCE: lambda: [_Sequence(tuple(_merged(_field(store, owner, detail[0]))))],
    }
    return parts[Nodetype(kind)]()


def _primitive(owner: str, name: str) -> _Run | _Text:
    if name == "string":
        return _Text()
    if name not in _SIZES:
        raise BagError(f"{owner}: fields of type {name} are not supported")
    return _Run(_SIZES[name], 1)


def _merged(parts: list[Any]) -> list[Any]:
    """Join runs of one size: they have no padding between them."""
    out: list[Any] = []
    for part in parts:
        if out and isinstance(part, _Run) and isinstance(out[-1], _Run) and out[-1].size == part.size:
            out[-1] = _Run(part.size, out[-1].count + part.count)
        else:
            out.append(part)
    return out
