"""What the heads of detectors share: shapes are checked when they are new, then one image's boxes are read."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from perception_core.inference.backend import TensorInfo
from perception_core.inference.candidates import Candidates
from perception_core.inference.heads import scan
from perception_core.inference.heads.outputs import Outputs, Shape, entry_of, first_output, infos, only_output
from perception_core.inference.model_card import ModelCard


class BoxHead(ABC):
    """Reads the boxes in the outputs of one family."""

    def __init__(self, card: ModelCard) -> None:
        """Keep the card."""
        self._card = card
        self._checked: dict[str, Shape] = {}

    @abstractmethod
    def check(self, outputs: tuple[TensorInfo, ...]) -> None:
        """Check the shapes of the outputs as far as the file states them.

        Raises:
            ModelError: naming the outputs, their shapes and what was expected.
        """

    def decode(
        self, outputs: Outputs, score_threshold: float, class_table: NDArray[np.int32], entry: int = 0
    ) -> Candidates:
        """Return the candidates that score at least ``score_threshold`` in pixels of the network's input.

        Raises:
            ModelError: shapes that do not fit, numbers that cannot be scores, or a class that is none.
        """
        shapes = {name: array.shape for name, array in outputs.items()}
        if shapes != self._checked:
            self.check(infos(outputs))
            self._checked = shapes
        return self._candidates(outputs, score_threshold, class_table, entry)

    def warm_up(self) -> None:
        """Compile, or load from the cache, so that no image has to wait."""
        scan.warm_up()

    @abstractmethod
    def _candidates(
        self, outputs: Outputs, score_threshold: float, class_table: NDArray[np.int32], entry: int
    ) -> Candidates:
        """Return one image's candidates of outputs whose shapes fit."""


class OneOutputHead(BoxHead):
    """Reads a family with a single output."""

    family = ""
    """For messages."""

    def check(self, outputs: tuple[TensorInfo, ...]) -> None:
        """Check the shape of the output as far as the file states it.

        Raises:
            ModelError: naming the output, its shape and what was expected.
        """
        self._check_output(only_output(self._card.name, self.family, outputs))

    def _candidates(
        self, outputs: Outputs, score_threshold: float, class_table: NDArray[np.int32], entry: int
    ) -> Candidates:
        name, output = first_output(outputs)
        raw = entry_of(self._card.name, name, output, entry)
        return self._decode(name, raw, score_threshold, class_table)

    @abstractmethod
    def _check_output(self, output: TensorInfo) -> None:
        """Raise a ModelError unless the output's shape fits, as far as it is known."""

    @abstractmethod
    def _decode(
        self, name: str, raw: NDArray[np.float32], score_threshold: float, class_table: NDArray[np.int32]
    ) -> Candidates:
        """Return the candidates in one image's part of the output ``name``, whose shape fits."""
