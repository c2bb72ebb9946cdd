"""A network in half precision: the same graph with 16-bit numbers inside, its inputs and outputs as they were.

TensorRT builds strongly typed networks: each tensor has the type that the file says. So what is to run in half
precision has to be written so. Needs the Python package ``onnx``.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError

HALF_PRECISIONS = ("fp16", "bf16")
_QUANTIZERS = ("QuantizeLinear", "DequantizeLinear")

_LARGEST_FP16 = float(np.finfo(np.float16).max)

_ALWAYS_FLOAT = frozenset(
    {
        "Bernoulli",
        "EyeLike",
        "HannWindow",
        "MelWeightMatrix",
        "Multinomial",
        "NonMaxSuppression",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
        "Range",
    }
)
"""Operators that know float32 only, or whose type is an attribute with float32 as its default."""

_FLOAT_INPUTS = {"Resize": (1, 2), "Upsample": (1,)}
"""Inputs that are float32 whatever the type of the data: regions and scales."""

_OWN_DOMAINS = ("", "ai.onnx")


def is_quantized(path: Path) -> bool:
    """Whether an ONNX file has quantizers, that is their names in its bytes.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        return _QUANTIZERS[0].encode() in path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot read it: {error.strerror}") from error


def can_convert() -> bool:
    """Whether the package the conversion needs is installed."""
    return find_spec("onnx") is not None


def convert(path: Path, precision: str) -> bytes:
    """Return the ONNX file ``path`` as one in ``precision``, ``fp16`` or ``bf16``, with float32 inputs and outputs.

    Weights beyond the largest number of half precision become that number.

    Raises:
        ModelError: not ONNX, already quantised, branches or loops inside, or operators of other domains than ONNX's.
    """
    try:
        import onnx
    except ImportError as error:
        raise ModelError(f"{path}: conversion to {precision} needs the Python package onnx: {error}") from error
    try:
        model = onnx.shape_inference.infer_shapes(onnx.load(path))
    except Exception as error:  # onnx and protobuf raise exceptions of many kinds
        raise ModelError(f"{path}: onnx cannot read it: {str(error)[:300]}") from error
    if not model.graph.node:
        raise ModelError(f"{path}: there is no network in it")
    _Converter(str(path), model, precision).convert()
    return bytes(model.SerializeToString())


