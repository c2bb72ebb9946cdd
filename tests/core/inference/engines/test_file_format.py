"""Headers of engine files: what was written is read, anything else is refused with a reason."""

import json
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perception_core.inference.engines.file_format import (
    MAGIC,
    EngineFileError,
    encode_header,
    parse_header,
    read_engine,
)
from perception_core.inference.engines.key import EngineKey, ShapeRange

KEY = EngineKey("ab" * 32, "tensorrt 10.16.1.11", "Orin", "fp16", (("images", ShapeRange.fixed((1, 3, 64, 64))),))


@given(st.binary(max_size=200))
def test_what_was_encoded_is_parsed(engine):
    content = encode_header(KEY, engine)
    header = parse_header(content + engine)
    assert (header.key, header.size, header.offset) == (KEY.as_json(), len(engine), len(content))


@given(st.binary(max_size=300), st.booleans())
@example(MAGIC + b"\xff\xff\xff\xff", False)
@example(MAGIC + struct.pack("<I", 2) + b"{}", False)
@example(MAGIC + struct.pack("<I", 2) + b"[]", False)
@example(MAGIC + struct.pack("<I", 60000) + b"[" * 60000, False)
@example(b"", False)
def test_any_bytes_are_a_header_or_refused(content, with_magic):
    try:
        header = parse_header(MAGIC + content if with_magic else content)
    except EngineFileError:
        return
    assert header.size >= 0


@given(st.data())
def test_a_header_cut_off_anywhere_is_refused(data):
    content = encode_header(KEY, b"engine")
    end = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(EngineFileError, match=r"cut off|other first bytes"):
        parse_header(content[:end])


@pytest.mark.parametrize(
    "fields",
    [
        {"key": "k", "size": -1, "sha256": "x"},
        {"key": "k", "size": True, "sha256": "x"},
        {"key": 3, "size": 1, "sha256": "x"},
        {"key": "k", "size": 1.5, "sha256": "x"},
        {"size": 1, "sha256": "x"},
        [1],
        None,
    ],
)
def test_a_header_with_odd_fields_is_refused(fields):
    text = json.dumps(fields).encode()
    with pytest.raises(EngineFileError, match=r"header|claims"):
        parse_header(MAGIC + struct.pack("<I", len(text)) + text)


@given(st.data())
def test_a_file_with_any_byte_changed_is_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "changed.engine"
    content = bytearray(encode_header(KEY, b"engine") + b"engine")
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(EngineFileError):
        read_engine(path, KEY)


def test_a_header_that_means_the_same_in_other_bytes_is_refused():
    content = encode_header(KEY, b"engine")
    assert content.count(b'": ') > 0
    with pytest.raises(EngineFileError, match="not written here"):
        parse_header(content.replace(b'": ', b'":\t'))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: content[:-1], "5 bytes of 6"),
        (lambda content: content + b"more", "10 bytes of 6"),
        (lambda content: content[:-6] + b"ENGINE", "damaged"),
        (lambda content: b"", "cut off"),
        (lambda content: b"\x08\x09" * 100, "not an engine file"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_with_the_reason(tmp_path, change, reason):
    path = tmp_path / "a.engine"
    path.write_bytes(change(encode_header(KEY, b"engine") + b"engine"))
    with pytest.raises(EngineFileError, match=reason):
        read_engine(path, KEY)


def test_a_whole_file_is_read(tmp_path):
    path = tmp_path / "a.engine"
    path.write_bytes(encode_header(KEY, b"engine") + b"engine")
    assert read_engine(path, KEY) == b"engine"
