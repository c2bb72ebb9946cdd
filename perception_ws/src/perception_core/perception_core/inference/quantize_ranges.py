"""The range of each value that a convolution reads, from example images."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.quantize_graph import WeightedGraph


def calibrate(
    graph: WeightedGraph, images: Sequence[Mapping[str, NDArray[Any]]], report: Callable[[float], None]
) -> dict[str, tuple[float, float]]:
    """Return the smallest and the largest value of each input of a convolution, each averaged over the images.

    An average is moved less by one odd image than the extreme of all.

    Raises:
        ModelError: naming the value that is not finite.
    """
    names = sorted({layer.input for layer in graph.layers})
    lows, highs = np.zeros(len(names)), np.zeros(len(names))
    session = Observed(graph, names)
    for k, image in enumerate(images):
        for i, array in enumerate(session.run(image)):
            low, high = float(array.min()), float(array.max())
            if not np.isfinite(low) or not np.isfinite(high):
                raise ModelError(f"{graph.path}: {names[i]} is not finite on image {k}")
            lows[i] += low / len(images)
            highs[i] += high / len(images)
        report((k + 1) / len(images))
    return {name: (float(lows[i]), float(highs[i])) for i, name in enumerate(names)}


class Observed:
    """A network whose inner values can be seen."""

    def __init__(self, graph: WeightedGraph, names: Sequence[str]) -> None:
        """Load the graph as it is now, with ``names`` as its outputs.

        Raises:
            ModelError: ONNX Runtime refuses it.
        """
        import onnx
        import onnxruntime as ort

        model = onnx.ModelProto()
        model.CopyFrom(graph.model)
        self._path = graph.path
        self._inputs = [value.name for value in model.graph.input]
        self._names = list(names)
        self._inner = [name for name in names if name not in self._inputs]
        if self._inner:
            del model.graph.output[:]
            model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in self._inner)
        else:
            self._inner = [value.name for value in model.graph.output]
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions share no base below Exception
            raise ModelError(f"{graph.path}: ONNX Runtime cannot load it: {str(error)[:300]}") from error

    def run(self, image: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the values of ``names`` for one input.

        Raises:
            ModelError: the network fails.
        """
        try:
            found = dict(zip(self._inner, self._session.run(self._inner, dict(image)), strict=True))
        except Exception as error:  # see above
            raise ModelError(f"{self._path}: the network failed: {str(error)[:300]}") from error
        return [image[name] if name in self._inputs else found[name] for name in self._names]
