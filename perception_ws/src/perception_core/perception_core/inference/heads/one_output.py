"""What the heads of families with a single output share."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from perception_core.inference.backend import TensorInfo
from perception_core.inference.candidates import Candidates
from perception_core.inference.heads import scan
from perception_core.inference.heads.outputs import Outputs, Shape, entry_of, first_output, infos, only_output
from perception_core.inference.model_card import ModelCard


class OneOutputHead(ABC):
    """Checks that there is one output of the right shape, and hands one image's part of it on."""

    family = ""
    """For messages."""

    def __init__(self, card: ModelCard) -> None:
        """Keep the card."""
        self._card = card
        self._checked: Shape | None = None

    def check(self, outputs: tuple[TensorInfo, ...]) -> None:
        """Check the shape of the output as far as the file states it.

        Raises:
            ModelError: naming the output, its shape and what was expected.
        """
        self._check_output(only_output(self._card.name, self.family, outputs))

    def decode(
        self, outputs: Outputs, score_threshold: float, class_table: NDArray[np.int32], entry: int = 0
    ) -> Candidates:
        """Return the candidates that score at least ``score_threshold`` in pixels of the network's input.

        Raises:
            ModelError: shapes that do not fit, numbers that cannot be scores, or a class that is none.
        """
        name, output = first_output(outputs)
        if len(outputs) != 1 or output.shape != self._checked:
            self.check(infos(outputs))
            self._checked = output.shape
        raw = entry_of(self._card.name, name, output, entry)
        return self._decode(name, raw, score_threshold, class_table)

    def warm_up(self) -> None:
        """Compile, or load from the cache, so that no image has to wait."""
        scan.warm_up()

    @abstractmethod
    def _check_output(self, output: TensorInfo) -> None:
        """Raise a ModelError unless the output's shape fits, as far as it is known."""

    @abstractmethod
    def _decode(
        self, name: str, raw: NDArray[np.float32], score_threshold: float, class_table: NDArray[np.int32]
    ) -> Candidates:
        """Return the candidates in one image's part of the output ``name``, whose shape fits."""
