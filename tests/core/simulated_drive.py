"""A short simulated drive and what feeds it to a pipeline, for the tests of the pipeline."""

import uuid
from collections.abc import Mapping

import numpy as np

from perception_core.camera.detector import CameraDetector
from perception_core.errors import TransformError
from perception_core.geometry import transforms
from perception_core.pipeline import Pipeline, PipelineConfig, PipelineResult, Rig
from perception_core.simulation.scenario import load_scenario
from perception_core.simulation.simulator import SimulatedFrame, Simulation
from perception_core.types import SensorStatus

RIG = Rig("top", ("front",), "base_link", "odom")
NAMESPACE = uuid.UUID(int=7).bytes


class RecordedDrive:
    """Transforms of a simulated drive by stamp: what /tf and /tf_static of its bag would hold."""

    def __init__(self, simulation: Simulation, frames: list[SimulatedFrame]) -> None:
        """Collect mounts and poses."""
        self._mounts = {child: T for _, child, T in simulation.rig.transforms}
        self._poses = {f.stamp_ns: f.T_odom_base for f in frames}

    def lookup(self, target: str, source: str, stamp_ns: int) -> np.ndarray:
        """As TransformSource."""
        if (target, source) == ("odom", "base_link"):
            if stamp_ns not in self._poses:
                raise TransformError(f"odom <- base_link: nothing at {stamp_ns} ns")
            return self._poses[stamp_ns]
        if target == "base_link" and source in self._mounts:
            return self._mounts[source]
        if source == "base_link" and target in self._mounts:
            return transforms.invert(self._mounts[target])
        raise TransformError(f"{target} <- {source}: no such transform")


def pipeline(source: RecordedDrive, detectors: Mapping[str, CameraDetector] | None = None) -> Pipeline:
    """A pipeline with default parameters."""
    return Pipeline(PipelineConfig(), RIG, source, detectors or {}, NAMESPACE)


def run(made: Pipeline, frames: list[SimulatedFrame]) -> list[PipelineResult]:
    """Feed scans and collect what is ready after each."""
    results = []
    for frame in frames:
        made.on_scan(frame.cloud, frame.stamp_ns)
        results += made.ready(frame.stamp_ns)
    return results + made.flush()


def with_camera(source: RecordedDrive, simulation_camera: str, detector: CameraDetector) -> Pipeline:
    """A pipeline whose front camera has a network and intrinsics."""
    made = pipeline(source, {"front": detector})
    made.on_camera_model("front", Simulation(load_scenario("tiny")).rig.cameras[simulation_camera])
    return made


def status(result: PipelineResult, name: str = "top") -> SensorStatus:
    return next(s for s in result.obstacles.statuses if s.name == name)
