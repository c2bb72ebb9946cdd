"""The running nodes of tests/nodes, for input that is broken."""

import importlib.util
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "nodes"))


@pytest.fixture
def stack():
    """A context with an executor of its own; nodes are started in it, and end with the test."""
    from running import Stack

    running = Stack()
    yield running
    running.close()


@pytest.fixture
def networks_folder(tmp_path, monkeypatch):
    """PERCEPTION_MODELS names a folder with a small network `tiny` that detects nothing."""
    source = Path(__file__).parents[1] / "core" / "networks.py"
    spec = importlib.util.spec_from_file_location("networks", source)
    networks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(networks)
    networks.constant_network(tmp_path / "tiny.onnx", networks.empty_output())
    (tmp_path / "tiny.yaml").write_text(networks.CARD)
    monkeypatch.setenv("PERCEPTION_MODELS", str(tmp_path))
    return tmp_path
