"""What several floors' tests share."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from perception_core.camera.detector import CameraConfig, CameraDetector, build_detector
from perception_core.simulation.scenario import load_scenario
from perception_core.simulation.simulator import SimulatedFrame, Simulation

sys.path.insert(0, str(Path(__file__).parent))

from simulated_drive import RecordedDrive


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


@pytest.fixture(scope="module")
def drive() -> tuple[RecordedDrive, list[SimulatedFrame]]:
    """Eight scans of the tiny scenario."""

    simulation = Simulation(load_scenario("tiny"))
    frames = [simulation.frame(k) for k in range(8)]
    return RecordedDrive(simulation, frames), frames


@pytest.fixture
def detector(tmp_path: Path, networks: ModuleType) -> CameraDetector:
    """Sees one car in every image: 50 x 50 pixels around (160, 80) of 320 x 136, which is some 6 m ahead."""
    output = networks.empty_output()
    cell, car = 2 * 8 + 4, 5 + networks.CLASSES.index("car")
    output[0, cell, :5] = [0.0, 0.0, np.log(10 / 8), np.log(10 / 8), 1.0]
    output[0, cell, car] = 0.9
    networks.constant_network(tmp_path / "tiny.onnx", output)
    (tmp_path / "tiny.yaml").write_text(networks.CARD)
    return build_detector(CameraConfig(model="tiny", split_wide=False), [tmp_path])
