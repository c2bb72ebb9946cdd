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
from perception_core.inference.heads import scan
from perception_core.inference.heads.box_head import OneOutputHead
from perception_core.inference.heads.outputs import shape_fits

_OBJECTNESS = 0
_BOX = slice(1, 5)
_FIRST_CLASS = 5
_OBJECTNESS_POWER = 0.6
_CLASS_POWER = 0.4


class FastestDetHead(OneOutputHead):
    """Decodes (B, 5 + classes, rows, columns)."""

    family = "FastestDet"

    def _check_output(self, output: TensorInfo) -> None:
        numbers = _FIRST_CLASS + len(self._card.classes)
        if not shape_fits(output.shape, (None, numbers, None, None)):
            raise ModelError(
                f"{self._card.name}: expected an output [1, {numbers}, rows, columns] for {len(self._card.classes)} "
                f"classes, got {output}"
            )

    def _decode(
        self, name: str, raw: NDArray[np.float32], score_threshold: float, class_table: NDArray[np.int32]
    ) -> Candidates:
        numbers, height, width = raw.shape
        raw = raw.reshape(numbers, -1)
        rows, scores, class_ids = self._scores(name, raw, score_threshold, class_table)
        cells = np.stack([rows % width, rows // width], axis=1).astype(np.float32)
        unit = np.array([self._card.input.width, self._card.input.height], np.float32)
        box = raw[_BOX, rows].T
        grid = np.array([width, height], np.float32)
        centre = np.asarray((np.tanh(box[:, :2]) + cells) / grid * unit, np.float32)
        size = scan.sigmoid(box[:, 2:]) * unit
        boxes = scan.from_centres(centre[:, 0], centre[:, 1], size[:, 0], size[:, 1])
        return scan.finite_candidates(boxes, scores, class_ids, rows)

    def _scores(
        self, name: str, raw: NDArray[np.float32], score_threshold: float, class_table: NDArray[np.int32]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int32]]:
        """Return cells, scores and classes of what passes."""
        objectness = scan.checked_probabilities(self._card.name, name, raw[_OBJECTNESS])
        # No objectness is above 1: a class below this cannot reach the threshold.
        least = score_threshold ** (1 / _CLASS_POWER)
        passed = scan.scan_columns(raw, _FIRST_CLASS, least, class_table, every=True)
        named = scan.checked_scores(self._card.name, name, passed)
        scores = (objectness[passed.rows] ** _OBJECTNESS_POWER * named**_CLASS_POWER).astype(np.float32)
        kept = np.flatnonzero(scores >= np.float32(score_threshold))
        kept = kept[scan.strongest(scores[kept])]
        return passed.rows[kept], scores[kept], passed.class_ids[kept]
