"""What one camera says about one scan, and the scan's points in its image."""

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.errors import ImageError
from perception_core.fusion.sampling import MOST_POINTS, by_cluster, inside_counts, moved, sampled
from perception_core.geometry.camera_model import CameraModel
from perception_core.types import CLASSES, Clusters, Detections2D, InstanceMasks, Segmentation


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
        masks: which detection each pixel of the same image belongs to, None where that is not known.
        finds_objects: False for a camera that only labels pixels: that it has no boxes means nothing.
        age: seconds from the image to the scan, negative where the image is the newer one.
    """

    name: str
    model: CameraModel
    T_camera_base: NDArray[np.float64]
    detections: Detections2D
    segmentation: Segmentation | None = None
    masks: InstanceMasks | None = None
    age: float = 0.0
    finds_objects: bool = True

    def __post_init__(self) -> None:
        """Check that label image and masks have the size that the intrinsics speak of.

        Raises:
            ImageError: they have another.
        """
        for pixels in (self.segmentation, self.masks):
            if pixels is not None:
                check_size(pixels, self.model)


@dataclass(frozen=True, slots=True)
class ProjectedClusters:
    """Cluster points that fall into an image, P of them, and their statistics for M clusters.

    Of each cluster a sample of at most ``MOST_POINTS`` is looked at.

    Attributes:
        pixels: float64 (P, 2), cluster by cluster.
        labels: int32 (P,) cluster of each.
        index: int64 (P,) row of each among the points of the clusters.
        count: int64 (M,) points inside the image.
        share: float64 (M,) of the cluster's points that were looked at which fall inside the image.
        bounds: float64 (M, 4) pixel bounds x_min, y_min, x_max, y_max; NaN where ``count`` is 0.
        depth: float64 (M,) median metres along the optical axis; NaN where ``count`` is 0.
    """

    pixels: NDArray[np.float64]
    labels: NDArray[np.int32]
    index: NDArray[np.int64]
    count: NDArray[np.int64]
    share: NDArray[np.float64]
    bounds: NDArray[np.float64]
    depth: NDArray[np.float64]

    def rows_of(self, cluster: int) -> slice:
        """Return where the points of one cluster are."""
        first = int(self.count[:cluster].sum())
        return slice(first, first + int(self.count[cluster]))


def check_size(pixels: Segmentation | InstanceMasks, model: CameraModel) -> None:
    """Check that the pixels of a label image, or of masks, are those of the intrinsics.

    Raises:
        ImageError: the sizes differ.
    """
    if not has_size_of(pixels, model):
        what, array = (
            ("masks", pixels.instances) if isinstance(pixels, InstanceMasks) else ("label image", pixels.labels)
        )
        height, width = array.shape
        raise ImageError(f"{what} of {width}x{height}, the camera has {model.width}x{model.height}")


def has_size_of(pixels: Segmentation | InstanceMasks, model: CameraModel) -> bool:
    """Whether the pixels of a label image, or of masks, are those of the intrinsics."""
    array = pixels.instances if isinstance(pixels, InstanceMasks) else pixels.labels
    return array.shape == (model.height, model.width)


def without_bad_boxes(detections: Detections2D) -> tuple[Detections2D, int]:
    """Return the detections whose numbers can be used, and how many could not.

    Boxes have to be finite and of positive size, scores in [0, 1], classes those of the vocabulary.
    """
    boxes, scores, ids = detections.boxes, detections.scores, detections.class_ids
    with np.errstate(invalid="ignore"):
        good = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        good &= (scores >= 0.0) & (scores <= 1.0) & (ids >= 0) & (ids < len(CLASSES))
    if good.all():
        return detections, 0
    kept = replace(detections, boxes=boxes[good], scores=scores[good], class_ids=ids[good])
    return kept, int((~good).sum())


def sample(clusters: Clusters) -> NDArray[np.int64]:
    """Return int64 (K,): the rows of at most ``MOST_POINTS`` points of each cluster."""
    rows: NDArray[np.int64] = sampled(clusters.labels, clusters.point_count, MOST_POINTS)
    return rows


def project_clusters(clusters: Clusters, view: CameraView, rows: NDArray[np.int64] | None = None) -> ProjectedClusters:
    """Project labelled points of a scan into an image; linear in the number of points.

    Args:
        clusters: of the scan.
        view: one camera's.
        rows: int64 (K,) the points that are looked at, all of which have a cluster; None takes a sample.
    """
    m, looked_at_rows = len(clusters), sample(clusters) if rows is None else rows
    wanted = _in_cone(clusters.centre, clusters.size, frozen(view.T_camera_base), view.model.half_angle())
    T = frozen(view.T_camera_base.astype(np.float32))
    index, points, looked_at = moved(clusters.points, clusters.labels, looked_at_rows, wanted, T)
    kept, pixels = view.model.visible(points)
    index = index[kept]
    labels = clusters.labels[index]
    order, count, bounds, depth = by_cluster(labels, pixels, points[kept, 2], m)
    share = count / np.maximum(looked_at, 1)
    return ProjectedClusters(pixels[order], labels[order], index[order], count, share, bounds, depth)


@njit(cache=True)
def _in_cone(
    centre: NDArray[np.float64], size: NDArray[np.float64], T: NDArray[np.float64], half_angle: float
) -> NDArray[np.bool_]:
    """Tell which clusters' bounding spheres reach into the cone around the optical axis that holds the whole image.

    Args:
        centre, size: float64 (M, 3) metres, of boxes in the base frame.
        T: float64 (4, 4) from there to the optical frame.
        half_angle: of the cone, radians.
    """
    out, place = np.zeros(len(centre), np.bool_), np.empty(3)
    for k in range(len(centre)):
        for axis in range(3):
            row = T[axis]
            place[axis] = row[0] * centre[k, 0] + row[1] * centre[k, 1] + row[2] * centre[k, 2] + row[3]
        aside = np.hypot(place[0], place[1])
        away = np.hypot(aside, place[2])
        radius = np.hypot(np.hypot(size[k, 0], size[k, 1]), size[k, 2]) / 2.0
        if away <= radius:
            out[k] = True
        else:
            out[k] = np.arctan2(aside, place[2]) - np.arcsin(radius / away) <= half_angle
    return out


def pixels_under(pixels: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and column, int64 (P,), of the pixel that each projected point (P, 2) falls on."""
    column, row = np.floor(pixels + 0.5).astype(np.int64).T
    return row, column


def count_inside(projected: ProjectedClusters, boxes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return int64 (M, D): points of each cluster inside each image box (D, 4)."""
    inside: NDArray[np.int64] = inside_counts(projected.pixels, projected.count, projected.bounds, frozen(boxes))
    return inside
