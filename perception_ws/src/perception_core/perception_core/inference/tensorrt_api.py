"""The names of TensorRT that are used here, from either of its two Python packages.

``tensorrt`` (10 and 11, Jetson and x86) and ``tensorrt_rtx`` (GeForce and RTX cards) have the same classes under two
module names. The types are those of ``tensorrt``; `make lint` checks every use of them against the signatures of
TensorRT 10, of 11 and of TensorRT-RTX, which it reads from the packages themselves.
"""

from dataclasses import dataclass, field
from importlib import import_module
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from perception_core.errors import ModelError

if TYPE_CHECKING:
    import tensorrt as trt

RTX = "tensorrt_rtx"
FLAVOURS = ("tensorrt", RTX)
"""Names of the packages, best first: RTX compiles for the card at hand while it loads, which takes seconds."""

_OLDEST = 10
"""Major version; of TensorRT-RTX any: it began with the API of 10."""


@dataclass(frozen=True)
class TensorRt:
    """One flavour's classes and enumerations."""

    flavour: str
    version: str
    Builder: "type[trt.Builder]"
    BuilderFlag: "type[trt.BuilderFlag]"
    DataType: "type[trt.DataType]"
    Dims: "type[trt.Dims]"
    ILogger: "type[trt.ILogger]"
    IProgressMonitor: "type[trt.IProgressMonitor]"
    MemoryPoolType: "type[trt.MemoryPoolType]"
    NetworkDefinitionCreationFlag: "type[trt.NetworkDefinitionCreationFlag]"
    OnnxParser: "type[trt.OnnxParser]"
    Runtime: "type[trt.Runtime]"
    TensorIOMode: "type[trt.TensorIOMode]"

    @property
    def title(self) -> str:
        """Return the library and its full version, ``tensorrt 10.16.1.11``."""
        return f"{self.flavour} {self.version}"

    def numpy_type(self, kind: "trt.DataType") -> np.dtype[Any]:
        """Return the NumPy dtype of a TensorRT type.

        Raises:
            ModelError: a type NumPy does not have (bfloat16, eight-bit floats).
        """
        kinds = self.DataType
        types = {
            kinds.FLOAT: np.float32,
            kinds.HALF: np.float16,
            kinds.INT8: np.int8,
            kinds.INT32: np.int32,
            kinds.INT64: np.int64,
            kinds.BOOL: np.bool_,
            kinds.UINT8: np.uint8,
        }
        if kind not in types:
            raise ModelError(f"{kind} has no NumPy type")
        return np.dtype(types[kind])


def load_api(flavour: str) -> TensorRt:
    """Import one flavour and look its names up.

    Raises:
        ModelError: not installed, its libraries are missing, or older than 10.
    """
    try:
        module = import_module(flavour)
    except Exception as error:  # a missing shared library, a foreign CUDA: no base below Exception
        raise ModelError(f"{flavour} cannot be imported: {error}") from error
    return api_of(module, flavour)


def api_of(module: ModuleType, flavour: str) -> TensorRt:
    """Return the names in an imported package.

    Raises:
        ModelError: too old, or a name is missing.
    """
    version = str(getattr(module, "__version__", "0"))
    if flavour == FLAVOURS[0] and int(version.partition(".")[0]) < _OLDEST:
        raise ModelError(f"{flavour} {version} is older than {_OLDEST}")
    wanted = [name for name in TensorRt.__dataclass_fields__ if name[0].isupper()]
    missing = [name for name in wanted if not hasattr(module, name)]
    if missing:
        raise ModelError(f"{flavour} {version} lacks {', '.join(missing)}")
    return TensorRt(flavour, version, **{name: getattr(module, name) for name in wanted})


def sizes(dims: "trt.Dims") -> tuple[int, ...]:
    """Return dimensions as a tuple, -1 where they are open.

    Raises:
        ModelError: not even their number is known.
    """
    try:
        return tuple(int(dims[i]) for i in range(len(dims)))
    except ValueError as error:  # Python's, about a length of -1
        raise ModelError("a tensor of unknown rank is not supported with TensorRT") from error


@dataclass(slots=True)
class Messages:
    """What TensorRT complained about, from any of its threads; the newest few errors are kept."""

    errors: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, text: str) -> None:
        """Keep one message."""
        with self._lock:
            self.errors = [*self.errors[-9:], " ".join(text.split())]

    def last(self, otherwise: str) -> str:
        """Return the messages since the last call in one line, ``otherwise`` without any; forget them."""
        with self._lock:
            text = "; ".join(dict.fromkeys(self.errors)) or otherwise
            self.errors = []
        return text[:600]


def listening_logger(api: TensorRt, messages: Messages) -> "trt.ILogger":
    """Return a logger that keeps errors instead of printing them.

    TensorRT wants a class derived from its own, which is known only once the package is imported.
    """
    loud = (api.ILogger.Severity.ERROR, api.ILogger.Severity.INTERNAL_ERROR)

    def log(_self: object, severity: "trt.ILogger.Severity", text: str) -> None:
        if severity in loud:
            messages.add(text)

    return derived(api.ILogger, log=log)


def derived[T](base: type[T], **methods: Any) -> T:
    """Return an instance of a class derived from one of TensorRT's, with ``methods``; its constructor is the base's."""
    kind: type[T] = type(f"Own{base.__name__}", (base,), methods)
    return kind()
