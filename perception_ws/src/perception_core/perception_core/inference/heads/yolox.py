"""YOLOX: anchor-free boxes relative to the cells of a pyramid of grids.

Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv:2107.08430, section 2.2: each cell predicts an offset
from its corner, the logarithm of a size, an objectness and class scores (the latter two are probabilities
already).
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.candidates import Candidates
from perception_core.inference.grids import find_strides, grid_cells
from perception_core.inference.heads import scan
from perception_core.inference.heads.box_head import OneOutputHead
from perception_core.inference.model_card import ModelCard

_OBJECTNESS = 4
_FIRST_CLASS = 5


class YoloxHead(OneOutputHead):
    """Decodes the output (B, anchors, 5 + classes) of an export without decoding in the graph."""

    family = "YOLOX"

    def __init__(self, card: ModelCard) -> None:
        """Keep the card; the grids are made when the number of anchors is known."""
        super().__init__(card)
        self._cells = np.empty((0, 3), np.float32)

    def warm_up(self) -> None:
        """Compile, or load from the cache, so that no image has to wait."""
        super().warm_up()
        nothing = np.zeros((1, 4), np.float32)
        _boxes(nothing, np.zeros(1, np.int64), nothing, nothing)

    def _check_output(self, output: TensorInfo) -> None:
        classes = len(self._card.classes)
        columns = _FIRST_CLASS + classes
        if len(output.shape) != 3 or output.shape[2] not in (columns, None):
            raise ModelError(
                f"{self._card.name}: expected an output [1, anchors, {columns}] for {classes} classes, got {output}"
            )
        if output.shape[1] is not None:
            self._cells_for(output.shape[1])

    def _decode(
        self, name: str, raw: NDArray[np.float32], score_threshold: float, class_table: NDArray[np.int32]
    ) -> Candidates:
        cells = self._cells_for(len(raw))
        passed = scan.scan_rows(raw, _FIRST_CLASS, score_threshold, class_table, _OBJECTNESS)
        scores = scan.checked_scores(self._card.name, name, passed)
        with np.errstate(over="ignore"):
            sizes = np.exp(raw[passed.rows, 2:4])
        boxes = _boxes(raw, passed.rows, cells, sizes)
        return scan.finite_candidates(boxes, scores, passed.class_ids, passed.rows)

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


@njit(cache=True)
def _boxes(
    raw: NDArray[np.float32], rows: NDArray[np.int64], cells: NDArray[np.float32], sizes: NDArray[np.float32]
) -> NDArray[np.float32]:  # pragma: no cover - compiled
    """Return float32 (K, 4) corners of ``rows``, whose ``sizes`` (K, 2) are in strides of their ``cells`` (N, 3)."""
    corners = np.empty((len(rows), 4), np.float32)
    half = np.float32(0.5)
    for k in range(len(rows)):
        row = rows[k]
        stride = cells[row, 2]
        for axis in range(2):
            centre = (raw[row, axis] + cells[row, axis]) * stride
            reach = half * (sizes[k, axis] * stride)
            corners[k, axis] = centre - reach
            corners[k, 2 + axis] = centre + reach
    return corners
