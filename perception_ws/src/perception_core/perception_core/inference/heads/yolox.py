"""YOLOX: anchor-free boxes relative to the cells of a pyramid of grids.

Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv:2107.08430, section 2.2: each cell predicts an offset
from its corner, the logarithm of a size, an objectness and class scores (the latter two are probabilities
already).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.candidates import Candidates
from perception_core.inference.model_card import ModelCard

_BOX_AND_OBJECTNESS = 5
_FINEST, _COARSEST = 2, 8
"""Pyramids are searched among strides of 2^2 to 2^8 pixels."""

_SCORE_TOLERANCE = 1e-3
"""Scores may leave 0..1 by this much (half precision); more means that the export lacks the sigmoid."""


class YoloxHead:
    """Decodes the output (1, anchors, 5 + classes) of an export without decoding in the graph."""

    def __init__(self, card: ModelCard) -> None:
        """Keep the card; the grids are made when the number of anchors is known."""
        self._card = card
        self._cells = np.empty((0, 3), np.float32)

    def check(self, outputs: tuple[TensorInfo, ...]) -> None:
        """Check the shape of the output as far as the file states it.

        Raises:
            ModelError: naming the output, its shape and what was expected.
        """
        if len(outputs) != 1:
            listed = "; ".join(str(o) for o in outputs)
            raise ModelError(f"{self._card.name}: YOLOX has one output, got {len(outputs)}: {listed}")
        self._check_shape(outputs[0].shape, str(outputs[0]))
        anchors = outputs[0].shape[1]
        if anchors is not None:
            self._cells_for(anchors)

    def decode(
        self, outputs: Mapping[str, NDArray[Any]], score_threshold: float, class_table: NDArray[np.int32]
    ) -> Candidates:
        """Return the candidates that score at least ``score_threshold`` in pixels of the network's input.

        Raises:
            ModelError: shapes that do not fit, or numbers that cannot be scores.
        """
        name, output = next(iter(outputs.items()))
        self._check_shape(output.shape, f"{name} {list(output.shape)}")
        cells = self._cells_for(output.shape[1])
        raw = np.ascontiguousarray(output[0], dtype=np.float32)
        boxes, scores, class_ids, worst = _decode(raw, cells, np.float32(score_threshold), class_table)
        if not -_SCORE_TOLERANCE <= worst <= 1 + _SCORE_TOLERANCE:
            raise ModelError(f"{self._card.name}: a score of {worst:g} is not in 0..1 (output {name})")
        return Candidates(boxes, np.clip(scores, 0.0, 1.0), class_ids)

    def warm_up(self) -> None:
        """Compile, or load from the cache, so that no image has to wait."""
        classes = len(self._card.classes)
        raw = np.zeros((1, _BOX_AND_OBJECTNESS + classes), np.float32)
        _decode(raw, np.ones((1, 3), np.float32), np.float32(0.5), np.zeros(classes, np.int32))

    def _check_shape(self, shape: tuple[int | None, ...], shown: str) -> None:
        columns = _BOX_AND_OBJECTNESS + len(self._card.classes)
        if len(shape) != 3 or shape[0] not in (1, None) or shape[2] not in (columns, None):
            classes = len(self._card.classes)
            raise ModelError(
                f"{self._card.name}: expected an output [1, anchors, {columns}] for {classes} classes, got {shown}"
            )

    def _cells_for(self, anchors: int) -> NDArray[np.float32]:
        if len(self._cells) != anchors:
            size = self._card.input
            strides = self._card.strides or find_strides(size.width, size.height, anchors)
            cells = grid_cells(size.width, size.height, strides)
            if len(cells) != anchors:
                raise ModelError(
                    f"{self._card.name}: strides {list(strides)} make {len(cells)} anchors of an input of "
                    f"{size.width}x{size.height}, the output has {anchors}"
                )
            self._cells = cells
        return self._cells


def find_strides(width: int, height: int, anchors: int) -> tuple[int, ...]:
    """Return the successive powers of two whose grids over ``width`` x ``height`` have ``anchors`` cells.

    416 x 416 and 3549 anchors: 52^2 + 26^2 + 13^2, so (8, 16, 32). The answer is unique: the finest grid has
    about three quarters of the cells, and each grid has four times as many as the next.

    Raises:
        ModelError: no such strides; the message gives the three numbers.
    """
    for first in range(_FINEST, _COARSEST + 1):
        for last in range(first, _COARSEST + 1):
            strides = tuple(2**k for k in range(first, last + 1))
            if width % strides[-1] or height % strides[-1]:
                break
            if sum((width // s) * (height // s) for s in strides) == anchors:
                return strides
    raise ModelError(f"{anchors} anchors fit no pyramid of strides over an input of {width}x{height}")


def grid_cells(width: int, height: int, strides: tuple[int, ...]) -> NDArray[np.float32]:
    """Return float32 (anchors, 3): column, row and stride of each cell, fine grids first, row by row."""
    blocks = []
    for stride in strides:
        rows, columns = np.mgrid[: height // stride, : width // stride]
        strides_of_cells = np.full(rows.size, stride)
        blocks.append(np.stack([columns.ravel(), rows.ravel(), strides_of_cells], axis=1))
    return np.concatenate(blocks).astype(np.float32)


@njit(cache=True)
def _farther(worst: float, score: float) -> float:  # pragma: no cover - compiled
    if np.isnan(worst) or abs(score - 0.5) <= abs(worst - 0.5):
        return worst
    return float(score)


@njit(cache=True)
def _decode(
    raw: NDArray[np.float32],
    cells: NDArray[np.float32],
    score_threshold: np.float32,
    class_table: NDArray[np.int32],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32], float]:  # pragma: no cover - compiled
    """Decode the anchors that pass; the last value is the score that is farthest from 0..1 (or NaN)."""
    anchors, columns = raw.shape
    boxes = np.empty((anchors, 4), np.float32)
    scores = np.empty(anchors, np.float32)
    class_ids = np.empty(anchors, np.int32)
    count = 0
    worst = 0.5
    for a in range(anchors):
        objectness = raw[a, 4]
        worst = _farther(worst, objectness)
        if not objectness >= score_threshold:
            continue
        best = 0
        for c in range(columns - 5):
            if np.isnan(raw[a, 5 + c]):
                worst = np.nan
            if raw[a, 5 + c] > raw[a, 5 + best]:
                best = c
        probability = raw[a, 5 + best]
        worst = _farther(worst, probability)
        score = objectness * probability
        if not score >= score_threshold or class_table[best] < 0:
            continue
        x = (raw[a, 0] + cells[a, 0]) * cells[a, 2]
        y = (raw[a, 1] + cells[a, 1]) * cells[a, 2]
        half_width = 0.5 * np.exp(raw[a, 2]) * cells[a, 2]
        half_height = 0.5 * np.exp(raw[a, 3]) * cells[a, 2]
        boxes[count, 0] = x - half_width
        boxes[count, 1] = y - half_height
        boxes[count, 2] = x + half_width
        boxes[count, 3] = y + half_height
        if not np.isfinite(boxes[count]).all():
            continue
        scores[count] = score
        class_ids[count] = class_table[best]
        count += 1
    return boxes[:count], scores[:count], class_ids[:count], worst
