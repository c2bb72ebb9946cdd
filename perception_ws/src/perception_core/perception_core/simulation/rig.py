"""The simulated car's frames: where its sensors are mounted, and where the robot believes them to be."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import Transform, from_yaw
from perception_core.simulation.camera import camera_model
from perception_core.simulation.disturbances import camera_disturbance, lidar_disturbance
from perception_core.simulation.scenario import Scenario
from perception_core.simulation.scenario_config import CameraConfig, LidarConfig

BASE_FRAME = "base_link"
ODOM_FRAME = "odom"

# Columns: the optical axes x right, y down, z forward (REP-103) in a body frame x forward, y left, z up.
_BODY_OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


@dataclass(frozen=True, slots=True)
class SimulatedRig:
    """Frames and intrinsics of a scenario's sensors, in the terms of calibration/.

    Attributes:
        transforms: (parent, child, ``T_parent_child``) for /tf_static.
        cameras: intrinsics by optical frame.
    """

    transforms: tuple[tuple[str, str, Transform], ...]
    cameras: dict[str, CameraModel]


def rig(scenario: Scenario) -> SimulatedRig:
    """Return the rig as the robot believes it to be: with the errors of calibration of the scenario."""
    config = scenario.config.disturbances
    lidars = {
        lidar.frame: lidar_disturbance(config, name).believed(lidar_pose(lidar))
        for name, lidar in scenario.all_lidars.items()
    }
    cameras = {
        camera.frame: camera_disturbance(config, name).believed(camera_pose(camera))
        for name, camera in scenario.all_cameras.items()
    }
    return _rig(scenario, {**lidars, **cameras})


def true_rig(scenario: Scenario) -> SimulatedRig:
    """Return the rig as it is."""
    lidars = {lidar.frame: lidar_pose(lidar) for lidar in scenario.all_lidars.values()}
    cameras = {camera.frame: camera_pose(camera) for camera in scenario.all_cameras.values()}
    return _rig(scenario, {**lidars, **cameras})


def _rig(scenario: Scenario, mounts: dict[str, Transform]) -> SimulatedRig:
    models = {camera.frame: camera_model(camera) for camera in scenario.all_cameras.values()}
    return SimulatedRig(tuple((BASE_FRAME, frame, T) for frame, T in mounts.items()), models)


def lidar_pose(config: LidarConfig) -> Transform:
    """Return ``T_base_lidar``."""
    T = from_yaw(float(np.radians(config.yaw)), config.position)
    if config.pitch or config.roll:
        T[:3, :3] = T[:3, :3] @ Rotation.from_euler("YX", [config.pitch, config.roll], degrees=True).as_matrix()
    return T


def camera_pose(config: CameraConfig) -> Transform:
    """Return ``T_base_camera`` of the optical frame."""
    pitch = np.radians(config.pitch)
    c, s = np.cos(pitch), np.sin(pitch)
    T = np.eye(4)
    T[:3, :3] = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]) @ _BODY_OPTICAL
    return from_yaw(float(np.radians(config.yaw)), config.position) @ T
