"""The file of an engine: a header that says what it is and what it must hash to, then the engine itself.

| bytes | what                                                                     |
|-------|--------------------------------------------------------------------------|
| 8     | magic, with the version of this format                                   |
| 4     | length of the header, little-endian                                      |
| n     | header, UTF-8 JSON: key (a text), size and sha256 of the engine          |
| size  | the engine                                                               |
"""

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perception_core.errors import ModelError
from perception_core.inference.engines.key import EngineKey

MAGIC = b"\x89PENG\r\n\x01"
"""As PNG's: a byte that is no text, a line end that a text transfer would change; the last byte is the version."""

_LENGTH = struct.Struct("<I")
_LONGEST_HEADER = 64 * 1024
_HEADER_FIELDS = {"key": str, "size": int, "sha256": str}


class EngineFileError(ModelError):
    """A file that is no engine, is damaged, or is another engine than the one asked for."""


@dataclass(frozen=True, slots=True)
class EngineHeader:
    """What the header says: the key as text, the engine's size in bytes and sha256, and where the engine begins."""

    key: str
    size: int
    sha256: str
    offset: int


def encode_header(key: EngineKey, engine: bytes) -> bytes:
    """Return all that stands before the engine in its file."""
    content = {"key": key.as_json(), "size": len(engine), "sha256": hashlib.sha256(engine).hexdigest()}
    text = _text(content)
    if len(text) > _LONGEST_HEADER:
        raise EngineFileError(f"a header of {len(text)} bytes is longer than {_LONGEST_HEADER}")
    return MAGIC + _LENGTH.pack(len(text)) + text


def parse_header(content: bytes) -> EngineHeader:
    """Read the header at the beginning of ``content``, of which at least the header must be there.

    Raises:
        EngineFileError: whatever is wrong with it, in words.
    """
    start = len(MAGIC) + _LENGTH.size
    if len(content) < start:
        raise EngineFileError(f"cut off within the first {start} bytes")
    if not content.startswith(MAGIC):
        raise EngineFileError("not an engine file of this version (other first bytes)")
    (length,) = _LENGTH.unpack_from(content, len(MAGIC))
    if length > _LONGEST_HEADER:
        raise EngineFileError(f"claims a header of {length} bytes")
    if len(content) < start + length:
        raise EngineFileError("cut off within the header")
    try:
        fields = json.loads(content[start : start + length])
    except (ValueError, RecursionError) as error:
        raise EngineFileError(f"unreadable header: {error}") from error
    if not isinstance(fields, dict) or any(type(fields.get(k)) is not t for k, t in _HEADER_FIELDS.items()):
        raise EngineFileError("header without key, size and sha256")
    if fields["size"] < 0:
        raise EngineFileError(f"claims an engine of {fields['size']} bytes")
    if _text(fields) != content[start : start + length]:
        raise EngineFileError("a header that was not written here")
    return EngineHeader(fields["key"], fields["size"], fields["sha256"], start + length)


def _text(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True).encode()


def read_engine(path: Path, key: EngineKey) -> bytes:
    """Return the engine in ``path`` after everything about it was checked.

    Raises:
        EngineFileError: damaged, cut off, longer than it says, or of another key.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        header = parse_header(file.read(len(MAGIC) + _LENGTH.size + _LONGEST_HEADER))
        if header.key != key.as_json():
            raise EngineFileError("of another network, library, GPU or setting")
        size = path.stat().st_size - header.offset
        if size != header.size:
            raise EngineFileError(f"{size} bytes of {header.size}")
        file.seek(header.offset)
        engine = file.read(header.size)
    if hashlib.sha256(engine).hexdigest() != header.sha256:
        raise EngineFileError("damaged (its sha256 is not that of its header)")
    return engine