class _Converter:
    """Rewrites one graph in place."""

    def __init__(self, path: str, model: Any, precision: str) -> None:
        import onnx

        self._onnx = onnx
        self._path = path
        self._graph = model.graph
        self._precision = precision
        proto = onnx.TensorProto
        self._float = proto.FLOAT
        self._half = {"fp16": proto.FLOAT16, "bf16": proto.BFLOAT16}[precision]
        self._weights: dict[str, NDArray[np.float32]] = {}
        self._written: set[str] = set()
        self._nodes: list[Any] = []

    def convert(self) -> None:
        """Rewrite the graph in place: weights and the values between them in half precision, inputs and outputs kept.

        Raises:
            ModelError: operators or weights that cannot be converted.
        """
        graph = self._graph
        self._check()
        self._take_weights()
        inputs = [value.name for value in graph.input if self._is_float(value)]
        outputs = [value.name for value in graph.output if self._is_float(value)]
        floats = self._float_values() | set(self._weights) | set(inputs) | set(outputs)
        renamed = {name: f"{name}/half" for name in inputs} | {name: f"{name}/half" for name in outputs}
        nodes = list(graph.node)
        del graph.node[:]
        del graph.value_info[:]
        for name in inputs:
            self._cast(name, renamed[name], self._half)
        for node in nodes:
            self._rewrite(node, floats, renamed)
        for name in outputs:
            self._cast(renamed[name], name, self._float)
        graph.node.extend(self._nodes)

    def _check(self) -> None:
        for node in self._graph.node:
            if node.domain not in _OWN_DOMAINS:
                raise ModelError(f"{self._path}: operator {node.domain}.{node.op_type} cannot be converted")
            if node.op_type in _QUANTIZERS:
                raise ModelError(f"{self._path}: the network is quantised, and cannot be made {self._precision}")
            if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
                raise ModelError(f"{self._path}: {node.op_type} with a graph inside cannot be converted")

    def _is_float(self, value: Any) -> bool:
        return bool(value.type.tensor_type.elem_type == self._float)

    def _float_values(self) -> set[str]:
        known = {value.name: self._is_float(value) for value in (*self._graph.value_info, *self._graph.output)}
        produced = {name for node in self._graph.node for name in node.output if name and node.op_type != "Constant"}
        unknown = sorted(produced - known.keys())
        if unknown:
            raise ModelError(f"{self._path}: the type of {unknown[0]} is not known, so it cannot be converted")
        return {name for name, is_float in known.items() if is_float}

    def _take_weights(self) -> None:
        """Move float constants, from initializers and Constant nodes, out of the graph; they are written when used."""
        to_array = self._onnx.numpy_helper.to_array
        graph = self._graph
        for tensor in [t for t in graph.initializer if t.data_type == self._float]:
            self._weights[tensor.name] = to_array(tensor)
            graph.initializer.remove(tensor)
        for node in [n for n in graph.node if n.op_type == "Constant"]:
            value = self._onnx.helper.get_attribute_value(node.attribute[0])
            if node.attribute[0].name == "value" and value.data_type == self._float:
                self._weights[node.output[0]] = to_array(value)
            elif node.attribute[0].name in ("value_float", "value_floats"):
                self._weights[node.output[0]] = np.array(value, np.float32)
            else:
                continue
            graph.node.remove(node)

    def _rewrite(self, node: Any, floats: set[str], renamed: dict[str, str]) -> None:
        always_float = node.op_type in _ALWAYS_FLOAT
        fixed = _FLOAT_INPUTS.get(node.op_type, ())
        for index, name in enumerate(node.input):
            if name in floats:
                kind = self._float if always_float or index in fixed else self._half
                node.input[index] = self._value(renamed.get(name, name), name, kind)
        self._set_types(node)
        casts = []
        for index, name in enumerate(node.output):
            if name not in floats:
                continue
            target = renamed.get(name, name)
            node.output[index] = target
            if always_float:
                node.output[index] = f"{target}/float"
                casts.append((node.output[index], target))
        self._nodes.append(node)
        for source, target in casts:
            self._cast(source, target, self._half)

    def _value(self, name: str, original: str, kind: int) -> str:
        """Return the name under which a value is there as ``kind``, made where it is not."""
        suffix = "half" if kind == self._half else "float"
        if original in self._weights:
            written = f"{original}/{suffix}"
            if written not in self._written:
                self._written.add(written)
                self._graph.initializer.append(self._tensor(written, self._weights[original], kind))
            return written
        if kind == self._half:
            return name
        written = f"{name}/{suffix}"
        if written not in self._written:
            self._written.add(written)
            self._cast(name, written, kind)
        return written

    def _set_types(self, node: Any) -> None:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == self._float:
                attribute.i = self._half
            if node.op_type == "ConstantOfShape" and attribute.t.data_type == self._float:
                value = self._onnx.numpy_helper.to_array(attribute.t)
                attribute.t.CopyFrom(self._tensor("value", value, self._half))
        if node.op_type == "ConstantOfShape" and not node.attribute:  # whose default is one float32 zero
            zero = self._tensor("value", np.zeros(1, np.float32), self._half)
            node.attribute.append(self._onnx.helper.make_attribute("value", zero))

    def _cast(self, source: str, target: str, kind: int) -> None:
        self._nodes.append(self._onnx.helper.make_node("Cast", [source], [target], name=f"{target}/cast", to=kind))

    def _tensor(self, name: str, array: NDArray[np.float32], kind: int) -> Any:
        raw = array.astype("<f4").tobytes()
        if kind != self._float:
            raw = to_half(array, self._precision).tobytes()
        return self._onnx.TensorProto(name=name, data_type=kind, dims=array.shape, raw_data=raw)


def to_half(array: NDArray[np.float32], precision: str) -> NDArray[Any]:
    """Return the nearest 16-bit numbers, as float16 or as the bits of bfloat16 (uint16); ties to even."""
    if precision == "fp16":
        finite = np.isfinite(array)
        clipped = np.where(finite, np.clip(array, -_LARGEST_FP16, _LARGEST_FP16), array)
        return clipped.astype("<f2")
    bits = np.ascontiguousarray(array, "<f4").view("<u4")
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    quiet = (bits >> np.uint32(16)) | np.uint32(0x40)  # a NaN stays one
    return np.where(np.isnan(array), quiet, rounded).astype("<u2")
