"""What an ONNX file says of itself, read without an inference engine and without its weights.

The file is a protobuf message (onnx.proto of github.com/onnx/onnx; protobuf.dev/programming-guides/encoding); only the
few fields below are looked at, everything else is stepped over. A length that leads out of its message is an error
before a byte of it is read, so that a damaged or hostile file costs neither time nor memory.
"""

import mmap
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo

_MOST_FIELDS = 2_000_000
"""Large language models have some ten thousand nodes; a file of more fields than this is made to keep us busy."""

_MOST_TEXT = 1 << 20
"""Longest name or value that is kept, in bytes."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_SHIFT = 63

_DTYPES: Mapping[int, type[np.generic]] = {
    1: np.float32,
    2: np.uint8,
    3: np.int8,
    4: np.uint16,
    5: np.int16,
    6: np.int32,
    7: np.int64,
    9: np.bool_,
    10: np.float16,
    11: np.float64,
    12: np.uint32,
    13: np.uint64,
}
"""TensorProto.DataType."""

# Numbers of the fields, by message.
_MODEL_IR, _MODEL_PRODUCER, _MODEL_GRAPH, _MODEL_OPSET, _MODEL_METADATA = 1, 2, 7, 8, 14
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 5, 11, 12
_NODE_OPERATOR, _NODE_DOMAIN = 4, 7
_INITIALIZER_NAME = 8
_VALUE_NAME, _VALUE_TYPE = 1, 2
_TYPE_TENSOR = 1
_TENSOR_ELEMENT, _TENSOR_SHAPE = 1, 2
_SHAPE_DIM = 1
_DIM_VALUE = 1
_ENTRY_KEY, _ENTRY_VALUE = 1, 2


@dataclass(frozen=True, slots=True)
class OnnxHeader:
    """The outside of an ONNX file.

    Attributes:
        producer: the program that wrote it, empty if it does not say.
        ir_version: of the format.
        inputs: without those that have a constant value.
        outputs: with the shapes the file states.
        metadata: what the exporter wrote down, as text.
        operators: how often each is used, ``domain::Name`` outside the standard.
    """

    producer: str
    ir_version: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    metadata: Mapping[str, str]
    operators: Mapping[str, int]


def read_header(path: Path | str) -> OnnxHeader:
    """Read the outside of an ONNX file.

    Raises:
        ModelError: naming the file and the reason: it cannot be read, is empty, or is no ONNX file.
    """
    path = Path(path)
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _Reader(content).header()
    except OSError as error:
        raise ModelError(f"{path}: cannot read it: {error.strerror}") from error
    except ValueError as error:
        raise ModelError(f"{path}: not an ONNX file: {_reason(error)}") from error


def _reason(error: ValueError) -> str:
    text = str(error)
    return "it is empty" if "empty file" in text else text


@dataclass(frozen=True, slots=True)
class _Span:
    """A part of the file."""

    start: int
    end: int


class _Reader:
    """Steps through messages; ValueError with the reason where the bytes are no protobuf."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self._fields = 0

    def header(self) -> OnnxHeader:
        """Read the model."""
        producer, ir_version, graphs, opsets = "", 0, [], 0
        metadata: dict[str, str] = {}
        for number, value in self._walk(_Span(0, len(self._content))):
            if number == _MODEL_IR:
                ir_version = _whole(value)
            elif number == _MODEL_PRODUCER:
                producer = self._text(value)
            elif number == _MODEL_GRAPH:
                graphs.append(_span(value))
            elif number == _MODEL_OPSET:
                opsets += 1
            elif number == _MODEL_METADATA:
                entry = dict(self._walk(_span(value)))
                metadata[self._text(entry.get(_ENTRY_KEY))] = self._text(entry.get(_ENTRY_VALUE))
        if len(graphs) != 1 or not ir_version or not opsets:
            raise ValueError(f"{len(graphs)} graphs, format version {ir_version}, {opsets} operator sets")
        inputs, outputs, operators = self._graph(graphs[0])
        return OnnxHeader(producer, ir_version, inputs, outputs, metadata, operators)

    def _graph(self, span: _Span) -> tuple[tuple[TensorInfo, ...], tuple[TensorInfo, ...], Mapping[str, int]]:
        inputs: list[TensorInfo] = []
        outputs: list[TensorInfo] = []
        constants: set[str] = set()
        operators: Counter[str] = Counter()
        for number, value in self._walk(span):
            if number == _GRAPH_NODE:
                operators[self._operator(_span(value))] += 1
            elif number == _GRAPH_INITIALIZER:
                constants.add(self._text(dict(self._walk(_span(value))).get(_INITIALIZER_NAME)))
            elif number == _GRAPH_INPUT:
                inputs.append(self._value_info(_span(value)))
            elif number == _GRAPH_OUTPUT:
                outputs.append(self._value_info(_span(value)))
        return tuple(i for i in inputs if i.name not in constants), tuple(outputs), dict(operators)

    def _operator(self, span: _Span) -> str:
        fields = dict(self._walk(span))
        domain, name = self._text(fields.get(_NODE_DOMAIN)), self._text(fields.get(_NODE_OPERATOR))
        return name if domain in ("", "ai.onnx") else f"{domain}::{name}"

    def _value_info(self, span: _Span) -> TensorInfo:
        fields = dict(self._walk(span))
        name = self._text(fields.get(_VALUE_NAME))
        kind = dict(self._walk(_span(fields.get(_VALUE_TYPE, _Span(0, 0)))))
        if _TYPE_TENSOR not in kind:
            raise ValueError(f"{name} is not a tensor")
        tensor = dict(self._walk(_span(kind[_TYPE_TENSOR])))
        element = _whole(tensor.get(_TENSOR_ELEMENT, 0))
        if element not in _DTYPES:
            raise ValueError(f"{name} is of element type {element}, which is not supported")
        dims = [_span(v) for n, v in self._walk(_span(tensor.get(_TENSOR_SHAPE, _Span(0, 0)))) if n == _SHAPE_DIM]
        return TensorInfo(name, tuple(self._dim(d) for d in dims), np.dtype(_DTYPES[element]))

    def _dim(self, span: _Span) -> int | None:
        value = dict(self._walk(span)).get(_DIM_VALUE)
        return value if isinstance(value, int) and 0 < value < 1 << 31 else None

    def _text(self, value: int | _Span | None) -> str:
        if value is None:
            return ""
        span = _span(value)
        if span.end - span.start > _MOST_TEXT:
            raise ValueError(f"a text of {span.end - span.start} bytes at byte {span.start}")
        return self._content[span.start : span.end].decode("utf-8", errors="replace")

    def _walk(self, span: _Span) -> Iterator[tuple[int, int | _Span]]:
        """Yield number and value of each field of the message in ``span``."""
        at = span.start
        while at < span.end:
            self._fields += 1
            if self._fields > _MOST_FIELDS:
                raise ValueError(f"more than {_MOST_FIELDS} fields")
            key, after = self._varint(at, span.end)
            number, kind = key >> 3, key & 7
            if kind == _VARINT:
                value, at = self._varint(after, span.end)
                yield number, value
                continue
            if kind == _BYTES:
                length, after = self._varint(after, span.end)
            elif kind in (_FIXED64, _FIXED32):
                length = 8 if kind == _FIXED64 else 4
            else:
                raise ValueError(f"byte {at} starts no protobuf field")
            if number == 0 or length > span.end - after:
                raise ValueError(f"field {number} at byte {at} claims {length} bytes, {span.end - after} are left")
            yield number, _Span(after, after + length)
            at = after + length

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        value = shift = 0
        while at < end and shift <= _MOST_SHIFT:
            byte = self._content[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value, at
            shift += 7
        raise ValueError(f"no number ends before byte {at}")


def _span(value: int | _Span) -> _Span:
    if isinstance(value, _Span):
        return value
    raise ValueError("a number stands where a message is expected")


def _whole(value: int | _Span) -> int:
    if isinstance(value, int):
        return value
    raise ValueError("a message stands where a number is expected")
