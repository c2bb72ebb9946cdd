"""What one camera says about one scan, and the scan's points in its image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ImageError
from perception_core.geometry import transforms
from perception_core.geometry.camera_model import CameraModel
from perception_core.types import Clusters, Detections2D, Segmentation


@dataclass(frozen=True, slots=True)
class CameraView:
    """One camera's detections with all that is needed to compare them with a scan.

    Attributes:
        name: of the camera.
        model: intrinsics that belong to the pixels of ``detections``.
        T_camera_base: float64 (4, 4), moves points of the base frame at the scan's stamp into the optical frame at
            the image's stamp: the ego motion between the two is inside.
        detections: of the image nearest to the scan.
        segmentation: the classes of the same image's pixels, None where there are none.
    """

    name: str
    model: CameraModel
    T_camera_base: NDArray[np.float64]
    detections: Detections2D
    segmentation: Segmentation | None = None

    def __post_init__(self) -> None:
        """Check that the label image has the size that the intrinsics speak of.

        Raises:
            ImageError: it has another.
        """
        if self.segmentation is not None:
            check_size(self.segmentation, self.model)


@dataclass(frozen=True, slots=True)
class ProjectedClusters:
    """Cluster points that fall into an image, P of them, and their statistics for M clusters.

    Attributes:
        pixels: float64 (P, 2).
        labels: int32 (P,) cluster of each.
        count: int64 (M,) points inside the image.
        share: float64 (M,) of the cluster's points that fall inside the image.
        bounds: float64 (M, 4) pixel bounds x_min, y_min, x_max, y_max; NaN where ``count`` is 0.
        depth: float64 (M,) median metres along the optical axis; NaN where ``count`` is 0.
    """

    pixels: NDArray[np.float64]
    labels: NDArray[np.int32]
    count: NDArray[np.int64]
    share: NDArray[np.float64]
    bounds: NDArray[np.float64]
    depth: NDArray[np.float64]


def check_size(segmentation: Segmentation, model: CameraModel) -> None:
    """Check that the pixels of a label image are those of the intrinsics.

    Raises:
        ImageError: the sizes differ.
    """
    if not has_size_of(segmentation, model):
        height, width = segmentation.labels.shape
        raise ImageError(f"label image of {width}x{height}, the camera has {model.width}x{model.height}")


def has_size_of(segmentation: Segmentation, model: CameraModel) -> bool:
    """Whether the pixels of a label image are those of the intrinsics."""
    return segmentation.labels.shape == (model.height, model.width)


def project_clusters(clusters: Clusters, view: CameraView) -> ProjectedClusters:
    """Project the labelled points of a scan into an image; linear in the number of points."""
    m = len(clusters)
    sighted = np.append(_in_cone(clusters, view), False)  # the last one is for label -1
    owned = np.flatnonzero(sighted[clusters.labels])
    points = transforms.apply(view.T_camera_base, clusters.points[owned])
    pixels, valid = view.model.project(points)
    kept = np.flatnonzero(valid)
    order = kept[np.lexsort((points[kept, 2], clusters.labels[owned[kept]]))]
    labels, pixels = clusters.labels[owned[order]], pixels[order]
    count = np.bincount(labels, minlength=m)
    bounds = np.full((m, 4), np.nan)
    depth = np.full(m, np.nan)
    seen = np.flatnonzero(count)
    if len(seen):
        starts = (np.cumsum(count) - count)[seen]
        bounds[seen, :2] = np.minimum.reduceat(pixels, starts)
        bounds[seen, 2:] = np.maximum.reduceat(pixels, starts)
        depth[seen] = points[order, 2][starts + count[seen] // 2]  # sorted by depth within each cluster
    share = count / np.maximum(clusters.point_count, 1)
    return ProjectedClusters(pixels, labels, count, share, bounds, depth)


def _in_cone(clusters: Clusters, view: CameraView) -> NDArray[np.bool_]:
    """Tell which clusters' bounding spheres reach into the cone around the optical axis that holds the whole image."""
    w, h = view.model.width - 1, view.model.height - 1
    border = np.array([[0, 0], [w, 0], [0, h], [w, h], [w / 2, 0], [w / 2, h], [0, h / 2], [w, h / 2]])
    half_angle = float(np.arccos(view.model.rays(border)[:, 2].min()))
    centre = transforms.apply(view.T_camera_base, clusters.centre)
    distance = np.linalg.norm(centre, axis=1)
    radius = np.linalg.norm(clusters.size, axis=1) / 2
    angle = np.arctan2(np.hypot(centre[:, 0], centre[:, 1]), centre[:, 2])
    sphere = np.arcsin(np.clip(radius / np.maximum(distance, 1e-6), 0.0, 1.0))
    return (angle - sphere <= half_angle) | (distance <= radius)


def count_inside(
    projected: ProjectedClusters, boxes: NDArray[np.float64], counted: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Return int64 (M, D): points of each cluster inside each image box (D, 4).

    ``counted`` bool (D, P) says which points count for each box; None is all.
    """
    m = len(projected.count)
    x, y = projected.pixels.T
    inside = np.zeros((m, len(boxes)), dtype=np.int64)
    for d, (x0, y0, x1, y1) in enumerate(boxes):
        hit = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
        if counted is not None:
            hit &= counted[d]
        inside[:, d] = np.bincount(projected.labels[hit], minlength=m)
    return inside
