"""YOLOv10, YOLO26, and exports with suppression inside: finished boxes.

Wang et al., "YOLOv10: Real-Time End-to-End Object Detection", arXiv:2405.14458; Ultralytics' export of v10 and
YOLO26 (and of others with ``nms=True``): (B, K, 6), each row two corners in pixels, a score and a class. Rows that
are not used are zero.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.candidates import Candidates
from perception_core.inference.heads import scan
from perception_core.inference.heads.box_head import OneOutputHead
from perception_core.inference.heads.outputs import shape_fits
from perception_core.inference.heads.yolov5 import box_unit
from perception_core.inference.model_card import ModelCard

_SCORE = 4
_CLASS = 5
_NUMBERS = 6


class YoloEnd2EndHead(OneOutputHead):
    """Reads (B, K, 6 + coefficients)."""

    family = "an end-to-end YOLO"

    def __init__(self, card: ModelCard, coefficients: int = 0) -> None:
        """Keep the card; ``coefficients`` columns of masks follow the class."""
        super().__init__(card)
        self._columns = _NUMBERS + coefficients
        self._unit = box_unit(card, "pixels")

    def _check_output(self, output: TensorInfo) -> None:
        if not shape_fits(output.shape, (None, None, self._columns)):
            raise ModelError(f"{self._card.name}: expected an output [1, boxes, {self._columns}], got {output}")

    def _decode(
        self, name: str, raw: NDArray[np.float32], score_threshold: float, class_table: NDArray[np.int32]
    ) -> Candidates:
        one_class = np.zeros(1, np.int32)
        passed = scan.scan_rows(raw[:, : _SCORE + 1].copy(), _SCORE, score_threshold, one_class)
        scores = scan.checked_scores(self._card.name, name, passed)
        with np.errstate(over="ignore", invalid="ignore"):
            boxes = raw[passed.rows, :4] * self._unit
        class_ids = named_classes(self._card.name, name, raw[passed.rows, _CLASS], class_table)
        kept = class_ids >= 0
        return scan.finite_candidates(boxes[kept], scores[kept], class_ids[kept], passed.rows[kept])


def named_classes(
    model: str, output: str, numbers: NDArray[np.generic], class_table: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Return the caller's ids int32 (K,) of class numbers (K,) that a network gives as numbers.

    Raises:
        ModelError: a number that is no class of the card.
    """
    values = np.asarray(numbers, np.float64)
    wrong = ~((values >= 0) & (values < len(class_table)) & (values == np.floor(values)))
    if wrong.any():
        raise ModelError(
            f"{model}: class {values[wrong][0]:g} in output {output} is none of the card's {len(class_table)} classes"
        )
    return class_table[values.astype(np.int64)]
