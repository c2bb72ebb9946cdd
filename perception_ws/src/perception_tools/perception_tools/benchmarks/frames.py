"""The frames that the benchmarks run on: a KITTI drive where there is one, else the simulated street."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perception_core.datasets import kitti
from perception_core.errors import DatasetError
from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import Transform, invert
from perception_core.types import Image, PointCloud


@dataclass(frozen=True, slots=True)
class BenchFrame:
    """One scan and one image of the same moment; transforms as float64 (4, 4)."""

    cloud: PointCloud
    image: Image
    camera: CameraModel
    T_base_lidar: Transform
    T_camera_base: Transform
    T_fixed_base: Transform


def load_frames(data: Path | None, count: int) -> tuple[str, list[BenchFrame]]:
    """Return a name and at most ``count`` frames: of the first raw KITTI drive below ``data``, else simulated.

    Raises:
        DatasetError: ``data`` is given and holds no raw drive.
    """
    if data is None:
        return f"simulated city, {count} scans", _simulated(count)
    drives = sorted(p.parent.parent for p in data.rglob("velodyne_points/data") if p.is_dir())
    if not drives:
        raise DatasetError(f"{data}: no KITTI raw drive (a folder with velodyne_points/data) below it")
    frames = [_kitti(frame) for frame in kitti.read_raw(drives[0]).frames[:count]]
    return f"KITTI {drives[0].name}, {len(frames)} scans", frames


def _kitti(frame: kitti.KittiFrame) -> BenchFrame:
    calibration = frame.calibration
    points = kitti.read_points(frame.points_path)
    cloud = PointCloud(points[:, :3], frame.stamp_ns, "velo_link", intensity=points[:, 3])
    image = Image(kitti.read_image(frame.image_path), frame.image_stamp_ns, calibration.camera.frame)
    T_camera_base = invert(calibration.T_base_velo @ calibration.T_velo_camera)
    return BenchFrame(cloud, image, calibration.camera, calibration.T_base_velo, T_camera_base, np.eye(4))


def _simulated(count: int) -> list[BenchFrame]:
    from perception_core.simulation.camera import camera_model
    from perception_core.simulation.rig import camera_pose, lidar_pose
    from perception_core.simulation.scenario import load_scenario
    from perception_core.simulation.simulator import Simulation

    simulation = Simulation(load_scenario("city"))
    config = simulation.scenario.config
    camera, T_camera_base = camera_model(config.camera), invert(camera_pose(config.camera))
    frames = [simulation.frame(k) for k in range(min(count, len(simulation)))]
    return [
        BenchFrame(f.cloud, f.image, camera, lidar_pose(config.lidar), T_camera_base, f.T_odom_base) for f in frames
    ]
