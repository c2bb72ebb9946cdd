"""What one pair of image and scan gives to the check."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from perception_core.calibration.depth_steps import DepthSteps
from perception_core.calibration.image_edges import LEVEL, UPRIGHT, edge_strength, label_edges
from perception_core.calibration.problem import EdgePoints, project
from perception_core.errors import CalibrationError, ImageError
from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import Transform, invert
from perception_core.types._checks import column

Floats = NDArray[np.float64]

_WIDEST = 1280
"""Pixels to which wider images are scaled down: beams lie wider apart than the pixels of larger ones."""
_MARGIN = 60.0
"""Pixels around the image within which points are kept: a correction may move them in."""
_MOST = 1500
"""Points of a frame; of more every second, third ... is taken."""
_CELL, _BEHIND = 6.0, 0.85
"""A point is hidden where, within a cell of pixels or the next, something stands at less than this share of its
depth."""
_DEPTHS = (10.0, 25.0)
"""Metres: things nearer and farther err apart from each other, as do those left and right in the image."""
_TEXTURE = 0.5
"""Weight of the edges of an image beside those of its labels, which are outlines of things."""


@dataclass(frozen=True, slots=True)
class CheckFrame:
    """A scan as it would have been at the moment of an image.

    Attributes:
        stamp_ns: of the image.
        pixels: uint8 (H, W, 3), blue green red, as the camera sends it.
        camera: its intrinsics.
        T_base_camera: float64 (4, 4) of the optical frame, as calibrated.
        steps: outlines in the base frame at the image's stamp.
        points: float32 (N, 3) metres, all of the scan, there as well.
        twist: float64 (6,) of the base at the stamp, m/s and rad/s in its axes; None where the motion is not known.
        labels: integers (H, W), classes or instances of the pixels, None without a network.
        travelled: metres driven since the first frame (turning by a radian counts as 10 m), or 0.

    Raises:
        ImageError: an image or labels of another size than the camera's.
    """

    stamp_ns: int
    pixels: NDArray[np.uint8]
    camera: CameraModel
    T_base_camera: Transform
    steps: DepthSteps
    points: NDArray[np.float32]
    twist: Floats | None = None
    labels: NDArray[np.integer] | None = None
    travelled: float = 0.0

    def __post_init__(self) -> None:
        """Check sizes and shapes, freeze the arrays."""
        size = (self.camera.height, self.camera.width)
        for name, image in (("image", self.pixels), ("labels", self.labels)):
            if image is not None and image.shape[:2] != size:
                shape = f"{image.shape[1]}x{image.shape[0]}"
                raise ImageError(f"{name} of {shape} pixels, the calibration is of {size[1]}x{size[0]}")
        set_ = object.__setattr__
        set_(self, "T_base_camera", column("frame.T_base_camera", self.T_base_camera, np.float64, (4, 4)))
        set_(self, "points", column("frame.points", self.points, np.float32, (None, 3)))
        if self.twist is not None:
            set_(self, "twist", column("frame.twist", self.twist, np.float64, (6,)))


@dataclass(frozen=True, slots=True)
class PreparedFrame:
    """A frame as the search takes it.

    Attributes:
        strength: uint8 (2, h, w) edges of the undistorted image, 255 for those that count in full.
        K: float64 (3, 3) of that image.
        edges: the outlines that the image should show.
        sector: int64 (E,) which of the upright stripes of the image each lies in.
        contrast: standard deviation of the grey values.
    """

    strength: NDArray[np.uint8]
    K: Floats
    edges: EdgePoints
    sector: NDArray[np.int64]
    contrast: float


def prepare(frame: CheckFrame, sectors: int) -> PreparedFrame:
    """Find the edges of the image, and of the outlines those that it should show.

    Args:
        frame: image and scan.
        sectors: number of stripes.
    """
    grey, K, labels = _pinhole(frame)
    strength = edge_strength(grey)
    if labels is not None:
        strength = np.maximum(np.float32(_TEXTURE) * strength, label_edges(labels))
    pose = invert(frame.T_base_camera)[:3]
    steps, size = frame.steps, (grey.shape[1], grey.shape[0])
    seen = _seen(steps.points, frame.points, pose, K, size)
    kept = np.flatnonzero(seen)
    kept = kept[:: 1 + (len(kept) - 1) // _MOST] if len(kept) else kept
    edges = _edge_points(steps, kept, pose, K)
    u = project(pose, K, edges.points)[:, 0]
    sector = np.clip(u / size[0] * sectors, 0, sectors - 1).astype(np.int64)
    return PreparedFrame(np.rint(255.0 * strength).astype(np.uint8), K, edges, sector, float(grey.std()))


def _pinhole(frame: CheckFrame) -> tuple[NDArray[np.uint8], Floats, NDArray[np.integer] | None]:
    """Return the image in grey, K and the labels, without distortion and no wider than :data:`_WIDEST`."""
    camera = frame.camera
    grey = cv2.cvtColor(frame.pixels, cv2.COLOR_BGR2GRAY)
    scale = min(1.0, _WIDEST / camera.width)
    if scale == 1.0 and not any(camera.distortion):
        return np.asarray(grey, np.uint8), camera.matrix, frame.labels
    width, height = max(8, round(camera.width * scale)), max(8, round(camera.height * scale))
    K = camera.matrix.copy()
    K[:2] *= scale
    K[:2, 2] += 0.5 * scale - 0.5
    columns, rows = _undistortion(camera, K, width, height)
    if scale < 1.0:
        grey = cv2.GaussianBlur(grey, (0, 0), 0.5 / scale)
    grey = cv2.remap(grey, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    labels = frame.labels
    if labels is not None:
        labels = cv2.remap(labels.astype(np.float32), columns, rows, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(grey, np.uint8), K, labels


def _undistortion(
    camera: CameraModel, K: Floats, width: int, height: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return column and row (h, w) in the camera's image of each pixel of a pinhole image with ``K``.

    Raises:
        CalibrationError: the camera sees next to nothing of it.
    """
    y, x = np.mgrid[:height, :width]
    rays = np.column_stack([x.ravel(), y.ravel(), np.ones(x.size)]) @ np.linalg.inv(K).T
    pixels, seen = camera.project(rays)
    if seen.mean() < 0.1:
        raise CalibrationError(f"camera {camera.frame!r}: the distortion leaves {seen.mean():.0%} of a pinhole image")
    pixels[~seen] = -1e4
    maps = pixels.astype(np.float32).reshape(height, width, 2)
    return np.ascontiguousarray(maps[..., 0]), np.ascontiguousarray(maps[..., 1])


