"""A profile's parameters without running nodes: params/NAME.yaml read as the nodes would read it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

from perception_core.config import from_mapping
from perception_core.documents import load_yaml
from perception_core.errors import ConfigError
from perception_core.pipeline import PipelineConfig, Rig
from perception_nodes.config import (
    NODE_CONFIGS,
    CameraNodeConfig,
    FusionNodeConfig,
    LidarNodeConfig,
    NodeConfig,
    TrackingNodeConfig,
    check_lidars,
    each_camera,
)
from perception_tools.overwriting import refuse_to_overwrite

_WILDCARD = "/**"
_OF_ROS = ("use_sim_time", "start_type_description_service", "qos_overrides")


@dataclass(frozen=True, slots=True)
class Profile:
    """What the nodes of one profile are told.

    Attributes:
        name: the profile's name, or the stem of its file.
        path: the parameter file.
        cameras: one config a camera, also of those that share a camera_node.
        lidar: of lidar_node.
        fusion: of fusion_node.
        tracking: of tracking_node.
    """

    name: str
    path: Path
    cameras: tuple[CameraNodeConfig, ...]
    lidar: LidarNodeConfig
    fusion: FusionNodeConfig
    tracking: TrackingNodeConfig

    @property
    def rig(self) -> Rig:
        """Names and frames as the core's pipeline takes them."""
        names = tuple(camera.camera_name for camera in self.cameras)
        tracking = self.tracking
        lidar = self.lidar
        return Rig(
            lidar.lidar_name,
            names,
            tracking.base_frame,
            tracking.fixed_frame or tracking.base_frame,
            lidar.other_lidars,
            lidar.fixed_frame,
            bool(lidar.odometry_topic or lidar.imu_topic),
        )

    @property
    def pipeline(self) -> PipelineConfig:
        """The parameters of the core's pieces."""
        return PipelineConfig(
            lidar=self.lidar.lidar,
            fusion=self.fusion.fusion,
            tracking=self.tracking.tracking,
            occupancy=self.tracking.occupancy,
            sectors=self.tracking.sectors,
            monitor=self.fusion.monitor,
        )

    @property
    def points_topics(self) -> dict[str, str]:
        """Topic of the points of each LiDAR by its name, the leading one first."""
        lidar = self.lidar
        topics = (lidar.points_topic, *lidar.other_points_topics)
        return dict(zip((lidar.lidar_name, *lidar.other_lidars), topics, strict=True))

    @property
    def input_topics(self) -> dict[str, str]:
        """Topic of each input by what it is: ``points top``, ``image front``, ``camera_info front``."""
        topics = {f"points {name}": topic for name, topic in self.points_topics.items()}
        for camera in self.cameras:
            topics[f"image {camera.camera_name}"] = camera.image_topic
            topics[f"camera_info {camera.camera_name}"] = camera.camera_info_topic
        return topics


def load_profile(name: str) -> Profile:
    """Read a profile by its name (vehicle, drone, kitti, demo) or the path of a parameter file.

    Raises:
        ConfigError: no such profile, no YAML, or a parameter that is unknown or out of range.
    """
    path = find_profile(name)
    nodes = dict(_nodes(_read(path)))
    shared = nodes.pop(_WILDCARD, {})
    cameras = [n for n in nodes if _kind(n) == "camera_node"] or ["camera_node"]
    configs = {n: _config(path, n, {**shared, **nodes.get(n, {})}) for n in [*NODE_CONFIGS, *cameras]}
    profile = Profile(
        name=path.stem,
        path=path,
        cameras=tuple(camera for n in cameras for camera in _cameras(path, _as(configs[n], CameraNodeConfig))),
        lidar=_as(configs["lidar_node"], LidarNodeConfig),
        fusion=_as(configs["fusion_node"], FusionNodeConfig),
        tracking=_as(configs["tracking_node"], TrackingNodeConfig),
    )
    _check(profile)
    return profile


def find_profile(name: str) -> Path:
    """Return the parameter file of a profile. Raises ConfigError when there is none."""
    if name.endswith((".yaml", ".yml")):
        if Path(name).is_file():
            return Path(name)
        raise ConfigError(f"{name}: no such parameter file")
    folder = bringup_folder("params")
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml"))) or "none"
        raise ConfigError(f"profile {name!r}: unknown; known: {known} ({folder})")
    return path


