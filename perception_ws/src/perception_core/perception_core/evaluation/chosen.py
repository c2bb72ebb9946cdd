"""The rows of a scan that take part in the scores of detections: of one class, or of all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.evaluation.scans import Scan


@dataclass(frozen=True, slots=True)
class Chosen:
    """Rows of one scan.

    Attributes:
        truth: int (M,) true objects that are asked for, of the class.
        result: int (T,) obstacles that are kept or held, of the class.
        scores: float64 (T,) probability that there is an object (of the class).
    """

    truth: NDArray[np.intp]
    result: NDArray[np.intp]
    scores: NDArray[np.float64]


def choose(scan: Scan, class_id: int | None) -> Chosen:
    """Return the rows of one class (a column of ``types.classes.CLASSES``), None for all of them.

    An obstacle is of its most probable class, and then scores its existence times that class's probability.
    """
    truth, result = scan.frame.truth, scan.frame.result
    there, scores = scan.kept | scan.held, result.existence
    asked = scan.asked
    if class_id is not None:
        asked = asked & (truth.class_ids == class_id)
        there = there & (result.class_probabilities.argmax(axis=1) == class_id)
        scores = scores * result.class_probabilities[:, class_id]
    rows = np.flatnonzero(there)
    return Chosen(np.flatnonzero(asked), rows, scores[rows])
