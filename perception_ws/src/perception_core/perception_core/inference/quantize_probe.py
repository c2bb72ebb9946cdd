"""What rounding does to each convolution by itself: its twin in 8 bits runs beside it on the same values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.inference.quantize_graph import Layer, Quantizer, WeightedGraph
from perception_core.inference.quantize_ranges import Observed

_LEAST_VARIANCE = 1e-6
"""Share of the mean variance of a layer's channels below which a channel says nothing."""


@dataclass(frozen=True, slots=True)
class LayerNoise:
    """What 8 bits do to one convolution.

    Attributes:
        name: of its node.
        noise: variance of the error over that of the output, mean over the channels; 0 is exact.
        bias: float32 (outputs,) mean of the error.
        work: multiplications a run.
    """

    name: str
    noise: float
    bias: NDArray[np.float32]
    work: int


def measure(
    graph: WeightedGraph,
    quantizers: Mapping[str, Quantizer],
    images: Sequence[Mapping[str, NDArray[Any]]],
    report: Callable[[float], None],
) -> tuple[LayerNoise, ...]:
    """Return the noise of every convolution of ``graph``, to which the twins are added; it is of no further use."""
    for layer in graph.layers:
        _add_twin(graph, layer, quantizers[layer.name])
    names = [f"{layer.name}/{part}" for layer in graph.layers for part in _MEANS]
    shapes = [f"{layer.name}/shape" for layer in graph.layers]
    session = Observed(graph, [*names, *shapes])
    sums = np.zeros(len(names), dtype=object)
    found: list[NDArray[Any]] = []
    for k, image in enumerate(images):
        found = session.run(image)
        sums += np.array([*map(_mean, found[: len(names)]), None], dtype=object)[:-1]
        report((k + 1) / len(images))
    each = (sums / len(images)).reshape(-1, len(_MEANS))
    rows = zip(graph.layers, each, found[len(names) :], strict=True)
    return tuple(_noise(layer, [*parts], shape) for layer, parts, shape in rows)


_MEANS = ("mean", "power", "error", "error_power")
"""Of each channel: mean and mean square of the output, and of the twin's error."""


def _add_twin(graph: WeightedGraph, layer: Layer, quantizer: Quantizer) -> None:
    """Add the convolution in 8 bits and what is measured of both; on the values of the float network."""
    steps, scales = layer.rounded()
    node = graph.model.graph.node[graph.index_of(layer.name)]
    attributes = {a.name: a for a in node.attribute}
    end = len(graph.model.graph.node)
    stem = layer.name
    middle = graph.add_constant(f"{stem}/twin/middle", np.array(quantizer.middle, np.float32))
    scale = graph.add_constant(f"{stem}/twin/scale", np.array(quantizer.scale, np.float32))
    zero = graph.add_constant(f"{stem}/twin/zero", np.array(0, np.int8))
    shape = (-1, *([1] * (steps.ndim - 1)))
    weights = graph.add_constant(f"{stem}/twin/weights", steps.astype(np.float32) * scales.reshape(shape))
    bias = graph.add_constant(f"{stem}/twin/bias", layer.shifted_bias(quantizer.middle))
    value = graph.add_node("Sub", [layer.input, middle], f"{stem}/twin/value", end)
    value = graph.add_node("QuantizeLinear", [value, scale, zero], f"{stem}/twin/steps", end + 1)
    value = graph.add_node("DequantizeLinear", [value, scale, zero], f"{stem}/twin/input", end + 2)
    twin = graph.add_node("Conv", [value, weights, bias], f"{stem}/twin/output", end + 3)
    graph.model.graph.node[end + 3].attribute.extend(attributes.values())
    error = graph.add_node("Sub", [twin, layer.output], f"{stem}/twin/difference", end + 4)
    squares = graph.add_node("Mul", [error, error], f"{stem}/twin/squares", end + 5)
    power = graph.add_node("Mul", [layer.output, layer.output], f"{stem}/twin/signal", end + 6)
    for i, (part, source) in enumerate(zip(_MEANS, (layer.output, power, error, squares), strict=True)):
        graph.add_node("GlobalAveragePool", [source], f"{stem}/{part}", end + 7 + i)
    graph.add_node("Shape", [layer.output], f"{stem}/shape", end + 7 + len(_MEANS))


def _mean(array: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean of (B, C, 1, 1) over the batch."""
    return array.reshape(array.shape[0], array.shape[1]).mean(axis=0, dtype=np.float64)


def _noise(layer: Layer, parts: Sequence[NDArray[np.float64]], shape: NDArray[np.int64]) -> LayerNoise:
    mean, power, error, error_power = parts
    signal = np.maximum(power - mean**2, 0.0)
    noise = np.maximum(error_power - error**2, 0.0)
    least = _LEAST_VARIANCE * max(float(signal.mean()), 1e-30)
    share = float((noise / np.maximum(signal, least)).mean())
    return LayerNoise(layer.name, share, error.astype(np.float32), int(layer.weights.size * np.prod(shape[2:])))
