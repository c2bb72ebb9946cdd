"""What the classes of an image's pixels say about clusters and about their matches with boxes.

A box holds more pixels than its object: the hedge beside the car, the wall between two people. Where there is a label
image that shows the box's object, the returns that fall on pixels of another class speak against a match; where it does
not show it, detector and segmenter disagree, and the pixels say nothing.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.fusion.sampling import closest_boxes, fitting_counts, labels_under, shares_shown
from perception_core.fusion.views import CameraView, ProjectedClusters
from perception_core.types import CLASSES, SEGMENTS, Segmentation, classes, segments

_VEHICLE, _RIDDEN, _ON_FOOT = (
    {segments.VEHICLE},
    {segments.VEHICLE, segments.PERSON},
    {segments.PERSON},
)
_SHOWN_AS: dict[str, set[str]] = {
    classes.CAR: _VEHICLE,
    classes.TRUCK: _VEHICLE,
    classes.BUS: _VEHICLE,
    classes.TRAIN: _VEHICLE,
    classes.MOTORCYCLE: _RIDDEN,
    classes.BICYCLE: _RIDDEN,
    classes.CYCLIST: _RIDDEN,
    classes.PERSON: _ON_FOOT,
    classes.ANIMAL: set(),
    classes.UNKNOWN: set(SEGMENTS),
}
"""The classes of pixels that an object of each class shows, besides ``unknown`` and ``other``."""

_FILLED = 0.5
"""Share of a box that its object fills at least: a person with arms and legs about half, a car four fifths."""

_SAMPLES = 32
"""Rows and columns of a box that are looked at."""


def match_support(
    projected: ProjectedClusters, view: CameraView, segmentation: Segmentation, trust: float
) -> NDArray[np.float64]:
    """Return float64 (M, D) in [1 - trust, 1]: how well the pixels under a cluster fit the class of each box.

    It is 1 where all returns of the cluster inside the box lie on pixels that an object of the box's class may show,
    and ``1 - trust`` where none does though the box is full of such pixels; 1 also where no return is inside.
    """
    trusts = trust * agreement(view, segmentation)
    shown, fits = labels_at(projected, segmentation), _FITS[view.detections.class_ids]
    inside, fitting = fitting_counts(
        projected.pixels, projected.count, projected.bounds, frozen(view.detections.boxes), shown, fits
    )
    share = np.divide(fitting, inside, out=np.ones(inside.shape), where=inside > 0)
    support: NDArray[np.float64] = 1.0 - trusts * (1.0 - share)
    return support


def agreement(view: CameraView, segmentation: Segmentation) -> NDArray[np.float64]:
    """Return float64 (D,) in [0, 1]: how far the label image shows what each box says is there."""
    windows = np.floor(view.detections.boxes).astype(np.int64).clip(0)
    shown = shares_shown(frozen(segmentation.labels), windows, _SHOWS[view.detections.class_ids], _SAMPLES)
    return np.asarray(np.minimum(1.0, shown / _FILLED))


def closest_box(
    pixels: NDArray[np.float64],
    boxes: NDArray[np.float64],
    class_ids: NDArray[np.int32],
    segmentation: Segmentation | None,
) -> NDArray[np.int64]:
    """Return int64 (N,): which of K boxes each of some projected points belongs to, -1 for none.

    Of those that hold it, and whose class its pixel shows where there is a label image, the one whose middle is nearest
    across the image.

    Args:
        pixels: float64 (N, 2).
        boxes: float64 (K, 4).
        class_ids: int32 (K,) of the boxes.
        segmentation: the label image.
    """
    if segmentation is None:
        shown, fits = np.zeros(len(pixels), np.uint8), np.ones((len(boxes), 1), np.bool_)
    else:
        shown, fits = labels_under(pixels, frozen(segmentation.labels)), _SHOWS[class_ids]
    closest: NDArray[np.int64] = closest_boxes(pixels, frozen(boxes), shown, fits)
    return closest


def class_counts(projected: ProjectedClusters, segmentation: Segmentation) -> NDArray[np.int64]:
    """Return int64 (M, S): the returns of each cluster on pixels of each class, columns as ``SEGMENTS``."""
    m, s = len(projected.count), len(SEGMENTS)
    counted = np.bincount(projected.labels * s + labels_at(projected, segmentation), minlength=m * s)
    return counted.astype(np.int64).reshape(m, s)


def labels_at(projected: ProjectedClusters, segmentation: Segmentation) -> NDArray[np.uint8]:
    """Return uint8 (P,): the class of the pixel that each projected point falls on."""
    shown: NDArray[np.uint8] = labels_under(projected.pixels, frozen(segmentation.labels))
    return shown


def _table(always: set[str]) -> NDArray[np.bool_]:
    """Return bool (C, S): does an object of a class show pixels of a class, or are they among ``always``?"""
    return np.array([[s in _SHOWN_AS[c] | always for s in SEGMENTS] for c in CLASSES], np.bool_)


_SHOWS = _table(set())
_FITS = _table({segments.UNKNOWN, segments.OTHER})
