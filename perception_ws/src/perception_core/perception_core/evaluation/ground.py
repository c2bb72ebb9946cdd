"""Scores of a ground segmentation against exact labels, point by point.

Ground is what a wheel or a foot can stand on: road, sidewalk, kerb, grass, ramp. Everything else is not: objects,
structure, what hangs above, rain and dust, and reflections below the ground. A method that calls such a point ground
makes a false positive; a ground point that it leaves out is a false negative. These are the definitions of precision
and recall in Patchwork++ (Lee, Lim, Myung, IROS 2022, section IV), without its classes of vegetation.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class GroundScores:
    """Counts of points over one or several scans.

    Attributes:
        hits: ground points called ground.
        false: other points called ground.
        missed: ground points not called ground.
    """

    hits: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of the points called ground that are; 1 when none was called ground."""
        return _share(self.hits, self.hits + self.false)

    @property
    def recall(self) -> float:
        """Share of the ground points that were called ground; 1 when there is no ground."""
        return _share(self.hits, self.hits + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _share(2 * self.hits, 2 * self.hits + self.false + self.missed)

    def __add__(self, other: "GroundScores") -> "GroundScores":
        """Return the counts of both."""
        return GroundScores(self.hits + other.hits, self.false + other.false, self.missed + other.missed)


def ground_scores(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> GroundScores:
    """Compare what was called ground with what is, bool (N,) each."""
    if predicted.shape != truth.shape:
        raise ValueError(f"ground_scores: expected shapes to agree, got {predicted.shape} and {truth.shape}")
    hits = int(np.count_nonzero(predicted & truth))
    return GroundScores(hits, int(np.count_nonzero(predicted)) - hits, int(np.count_nonzero(truth)) - hits)


def total(scores: Iterable[GroundScores]) -> GroundScores:
    """Return the counts of all scans together; zeros without any."""
    return sum(scores, GroundScores(0, 0, 0))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
