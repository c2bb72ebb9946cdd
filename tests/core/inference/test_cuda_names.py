"""CUDA's names as cuda-python has them: importing its modules needs neither a GPU nor a driver.

What our code calls is there, and the fakes of the other tests take as many arguments as the real functions.
"""

import importlib
import inspect
import re

import pytest

from perception_core.inference import nvrtc, tensorrt_cuda

USED = {
    "runtime": (tensorrt_cuda, r"runtime\.(cuda\w+)(?:\.(\w+))?"),
    "nvrtc": (nvrtc, r"\bnvrtc\.(nvrtc\w+)(?:\.(\w+))?"),
    "driver": (nvrtc, r"_driver\.(\w+)(?:\.(\w+))?"),
}


@pytest.mark.parametrize("name", USED)
def test_every_name_that_is_used_is_there(name):
    module, pattern = USED[name]
    real = importlib.import_module(f"cuda.bindings.{name}")
    found = set(re.findall(pattern, inspect.getsource(module)))
    assert len(found) >= 4
    for function, member in found:
        assert hasattr(real, function), function
        assert not member or hasattr(getattr(real, function), member), f"{function}.{member}"


@pytest.mark.parametrize("name", USED)
def test_the_fakes_take_as_many_arguments_as_the_real_functions(name, fake_tensorrt, host_kernel):
    kinds = {
        "runtime": fake_tensorrt.FakeCudaRuntime,
        "nvrtc": host_kernel.FakeNvrtc,
        "driver": host_kernel.FakeDriver,
    }
    real = importlib.import_module(f"cuda.bindings.{name}")
    functions = {
        key: value for key, value in vars(kinds[name]).items() if re.match(r"cu[A-Z]|cuda[A-Z]|nvrtc[A-Z]", key)
    }
    compared = 0
    for function, fake in functions.items():
        if not inspect.isfunction(fake):
            continue
        stated = getattr(real, function).__doc__.partition("\n")[0].partition("(")[2].rpartition(")")[0]
        wanted = len([part for part in stated.split(",") if part.strip()])
        assert len(inspect.signature(fake).parameters) - 1 == wanted, f"{function}({stated})"
        compared += 1
    assert compared >= 4
