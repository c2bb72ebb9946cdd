"""What several floors' tests share."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def networks() -> ModuleType:
    """The module networks.py beside this file: it builds small ONNX files with known outputs."""
    spec = importlib.util.spec_from_file_location("networks", Path(__file__).parent / "networks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
