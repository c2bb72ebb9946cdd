"""ONNX Runtime behind the Backend protocol."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo, Tensors
from perception_core.inference.loaded_network import LoadedNetwork

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

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
"""Our names of ONNX Runtime's devices, and its own."""

AUTO_PROVIDERS = ("cuda", "cpu")
"""What ``auto`` tries, in this order. Not TensorRT's, which builds engines for minutes without a word at the first run;
the backend tensorrt does the same with progress and a cache."""


class OnnxRuntimeBackend(LoadedNetwork):
    """A network run by ONNX Runtime."""

    def __init__(
        self,
        path: Path,
        threads: int = 1,
        spinning: bool = False,
        provider: str = "cpu",
        gpu: int = 0,
        reason: str = "",
    ) -> None:
        """Load ``path`` with ``threads`` threads inside an operator, which wait busily if ``spinning``.

        ``reason`` says why it is ONNX Runtime. ``provider`` is a name of :data:`PROVIDERS` or ``auto``, ``gpu`` the
        index of the GPU for those that have one. With ``auto`` a GPU that does not work is left for the CPU, and
        :attr:`reason` says so; asked for by name, it is an error.

        Raises:
            ModelError: naming the file and what ONNX Runtime says about it; a provider that is not there.
        """
        self._path = str(path)
        wanted, missing = _wanted_providers(provider, ort.get_available_providers())
        self._session: ort.InferenceSession | None = None
        failures = list(missing)
        for name in wanted:
            try:
                self._session = _session(path, name, gpu, _options(threads, spinning))
            except ModelError as error:
                failures.append(str(error))
                continue
            break
        if self._session is None:
            raise ModelError(failures[-1])
        device = f"CPU, {threads} thread{'s' if threads > 1 else ''}" if name == "cpu" else name.upper()
        self._name = f"onnxruntime ({device})"
        self._reason = "; ".join(part for part in (reason, *failures) if part)
        self._inputs = tuple(_info(path, node) for node in self._session.get_inputs())
        self._outputs = tuple(_info(path, node) for node in self._session.get_outputs())
        self._output_names = [info.name for info in self._outputs]

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


def _wanted_providers(wanted: str, available: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the providers to try, and a sentence about each that ``auto`` would have liked and that is not there.

    Raises:
        ModelError: one that was asked for by name is unknown or not there.
    """
    there = [name for name, full in PROVIDERS.items() if full in available]
    if wanted == "auto":
        missing = [f"this ONNX Runtime has no {name.upper()}" for name in AUTO_PROVIDERS if name not in there]
        return [name for name in AUTO_PROVIDERS if name in there], missing
    if wanted not in there:
        raise ModelError(f"ONNX Runtime's provider {wanted!r} is not available; available here: {', '.join(there)}")
    return [wanted], []


def _session(path: Path, provider: str, gpu: int, options: ort.SessionOptions) -> ort.InferenceSession:
    """Load the network on one device.

    ONNX Runtime itself would go over to the CPU and only log it.

    Raises:
        ModelError: it cannot be loaded, or runs elsewhere than on the device asked for.
    """
    full = PROVIDERS[provider]
    settings = {} if provider == "cpu" else {"device_id": str(gpu)}
    rest = [PROVIDERS[name] for name in ("cuda", "cpu") if _comes_after(name, provider)]
    if provider != "cpu":
        _preload_cuda()
    try:
        session = ort.InferenceSession(
            str(path), sess_options=options, providers=[(full, settings), *rest], enable_fallback=0
        )
    except Exception as error:  # ONNX Runtime's exceptions share no base below Exception
        where = "" if provider == "cpu" else f" on {provider.upper()}"
        raise ModelError(f"{path}: ONNX Runtime cannot load it{where}: {_first_line(error)}") from error
    if full not in session.get_providers():
        raise ModelError(
            f"{path}: ONNX Runtime's {provider.upper()} does not start (a library or the driver is missing)"
        )
    return session


def _comes_after(name: str, provider: str) -> bool:
    """Whether ``name`` may take the operators that ``provider`` does not have."""
    order = list(PROVIDERS)[::-1]
    return order.index(name) > order.index(provider) and PROVIDERS[name] in ort.get_available_providers()


def _preload_cuda() -> None:
    """Load CUDA from NVIDIA's Python packages, where it is not installed in the system."""
    if hasattr(ort, "preload_dlls"):
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not find
            ort.preload_dlls()


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