def _seen(at: Floats, points: NDArray[np.float32], pose: Floats, K: Floats, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Tell which places (E, 3) fall into the image or near it, with nothing of the scan (N, 3) in front of them."""
    width, height = size
    uv = project(pose, K, at)
    depth = at @ pose[2, :3] + pose[2, 3]
    with np.errstate(invalid="ignore"):
        inside = (uv > -_MARGIN).all(axis=1) & (uv[:, 0] < width + _MARGIN) & (uv[:, 1] < height + _MARGIN)
    shape = (int((height + 2 * _MARGIN) / _CELL) + 3, int((width + 2 * _MARGIN) / _CELL) + 3)
    nearest = np.full(shape, np.inf)
    scan = points.astype(np.float64)
    scan_uv = project(pose, K, scan)
    with np.errstate(invalid="ignore"):
        row, col = ((scan_uv[:, k] + _MARGIN) / _CELL + 1.0 for k in (1, 0))
        ok = (row >= 0) & (col >= 0) & (row < shape[0]) & (col < shape[1])
    np.minimum.at(nearest, (row[ok].astype(np.int64), col[ok].astype(np.int64)), (scan @ pose[2, :3] + pose[2, 3])[ok])
    nearest = cv2.erode(nearest, np.ones((3, 3), np.uint8), borderValue=np.inf)
    out = np.zeros(len(at), np.bool_)
    k = np.flatnonzero(inside)
    cell = ((uv[k] + _MARGIN) / _CELL + 1.0).astype(np.int64)
    out[k] = depth[k] * _BEHIND <= nearest[cell[:, 1], cell[:, 0]]
    return out


def _edge_points(steps: DepthSteps, kept: NDArray[np.int64], pose: Floats, K: Floats) -> EdgePoints:
    points, outward = steps.points[kept], steps.outward[kept]
    distance = np.linalg.norm(points - (-pose[:, :3].T @ pose[:, 3]), axis=1)
    shift = project(pose, K, points + 0.01 * distance[:, None] * outward) - project(pose, K, points)
    channel = np.where(np.abs(shift[:, 0]) >= np.abs(shift[:, 1]), UPRIGHT, LEVEL).astype(np.uint8)
    kind = steps.side[kept].astype(np.int64) * (len(_DEPTHS) + 1) + np.digitize(distance, _DEPTHS)
    half = project(pose, K, points)[:, 0] > K[0, 2]
    return EdgePoints(points, outward, steps.step[kept], channel, 2 * kind + half)
