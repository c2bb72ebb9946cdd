"""Kernels of CUDA compiled by the host's C++ compiler, and a fake NVRTC and CUDA driver that run them on the host.

The text of a kernel is taken as it is: macros make its keywords vanish, and its coordinates are variables that a loop
over all blocks and threads sets. Arithmetic in whole numbers is the same here as on a GPU; what only a GPU can show is
that memory is reached as quickly as hoped, and that the real driver takes the arguments so.
"""

import ctypes
import enum
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

BEFORE = """
#define __device__
#define __global__
namespace { struct Coordinates { unsigned x, y, z; } blockIdx, blockDim, threadIdx; }
#line 1 "kernel.cu"
"""

AFTER = """
extern "C" void run_{name}(unsigned across, unsigned down, unsigned width, unsigned height, void **a)
{{
    blockDim = {{width, height, 1}};
    for (unsigned by = 0; by < down; ++by) for (unsigned bx = 0; bx < across; ++bx)
        for (unsigned ty = 0; ty < height; ++ty) for (unsigned tx = 0; tx < width; ++tx) {{
            blockIdx = {{bx, by, 0}};
            threadIdx = {{tx, ty, 0}};
            {name}((const unsigned char *)a[0], (const int *)a[1], (const ELEMENT *)a[2], (ELEMENT *)a[3]);
        }}
}}
"""


def compile_on_host(source: str, defines: list[str], name: str = "prepare_image") -> bytes:
    """Return a shared library for this machine; a CalledProcessError with the compiler's words where it does not do."""
    with tempfile.TemporaryDirectory() as folder:
        text, library = Path(folder) / "kernel.cpp", Path(folder) / "kernel.so"
        text.write_text(BEFORE + source + AFTER.format(name=name))
        macros = [f"-D{define}" for define in defines]
        command = ["g++", "-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *macros]
        subprocess.run([*command, "-o", library, text], check=True, capture_output=True, text=True)
        return library.read_bytes()


def load(code: bytes, name: str = "prepare_image"):
    """Return a function of blocks, threads and addresses that runs a compiled kernel."""
    with tempfile.NamedTemporaryFile(suffix=".so") as file:
        file.write(code)
        file.flush()
        function = getattr(ctypes.CDLL(file.name), f"run_{name}")

    def run(blocks, threads, addresses):
        function(*blocks, *threads, (ctypes.c_void_p * len(addresses))(*addresses))

    return run


class Result(enum.IntEnum):
    SUCCESS = 0
    ERROR_COMPILATION = 6
    ERROR_INVALID_IMAGE = 200


class FakeNvrtc(ModuleType):
    """Stands for the module cuda.bindings.nvrtc."""

    nvrtcResult = SimpleNamespace(NVRTC_SUCCESS=Result.SUCCESS)

    def __init__(self):
        super().__init__("cuda.bindings.nvrtc")
        self.compiled = []
        self.alive = 0

    def nvrtcGetSupportedArchs(self):
        return Result.SUCCESS, [75, 87]

    def nvrtcCreateProgram(self, source, name, count, headers, names):
        self.alive += 1
        return Result.SUCCESS, SimpleNamespace(source=source.decode(), code=b"", log=b"")

    def nvrtcCompileProgram(self, program, count, options):
        assert count == len(options)
        self.compiled.append([option.decode() for option in options])
        prefix = "--define-macro="
        defines = [o.removeprefix(prefix) for o in self.compiled[-1] if o.startswith(prefix)]
        try:
            program.code = compile_on_host(program.source, defines)
        except subprocess.CalledProcessError as error:
            program.log = error.stderr.encode()
            return (Result.ERROR_COMPILATION,)
        return (Result.SUCCESS,)

    def nvrtcGetProgramLogSize(self, program):
        return Result.SUCCESS, len(program.log)

    def nvrtcGetProgramLog(self, program, content):
        content[:] = program.log
        return (Result.SUCCESS,)

    def nvrtcGetCUBINSize(self, program):
        return Result.SUCCESS, len(program.code)

    def nvrtcGetCUBIN(self, program, content):
        content[:] = program.code
        return (Result.SUCCESS,)

    def nvrtcDestroyProgram(self, program):
        self.alive -= 1
        return (Result.SUCCESS,)


class FakeDriver(ModuleType):
    """Stands for the module cuda.bindings.driver, on the memory of a fake CUDA run time."""

    CUresult = SimpleNamespace(CUDA_SUCCESS=Result.SUCCESS)

    def __init__(self, runtime):
        super().__init__("cuda.bindings.driver")
        self.runtime = runtime
        self.launches = []
        self.modules = 0

    def cuModuleLoadData(self, code):
        if not code.startswith(b"\x7fELF"):
            return Result.ERROR_INVALID_IMAGE, None
        self.modules += 1
        return Result.SUCCESS, code

    def cuModuleGetFunction(self, module, name):
        return Result.SUCCESS, load(module, name.decode())

    def cuModuleUnload(self, module):
        self.modules -= 1
        return (Result.SUCCESS,)

    def cuLaunchKernel(self, function, gx, gy, gz, bx, by, bz, shared, stream, arguments, extra):
        assert (gz, bz, shared, stream, extra) == (1, 1, 0, 77, 0)
        values, kinds = arguments
        assert kinds == (ctypes.c_void_p,) * len(values)
        for address in values:
            self.runtime.check(address, 1)
        self.launches.append((gx, gy))
        self.runtime.enqueue(lambda: function((gx, gy), (bx, by), values))
        return (Result.SUCCESS,)


def install(monkeypatch, runtime):
    """Put the fakes beside a fake CUDA run time for one test; return both."""
    nvrtc, driver = FakeNvrtc(), FakeDriver(runtime)
    monkeypatch.setitem(sys.modules, "cuda.bindings.nvrtc", nvrtc)
    monkeypatch.setitem(sys.modules, "cuda.bindings.driver", driver)
    return nvrtc, driver
