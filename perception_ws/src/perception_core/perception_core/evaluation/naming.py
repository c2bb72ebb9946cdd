"""Whether obstacles bear the right name."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.evaluation.pairs import Pairs
from perception_core.types import CLASSES
from perception_core.types.classes import INDEX, UNKNOWN


@dataclass(frozen=True, slots=True)
class Naming:
    """Shares over the pairs whose true object has a class; NaN without any.

    Attributes:
        pairs: number of pairs.
        right: the most probable class is the true one.
        unnamed: it is unknown.
        wrong: it is another one.
        mistakes: ``{"truck as car": 12}``, most frequent first.
    """

    pairs: int
    right: float
    unnamed: float
    wrong: float
    mistakes: dict[str, int]


def naming(pairs: Pairs) -> Naming:
    """Compare the names of ``pairs``."""
    known = pairs.where(pairs.class_ids != INDEX[UNKNOWN])
    right, unnamed = known.named == known.class_ids, known.named == INDEX[UNKNOWN]
    wrong = ~right & ~unnamed
    counts = Counter(
        f"{CLASSES[a]} as {CLASSES[b]}" for a, b in zip(known.class_ids[wrong], known.named[wrong], strict=True)
    )
    mistakes = dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))
    return Naming(len(known), _share(right), _share(unnamed), _share(wrong), mistakes)


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else float("nan")
