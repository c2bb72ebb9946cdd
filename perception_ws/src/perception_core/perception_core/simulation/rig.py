"""The simulated car's frames: where its sensors are mounted."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import Transform, from_yaw
from perception_core.simulation.camera import camera_model
from perception_core.simulation.scenario import CameraConfig, LidarConfig, Scenario

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
    """Return the rig of a scenario."""
    camera = scenario.config.camera
    lidars = [scenario.config.lidar, *(lidar for _, lidar in scenario.lidars)]
    transforms = (
        *((BASE_FRAME, lidar.frame, lidar_pose(lidar)) for lidar in lidars),
        (BASE_FRAME, camera.frame, camera_pose(camera)),
    )
    return SimulatedRig(transforms, {camera.frame: camera_model(camera)})


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
