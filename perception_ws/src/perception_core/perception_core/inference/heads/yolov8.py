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
from perception_core.inference.heads.outputs import (
    BOX,
    Outputs,
    entry_of,
    first_output,
    infos,
    only_output,
    shape_fits,
)
from perception_core.inference.heads.yolov5 import box_unit, centred_boxes
from perception_core.inference.model_card import ModelCard


class Yolov8Head:
    """Decodes (B, 4 + classes + coefficients, anchors) or (B, anchors, 4 + classes + coefficients)."""

    def __init__(self, card: ModelCard, coefficients: int = 0) -> None:
        """Keep the card; ``coefficients`` numbers of masks follow the classes."""
        self._card = card
        self._numbers = BOX + len(card.classes) + coefficients
        self._unit = box_unit(card, "pixels")

    def check(self, outputs: tuple[TensorInfo, ...]) -> None:
        """Check the shape of the output as far as the file states it.

        Raises:
            ModelError: naming the output, its shape and what was expected.
        """
        output = only_output(self._card.name, "YOLOv8", outputs)
        numbers = self._numbers
        if not shape_fits(output.shape, (None, numbers, None)) and not shape_fits(output.shape, (None, None, numbers)):
            raise ModelError(
                f"{self._card.name}: expected an output [1, {numbers}, anchors] for {len(self._card.classes)} classes, "
                f"got {output}"
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
        raw = entry_of(self._card.name, name, output, entry)
        if len(raw) == self._numbers:
            passed = scan.scan_columns(raw, BOX, score_threshold, class_table)
            found = raw[:BOX, passed.rows].T
        else:
            passed = scan.scan_rows(raw, BOX, score_threshold, class_table)
            found = raw[passed.rows, :BOX]
        scores = scan.checked_scores(self._card.name, name, passed)
        return scan.finite_candidates(centred_boxes(found, self._unit), scores, passed.class_ids, passed.rows)

    def warm_up(self) -> None:
        """Compile, or load from the cache, so that no image has to wait."""
        scan.warm_up()
