"""The convolutions of an ONNX file, and quantizers put before them. Needs the Python package ``onnx``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError

_OPSET = 13
"""The first version of ONNX in which a quantizer has a scale each channel."""

_QUANTIZERS = ("QuantizeLinear", "DequantizeLinear")
_LARGEST = 127


@dataclass(frozen=True, slots=True)
class Quantizer:
    """``q = clip(round((x - middle) / scale), -128, 127)``."""

    scale: float
    middle: float


@dataclass(frozen=True, slots=True)
class Layer:
    """One convolution with constant weights.

    Attributes:
        name: of its node, made where the file gives none.
        input, output: names of values.
        weights: float32 (outputs, inputs / groups, ...).
        bias: float32 (outputs,), zeros where the file has none.
        shifts: whether a constant may be taken from its input and given back in the bias: nothing is padded.
    """

    name: str
    input: str
    output: str
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    shifts: bool

    def rounded(self) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Return the weights in 8 bits and a scale each output channel."""
        flat = self.weights.reshape(len(self.weights), -1)
        scales = (np.maximum(np.abs(flat).max(axis=1), 1e-12) / _LARGEST).astype(np.float32)
        steps = np.clip(np.rint(flat / scales[:, np.newaxis]), -_LARGEST, _LARGEST)
        return steps.astype(np.int8).reshape(self.weights.shape), scales

    def shifted_bias(self, middle: float) -> NDArray[np.float32]:
        """Return the bias that gives back what ``middle`` took from the input."""
        steps, scales = self.rounded()
        sums = steps.reshape(len(steps), -1).sum(axis=1, dtype=np.int64) * scales.astype(np.float64)
        return (self.bias + middle * sums).astype(np.float32)


