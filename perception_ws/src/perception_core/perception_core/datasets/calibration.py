"""Calibration folders: ``extrinsics.yaml`` and a camera_info YAML a camera (calibration/README.md)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from perception_core.documents import load_yaml
from perception_core.errors import CalibrationError
from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import Transform, from_quaternion, identity, invert
from perception_core.types.body import BodyBox

EXTRINSICS_FILE = "extrinsics.yaml"


@dataclass(frozen=True, slots=True)
class FrameTransform:
    """One edge of the rig's frame tree.

    Attributes:
        parent: frame nearer to the base.
        child: the mounted frame.
        T_parent_child: float64 (4, 4), metres.
    """

    parent: str
    child: str
    T_parent_child: Transform


@dataclass(frozen=True, slots=True)
class Extrinsics:
    """The frame tree of a rig: every child has one parent and hangs on ``base_frame``.

    ``body`` are the robot's own boxes: what the LiDARs see in them is the robot.
    """

    base_frame: str
    transforms: tuple[FrameTransform, ...]
    body: tuple[BodyBox, ...] = ()

    def lookup(self, target: str, source: str) -> Transform:
        """Return ``T_target_source``, float64 (4, 4).

        Raises:
            CalibrationError: a frame that is not in the tree; the message names the known ones.
        """
        return invert(self._from_base(target)) @ self._from_base(source)

    def _from_base(self, frame: str) -> Transform:
        edges = {edge.child: edge for edge in self.transforms}
        T_base_frame = identity()
        while frame != self.base_frame:
            if frame not in edges:
                known = ", ".join([self.base_frame, *edges])
                raise CalibrationError(f"extrinsics: no frame {frame!r}, known: {known}")
            T_base_frame = edges[frame].T_parent_child @ T_base_frame
            frame = edges[frame].parent
        return T_base_frame


@dataclass(frozen=True, slots=True)
class Rig:
    """A calibration folder: the frame tree and the intrinsics by camera name (the optical frame's name)."""

    name: str
    extrinsics: Extrinsics
    cameras: Mapping[str, CameraModel]


def load_rig(folder: Path | str) -> Rig:
    """Load ``extrinsics.yaml`` and every other ``*.yaml`` of a folder as camera_info.

    Raises:
        CalibrationError: a missing folder or file, or anything :func:`load_extrinsics` or
            :func:`load_camera_info` refuses, or a camera whose frame the extrinsics do not hold.
    """
    folder = Path(folder)
    extrinsics = load_extrinsics(folder / EXTRINSICS_FILE)
    cameras = {}
    for path in sorted(folder.glob("*.yaml")):
        if path.name == EXTRINSICS_FILE:
            continue
        camera = load_camera_info(path)
        if camera.frame not in {edge.child for edge in extrinsics.transforms}:
            raise CalibrationError(f"{path}: camera_name: {camera.frame!r} is no frame of {EXTRINSICS_FILE}")
        cameras[camera.frame] = camera
    return Rig(folder.name, extrinsics, cameras)


def load_extrinsics(path: Path | str) -> Extrinsics:
    """Load the frame tree of a rig.

    Raises:
        CalibrationError: a missing file or key, an unknown key, a wrong length, a value that is not finite, a
            quaternion that is not unit, a frame with two parents or one that does not hang on the base frame, a box
            of the body whose frame is not known or whose corners are the wrong way round.
            The message names the file, the key and the value.
    """
    path = Path(path)
    document = _mapping(path, "", _read(path), {"base_frame", "transforms"}, optional={"source", "body"})
    base = _text(path, "base_frame", document["base_frame"])
    entries = document["transforms"]
    if not isinstance(entries, list):
        raise CalibrationError(f"{path}: transforms: expected a list, got {entries!r}")
    transforms = tuple(_transform(path, f"transforms[{i}]", entry) for i, entry in enumerate(entries))
    _check_tree(path, base, transforms)
    tree = Extrinsics(base, transforms)
    return Extrinsics(base, transforms, _body(path, document.get("body", []), tree))


def load_body(folder: Path | str, base_frame: str) -> tuple[BodyBox, ...]:
    """Return the robot's own boxes of a calibration folder; none where it has no extrinsics.yaml.

    Raises:
        CalibrationError: as :func:`load_extrinsics`, or boxes given for another base frame.
    """
    path = Path(folder) / EXTRINSICS_FILE
    if not path.is_file():
        return ()
    extrinsics = load_extrinsics(path)
    if extrinsics.body and extrinsics.base_frame != base_frame:
        raise CalibrationError(
            f"{path}: body: base_frame is {extrinsics.base_frame!r}, but the LiDAR node's is {base_frame!r}"
        )
    return extrinsics.body


def load_camera_info(path: Path | str, frame: str = "") -> CameraModel:
    """Load a camera_info YAML (the format of ROS's camera_calibration) as a camera model.

    Args:
        path: the YAML file.
        frame: optical frame of the model; '' takes ``camera_name``, the convention of calibration/.

    Raises:
        CalibrationError: a missing file or key, a matrix whose data do not fit its rows and columns, or
            numbers :class:`CameraModel` refuses (zero focal lengths ...). The message names the file, the key
            and the value.
    """
    path = Path(path)
    required = {"image_width", "image_height", "camera_name", "camera_matrix", "distortion_model"}
    required |= {"distortion_coefficients", "rectification_matrix", "projection_matrix"}
    document = _mapping(path, "", _read(path), required, optional={"source"})
    name = _text(path, "camera_name", document["camera_name"])
    K = _matrix(path, "camera_matrix", document["camera_matrix"], (3, 3))
    D = _matrix(path, "distortion_coefficients", document["distortion_coefficients"], (1, None))
    _matrix(path, "rectification_matrix", document["rectification_matrix"], (3, 3))
    _matrix(path, "projection_matrix", document["projection_matrix"], (3, 4))
    if K[0, 0] <= 0.0 or K[1, 1] <= 0.0:
        raise CalibrationError(f"{path}: camera_matrix: focal lengths {K[0, 0]:g}, {K[1, 1]:g}, expected positive")
    width, height = (_integer(path, key, document[key]) for key in ("image_width", "image_height"))
    model = _text(path, "distortion_model", document["distortion_model"])
    try:
        return CameraModel(width, height, K, tuple(map(float, D[0])), model, frame or name)
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from error


def _read(path: Path) -> Any:
    try:
        return load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CalibrationError(f"{path}: cannot read the calibration file ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = " ".join(str(error).split())
        raise CalibrationError(f"{path}: not YAML ({line})") from error


def _mapping(path: Path, key: str, value: Any, required: set[str], optional: set[str]) -> dict[str, Any]:
    where = f"{path}: {key}" if key else f"{path}"
    if not isinstance(value, dict):
        raise CalibrationError(f"{where}: expected a mapping with {', '.join(sorted(required))}, got {value!r}")
    dot = f"{key}." if key else ""
    for name in sorted(required - value.keys()):
        raise CalibrationError(f"{path}: {dot}{name}: missing key")
    for name in sorted(map(str, value.keys() - required - optional)):
        raise CalibrationError(f"{path}: {dot}{name}: unknown key (value {value.get(name)!r})")
    return value


def _transform(path: Path, key: str, entry: Any) -> FrameTransform:
    fields = _mapping(path, key, entry, {"parent", "child", "translation", "quaternion"}, optional={"source"})
    parent, child = (_text(path, f"{key}.{name}", fields[name]) for name in ("parent", "child"))
    numbers = {
        name: _numbers(path, f"{key}.{name}", fields[name], n) for name, n in (("translation", 3), ("quaternion", 4))
    }
    T = from_quaternion(numbers["translation"], numbers["quaternion"], f"{path}: {key}")
    return FrameTransform(parent, child, T)


def _body(path: Path, entries: Any, tree: Extrinsics) -> tuple[BodyBox, ...]:
    if not isinstance(entries, list):
        raise CalibrationError(f"{path}: body: expected a list of boxes, got {entries!r}")
    return tuple(_body_box(path, f"body[{i}]", entry, tree) for i, entry in enumerate(entries))


def _body_box(path: Path, key: str, entry: Any, tree: Extrinsics) -> BodyBox:
    fields = _mapping(path, key, entry, {"frame", "min", "max"}, optional={"source"})
    frame = _text(path, f"{key}.frame", fields["frame"])
    low, high = (np.array(_numbers(path, f"{key}.{name}", fields[name], 3)) for name in ("min", "max"))
    try:
        return BodyBox(tree.lookup(tree.base_frame, frame), low, high)
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {key}: {error}") from error


def _check_tree(path: Path, base: str, transforms: tuple[FrameTransform, ...]) -> None:
    parents: dict[str, str] = {}
    for edge in transforms:
        if edge.child in parents or edge.child == base:
            raise CalibrationError(f"{path}: transforms: frame {edge.child!r} has two parents")
        parents[edge.child] = edge.parent
    for child in parents:
        frame, steps = child, 0
        while frame in parents and steps <= len(parents):
            frame, steps = parents[frame], steps + 1
        if frame != base:
            raise CalibrationError(f"{path}: transforms: frame {child!r} does not hang on base_frame {base!r}")


def _matrix(path: Path, key: str, value: Any, shape: tuple[int, int | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    fields = _mapping(path, key, value, {"rows", "cols", "data"}, optional=set())
    rows, cols = (_integer(path, f"{key}.{name}", fields[name]) for name in ("rows", "cols"))
    if rows != shape[0] or shape[1] not in (None, cols):
        wanted = f"{shape[0]} x {'any' if shape[1] is None else shape[1]}"
        raise CalibrationError(f"{path}: {key}: {rows} x {cols}, expected {wanted}")
    data = _numbers(path, f"{key}.data", fields["data"], rows * cols)
    return np.array(data, dtype=np.float64).reshape(rows, cols)


def _numbers(path: Path, key: str, value: Any, length: int) -> list[float]:
    if not isinstance(value, list) or len(value) != length:
        raise CalibrationError(f"{path}: {key}: expected {length} numbers, got {value!r}")
    numbers = [_number(entry) for entry in value]
    if not all(map(math.isfinite, numbers)):
        raise CalibrationError(f"{path}: {key}: expected {length} finite numbers, got {value!r}")
    return numbers


def _number(value: Any) -> float:
    """Return a number, NaN for anything else; PyYAML takes 1e-05 (YAML 1.2, and how Python prints it) for text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        return float(value)
    except ValueError:
        return math.nan


def _integer(path: Path, key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise CalibrationError(f"{path}: {key}: expected a whole number, got {value!r}")
    return value


def _text(path: Path, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise CalibrationError(f"{path}: {key}: expected a name, got {value!r}")
    return value
