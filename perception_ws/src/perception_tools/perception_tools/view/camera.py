"""From where a scan is looked at: a pinhole camera above, behind or beside the robot."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import Transform, invert

_AHEAD = 0.25
"""The bird's eye is so many reaches ahead of the robot: what lies ahead matters more."""
_HIGH = 40.0
"""Reaches between the bird's eye and the ground: so far that heights do not shift what is seen."""
_OPENING = np.radians(60.0)
"""Horizontal opening of the chase and the side view."""


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """A camera.

    Attributes:
        model: intrinsics; pixel centres at integers.
        T_camera_base: base frame into the optical frame.
        scale: pixels a metre where that is the same all over the picture (from above), else None.
    """

    model: CameraModel
    T_camera_base: Transform
    scale: float | None


def viewpoint(view: str, reach: float, floor: float, width: int, height: int) -> Viewpoint:
    """Return the camera of a view.

    Args:
        view: ``bird`` (x of base to the right), ``chase`` (from behind, along x) or ``side`` (from the right).
        reach: metres, half the width of the ground that the bird's eye sees.
        floor: metres, how high the ground lies in base.
        width: pixels.
        height: pixels.
    """
    if view == "bird":
        scale = width / (2.0 * reach)
        eye = np.array([_AHEAD * reach, 0.0, floor + _HIGH * reach])
        model = _model(scale * _HIGH * reach, width, height)
        return Viewpoint(model, _look(eye, eye - (0.0, 0.0, 1.0), np.array([0.0, 1.0, 0.0])), scale)
    up = np.array([0.0, 0.0, 1.0])
    model = _model(width / (2.0 * np.tan(_OPENING / 2.0)), width, height)
    if view == "chase":
        eye, target = np.array([-0.35 * reach, 0.0, 0.3 * reach]), np.array([0.3 * reach, 0.0, floor])
    else:
        eye, target = np.array([0.2 * reach, -0.8 * reach, 0.3 * reach]), np.array([0.2 * reach, 0.0, floor])
    return Viewpoint(model, _look(eye, target, up), None)


def _model(focal: float, width: int, height: int) -> CameraModel:
    matrix = np.array([[focal, 0.0, (width - 1) / 2], [0.0, focal, (height - 1) / 2], [0.0, 0.0, 1.0]])
    return CameraModel(width, height, matrix, frame="view")


def _look(eye: NDArray[np.float64], target: NDArray[np.float64], up: NDArray[np.float64]) -> Transform:
    """Return the transform into an optical frame (x right, y down, z forward) at ``eye`` that looks at ``target``."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    T_base_camera = np.eye(4)
    T_base_camera[:3, :3] = np.column_stack([right, np.cross(forward, right), forward])
    T_base_camera[:3, 3] = eye
    return invert(T_base_camera)
