"""Objects from the camera alone: where the foot of the box meets the ground, and how far a thing of its class is.

Two ranges along one ray: the ground plane (good near, useless at the horizon, spoilt by pitch) and the pixel height of
a thing of known height (good for any pitch, as good as the class's spread). Both enter weighted by their variance.
Where they contradict each other (on a hill, in a dip, or the class is another) one of them is wrong, and nobody knows
which. The same holds for the height: on the plane, or along the ray.

- ground: the foot's ray falls by h over the range r, so an error of the angle d moves the range by (r^2 / h + h) d;
  d is the error of the box's lower edge, in pixels over the focal length, and what is not known of the pitch;
- height: between a near foot and a top of height H, seen at the slopes s and t of their rays, lies r = H / (s - t), so
  that sigma_r / r is the relative spread of H and of the pixels between them. From above, t > 0, the upper edge of the
  box is the far side of the top: r = (H + D t) / (s - t), with the depth D of the thing.
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.fusion.config import CameraOnlyConfig
from perception_core.fusion.ground import GroundPlane
from perception_core.fusion.priors import SIZE_PRIORS, SizePrior
from perception_core.fusion.views import CameraView
from perception_core.geometry import transforms
from perception_core.types import CLASSES

Floats = NDArray[np.float64]

_EDGE_PX = 3.0
"""A box this near to the image's border may be cut off there."""

_STEEPEST = 2.0
"""Slope of a ray, 63 degrees down, beyond which the edges of a box are not the near and the far one."""

_ONE_WAY = 0.9
"""Cosine of the angle between the bearings of the edges of a box above which they are the near and the far one."""

_ONE_IS_WRONG = 0.05
"""How often one of two estimates is wrong, as a share of the density of their agreement at its best."""

_LOWEST_PX = 4.0
"""A box less high than this tells no range by its height."""

_COVERED = 0.3
"""Share of a box's width over which a nearer box covers its lower edge, from which on that is no foot."""

_NEARER_SHARE = 0.4
"""Standard deviation, as a share of the range, by which a box whose foot is covered may be nearer than it looks."""

_UNNAMED = SizePrior(np.array([1.0, 1.0, 1.2]), np.array([1.0, 1.0, 0.8]))
"""Things in the way without a class: about anything."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """Where the detections of one view are along their rays.

    Attributes:
        eye: float64 (3,) metres, the camera in the base frame.
        forward: float64 (D, 2) horizontal direction of each, unit length.
        side: float64 (D, 2) bearings of its left and right edge in radians, left the greater one.
        distance: float64 (D,) metres from the eye to its near side, NaN where nothing tells.
        sigma: float64 (D,) metres.
        off_ground: float64 (D,) probability that it does not stand on the ground plane, since its height contradicts.
        foot_covered: bool (D,) a nearer box hides where it stands: it may be nearer than it looks.
    """

    eye: Floats
    forward: Floats
    side: Floats
    distance: Floats
    sigma: Floats
    off_ground: Floats
    foot_covered: NDArray[np.bool_]


def ranges(view: CameraView, ground: GroundPlane, config: CameraOnlyConfig) -> Ranges:
    """Estimate how far the detections of a view are, each from its foot and its height."""
    boxes = view.detections.boxes
    T_base_camera = transforms.invert(view.T_camera_base)
    eye = T_base_camera[:3, 3]
    x0, y0, x1, y1 = boxes.T
    middle = (x0 + x1) / 2
    pixels = np.concatenate(
        [np.column_stack([u, v]) for u, v in ((middle, y1), (x0, (y0 + y1) / 2), (x1, (y0 + y1) / 2))]
    )
    rays = transforms.rotate(T_base_camera, view.model.rays(pixels)).reshape(3, -1, 3)
    foot = rays[0]
    flat = np.maximum(np.hypot(foot[:, 0], foot[:, 1]), 1e-6)
    bearing = np.arctan2(rays[..., 1], rays[..., 0])
    half = np.abs((bearing[1:] - bearing[0] + np.pi) % (2.0 * np.pi) - np.pi)
    by_ground, ground_sigma = _by_ground(view, eye, foot, flat, ground, config)
    by_height, height_sigma = _by_height(view, T_base_camera, config)
    joined = reconciled(by_ground, ground_sigma, by_height, height_sigma, np.zeros(len(boxes)))
    return Ranges(
        eye=eye,
        forward=foot[:, :2] / flat[:, None],
        side=np.column_stack([bearing[0] + half[0], bearing[0] - half[1]]),
        distance=joined.mean,
        sigma=joined.sigma,
        off_ground=joined.first_wrong,
        foot_covered=_foot_covered(boxes),
    )


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What two estimates say together: mean (D,), NaN where both say nothing, deviation (D,), first wrong (D,)."""

    mean: Floats
    sigma: Floats
    first_wrong: Floats


