"""The protocol of a detection head and the table of families."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.candidates import Candidates
from perception_core.inference.heads.yolox import YoloxHead
from perception_core.inference.model_card import ModelCard


class Head(Protocol):
    """Reads the outputs of one family of detectors."""

    def check(self, outputs: tuple[TensorInfo, ...]) -> None:
        """Check the shapes of the outputs as far as the file states them.

        Raises:
            ModelError: naming the output, its shape and what was expected.
        """
        ...

    def decode(
        self, outputs: Mapping[str, NDArray[Any]], score_threshold: float, class_table: NDArray[np.int32]
    ) -> Candidates:
        """Return the candidates that score at least ``score_threshold`` in pixels of the network's input.

        ``class_table`` int32 (C,) gives the id of each of the network's classes, -1 for one that is dropped.

        Raises:
            ModelError: shapes that do not fit, or numbers that cannot be scores.
        """
        ...

    def warm_up(self) -> None:
        """Compile, or load from the cache, so that no image has to wait."""
        ...


def create_head(card: ModelCard) -> Head:
    """Return the head of the card's family.

    Raises:
        ModelError: a family nobody here can read.
    """
    if card.family not in _FAMILIES:
        raise ModelError(f"{card.name}: family {card.family!r} is none of {', '.join(_FAMILIES)}")
    return _FAMILIES[card.family](card)


_FAMILIES: dict[str, Callable[[ModelCard], Head]] = {"yolox": YoloxHead}
