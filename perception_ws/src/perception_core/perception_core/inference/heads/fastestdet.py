"""FastestDet: one coarse grid, one box a cell.

dog-qiuqiu/FastestDet: (B, 5 + classes, rows, columns) with an objectness, the box, and class probabilities (the
sigmoid and the softmax are in the graph). The centre is ``(tanh + cell) / columns`` and the size the sigmoid, in
shares of the image; the score is objectness to the power of 0.6 times class to the power of 0.4.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.candidates import Candidates
from perception_core.inference.grids import grid_cells
from perception_core.inference.heads import scan
from perception_core.inference.heads.outputs import Outputs, entry_of, first_output, infos, only_output, shape_fits
from perception_core.inference.model_card import ModelCard

_OBJECTNESS = 0
_BOX = slice(1, 5)
_FIRST_CLASS = 5
_OBJECTNESS_POWER = 0.6
_CLASS_POWER = 0.4


class FastestDetHead:
    """Decodes (B, 5 + classes, rows, columns)."""

    def __init__(self, card: ModelCard) -> None:
        """Keep the card."""
        self._card = card

    def check(self, outputs: tuple[TensorInfo, ...]) -> None:
        """Check the shape of the output as far as the file states it.

        Raises:
            ModelError: naming the output, its shape and what was expected.
        """
        output = only_output(self._card.name, "FastestDet", outputs)
        numbers = _FIRST_CLASS + len(self._card.classes)
        if not shape_fits(output.shape, (None, numbers, None, None)):
            raise ModelError(
                f"{self._card.name}: expected an output [1, {numbers}, rows, columns] for {len(self._card.classes)} "
                f"classes, got {output}"
            )

    def decode(
        self, outputs: Outputs, score_threshold: float, class_table: NDArray[np.int32], entry: int = 0
    ) -> Candidates:
        """Return the candidates that score at least ``score_threshold`` in pixels of the network's input.

        Raises:
            ModelError: shapes that do not fit, or numbers that cannot be scores.
        """
        self.check(infos(outputs))
        name, output = first_output(outputs)
        block = entry_of(self._card.name, name, output, entry)
        numbers, height, width = block.shape
        raw = block.reshape(numbers, -1)
        rows, scores, class_ids = self._scores(name, raw, score_threshold, class_table)
        cells = grid_cells(width, height, (1,))[rows, :2]
        unit = np.array([self._card.input.width, self._card.input.height], np.float32)
        box = raw[_BOX, rows].T
        grid = np.array([width, height], np.float32)
        centre = np.asarray((np.tanh(box[:, :2]) + cells) / grid * unit, np.float32)
        size = scan.sigmoid(box[:, 2:]) * unit
        boxes = scan.from_centres(centre[:, 0], centre[:, 1], size[:, 0], size[:, 1])
        return scan.finite_candidates(boxes, scores, class_ids, rows)

    def warm_up(self) -> None:
        """Compile, or load from the cache, so that no image has to wait."""
        scan.warm_up()

    def _scores(
        self, name: str, raw: NDArray[np.float32], score_threshold: float, class_table: NDArray[np.int32]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int32]]:
        """Return cells, scores and classes of what passes."""
        objectness = scan.checked_probabilities(self._card.name, name, raw[_OBJECTNESS])
        # No objectness is above 1: a class below this cannot reach the threshold.
        passed = scan.scan_columns(raw, _FIRST_CLASS, score_threshold ** (1 / _CLASS_POWER), class_table)
        named = scan.checked_scores(self._card.name, name, passed)
        scores = (objectness[passed.rows] ** _OBJECTNESS_POWER * named**_CLASS_POWER).astype(np.float32)
        kept = scores >= np.float32(score_threshold)
        return passed.rows[kept], scores[kept], passed.class_ids[kept]
