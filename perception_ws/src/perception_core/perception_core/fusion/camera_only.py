"""Objects from the camera alone: where the foot of the box meets the ground, and how far a thing of its class is.

Two ranges along one ray: the ground plane (good near, useless at the horizon, spoilt by pitch) and the pixel height of
a thing of known height (good for any pitch, as good as the class's spread). Both enter weighted by their variance.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.fusion.config import CameraOnlyConfig
from perception_core.fusion.priors import SIZE_PRIORS, SizePrior
from perception_core.fusion.views import CameraView
from perception_core.geometry import transforms
from perception_core.types import CLASSES

_EDGE_PX = 3.0


def place(view: CameraView, d: int, config: CameraOnlyConfig) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Place detection ``d`` of ``view`` on the ground of the base frame.

    Returns:
        Centre (3,) in metres and covariance (3, 3) in m^2 in the base frame, or None when neither the ground nor the
        height gives a range below ``max_range``.
    """
    prior = SIZE_PRIORS.get(CLASSES[int(view.detections.class_ids[d])])
    if prior is None:
        return None
    T_base_camera = transforms.invert(view.T_camera_base)
    eye = T_base_camera[:3, 3]
    x0, _y0, x1, y1 = view.detections.boxes[d]
    foot = transforms.rotate(T_base_camera, view.model.rays(np.array([[(x0 + x1) / 2, y1]])))[0]
    flat = float(np.hypot(foot[0], foot[1]))
    if flat < 1e-6:
        return None
    estimates = [
        e
        for e in (_range_by_ground(view, d, eye, foot, flat, config), _range_by_height(view, d, prior, config))
        if e is not None
    ]
    if not estimates:
        return None
    weights = np.array([1.0 / sigma**2 for _, sigma in estimates])
    distance = float(weights @ [r for r, _ in estimates] / weights.sum())
    sigma_range = float(1.0 / np.sqrt(weights.sum()))
    if not 0.0 < distance <= config.max_range:
        return None
    forward = np.array([foot[0], foot[1]]) / flat
    depth_offset = prior.mean[1] / 2
    position = eye[:2] + forward * (distance + depth_offset)
    sigma_side = distance * (0.1 * (x1 - x0) + config.pixel_sigma) / view.model.matrix[0, 0]
    sigma_range = float(np.hypot(sigma_range, prior.sigma[0] / 2))
    across = np.array([-forward[1], forward[0]])
    covariance = np.zeros((3, 3))
    covariance[:2, :2] = sigma_range**2 * np.outer(forward, forward) + sigma_side**2 * np.outer(across, across)
    covariance[2, 2] = float(np.hypot(prior.sigma[2] / 2, config.pitch_sigma * distance)) ** 2
    return np.array([*position, prior.mean[2] / 2]), covariance


def _edge_sigma(view: CameraView, d: int, config: CameraOnlyConfig) -> float:
    box = view.detections.boxes[d]
    return float(np.hypot(config.pixel_sigma, config.edge_sigma * (box[3] - box[1])))


def _range_by_ground(
    view: CameraView,
    d: int,
    eye: NDArray[np.float64],
    foot: NDArray[np.float64],
    flat: float,
    config: CameraOnlyConfig,
) -> tuple[float, float] | None:
    """Horizontal range (metres) and its deviation where the foot ray meets z = 0; d range / d angle = r^2 / h + h."""
    if view.detections.boxes[d, 3] >= view.detections.image_size[1] - _EDGE_PX or foot[2] >= -1e-3 or eye[2] <= 0.1:
        return None
    distance = float(-eye[2] / foot[2] * flat)
    angle = float(np.hypot(config.pitch_sigma, _edge_sigma(view, d, config) / view.model.matrix[1, 1]))
    return distance, (distance**2 / float(eye[2]) + float(eye[2])) * angle


def _range_by_height(
    view: CameraView, d: int, prior: SizePrior, config: CameraOnlyConfig
) -> tuple[float, float] | None:
    """Range from ``height / range = pixels / focal length``; None when the box is cut off by the image's border."""
    _x0, y0, _x1, y1 = view.detections.boxes[d]
    if y0 <= _EDGE_PX or y1 >= view.detections.image_size[1] - _EDGE_PX or y1 - y0 < 4.0:
        return None
    distance = float(view.model.matrix[1, 1] * prior.mean[2] / (y1 - y0))
    relative = float(np.hypot(prior.sigma[2] / prior.mean[2], 1.4 * _edge_sigma(view, d, config) / (y1 - y0)))
    return distance, distance * relative
