"""Kernels of CUDA from source text, by NVIDIA's compiler library NVRTC, and loaded onto a GPU.

Both are parts of cuda-python (``cuda.bindings.nvrtc`` and ``cuda.bindings.driver``); the library itself comes with a
CUDA installation or as the package ``nvidia-cuda-nvrtc``. Compiling needs no GPU. Every function returns a tuple whose
first entry is the error.
"""

import ctypes
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from perception_core.errors import ModelError
from perception_core.inference.tensorrt_cuda import CudaError


def compile_kernel(source: str, defines: Sequence[str], capability: tuple[int, int]) -> bytes:
    """Return machine code for a GPU of ``capability``, or the nearest intermediate code (PTX) if it is too new.

    ``defines`` are macros, ``NAME=VALUE``.

    Raises:
        ModelError: cuda-python or NVRTC is missing, a GPU that is too old, or what the compiler says.
    """
    nvrtc = _module("nvrtc")
    call = _caller(nvrtc.nvrtcResult.NVRTC_SUCCESS, "NVRTC is missing (pip install nvidia-cuda-nvrtc)")
    target = _target(call(nvrtc.nvrtcGetSupportedArchs)[0], capability)
    options = [f"--gpu-architecture={target}", "--std=c++17", *(f"--define-macro={name}" for name in defines)]
    (program,) = call(nvrtc.nvrtcCreateProgram, source.encode(), b"kernel.cu", 0, [], [])
    try:
        encoded = [option.encode() for option in options]
        try:
            call(nvrtc.nvrtcCompileProgram, program, len(encoded), encoded)
        except CudaError as error:
            log = _text(call, nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program)
            raise ModelError(f"NVRTC cannot compile it: {error}: {_one_line(log)}") from error
        if target.startswith("sm_"):
            return _text(call, nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, program)
        return _text(call, nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX, program)
    finally:
        nvrtc.nvrtcDestroyProgram(program)


class KernelRefusedError(ModelError):
    """The driver does not take a kernel's code: it is older than the compiler, for one."""


class Kernel:
    """A compiled function on the current GPU."""

    def __init__(self, code: bytes, name: str) -> None:
        """Load ``code`` and look ``name`` up in it.

        Raises:
            KernelRefusedError: the driver does not take the code, or there is no ``name`` in it.
            ModelError: cuda-python is missing.
        """
        self._driver = _module("driver")
        self._call = _caller(self._driver.CUresult.CUDA_SUCCESS, "NVIDIA's driver is missing")
        try:
            (self._module,) = self._call(self._driver.cuModuleLoadData, code)
        except CudaError as error:
            raise KernelRefusedError(str(error)) from error
        try:
            (self._function,) = self._call(self._driver.cuModuleGetFunction, self._module, name.encode())
        except CudaError as error:
            self.unload()
            raise KernelRefusedError(str(error)) from error

    def launch(self, blocks: tuple[int, int], threads: tuple[int, int], stream: Any, addresses: Sequence[int]) -> None:
        """Ask ``stream`` to run it on a grid of blocks of threads (across, down); its arguments are addresses."""
        arguments = (tuple(addresses), (ctypes.c_void_p,) * len(addresses))
        launch = self._driver.cuLaunchKernel
        self._call(launch, self._function, *blocks, 1, *threads, 1, 0, int(stream), arguments, 0)

    def unload(self) -> None:
        """Give the code's memory back."""
        self._call(self._driver.cuModuleUnload, self._module)


def _module(name: str) -> Any:
    """Import a part of cuda-python.

    Raises:
        ModelError: it, or a library that it needs at once, is missing.
    """
    try:
        return import_module(f"cuda.bindings.{name}")
    except Exception as error:  # a missing shared library as well as a missing package
        raise ModelError(f"cuda-python is not to be used (pip install cuda-bindings): {error}") from error


def _caller(success: Any, missing: str) -> Callable[..., tuple[Any, ...]]:
    """Return what calls a function and returns what follows the error.

    That raises a CudaError naming the function and the error, or beginning with ``missing`` where the library is:
    cuda-python loads it at the first call.
    """

    def call(function: Callable[..., tuple[Any, ...]], *arguments: Any) -> tuple[Any, ...]:
        try:
            error, *results = function(*arguments)
        except RuntimeError as absent:
            raise CudaError(f"{missing}: {' '.join(str(absent).split())[:200]}") from absent
        if error != success:
            raise CudaError(f"{function.__name__}: {getattr(error, 'name', error)}")
        return tuple(results)

    return call


def _target(known: Sequence[int], capability: tuple[int, int]) -> str:
    """Return the compiler's name of the GPU: itself where it knows it, else of the newest one that is older.

    Raises:
        ModelError: older than all it knows.
    """
    wanted = 10 * capability[0] + capability[1]
    if wanted in known:
        return f"sm_{wanted}"
    older = [one for one in known if one < wanted]
    if not older:
        raise ModelError(f"NVRTC is too new for compute capability {capability[0]}.{capability[1]}")
    return f"compute_{max(older)}"


def _one_line(log: bytes) -> str:
    return " ".join(log.decode(errors="replace").strip("\0").split())[:600]


def _text(
    call: Callable[..., tuple[Any, ...]], size_of: Callable[..., Any], read: Callable[..., Any], program: Any
) -> bytes:
    (size,) = call(size_of, program)
    content = bytearray(int(size))
    call(read, program, content)  # which writes into it
    return bytes(content)
