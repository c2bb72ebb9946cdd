"""What one camera says about one scan, and the scan's points in its image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry import transforms
from perception_core.geometry.camera_model import CameraModel
from perception_core.types import Clusters, Detections2D


@dataclass(frozen=True, slots=True)
class CameraView:
    """One camera's detections with all that is needed to compare them with a scan.

    Attributes:
        name: of the camera.
        model: intrinsics that belong to the pixels of ``detections``.
        T_camera_base: float64 (4, 4), moves points of the base frame at the scan's stamp into the optical frame at
            the image's stamp: the ego motion between the two is inside.
        detections: of the image nearest to the scan.
    """

    name: str
    model: CameraModel
    T_camera_base: NDArray[np.float64]
    detections: Detections2D


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


def project_clusters(clusters: Clusters, view: CameraView) -> ProjectedClusters:
    """Project the labelled points of a scan into an image; linear in the number of points."""
    m = len(clusters)
    owned = np.flatnonzero(clusters.labels >= 0)
    points = transforms.apply(view.T_camera_base, clusters.points[owned])
    pixels, valid = view.model.project(points)
    labels = clusters.labels[owned][valid]
    pixels, depths = pixels[valid], points[valid, 2].astype(np.float64)
    count = np.bincount(labels, minlength=m)
    bounds = np.full((m, 4), np.nan)
    depth = np.full(m, np.nan)
    order = np.argsort(labels, kind="stable")
    seen = np.flatnonzero(count)
    starts = (np.cumsum(count) - count)[seen]
    if len(seen):
        ordered = pixels[order]
        bounds[seen, :2] = np.minimum.reduceat(ordered, starts)
        bounds[seen, 2:] = np.maximum.reduceat(ordered, starts)
        pieces = np.split(depths[order], starts[1:])
        depth[seen] = [float(np.median(piece)) for piece in pieces]
    share = count / np.maximum(clusters.point_count, 1)
    return ProjectedClusters(pixels, labels, count, share, bounds, depth)


def count_inside(projected: ProjectedClusters, boxes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return int64 (M, D): points of each cluster inside each image box (D, 4)."""
    m = len(projected.count)
    x, y = projected.pixels.T
    inside = np.zeros((m, len(boxes)), dtype=np.int64)
    for d, (x0, y0, x1, y1) in enumerate(boxes):
        hit = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
        inside[:, d] = np.bincount(projected.labels[hit], minlength=m)
    return inside