def write_with_model(name: str, model: str, folder: Path) -> Path:
    """Write a profile's parameters into ``folder`` with another network for all its cameras; return the file.

    Raises:
        ConfigError: no such profile, or no YAML.
        PerceptionError: ``folder`` is the one that the profile is in.
    """
    path = find_profile(name)
    document = _read(path)
    cameras = list(_camera_parameters(document))
    if not cameras:
        raise ConfigError(f"{path}: no camera_node that a model could be given to")
    for parameters in cameras:
        parameters["camera.model"] = model
    written = folder / path.name
    refuse_to_overwrite(path, written)
    written.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return written


def _camera_parameters(document: Mapping[str, Any], prefix: str = "") -> Iterator[dict[str, Any]]:
    """Yield the parameters of every camera_node as the document holds them."""
    for key, value in document.items():
        name = f"{prefix}/{str(key).strip('/')}"
        if isinstance(value, Mapping) and isinstance(value.get("ros__parameters"), dict):
            if _kind(name.rpartition("/")[2]) == "camera_node":
                yield value["ros__parameters"]
        elif isinstance(value, Mapping):
            yield from _camera_parameters(value, name)


def bringup_folder(name: str) -> Path:
    """Return a folder that perception_bringup installs: launch, params, calibration.

    Raises:
        ConfigError: perception_bringup is not installed.
    """
    try:
        return Path(get_package_share_directory("perception_bringup")) / name
    except PackageNotFoundError as error:
        raise ConfigError("perception_bringup is not installed: source perception_ws/env.sh first") from error


def calibration_folder(profile: Profile) -> Path | None:
    """Return the rig's folder of calibration/, None where the profile has none."""
    folder = bringup_folder("calibration") / profile.name
    return folder if (folder / "extrinsics.yaml").is_file() else None


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document = load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(document, Mapping):
        raise ConfigError(f"{path}: expected node names with ros__parameters, got {type(document).__name__}")
    return document


def _nodes(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (node name, parameters); namespaces may be nested or written out, and are left off."""
    for key, value in document.items():
        name = f"{prefix}/{str(key).strip('/')}" if str(key) != _WILDCARD else _WILDCARD
        if not isinstance(value, Mapping):
            raise ConfigError(f"{name}: expected ros__parameters, got {value!r}")
        if "ros__parameters" in value:
            short = _WILDCARD if name.endswith("**") else name.rpartition("/")[2]
            yield short, dict(value["ros__parameters"] or {})
        else:
            yield from _nodes(value, name)


def _kind(node: str) -> str:
    """Return which of the stack's nodes a node is; several cameras are camera_node_NAME or NAME_camera_node."""
    return next((kind for kind in NODE_CONFIGS if node.startswith(kind) or node.endswith(kind)), "")


def _config(path: Path, node: str, parameters: Mapping[str, Any]) -> NodeConfig:
    ours = {key: value for key, value in parameters.items() if str(key).partition(".")[0] not in _OF_ROS}
    try:
        return from_mapping(NODE_CONFIGS[_kind(node)], ours)
    except ConfigError as error:
        raise ConfigError(f"{path}: {node}: {error}") from error


def _cameras(path: Path, node: CameraNodeConfig) -> tuple[CameraNodeConfig, ...]:
    try:
        return each_camera(node)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _as[C: NodeConfig](config: NodeConfig, kind: type[C]) -> C:
    assert isinstance(config, kind)
    return config


def _check(profile: Profile) -> None:
    """The nodes must agree on names and frames, or the live stack falls silent where a replay would not."""
    cameras = {camera.camera_name for camera in profile.cameras}
    fusion, tracking = profile.fusion, profile.tracking
    for what, values in (
        ("lidar_name", {profile.lidar.lidar_name, fusion.lidar_name, tracking.lidar_name}),
        ("other_lidars", {profile.lidar.other_lidars, fusion.other_lidars, tracking.other_lidars}),
        ("base_frame", {profile.lidar.base_frame, fusion.base_frame, tracking.base_frame}),
        ("fixed_frame", {fusion.fixed_frame, tracking.fixed_frame}),
        ("cameras", {tuple(sorted(cameras)), tuple(sorted(fusion.cameras)), tuple(sorted(tracking.cameras))}),
    ):
        if len(values) > 1:
            raise ConfigError(f"{profile.path}: {what}: the nodes disagree: {', '.join(sorted(map(str, values)))}")
    if profile.lidar.fixed_frame not in ("", tracking.fixed_frame):
        frames = f"lidar_node {profile.lidar.fixed_frame!r}, tracking_node {tracking.fixed_frame!r}"
        raise ConfigError(f"{profile.path}: fixed_frame: the nodes disagree: {frames}")
    check_lidars(profile.lidar)
