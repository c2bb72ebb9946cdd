"""KITTI's calibration files, raw (per day) and object (per frame).

Source: Geiger, Lenz, Stiller, Urtasun, "Vision meets Robotics: The KITTI Dataset", IJRR 2013, section 4. A
point of the velodyne goes through ``T_cam0_velo`` into camera 0, through ``R_rect_00`` into the rectified camera 0
and through ``P_rect_02 = K [I | t]`` into the image of camera 2. Here camera 2 gets its own optical frame, shifted
by ``t``.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import DatasetError
from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import Transform, from_yaw, invert

CAMERA_FRAME = "camera_color_left"
LIDAR_FRAME = "velo_link"
BASE_FRAME = "base_link"

LIDAR_HEIGHT = 1.73
"""Metres from the ground up to the velodyne (IJRR 2013, figure 3)."""


@dataclass(frozen=True, slots=True)
class KittiCalibration:
    """Calibration of one frame.

    Attributes:
        camera: rectified camera 2: K from P2, no distortion, frame ``camera_color_left``.
        T_velo_camera: optical frame of camera 2 to velodyne.
        T_velo_rect: rectified camera 0 (the frame of the labels) to velodyne.
        T_base_velo: velodyne to base_link on the ground below it.
    """

    camera: CameraModel
    T_velo_camera: Transform
    T_velo_rect: Transform
    T_base_velo: Transform


def read_calibration_lines(path: Path) -> dict[str, NDArray[np.float64]]:
    """Read ``KEY: number number ...`` lines; lines that hold other things (``calib_time``) are passed over.

    Raises:
        DatasetError: the file is missing or unreadable.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot read the calibration file ({error})") from error
    values = {}
    for line in text.splitlines():
        key, colon, rest = line.partition(":")
        try:
            numbers = np.array([float(word) for word in rest.split()])
        except ValueError:
            continue
        if colon and numbers.size:
            values[key.strip()] = numbers
    return values


def raw_calibration(day_folder: Path) -> KittiCalibration:
    """Read the calibration of a raw day folder.

    Raises:
        DatasetError: a missing file or key, a wrong count of numbers, or numbers that are no calibration.
    """
    cameras_path, velo_path = day_folder / "calib_cam_to_cam.txt", day_folder / "calib_velo_to_cam.txt"
    cameras, velo = read_calibration_lines(cameras_path), read_calibration_lines(velo_path)
    P = entry(cameras_path, cameras, "P_rect_02", (3, 4))
    width, height = entry(cameras_path, cameras, "S_rect_02", (2,))
    R_rect = entry(cameras_path, cameras, "R_rect_00", (3, 3))
    R = entry(velo_path, velo, "R", (3, 3))
    t = entry(velo_path, velo, "T", (3,))
    T_cam0_velo = rigid(velo_path, "R", np.column_stack([R, t]))
    return _calibration(cameras_path, P, R_rect, T_cam0_velo, (int(width), int(height)))


def object_calibration(path: Path, image_size: tuple[int, int]) -> KittiCalibration:
    """Read one frame's calibration of the object benchmark; ``image_size`` is (width, height) in pixels.

    Raises:
        DatasetError: a missing file or key, a wrong count of numbers, or numbers that are no calibration.
    """
    values = read_calibration_lines(path)
    P = entry(path, values, "P2", (3, 4))
    R_rect = entry(path, values, "R0_rect", (3, 3))
    T_cam0_velo = rigid(path, "Tr_velo_to_cam", entry(path, values, "Tr_velo_to_cam", (3, 4)))
    return _calibration(path, P, R_rect, T_cam0_velo, image_size)


def entry(path: Path, values: dict[str, NDArray[np.float64]], key: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return one key's numbers in a shape.

    Raises:
        DatasetError: the key is missing, has another count of numbers, or numbers that are not finite.
    """
    if key not in values:
        raise DatasetError(f"{path}: {key}: missing key")
    numbers = values[key]
    if numbers.size != np.prod(shape) or not np.isfinite(numbers).all():
        raise DatasetError(f"{path}: {key}: expected {np.prod(shape)} finite numbers, got {numbers.tolist()}")
    return numbers.reshape(shape)


def rigid(path: Path, key: str, matrix: NDArray[np.float64]) -> Transform:
    """Return (4, 4) of a rotation and translation (3, 4) rounded in a text file, made orthonormal again.

    Raises:
        DatasetError: the rotation is off orthonormal by more than 1e-3, or mirrors.
    """
    R = matrix[:, :3]
    u, _, vt = np.linalg.svd(R)
    nearest = u @ vt
    if np.abs(nearest - R).max() > 1e-3 or np.linalg.det(nearest) < 0.0:
        raise DatasetError(f"{path}: {key}: {R.tolist()} is no rotation")
    T = np.eye(4)
    T[:3, :3] = nearest
    T[:3, 3] = matrix[:, 3]
    return T


def _calibration(
    path: Path,
    P: NDArray[np.float64],
    R_rect: NDArray[np.float64],
    T_cam0_velo: Transform,
    image_size: tuple[int, int],
) -> KittiCalibration:
    K = P[:, :3]
    if K[0, 0] <= 0.0 or K[1, 1] <= 0.0:
        raise DatasetError(f"{path}: focal lengths {K[0, 0]:g}, {K[1, 1]:g} of camera 2, expected positive")
    T_rect_cam0 = rigid(path, "R_rect", np.column_stack([R_rect, np.zeros(3)]))
    T_rect_velo = T_rect_cam0 @ T_cam0_velo
    T_camera_rect = np.eye(4)
    # P x = K (x + K^-1 p4): the baseline; P[0, 3] / fx is its main part.
    T_camera_rect[:3, 3] = np.linalg.solve(K, P[:, 3])
    camera = CameraModel(image_size[0], image_size[1], K, (), "plumb_bob", CAMERA_FRAME)
    T_base_velo = from_yaw(0.0, (0.0, 0.0, LIDAR_HEIGHT))
    return KittiCalibration(camera, invert(T_camera_rect @ T_rect_velo), invert(T_rect_velo), T_base_velo)
