"""ONNX Runtime behind the Backend protocol."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo, Tensors

_DTYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}

_ERRORS_ONLY = 3
"""ONNX Runtime's severity: its warnings about its own optimiser are not the user's to mend."""


class OnnxRuntimeBackend:
    """A network run by ONNX Runtime on the CPU."""

    def __init__(self, path: Path, threads: int = 1, spinning: bool = False) -> None:
        """Load ``path`` with ``threads`` threads inside an operator, which wait busily if ``spinning``.

        Raises:
            ModelError: naming the file and what ONNX Runtime says about it.
        """
        self._path = str(path)
        self._name = f"onnxruntime (CPU, {threads} thread{'s' if threads > 1 else ''})"
        try:
            self._session: ort.InferenceSession | None = ort.InferenceSession(
                self._path, sess_options=_options(threads, spinning), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's exceptions share no base below Exception
            raise ModelError(f"{path}: ONNX Runtime cannot load it: {_first_line(error)}") from error
        self._inputs = tuple(_info(path, node) for node in self._session.get_inputs())
        self._outputs = tuple(_info(path, node) for node in self._session.get_outputs())
        self._output_names = [info.name for info in self._outputs]

    @property
    def name(self) -> str:
        """Engine and device, for people."""
        return self._name

    @property
    def path(self) -> str:
        """File the network was loaded from."""
        return self._path

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """Inputs in the order of the file."""
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """Outputs in the order of the file."""
        return self._outputs

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Tensors:
        """Run the network once; the arrays returned are the caller's.

        Raises:
            ModelError: a missing input, a wrong shape or dtype, or a failure of the engine.
        """
        if self._session is None:
            raise ModelError(f"{self._path}: the network is closed")
        try:
            results = self._session.run(self._output_names, dict(inputs))
        except Exception as error:  # ONNX Runtime's exceptions share no base below Exception
            raise ModelError(f"{self._path}: the network failed: {_first_line(error)}") from error
        return dict(zip(self._output_names, results, strict=True))

    def close(self) -> None:
        """Free the session."""
        self._session = None


def _options(threads: int, spinning: bool) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _ERRORS_ONLY
    # Measured with YOLOX-nano at 10 Hz on two cores, latency and CPU time an image. Two threads that spin:
    # 10 ms and 60 ms while nobody else works, 10 to 40 ms beside other processes. Two that sleep: 15 ms and
    # 17 ms. One: 15 ms and 15 ms, busy or not.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    return options


def _info(path: Path, node: ort.NodeArg) -> TensorInfo:
    if node.type not in _DTYPES:
        raise ModelError(f"{path}: {node.name} is of type {node.type}, which is not supported")
    shape = tuple(n if isinstance(n, int) and n > 0 else None for n in node.shape)
    return TensorInfo(node.name, shape, np.dtype(_DTYPES[node.type]))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]
