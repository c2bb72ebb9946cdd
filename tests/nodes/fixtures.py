"""Fixtures of running nodes, for this folder and tests/faults."""

import importlib.util
from pathlib import Path

import pytest
from running import Stack


@pytest.fixture
def stack():
    """A context with an executor of its own; nodes are started in it, and end with the test."""
    running = Stack()
    yield running
    running.close()


@pytest.fixture(scope="session")
def networks():
    """The module tests/core/networks.py: it builds small ONNX files with known outputs."""
    source = Path(__file__).parents[1] / "core" / "networks.py"
    spec = importlib.util.spec_from_file_location("networks", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def networks_folder(tmp_path, monkeypatch, networks):
    """PERCEPTION_MODELS names a folder with a small network `tiny` that detects nothing."""
    networks.constant_network(tmp_path / "tiny.onnx", networks.empty_output())
    (tmp_path / "tiny.yaml").write_text(networks.CARD)
    monkeypatch.setenv("PERCEPTION_MODELS", str(tmp_path))
    return tmp_path
