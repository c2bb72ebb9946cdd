"""What all tests share: a ROS domain of their own, folders with data and weights, launch_pytest where it is missing."""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import sys
from pathlib import Path
from types import ModuleType

import pytest

# Two test workers, two test runs, or a test and a robot on the same network must not hear each other. Set when this
# file is imported, before anything can start a node, and inherited by all that the tests launch. Domains up to 101
# use ports that Linux does not hand out by itself.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
_RUN = os.getppid() if _WORKER else os.getpid()
os.environ["ROS_DOMAIN_ID"] = str(1 + (_RUN + int(_WORKER.removeprefix("gw") or 0)) % 101)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

# Run in the background by a shell, the tests inherit an ignored SIGINT, and so would all that they start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def _missing(module: str) -> bool:
    """Whether there is no such package; the folder launch/ beside the tests, which has no code to import, is none."""
    spec = importlib.util.find_spec(module)
    return spec is None or spec.origin is None


def pytest_configure(config: pytest.Config) -> None:
    """Put the small launch_pytest in the place of the real one, where there is launch but not launch_pytest."""
    if "launch_pytest" in sys.modules or _missing("launch") or not _missing("launch_pytest"):
        return
    path = Path(__file__).parent / "plugins" / "launch_pytest_lite.py"
    spec = importlib.util.spec_from_file_location("launch_pytest", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["launch_pytest"] = module
    spec.loader.exec_module(module)
    config.pluginmanager.register(module, "launch_pytest")


_REAL = {"perception_data": "PERCEPTION_DATA", "perception_models": "PERCEPTION_MODELS"}
"""Fixtures of real recordings and weights, and the variables that name their folders."""


_LIBRARIES = {"torch": "torch", "tensorrt_rtx": "tensorrt_rtx"}
"""Fixtures of libraries that are large and that nobody needs who does not use them, and the packages."""

_NVIDIA = Path("/dev/nvidiactl")
"""Where NVIDIA's driver answers; the fixture nvidia_gpu needs it."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, and count as such, the tests on real recordings, weights and libraries where there are none."""
    absent = {fixture for fixture, variable in _REAL.items() if not os.environ.get(variable)}
    absent |= {fixture for fixture, package in _LIBRARIES.items() if _missing(package)}
    absent |= set() if _NVIDIA.exists() else {"nvidia_gpu"}
    left_out = [item for item in items if absent & set(getattr(item, "fixturenames", ()))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_report_header() -> list[str]:
    """Say at the top of the run which real material and which libraries take part."""
    real = [f"{name}: {os.environ.get(name) or 'not set, its tests are left out'}" for name in _REAL.values()]
    missing = [f"{name}: not installed, its tests are left out" for name in _LIBRARIES.values() if _missing(name)]
    return real + missing


def _folder(variable: str) -> Path | None:
    """The folder an environment variable names; None when it is not set.

    Raises:
        pytest.UsageError: it is set, but there is no such folder.
    """
    value = os.environ.get(variable)
    if not value:
        return None
    folder = Path(value).expanduser().resolve()
    if not folder.is_dir():
        raise pytest.UsageError(f"{variable}={value}: no such folder")
    return folder


@pytest.fixture(scope="session")
def perception_data() -> Path | None:
    """The folder with real recordings (PERCEPTION_DATA); tests that take it are left out without."""
    return _folder("PERCEPTION_DATA")


@pytest.fixture(scope="session")
def perception_models() -> Path | None:
    """The folder with network weights (PERCEPTION_MODELS); tests that take it are left out without."""
    return _folder("PERCEPTION_MODELS")


@pytest.fixture
def no_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights but those that come along, whatever this machine has."""
    monkeypatch.delenv("PERCEPTION_MODELS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def torch() -> ModuleType:
    """PyTorch; tests that take it are left out where it is not installed."""
    return importlib.import_module("torch")


@pytest.fixture(scope="session")
def tensorrt_rtx() -> ModuleType:
    """TensorRT-RTX, which builds engines without a GPU; tests that take it are left out where it is not installed."""
    return importlib.import_module("tensorrt_rtx")


@pytest.fixture(scope="session")
def nvidia_gpu() -> Path:
    """The device of NVIDIA's driver; tests that take it are left out without."""
    return _NVIDIA