class WeightedGraph:
    """One ONNX file whose convolutions are to be quantized."""

    def __init__(self, path: Path) -> None:
        """Read ``path``.

        Raises:
            ModelError: the package onnx is missing, it is not ONNX, or quantized already.
        """
        try:
            import onnx
        except ImportError as error:
            raise ModelError(f"{path}: quantization needs the Python package onnx: {error}") from error
        self._onnx = onnx
        self.path = path
        self.model = _read(onnx, path)
        self._constants = self._read_constants()
        self.layers = tuple(layer for layer in map(self._layer, self._named_nodes()) if layer is not None)
        self._quantized: dict[tuple[str, Quantizer], str] = {}

    def quantize(self, name: str, quantizer: Quantizer, rounding: NDArray[np.float32]) -> None:
        """Run a convolution on 8 bits; ``rounding`` (outputs,) is the mean that this adds to its outputs."""
        layer = next(layer for layer in self.layers if layer.name == name)
        node = next(node for node in self.model.graph.node if node.name == name)
        node.input[0] = self._quantized_input(layer.input, quantizer)
        node.input[1] = self._rounded_weights(layer)
        bias = self.add_constant(f"{name}/bias", layer.shifted_bias(quantizer.middle) - rounding)
        del node.input[2:]
        node.input.append(bias)

    def serialized(self) -> bytes:
        """Return the file, checked, its nodes in an order that can be run.

        Raises:
            ModelError: ONNX's own checker refuses it.
        """
        graph = self.model.graph
        used = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
        kept = [tensor for tensor in graph.initializer if tensor.name in used]
        del graph.initializer[:]
        graph.initializer.extend(kept)
        try:
            self._onnx.checker.check_model(self.model)
        except Exception as error:  # the checker's exceptions share no base below Exception
            raise ModelError(f"{self.path}: the quantized network is not valid: {str(error)[:300]}") from error
        return bytes(self.model.SerializeToString())

    def add_constant(self, name: str, array: NDArray[Any]) -> str:
        """Add a constant and return its name."""
        self.model.graph.initializer.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add_node(self, operator: str, inputs: list[str], output: str, before: int, **attributes: Any) -> str:
        """Insert a node before the node with the index ``before``, and return the name of its output."""
        node = self._onnx.helper.make_node(operator, inputs, [output], name=f"{output}/node", **attributes)
        self.model.graph.node.insert(before, node)
        return output

    def index_of(self, name: str) -> int:
        """Return the place of a node."""
        return next(i for i, node in enumerate(self.model.graph.node) if node.name == name)

    def _quantized_input(self, value: str, quantizer: Quantizer) -> str:
        known = self._quantized.get((value, quantizer))
        if known is not None:
            return known
        stem = f"{value}/int8" if quantizer.middle == 0.0 else f"{value}/shifted"
        scale = self.add_constant(f"{stem}/scale", np.array(quantizer.scale, np.float32))
        zero = self.add_constant(f"{stem}/zero", np.array(0, np.int8))
        at = next(i for i, node in enumerate(self.model.graph.node) if value in node.input)
        source = value
        if quantizer.middle != 0.0:
            middle = self.add_constant(f"{stem}/middle", np.array(quantizer.middle, np.float32))
            source = self.add_node("Sub", [value, middle], f"{stem}/value", at)
            at += 1
        steps = self.add_node("QuantizeLinear", [source, scale, zero], f"{stem}/steps", at)
        output = self.add_node("DequantizeLinear", [steps, scale, zero], stem, at + 1)
        self._quantized[value, quantizer] = output
        return output

    def _rounded_weights(self, layer: Layer) -> str:
        steps, scales = layer.rounded()
        stem = f"{layer.name}/weights"
        zero = self.add_constant(f"{stem}/zero", np.zeros(len(scales), np.int8))
        inputs = [self.add_constant(f"{stem}/steps", steps), self.add_constant(f"{stem}/scales", scales), zero]
        return self.add_node("DequantizeLinear", inputs, stem, self.index_of(layer.name), axis=0)

    def _named_nodes(self) -> list[Any]:
        nodes = list(self.model.graph.node)
        taken: set[str] = set()
        for i, node in enumerate(nodes):
            if not node.name or node.name in taken:
                node.name = f"{node.op_type}_{i}/unnamed"
            taken.add(node.name)
        return nodes

    def _read_constants(self) -> dict[str, NDArray[Any]]:
        to_array = self._onnx.numpy_helper.to_array
        constants = {tensor.name: to_array(tensor) for tensor in self.model.graph.initializer}
        for node in self.model.graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                constants[node.output[0]] = to_array(node.attribute[0].t)
        return constants

    def _layer(self, node: Any) -> Layer | None:
        """Return a convolution on images in float32 with constant weights and bias; None for any other node."""
        if node.op_type != "Conv" or any(name not in self._constants for name in node.input[1:] if name):
            return None
        weights = self._constants[node.input[1]]
        if weights.dtype != np.float32 or weights.ndim != 4:
            return None
        given = len(node.input) > 2 and bool(node.input[2])
        bias = self._constants[node.input[2]] if given else np.zeros(len(weights), np.float32)
        attributes = {a.name: self._onnx.helper.get_attribute_value(a) for a in node.attribute}
        one_by_one = weights.shape[2:] == (1, 1)
        padding = attributes.get("auto_pad", b"NOTSET")
        padded = any(attributes.get("pads", [])) or (padding not in (b"NOTSET", b"VALID") and not one_by_one)
        return Layer(node.name, node.input[0], node.output[0], weights, bias, not padded)


def _read(onnx: Any, path: Path) -> Any:
    try:
        model = onnx.load(path)
        version = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), _OPSET)
        if model.graph.node and version < _OPSET:
            model = onnx.version_converter.convert_version(model, _OPSET)
    except Exception as error:  # onnx and protobuf raise exceptions of many kinds
        raise ModelError(f"{path}: onnx cannot read it: {str(error)[:300]}") from error
    if not model.graph.node:
        raise ModelError(f"{path}: there is no network in it")
    if any(node.op_type in _QUANTIZERS for node in model.graph.node):
        raise ModelError(f"{path}: the network is quantized already")
    return model
