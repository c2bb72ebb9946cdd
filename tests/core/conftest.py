"""What several floors' tests share."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


def _module_beside(path: str) -> ModuleType:
    """Import a file of helpers beside this one."""
    file = Path(__file__).parent / path
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def networks() -> ModuleType:
    """The module networks.py beside this file: it builds small ONNX files with known outputs."""
    return _module_beside("networks.py")


@pytest.fixture(scope="session")
def fake_tensorrt() -> ModuleType:
    """The module inference/fake_tensorrt.py: TensorRT and CUDA on the host's memory."""
    return _module_beside("inference/fake_tensorrt.py")


@pytest.fixture(scope="session")
def host_kernel() -> ModuleType:
    """The module inference/host_kernel.py: kernels of CUDA compiled for the host, and a fake NVRTC and driver."""
    return _module_beside("inference/host_kernel.py")
