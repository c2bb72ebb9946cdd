"""Synthetic drives with exact ground truth: scenarios as data, meshes, ray casting (Open3D, Embree), a rolling LiDAR.

Start at :mod:`perception_core.simulation.simulator`.
"""

from perception_core.simulation.scenario import Scenario, load_scenario, scenario_names, with_overrides
from perception_core.simulation.sensors import Message
from perception_core.simulation.simulator import SimulatedFrame, Simulation, simulate

__all__ = [
    "Message",
    "Scenario",
    "SimulatedFrame",
    "Simulation",
    "load_scenario",
    "scenario_names",
    "simulate",
    "with_overrides",
]
