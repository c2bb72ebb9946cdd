"""Device memory, pinned memory, streams and graphs, through NVIDIA's cuda-python (``cuda.bindings``, CUDA 12 and 13).

Every function of ``cuda.bindings.runtime`` returns a tuple whose first entry is the error.
"""

import contextlib
import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU: its name and compute capability."""

    name: str
    capability: tuple[int, int]

    def __str__(self) -> str:
        """Return ``Orin, compute capability 8.7``."""
        return f"{self.name}, compute capability {self.capability[0]}.{self.capability[1]}"


class CudaError(ModelError):
    """CUDA refused a call."""


class Cuda:
    """The calls of the CUDA run time that are used here, on one GPU."""

    def __init__(self, runtime: Any, index: int = 0) -> None:
        """Use the module ``cuda.bindings.runtime`` on GPU ``index``.

        Raises:
            CudaError: no driver, or no such GPU.
        """
        self._runtime = runtime
        self._index = index
        (count,) = self.call(runtime.cudaGetDeviceCount)
        if not 0 <= index < count:
            raise CudaError(f"GPU {index}: there are {count}")
        self.use()

    def use(self) -> None:
        """Make the GPU the calling thread's, which each thread has to do for itself."""
        self.call(self._runtime.cudaSetDevice, self._index)

    def device(self) -> Device:
        """Return which GPU it is."""
        (properties,) = self.call(self._runtime.cudaGetDeviceProperties, self._index)
        name = properties.name
        text = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
        return Device(text.strip("\0 "), (int(properties.major), int(properties.minor)))

    def call(self, function: Callable[..., tuple[Any, ...]], *arguments: Any) -> tuple[Any, ...]:
        """Call a function of the run time and return what follows the error.

        Raises:
            CudaError: naming the function and the error.
        """
        error, *results = function(*arguments)
        if error != self._runtime.cudaError_t.cudaSuccess:
            raise CudaError(f"{function.__name__}: {getattr(error, 'name', error)}")
        return tuple(results)

    def allocate(self, size: int) -> int:
        """Return the address of ``size`` bytes on the GPU."""
        return int(self.call(self._runtime.cudaMalloc, size)[0])

    def free(self, address: int) -> None:
        """Give back what :meth:`allocate` gave."""
        self.call(self._runtime.cudaFree, address)

    def allocate_pinned(self, size: int) -> int:
        """Return the address of ``size`` bytes of page-locked host memory, which the GPU copies by itself."""
        return int(self.call(self._runtime.cudaMallocHost, size)[0])

    def free_pinned(self, address: int) -> None:
        """Give back what :meth:`allocate_pinned` gave."""
        self.call(self._runtime.cudaFreeHost, address)

    def stream(self) -> Any:
        """Return a new stream that does not wait for the default stream."""
        return self.call(self._runtime.cudaStreamCreateWithFlags, self._runtime.cudaStreamNonBlocking)[0]

    def destroy_stream(self, stream: Any) -> None:
        """Give back a stream."""
        self.call(self._runtime.cudaStreamDestroy, stream)

    def wait(self, stream: Any) -> None:
        """Return once all that was asked of ``stream`` is done."""
        self.call(self._runtime.cudaStreamSynchronize, stream)

    def to_device(self, device: int, host: int, size: int, stream: Any) -> None:
        """Ask ``stream`` to copy ``size`` bytes from the host's address to the GPU's."""
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        self.call(self._runtime.cudaMemcpyAsync, device, host, size, kind, stream)

    def to_host(self, host: int, device: int, size: int, stream: Any) -> None:
        """Ask ``stream`` to copy ``size`` bytes from the GPU's address to the host's."""
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self.call(self._runtime.cudaMemcpyAsync, host, device, size, kind, stream)

    def capture(self, enqueue: Callable[[], None], stream: Any) -> Any:
        """Return what ``enqueue`` asks of ``stream`` as a graph that can be launched; nothing is run.

        Raises:
            CudaError: something in it cannot be captured.
        """
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self.call(self._runtime.cudaStreamBeginCapture, stream, mode)
        try:
            enqueue()
        except BaseException:
            with contextlib.suppress(CudaError):  # the capture has to be ended; its own failure says less
                self.call(self._runtime.cudaStreamEndCapture, stream)
            raise
        (graph,) = self.call(self._runtime.cudaStreamEndCapture, stream)
        try:
            return self.call(self._runtime.cudaGraphInstantiate, graph, 0)[0]
        finally:
            self.call(self._runtime.cudaGraphDestroy, graph)

    def launch(self, graph: Any, stream: Any) -> None:
        """Ask ``stream`` to run a captured graph."""
        self.call(self._runtime.cudaGraphLaunch, graph, stream)

    def destroy_graph(self, graph: Any) -> None:
        """Give back a captured graph."""
        self.call(self._runtime.cudaGraphExecDestroy, graph)


class Buffer:
    """Memory for one tensor on the GPU and its page-locked twin on the host; grows, never shrinks."""

    def __init__(self, cuda: Cuda) -> None:
        """Own nothing yet."""
        self._cuda = cuda
        self._size = 0
        self.device = 0
        self.host = 0

    def grow(self, size: int) -> bool:
        """Have room for ``size`` bytes, at least one: an address must not be zero. Return whether it moved."""
        size = max(1, size)
        if size <= self._size:
            return False
        self.release()
        self.device = self._cuda.allocate(size)
        self.host = self._cuda.allocate_pinned(size)
        self._size = size
        return True

    def view(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the host's memory as an array of ``shape``; it is overwritten by the next run."""
        count = int(np.prod(shape, dtype=np.int64))
        memory = (ctypes.c_uint8 * (count * dtype.itemsize)).from_address(self.host)
        return np.frombuffer(memory, dtype, count).reshape(shape)

    def release(self) -> None:
        """Give the memory back."""
        device, host = self.device, self.host
        self.device = self.host = self._size = 0
        if device:
            self._cuda.free(device)
        if host:
            self._cuda.free_pinned(host)


def load_cuda(index: int = 0) -> Cuda:
    """Import cuda-python and take a GPU.

    Raises:
        ModelError: cuda-python is not installed, no driver, no such GPU; the message says which.
    """
    try:
        runtime = import_module("cuda.bindings.runtime")
    except Exception as error:  # a missing shared library as well as a missing package
        raise ModelError(f"cuda-python is not to be used (pip install cuda-bindings): {error}") from error
    return Cuda(runtime, index)
