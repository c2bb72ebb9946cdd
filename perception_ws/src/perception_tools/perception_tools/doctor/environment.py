"""Checks of the machine: ROS, middleware, packages, weights, shared memory, processors."""

import importlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

from perception_core.datasets.calibration import load_rig
from perception_core.errors import CalibrationError, ModelError
from perception_core.inference.folders import model_folders
from perception_core.inference.registry import find_model
from perception_tools.doctor.findings import Finding, error, good, warning
from perception_tools.profile import Profile, calibration_folder

_PACKAGES = ("perception_interfaces", "perception_nodes", "perception_bringup", "vision_msgs", "tf2_ros")
_MODULES = ("rclpy", "numba", "scipy", "cv2", "onnxruntime", "rosbags")
_SHM_BYTES = 256 << 20
_CORES = 2
_MEMORY_BYTES = 4 << 30
_SOURCE = "source perception_ws/env.sh"


def check_environment(profile: Profile | None, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Check what the stack needs of the machine, and with a profile its calibration and weights."""
    yield from _check_ros(environ)
    yield from _check_packages()
    yield from _check_middleware(environ)
    yield from _check_machine()
    if profile is not None:
        yield from _check_calibration(profile)
        yield from _check_weights(profile, environ)


def _check_ros(environ: Mapping[str, str]) -> Iterator[Finding]:
    distro = environ.get("ROS_DISTRO", "")
    if distro != "jazzy":
        yield error("ROS", f"ROS_DISTRO is {distro!r}, expected 'jazzy'", _SOURCE)
    else:
        yield good("ROS", f"jazzy, domain {environ.get('ROS_DOMAIN_ID', '0')}")


def _check_packages() -> Iterator[Finding]:
    missing = [name for name in _PACKAGES if not _installed(name)]
    if missing:
        yield error("packages", f"not installed: {', '.join(missing)}", f"perception_ws/setup.sh, then {_SOURCE}")
    broken = {name: reason for name in _MODULES if (reason := _import_error(name))}
    for name, reason in broken.items():
        yield error("packages", f"Python cannot import {name}: {reason}", "perception_ws/setup.sh")
    if not missing and not broken:
        yield good("packages", f"{', '.join((*_PACKAGES, *_MODULES))} are there")


def _installed(package: str) -> bool:
    try:
        get_package_share_directory(package)
    except (PackageNotFoundError, ValueError):
        return False
    return True


def _import_error(module: str) -> str:
    try:
        importlib.import_module(module)
    except Exception as reason:  # a broken binary raises anything
        return f"{type(reason).__name__}: {reason}"
    return ""


def _check_middleware(environ: Mapping[str, str]) -> Iterator[Finding]:
    middleware = environ.get("RMW_IMPLEMENTATION", "")
    profile = environ.get("FASTRTPS_DEFAULT_PROFILES_FILE", "")
    if middleware not in ("", "rmw_fastrtps_cpp"):
        yield warning("middleware", f"{middleware}: the figures were measured with rmw_fastrtps_cpp", _SOURCE)
    elif not profile:
        yield error(
            "middleware",
            "FASTRTPS_DEFAULT_PROFILES_FILE is not set: stock Fast DDS loses scans larger than its shared memory",
            f"{_SOURCE} (the launch files set it too)",
        )
    elif not Path(profile).is_file():
        yield error("middleware", f"FASTRTPS_DEFAULT_PROFILES_FILE names {profile}, which is no file", _SOURCE)
    else:
        yield good("middleware", f"rmw_fastrtps_cpp with {Path(profile).name}")


def _check_machine() -> Iterator[Finding]:
    shm = Path("/dev/shm")  # noqa: S108 - where Fast DDS puts its segments
    if shm.is_dir():
        size = shutil.disk_usage(shm)
        text = f"{shm}: {size.free >> 20} of {size.total >> 20} MB free"
        if size.free < _SHM_BYTES:
            yield error(
                "shared memory",
                f"{text}, {_SHM_BYTES >> 20} MB needed",
                "docker run --shm-size=1g; or delete the left-overs of killed nodes: rm /dev/shm/fastrtps_*",
            )
        else:
            yield good("shared memory", text)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    text = f"{cores} cores, {memory / (1 << 30):.0f} GB"
    if cores < _CORES or memory < _MEMORY_BYTES:
        yield warning(
            "machine",
            f"{text}: {_CORES} cores and {_MEMORY_BYTES >> 30} GB are the least for 10 Hz",
            "lower the sensors' rates, or move to a larger machine",
        )
    else:
        yield good("machine", text)


def _check_calibration(profile: Profile) -> Iterator[Finding]:
    folder = calibration_folder(profile)
    if folder is None:
        yield warning(
            "calibration",
            f"profile {profile.name} has no folder of calibration/",
            "add one, or launch with rig:=NAME; a robot description that publishes the frames does as well",
        )
        return
    try:
        rig = load_rig(folder)
    except CalibrationError as reason:
        yield error("calibration", str(reason), "mend the file; its format is described in calibration/README.md")
        return
    yield good(
        "calibration", f"{len(rig.extrinsics.transforms)} transforms, cameras: {', '.join(rig.cameras) or 'none'}"
    )


def _check_weights(profile: Profile, environ: Mapping[str, str]) -> Iterator[Finding]:
    folders = model_folders(environ)
    for camera in profile.cameras:
        subject, models = f"weights {camera.camera_name}", camera.camera
        yield _check_model(subject, models.model, folders, "obstacles will be LIDAR_ONLY")
        if second := models.segmentation_model:
            yield _check_model(f"{subject}, pixels", second, folders, "there will be no label images")


def _check_model(subject: str, model: str, folders: Sequence[Path], without: str) -> Finding:
    try:
        path, _ = find_model(model, folders)
    except ModelError as reason:
        return warning(
            subject, f"{reason}; {without}", "put the file into a folder and name the folder in PERCEPTION_MODELS"
        )
    return good(subject, str(path))
