"""Intersection over union of classes of pixels, over all images together (as Cityscapes and PASCAL VOC count it)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SegmentationScores:
    """How often which class was taken for which.

    Attributes:
        confusion: int64 (C, C) pixels, a row for what is, a column for what was said.
        unsaid: int64 (C,) pixels of each class for which none of the classes was said.
    """

    confusion: NDArray[np.int64]
    unsaid: NDArray[np.int64]

    @property
    def iou(self) -> NDArray[np.float64]:
        """Float64 (C,); NaN for a class that neither is nor was said."""
        hits = np.diag(self.confusion).astype(np.float64)
        union = self.confusion.sum(axis=0) + self.confusion.sum(axis=1) + self.unsaid - np.diag(self.confusion)
        out = np.full(len(hits), np.nan)
        np.divide(hits, union, out=out, where=union > 0)
        return out

    @property
    def mean_iou(self) -> float:
        """Mean over the classes that are or were said; NaN without a pixel."""
        known = self.iou[~np.isnan(self.iou)]
        return float(known.mean()) if len(known) else float("nan")

    def __add__(self, other: "SegmentationScores") -> "SegmentationScores":
        """Return the counts of both."""
        return SegmentationScores(self.confusion + other.confusion, self.unsaid + other.unsaid)


def segmentation_scores(
    predicted: NDArray[np.uint8], truth: NDArray[np.uint8], classes: tuple[int, ...]
) -> SegmentationScores:
    """Compare ids (H, W) of pixels; those whose truth is none of ``classes`` are left out."""
    if predicted.shape != truth.shape:
        raise ValueError(f"segmentation_scores: expected shapes to agree, got {predicted.shape} and {truth.shape}")
    count = len(classes)
    column = np.full(256, count, dtype=np.int64)
    column[list(classes)] = np.arange(count)
    rows, columns = column[truth].ravel(), column[predicted].ravel()
    asked = rows < count
    counts = np.bincount(rows[asked] * (count + 1) + columns[asked], minlength=count * (count + 1))
    table = counts.reshape(count, count + 1)
    return SegmentationScores(table[:, :count], table[:, count])
