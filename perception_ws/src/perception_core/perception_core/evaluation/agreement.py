"""How much of what one network sees another sees too: for a network and its smaller or faster self."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from perception_core.evaluation.detections import overlaps
from perception_core.types import Detections2D

SAME_OBJECT = 0.5
"""Least intersection over union of two boxes of one object."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Boxes of a network and of its stand-in over the same images.

    Attributes:
        expected: boxes of the network.
        found: boxes of the stand-in.
        kept: pairs of the same class that overlap by at least :data:`SAME_OBJECT`, each box in one pair.
    """

    expected: int
    found: int
    kept: int

    @property
    def loss(self) -> float:
        """Share of the network's boxes that the stand-in does not have, 0..1; 0 where there are none."""
        return 1.0 - self.kept / self.expected if self.expected else 0.0

    def __add__(self, other: "Agreement") -> "Agreement":
        """Return the counts of both."""
        return Agreement(self.expected + other.expected, self.found + other.found, self.kept + other.kept)


def compare(expected: Detections2D, found: Detections2D) -> Agreement:
    """Compare the boxes of one image; the pairs that overlap most are made first."""
    shared = overlaps(expected.boxes, found.boxes)
    shared[expected.class_ids[:, None] != found.class_ids[None, :]] = 0.0
    kept = 0
    while shared.size and shared.max() >= SAME_OBJECT:
        row, column = np.unravel_index(int(shared.argmax()), shared.shape)
        shared[row, :] = shared[:, column] = 0.0
        kept += 1
    return Agreement(len(expected.boxes), len(found.boxes), kept)


def total(parts: Iterable[Agreement]) -> Agreement:
    """Return the sum of ``parts``."""
    return sum(parts, Agreement(0, 0, 0))
