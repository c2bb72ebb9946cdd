"""Semantic segmentation: a class for each pixel, as scores of every class or as the number of the best."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.heads.outputs import Outputs, Shape, entry_of, infos, listed, shape_fits
from perception_core.inference.model_card import ModelCard

NO_CLASS = 255
"""Where no class holds: what data sets call `ignore`."""


class ClassMapHead:
    """Reads (B, C, h, w) or (B, h, w, C) scores, or (B, h, w), (B, 1, h, w), (B, h, w, 1) numbers of classes.

    Scores may be logits or probabilities, numbers integers or whole floats. A single class holds where the output is
    positive.
    """

    def __init__(self, card: ModelCard) -> None:
        """Keep the card, whose ``segments`` are the classes."""
        self._card = card
        self._classes = len(card.segments)
        self._checked: tuple[str, Shape] | None = None

    def check(self, outputs: tuple[TensorInfo, ...]) -> None:
        """Check the shape of the output as far as the file states it.

        Raises:
            ModelError: naming the output, its shape and what was expected.
        """
        output = self._output(outputs)
        if not any(shape_fits(output.shape, form) for form in self._forms()):
            raise ModelError(
                f"{self._card.name}: expected [1, {self._classes}, rows, columns] or [1, rows, columns] for "
                f"{self._classes} segments, got {output}"
            )

    def read(self, outputs: Outputs, entry: int = 0) -> NDArray[np.uint8]:
        """Return uint8 (h, w): the number of each pixel's class, NO_CLASS where there is none.

        Raises:
            ModelError: shapes that do not fit, scores that are no numbers, or numbers that are no classes.
        """
        name = self._checked[0] if self._checked is not None else ""
        if name not in outputs or self._checked != (name, outputs[name].shape):
            known = infos(outputs)
            self.check(known)
            name = self._output(known).name
            self._checked = name, outputs[name].shape
        block = entry_of(self._card.name, name, outputs[name], entry)
        if block.ndim == 3 and block.shape[0] not in (1, self._classes):
            block = np.ascontiguousarray(block.transpose(2, 0, 1))
        if block.ndim == 3 and block.shape[0] > 1:
            return self._best(name, block)
        plane = block.reshape(block.shape[-2:])
        if self._classes == 1:
            return np.where(plane > 0, np.uint8(0), np.uint8(NO_CLASS))
        return self._numbers(name, plane)

    def warm_up(self) -> None:
        """Compile, or load from the cache, so that no image has to wait."""
        _best_class(np.zeros((2, 1), np.float32))

    def _forms(self) -> tuple[Shape, ...]:
        c, rest = self._classes, (None, None, None)
        return (None, c, None, None), (*rest, c), rest, (None, 1, None, None), (*rest, 1)

    def _output(self, outputs: tuple[TensorInfo, ...]) -> TensorInfo:
        wanted = self._card.segmentation_output
        found = [output for output in outputs if wanted in ("", output.name)]
        if len(found) != 1:
            asked = f"no output {wanted!r}" if wanted else "one output of classes expected"
            raise ModelError(f"{self._card.name}: {asked}, got {listed(outputs)}")
        return found[0]

    def _best(self, name: str, scores: NDArray[np.float32]) -> NDArray[np.uint8]:
        best: NDArray[np.uint8]
        best, missing = _best_class(scores.reshape(len(scores), -1))
        if missing:
            raise ModelError(f"{self._card.name}: {missing} scores of output {name} are not numbers")
        return best.reshape(scores.shape[1:])

    def _numbers(self, name: str, plane: NDArray[np.float32]) -> NDArray[np.uint8]:
        wrong = ~(((plane >= 0) & (plane < self._classes)) | (plane == NO_CLASS)) | (plane != np.floor(plane))
        if wrong.any():
            raise ModelError(
                f"{self._card.name}: class {plane[wrong][0]:g} in output {name} is none of the card's "
                f"{self._classes} segments"
            )
        return plane.astype(np.uint8)


@njit(cache=True)
def _best_class(scores: NDArray[np.float32]) -> tuple[NDArray[np.uint8], int]:  # pragma: no cover - compiled
    """Return for scores (C, N) the best class of each column, the first of equals, and how many scores are NaN."""
    best = scores[0].copy()
    named = np.zeros(scores.shape[1], np.uint8)
    missing = 0
    for c in range(len(scores)):
        row = scores[c]
        for i in range(len(row)):
            missing += np.isnan(row[i])
            if row[i] > best[i]:
                best[i] = row[i]
                named[i] = c
    return named, missing
