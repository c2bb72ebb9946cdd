"""NanoDet: distances to the four sides of a box, each as a distribution over whole numbers of strides.

Li et al., "Generalized Focal Loss", arXiv:2006.04388; RangiLyu/nanodet: (B, cells, classes + 4 (R + 1)) with class
probabilities, then for left, top, right and bottom the logits of distances 0..R in strides. The distances start from
the corner of the cell in NanoDet-Plus (four scales, 8 to 64), from its middle in the older NanoDet (three scales). A
last cell that is not whole counts.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.candidates import Candidates
from perception_core.inference.grids import count_cells, grid_cells
from perception_core.inference.heads import scan
from perception_core.inference.heads.box_head import OneOutputHead
from perception_core.inference.model_card import ModelCard

SIDES = 4
PLUS_STRIDES = (8, 16, 32, 64)
OLD_STRIDES = (8, 16, 32)


class NanodetHead(OneOutputHead):
    """Decodes (B, cells, classes + 4 (R + 1))."""

    family = "NanoDet"

    def __init__(self, card: ModelCard) -> None:
        """Keep the card; the grids are made when the number of cells is known."""
        super().__init__(card)
        self._classes = len(card.classes)
        self._origins = np.empty((0, 3), np.float32)

    def warm_up(self) -> None:
        """Compile, or load from the cache, so that no image has to wait."""
        super().warm_up()
        _boxes(np.zeros((1, 2 * SIDES), np.float32), np.zeros((1, 3), np.float32))

    def _check_output(self, output: TensorInfo) -> None:
        shape = output.shape
        left = shape[2] - self._classes if len(shape) == 3 and shape[2] is not None else None
        if len(shape) != 3 or (left is not None and (left < 2 * SIDES or left % SIDES)):
            raise ModelError(
                f"{self._card.name}: expected an output [1, cells, {self._classes} + 4 x (R + 1)] for "
                f"{self._classes} classes, got {output}"
            )
        if shape[1] is not None:
            self._origins_for(shape[1])

    def _decode(
        self, name: str, raw: NDArray[np.float32], score_threshold: float, class_table: NDArray[np.int32]
    ) -> Candidates:
        origins = self._origins_for(len(raw))
        passed = scan.scan_rows(raw, 0, score_threshold, class_table)
        scores = scan.checked_scores(self._card.name, name, passed)
        boxes = _boxes(raw[passed.rows, self._classes :], origins[passed.rows])
        return scan.finite_candidates(boxes, scores, passed.class_ids, passed.rows)

    def _origins_for(self, cells: int) -> NDArray[np.float32]:
        """Return float32 (cells, 3): where the distances start, x and y in pixels, and their unit."""
        if len(self._origins) != cells:
            strides = self._strides_for(cells)
            shift = 0.5 if len(strides) == len(OLD_STRIDES) else 0.0
            grid = grid_cells(self._card.input.width, self._card.input.height, strides)
            grid[:, :2] = (grid[:, :2] + shift) * grid[:, 2:]
            self._origins = grid
        return self._origins

    def _strides_for(self, cells: int) -> tuple[int, ...]:
        size = self._card.input
        tried = (self._card.strides,) if self._card.strides else (PLUS_STRIDES, OLD_STRIDES)
        for strides in tried:
            if count_cells(size.width, size.height, strides) == cells:
                return strides
        shown = " or ".join(f"{list(s)} ({count_cells(size.width, size.height, s)})" for s in tried)
        raise ModelError(
            f"{self._card.name}: {cells} cells are not those of strides {shown} over {size.width}x{size.height}"
        )


def _boxes(distributions: NDArray[np.float32], origins: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32 (K, 4) corners from logits (K, 4 (R + 1)) and origins (K, 3)."""
    weights = _below_peak(distributions, distributions.shape[1] // SIDES)
    np.exp(weights, out=weights)
    corners: NDArray[np.float32] = _corners(weights, origins)
    return corners


@njit(cache=True)
def _below_peak(logits: NDArray[np.float32], bins: int) -> NDArray[np.float32]:  # pragma: no cover - compiled
    """Return each logit less the largest of its side's ``bins``: none is above 0, so no exponential overflows."""
    out = np.empty_like(logits)
    for k in range(len(logits)):
        for first in range(0, SIDES * bins, bins):
            peak = logits[k, first]
            for i in range(first + 1, first + bins):
                peak = max(peak, logits[k, i])
            for i in range(first, first + bins):
                out[k, i] = logits[k, i] - peak
    return out


@njit(cache=True)
def _corners(
    weights: NDArray[np.float32], origins: NDArray[np.float32]
) -> NDArray[np.float32]:  # pragma: no cover - compiled
    """Return the origins moved by the mean of each side's distribution, in its unit."""
    out = np.empty((len(weights), SIDES), np.float32)
    bins = weights.shape[1] // SIDES
    for k in range(len(weights)):
        for side in range(SIDES):
            total = moment = np.float32(0.0)
            for i in range(bins):
                weight = weights[k, side * bins + i]
                total += weight
                moment += weight * np.float32(i)
            distance = moment / total * origins[k, 2]
            out[k, side] = origins[k, side % 2] + (distance if side >= 2 else -distance)
    return out
