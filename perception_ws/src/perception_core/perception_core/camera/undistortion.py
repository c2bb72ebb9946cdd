"""What was seen in the raw image, in pixels of the undistorted one.

A network sees the raw image, as it was trained; whoever works with rectified images gets its answers moved there.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from perception_core.camera.detector import CameraResult
from perception_core.errors import CalibrationError, ImageError
from perception_core.geometry.camera_model import CameraModel
from perception_core.types import Detections2D, InstanceMasks, Segmentation

_POINTS_A_SIDE = 9
"""An edge of a box bends under distortion: it is followed through so many points."""

_MIN_SIDE = 1.0
_STRIP = 256
_NOWHERE = -1.0


class Undistortion:
    """Moves results from the raw image of a camera to its undistorted one; makes the maps of pixels once."""

    def __init__(self, raw: CameraModel, undistorted: CameraModel) -> None:
        """Join the two models of one camera: of the image that is looked at, and of the image that is asked for.

        Raises:
            CalibrationError: the second model has a distortion.
        """
        if any(undistorted.distortion):
            raise CalibrationError(f"camera {undistorted.frame!r}: the undistorted image has a distortion")
        self._raw = raw
        self._undistorted = undistorted
        self._map: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def __call__(self, result: CameraResult) -> CameraResult:
        """Return the result in pixels of the undistorted image; what lies outside of it is dropped.

        Raises:
            ImageError: the result is of an image of another size than the raw model's.
        """
        detections, masks, segmentation = result.detections, result.masks, result.segmentation
        if detections is not None:
            numbers = np.zeros(len(detections) + 1, np.uint16)
            detections, kept = self._moved_boxes(detections)
            numbers[kept + 1] = np.arange(1, len(kept) + 1)
            if masks is not None:
                instances = self._moved(numbers[masks.instances])
                masks = InstanceMasks(masks.stamp_ns, masks.frame, instances)
        if segmentation is not None:
            labels = self._moved(segmentation.labels)
            segmentation = Segmentation(segmentation.stamp_ns, segmentation.frame, labels)
        return CameraResult(detections, masks, segmentation)

    def _moved_boxes(self, found: Detections2D) -> tuple[Detections2D, NDArray[np.int64]]:
        """Return the boxes around the moved outlines, and the indices of those that stay."""
        self._check_size(found.image_size)
        size = (self._undistorted.width, self._undistorted.height)
        outlines = _outlines(found.boxes)
        outlines = self._moved_points(outlines.reshape(-1, 2)).reshape(outlines.shape)
        low, high = (np.clip(edge(axis=1), 0.0, size) for edge in (outlines.min, outlines.max))
        kept = np.flatnonzero((high - low >= _MIN_SIDE).all(axis=1))
        boxes = np.hstack([low, high])[kept]
        moved = Detections2D(found.stamp_ns, found.frame, boxes, found.scores[kept], found.class_ids[kept], size)
        return moved, kept

    def _moved_points(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move points (N, 2), edges of pixels at integers; the models count from the centres of pixels."""
        rays = self._raw.rays(points - 0.5)
        K = self._undistorted.matrix
        moved: NDArray[np.float64] = rays[:, :2] / rays[:, 2:] @ K[:2, :2].T + K[:2, 2] + 0.5
        return moved

    def _moved[T: np.generic](self, image: NDArray[T]) -> NDArray[T]:
        """Return the image (H, W) of numbers as the undistorted camera sees it, 0 where the raw one does not look."""
        self._check_size((image.shape[1], image.shape[0]))
        if self._map is None:
            self._map = self._make_map()
        moved = cv2.remap(image, *self._map, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        return np.asarray(moved, image.dtype)

    def _make_map(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return float32 (H, W) twice: column and row in the raw image of each pixel of the undistorted one."""
        width, height = self._undistorted.width, self._undistorted.height
        inverse = np.linalg.inv(self._undistorted.matrix).T
        columns, rows = np.full((2, height, width), _NOWHERE, np.float32)
        for top in range(0, height, _STRIP):
            y, x = np.mgrid[top : min(top + _STRIP, height), :width]
            rays = np.column_stack([x.ravel(), y.ravel(), np.ones(x.size)]) @ inverse
            pixels, seen = self._raw.project(rays)
            for out, values in ((columns, pixels[:, 0]), (rows, pixels[:, 1])):
                out[top : top + len(y)] = np.where(seen, values, _NOWHERE).reshape(x.shape)
        return columns, rows

    def _check_size(self, size: tuple[int, int]) -> None:
        if size != (self._raw.width, self._raw.height):
            raise ImageError(
                f"camera {self._raw.frame!r}: a result of {size[0]}x{size[1]} pixels, the calibration is of "
                f"{self._raw.width}x{self._raw.height}"
            )


def _outlines(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 (N, P, 2): points along the edges of boxes (N, 4)."""
    along = np.linspace(0.0, 1.0, _POINTS_A_SIDE)
    zero, one = np.zeros_like(along), np.ones_like(along)
    shares = np.concatenate([np.column_stack(p) for p in ((along, zero), (along, one), (zero, along), (one, along))])
    size: NDArray[np.float64] = boxes[:, np.newaxis, 2:] - boxes[:, np.newaxis, :2]
    outlines: NDArray[np.float64] = boxes[:, np.newaxis, :2] + shares * size
    return outlines
