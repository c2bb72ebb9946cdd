"""YOLOX: anchor-free boxes relative to the cells of a pyramid of grids.

Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv:2107.08430, section 2.2: each cell predicts an offset
from its corner, the logarithm of a size, an objectness and class scores (the latter two are probabilities
already).
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.candidates import Candidates
from perception_core.inference.grids import find_strides, grid_cells
from perception_core.inference.heads import scan
from perception_core.inference.heads.outputs import Outputs, Shape, entry_of, first_output, only_output, shown
from perception_core.inference.model_card import ModelCard

_OBJECTNESS = 4
_FIRST_CLASS = 5


class YoloxHead:
    """Decodes the output (B, anchors, 5 + classes) of an export without decoding in the graph."""

    def __init__(self, card: ModelCard) -> None:
        """Keep the card; the grids are made when the number of anchors is known."""
        self._card = card
        self._cells = np.empty((0, 3), np.float32)

    def check(self, outputs: tuple[TensorInfo, ...]) -> None:
        """Check the shape of the output as far as the file states it.

        Raises:
            ModelError: naming the output, its shape and what was expected.
        """
        output = only_output(self._card.name, "YOLOX", outputs)
        self._check_shape(output.shape, str(output))
        if output.shape[1] is not None:
            self._cells_for(output.shape[1])

    def decode(
        self, outputs: Outputs, score_threshold: float, class_table: NDArray[np.int32], entry: int = 0
    ) -> Candidates:
        """Return the candidates that score at least ``score_threshold`` in pixels of the network's input.

        Raises:
            ModelError: shapes that do not fit, or numbers that cannot be scores.
        """
        name, output = first_output(outputs)
        self._check_shape(output.shape, shown(name, output))
        cells = self._cells_for(output.shape[1])
        raw = entry_of(self._card.name, name, output, entry)
        passed = scan.scan_rows(raw, _FIRST_CLASS, score_threshold, class_table, _OBJECTNESS)
        scores = scan.checked_scores(self._card.name, name, passed)
        boxes = _boxes(raw[passed.rows, :4], cells[passed.rows])
        return scan.finite_candidates(boxes, scores, passed.class_ids, passed.rows)

    def warm_up(self) -> None:
        """Compile, or load from the cache, so that no image has to wait."""
        scan.warm_up()

    def _check_shape(self, shape: Shape, given: str) -> None:
        classes = len(self._card.classes)
        columns = _FIRST_CLASS + classes
        if len(shape) != 3 or shape[2] not in (columns, None):
            raise ModelError(
                f"{self._card.name}: expected an output [1, anchors, {columns}] for {classes} classes, got {given}"
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


def _boxes(raw: NDArray[np.float32], cells: NDArray[np.float32]) -> NDArray[np.float32]:
    stride = cells[:, 2]
    with np.errstate(over="ignore", invalid="ignore"):
        centre = (raw[:, :2] + cells[:, :2]) * stride[:, np.newaxis]
        size = np.exp(raw[:, 2:4]) * stride[:, np.newaxis]
        return scan.from_centres(centre[:, 0], centre[:, 1], size[:, 0], size[:, 1])
