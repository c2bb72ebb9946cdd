"""YOLOv8, v9, v11 and v12: boxes without an objectness, decoded in the graph.

Ultralytics' Detect module in export mode: (B, 4 + classes, anchors) with centre and size in pixels, then class
probabilities. Some converters turn the last two dimensions round.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.candidates import Candidates
from perception_core.inference.heads import scan
from perception_core.inference.heads.box_head import OneOutputHead
from perception_core.inference.heads.outputs import BOX, shape_fits
from perception_core.inference.heads.yolov5 import box_unit, centred_boxes
from perception_core.inference.model_card import ModelCard


class Yolov8Head(OneOutputHead):
    """Decodes (B, 4 + classes + coefficients, anchors) or (B, anchors, 4 + classes + coefficients)."""

    family = "YOLOv8"

    def __init__(self, card: ModelCard, coefficients: int = 0) -> None:
        """Keep the card; ``coefficients`` numbers of masks follow the classes."""
        super().__init__(card)
        self._numbers = BOX + len(card.classes) + coefficients
        self._unit = box_unit(card, "pixels")

    def _check_output(self, output: TensorInfo) -> None:
        numbers = self._numbers
        if not shape_fits(output.shape, (None, numbers, None)) and not shape_fits(output.shape, (None, None, numbers)):
            raise ModelError(
                f"{self._card.name}: expected an output [1, {numbers}, anchors] for {len(self._card.classes)} classes, "
                f"got {output}"
            )

    def _decode(
        self, name: str, raw: NDArray[np.float32], score_threshold: float, class_table: NDArray[np.int32]
    ) -> Candidates:
        if len(raw) == self._numbers:
            passed = scan.scan_columns(raw, BOX, score_threshold, class_table)
            found = raw[:BOX, passed.rows].T
        else:
            passed = scan.scan_rows(raw, BOX, score_threshold, class_table)
            found = raw[passed.rows, :BOX]
        scores = scan.checked_scores(self._card.name, name, passed)
        return scan.finite_candidates(centred_boxes(found, self._unit), scores, passed.class_ids, passed.rows)
