"""A fake CUDA on the host's memory, with the calls and the rules of the real one.

Device memory is memory of this process, filled with rubbish; copies are checked to stay inside what was allocated.
Whether the real one behaves so only a GPU can show; its names are checked by test_cuda_names.
"""

import ctypes
import enum
import threading
from types import ModuleType, SimpleNamespace


class FakeCudaError(enum.IntEnum):
    cudaSuccess = 0
    cudaErrorMemoryAllocation = 2
    cudaErrorInvalidValue = 1
    cudaErrorStreamCaptureUnsupported = 900


class FakeCudaRuntime(ModuleType):
    """Stands for the module cuda.bindings.runtime."""

    cudaError_t = FakeCudaError
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal=1)
    cudaStreamNonBlocking = 1

    def __init__(self):
        super().__init__("cuda.bindings.runtime")
        self.memory = {}
        self.calls = []
        self.captured = None
        self.can_capture = True
        self.room = 1 << 30
        self.chosen = threading.local()

    def _allocate(self, size):
        if size > self.room:
            return FakeCudaError.cudaErrorMemoryAllocation, None
        block = ctypes.create_string_buffer(b"\xcd" * size, size)
        self.memory[ctypes.addressof(block)] = block
        return FakeCudaError.cudaSuccess, ctypes.addressof(block)

    def _free(self, address):
        known = self.memory.pop(address, None) is not None
        return (FakeCudaError.cudaSuccess if known else FakeCudaError.cudaErrorInvalidValue,)

    def check(self, address, size):
        """Fail unless ``size`` bytes from ``address`` were allocated."""
        assert any(a <= address and address + size <= a + len(b) for a, b in self.memory.items()), "outside memory"

    def enqueue(self, work):
        """Do ``work`` now, or keep it while a graph is captured."""
        assert getattr(self.chosen, "gpu", None) == 0, "this thread has chosen no GPU"
        if self.captured is None:
            work()
        else:
            self.captured.append(work)

    def cudaGetDeviceCount(self):
        return FakeCudaError.cudaSuccess, 1

    def cudaSetDevice(self, index):
        self.chosen.gpu = index
        return (FakeCudaError.cudaSuccess,)

    def cudaGetDeviceProperties(self, index):
        return FakeCudaError.cudaSuccess, SimpleNamespace(name=b"Fake GPU", major=8, minor=7)

    def cudaMalloc(self, size):
        return self._allocate(size)

    def cudaMallocHost(self, size):
        return self._allocate(size)

    def cudaFree(self, address):
        return self._free(address)

    def cudaFreeHost(self, address):
        return self._free(address)

    def cudaStreamCreateWithFlags(self, flags):
        assert flags == self.cudaStreamNonBlocking
        self.calls.append("stream")
        return FakeCudaError.cudaSuccess, 77

    def cudaStreamDestroy(self, stream):
        self.calls.append("destroy stream")
        return (FakeCudaError.cudaSuccess,)

    def cudaStreamSynchronize(self, stream):
        assert self.captured is None, "not allowed while a graph is captured"
        return (FakeCudaError.cudaSuccess,)

    def cudaMemcpyAsync(self, to, source, size, kind, stream):
        self.check(to, size)
        self.check(source, size)
        assert stream == 77
        self.enqueue(lambda: ctypes.memmove(to, source, size))
        return (FakeCudaError.cudaSuccess,)

    def cudaStreamBeginCapture(self, stream, mode):
        self.captured = []
        return (FakeCudaError.cudaSuccess,)

    def cudaStreamEndCapture(self, stream):
        graph, self.captured = self.captured, None
        if not self.can_capture:
            return FakeCudaError.cudaErrorStreamCaptureUnsupported, None
        return FakeCudaError.cudaSuccess, graph

    def cudaGraphInstantiate(self, graph, flags):
        return FakeCudaError.cudaSuccess, tuple(graph)

    def cudaGraphDestroy(self, graph):
        graph.clear()
        return (FakeCudaError.cudaSuccess,)

    def cudaGraphLaunch(self, graph, stream):
        self.calls.append("launch")
        for work in graph:
            work()
        return (FakeCudaError.cudaSuccess,)

    def cudaGraphExecDestroy(self, graph):
        self.calls.append("destroy graph")
        return (FakeCudaError.cudaSuccess,)
