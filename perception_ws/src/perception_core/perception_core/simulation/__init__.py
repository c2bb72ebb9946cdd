"""Synthetic drives with exact ground truth: scenarios as data, meshes, ray casting (Open3D, Embree), a rolling LiDAR.

Start at :mod:`perception_core.simulation.simulator`.
"""

from perception_core.simulation.scenario import Scenario, load_scenario, scenario_names
from perception_core.simulation.simulator import SimulatedFrame, Simulation, simulate

__all__ = ["Scenario", "SimulatedFrame", "Simulation", "load_scenario", "scenario_names", "simulate"]