def reconciled(a: Floats, a_sigma: Floats, b: Floats, b_sigma: Floats, a_wrong: Floats) -> Reconciled:
    """Join two estimates (D,) with their deviations (D,), inf for none, of which one may be wrong.

    Mean and deviation of a mixture: both are right, their variances weigh them, and are larger than they claim if they
    differ by more (Birge 1932); or, the likelier the more they differ, only one of them is right.

    Args:
        a, a_sigma, b, b_sigma: the estimates.
        a_wrong: probability (D,) that the first is wrong, as told by something else.
    """
    mean, sigma, first_wrong = _mixtures(frozen(a), frozen(a_sigma), frozen(b), frozen(b_sigma), frozen(a_wrong))
    return Reconciled(mean, sigma, first_wrong)


@njit(cache=True)
def _mixtures(a: Floats, a_sigma: Floats, b: Floats, b_sigma: Floats, a_wrong: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the three columns of :class:`Reconciled`."""
    mean, sigma, first_wrong = np.full(len(a), np.nan), np.full(len(a), np.inf), np.zeros(len(a))
    for k in range(len(a)):
        if not np.isfinite(a_sigma[k]) or not np.isfinite(b_sigma[k]):
            if np.isfinite(a_sigma[k]):
                mean[k], sigma[k] = a[k], a_sigma[k]
            elif np.isfinite(b_sigma[k]):
                mean[k], sigma[k] = b[k], b_sigma[k]
            continue
        va, vb = a_sigma[k] ** 2, b_sigma[k] ** 2
        surprise = (a[k] - b[k]) ** 2 / (va + vb)
        joint, variance = (a[k] * vb + b[k] * va) / (va + vb), va * vb / (va + vb) * max(1.0, surprise)
        right = 1.0 - a_wrong[k]
        both, only_a = math.exp(-0.5 * surprise) * right, _ONE_IS_WRONG / 2.0 * right
        only_b = only_a + a_wrong[k]
        total = both + only_a + only_b
        both, only_a, only_b = both / total, only_a / total, only_b / total
        middle = both * joint + only_a * a[k] + only_b * b[k]
        spread = both * (variance + (joint - middle) ** 2)
        spread += only_a * (va + (a[k] - middle) ** 2) + only_b * (vb + (b[k] - middle) ** 2)
        mean[k], sigma[k], first_wrong[k] = middle, math.sqrt(spread), only_b
    return mean, sigma, first_wrong


def place(
    view: CameraView, found: Ranges, ground: GroundPlane, config: CameraOnlyConfig
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Place the detections of a view on the ground.

    Returns:
        int64 (K,) the detections that can be placed within ``max_range``, their centres (K, 3) in metres and the
        covariance (K, 3, 3) in m^2, base frame.
    """
    with np.errstate(invalid="ignore"):
        good = np.isfinite(found.distance) & (found.distance > 0.0) & (found.distance <= config.max_range)
    kept = np.flatnonzero(good & (view.detections.scores >= config.min_score))
    T_base_camera = transforms.invert(view.T_camera_base)
    size = _sizes(view.detections.class_ids[kept])
    distance, forward = found.distance[kept], found.forward[kept]
    x0, y0, x1, y1 = view.detections.boxes[kept].T
    # What is seen is the near side.
    middle = distance + size.depth / 2
    position = found.eye[:2] + forward * middle[:, None]
    sigma_side = np.hypot(distance * (0.1 * (x1 - x0) + config.pixel_sigma) / view.model.matrix[0, 0], 0.1)
    near = np.where(found.foot_covered[kept], _NEARER_SHARE * distance, 0.0)
    below = np.where(_one_way(view, T_base_camera)[kept], 0.0, size.depth)
    sigma_range = np.sqrt(found.sigma[kept] ** 2 + (size.depth_sigma / 2) ** 2 + near**2 + below**2)
    # It is as high as the ground, as far as that is known, and somewhere along the ray through the middle of its box.
    fall = _slope_of(view, T_base_camera, (x0 + x1) / 2, (y0 + y1) / 2)
    by_ray = found.eye[2] - fall * middle
    edge = distance * _edge_sigma(view, config)[kept] / view.model.matrix[1, 1]
    along = np.column_stack([forward, np.zeros(len(kept)) if ground.known else -fall])
    across = np.column_stack([-forward[:, 1], forward[:, 0]])
    covariance = (sigma_range**2)[:, None, None] * along[:, :, None] * along[:, None, :]
    covariance[:, :2, :2] += (sigma_side**2)[:, None, None] * across[:, :, None] * across[:, None, :]
    if ground.known:
        on_ground = ground.height(position[:, 0], position[:, 1]) + size.height / 2
        ground_sigma = np.sqrt((_slope(ground, config) * distance) ** 2 + (size.height_sigma / 2) ** 2 + 0.1**2)
        ray_sigma = np.sqrt((fall * sigma_range) ** 2 + edge**2 + 0.1**2)
        ray_sigma[np.abs(fall) > _STEEPEST] = np.inf  # right below, a ray says all heights
        joined = reconciled(on_ground, ground_sigma, by_ray, ray_sigma, found.off_ground[kept])
        height, sigma = joined.mean, joined.sigma
    else:
        height, sigma = by_ray, np.hypot(edge, 0.1)
    covariance[:, 2, 2] += sigma**2
    return kept, np.column_stack([position, height]), covariance


def prior_of(class_id: int) -> SizePrior:
    """Return the size of a class, of ``unknown`` about anything."""
    return SIZE_PRIORS.get(CLASSES[class_id], _UNNAMED)


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Height, and depth along the line of sight, of D things of some classes and unknown heading: metres, each (D,)."""

    height: Floats
    height_sigma: Floats
    depth: Floats
    depth_sigma: Floats


def _sizes(class_ids: NDArray[np.int32]) -> _Sizes:
    """Return what is known of the sizes of some classes; the depth lies between their widths and their lengths."""
    priors = [prior_of(int(c)) for c in class_ids]
    length, width, height = np.array([p.mean for p in priors]).reshape(-1, 3).T
    length_sigma, _, height_sigma = np.array([p.sigma for p in priors]).reshape(-1, 3).T
    return _Sizes(height, height_sigma, (length + width) / 2, np.hypot((length - width) / 2, length_sigma))


def _slope(ground: GroundPlane, config: CameraOnlyConfig) -> float:
    return config.slope_sigma if ground.seen else config.pitch_sigma


def _edge_sigma(view: CameraView, config: CameraOnlyConfig) -> Floats:
    boxes = view.detections.boxes
    return np.hypot(config.pixel_sigma, config.edge_sigma * (boxes[:, 3] - boxes[:, 1]))


def _by_ground(
    view: CameraView, eye: Floats, foot: Floats, flat: Floats, ground: GroundPlane, config: CameraOnlyConfig
) -> tuple[Floats, Floats]:
    """Horizontal range (D,) and its deviation, inf where the foot is cut off or its ray does not meet the ground."""
    _, b, c = ground.coefficients
    height = float(eye[2] - ground.height(eye[0], eye[1]))
    falls = b * foot[:, 0] + c * foot[:, 1] - foot[:, 2]
    meets = (view.detections.boxes[:, 3] < view.detections.image_size[1] - _EDGE_PX) & (falls > 1e-3) & (height > 0.1)
    distance = np.where(meets, height / np.where(meets, falls, 1.0) * flat, 0.0)
    angle = np.hypot(_slope(ground, config), _edge_sigma(view, config) / view.model.matrix[1, 1])
    sigma = np.hypot((distance**2 / max(height, 0.1) + height) * angle, distance * ground.sigma / max(height, 0.1))
    return distance, np.where(meets, np.maximum(sigma, 0.05), np.inf)


def _by_height(
    view: CameraView, T_base_camera: transforms.Transform, config: CameraOnlyConfig
) -> tuple[Floats, Floats]:
    """Horizontal range (D,) of the near side and its deviation by the class's size, inf where the box is cut off."""
    x0, y0, x1, y1 = view.detections.boxes.T
    pixels = y1 - y0
    foot, top = (_slope_of(view, T_base_camera, (x0 + x1) / 2, y) for y in (y1, y0))
    whole = (y0 > _EDGE_PX) & (y1 < view.detections.image_size[1] - _EDGE_PX) & (pixels >= _LOWEST_PX)
    whole &= _one_way(view, T_base_camera)
    whole &= (np.maximum(np.abs(foot), np.abs(top)) <= _STEEPEST) & (foot > top)
    size, from_above = _sizes(view.detections.class_ids), np.maximum(top, 0.0)
    shown = size.height + from_above * size.depth
    shown_sigma = np.hypot(size.height_sigma, from_above * size.depth_sigma)
    distance = np.where(whole, shown / np.where(whole, foot - top, 1.0), 0.0)
    relative = np.hypot(shown_sigma / shown, 1.4 * _edge_sigma(view, config) / np.maximum(pixels, 1.0))
    return distance, np.where(whole, np.maximum(distance * relative, 0.05), np.inf)


def _one_way(view: CameraView, T_base_camera: transforms.Transform) -> NDArray[np.bool_]:
    """Tell whose (D,) lower and upper edge lie in one direction, seen from above: not so right below the camera."""
    x0, y0, x1, y1 = view.detections.boxes.T
    pixels = (np.column_stack([(x0 + x1) / 2, y]) for y in (y0, y1))
    top, foot = (transforms.rotate(T_base_camera, view.model.rays(p))[:, :2] for p in pixels)
    apart = np.maximum(np.linalg.norm(top, axis=1) * np.linalg.norm(foot, axis=1), 1e-12)
    return np.asarray((top * foot).sum(axis=1) / apart > _ONE_WAY)


def _slope_of(view: CameraView, T_base_camera: transforms.Transform, x: Floats, y: Floats) -> Floats:
    """Return by how much the rays (D,) of some pixels fall a metre of horizontal range."""
    ray = transforms.rotate(T_base_camera, view.model.rays(np.column_stack([x, y])))
    return np.asarray(-ray[:, 2] / np.maximum(np.hypot(ray[:, 0], ray[:, 1]), 1e-6))


def _foot_covered(boxes: Floats) -> NDArray[np.bool_]:
    """Tell which boxes (D, 4) have their lower edge covered by one that stands lower in the image, and so nearer."""
    x0, y0, x1, y1 = boxes.T
    shared = np.minimum(x1[:, None], x1[None]) - np.maximum(x0[:, None], x0[None])
    nearer = (y1[None] > y1[:, None] + 2.0) & (y0[None] < y1[:, None])
    covered: NDArray[np.bool_] = (nearer & (shared >= _COVERED * (x1 - x0)[:, None])).any(axis=1)
    return covered
