"""Masks of YOLO segmentation exports: each a sum of prototypes, weighted by numbers that follow the box's classes.

Bolya et al., "YOLACT", arXiv:1904.02689, as in the exports of YOLOv5-seg, YOLOv8-seg, YOLO11-seg and YOLO26-seg:
beside the boxes an output (B, M, rows, columns) of prototypes, a quarter of the input's size. A pixel belongs to the
object where the sum is positive.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.candidates import Candidates
from perception_core.inference.heads.outputs import BOX, Outputs, entry_of, infos, listed
from perception_core.inference.heads.yolo_end2end import YoloEnd2EndHead
from perception_core.inference.heads.yolov5 import Yolov5Head
from perception_core.inference.heads.yolov8 import Yolov8Head
from perception_core.inference.model_card import ModelCard

_BoxHead = Yolov5Head | Yolov8Head | YoloEnd2EndHead


class YoloMaskHead:
    """Reads boxes by the card's family, and the masks of the boxes that are asked for."""

    def __init__(self, card: ModelCard) -> None:
        """Keep the card; how many prototypes there are shows in the outputs."""
        self._card = card

    def check(self, outputs: tuple[TensorInfo, ...]) -> None:
        """Check the shapes of the outputs as far as the file states them.

        Raises:
            ModelError: naming the outputs, their shapes and what was expected.
        """
        boxes, prototypes = self._split(outputs)
        if prototypes.shape[1] is not None:
            self._box_head(prototypes.shape[1]).check((boxes,))

    def decode(
        self, outputs: Outputs, score_threshold: float, class_table: NDArray[np.int32], entry: int = 0
    ) -> Candidates:
        """Return the candidates that score at least ``score_threshold`` in pixels of the network's input, with rows.

        Raises:
            ModelError: shapes that do not fit, or numbers that cannot be scores.
        """
        boxes, prototypes = self._split(infos(outputs))
        head = self._box_head(outputs[prototypes.name].shape[1])
        return head.decode({boxes.name: outputs[boxes.name]}, score_threshold, class_table, entry)

    def masks(self, outputs: Outputs, rows: NDArray[np.int64], entry: int = 0) -> NDArray[np.float32]:
        """Return float32 (K, h, w) for the boxes of ``rows``: positive where the object is, over the whole input.

        Raises:
            ModelError: shapes that do not fit.
        """
        boxes, prototypes = self._split(infos(outputs))
        planes = entry_of(self._card.name, prototypes.name, outputs[prototypes.name], entry)
        count, height, width = planes.shape
        block = outputs[boxes.name][entry]
        turned = self._card.family == "yolov8" and len(block) == BOX + len(self._card.classes) + count
        weights = block[-count:, rows].T if turned else block[rows, -count:]
        with np.errstate(over="ignore", invalid="ignore"):
            sums = np.asarray(weights, np.float32) @ planes.reshape(count, -1)
        np.nan_to_num(sums, copy=False, nan=-1.0)
        return sums.reshape(-1, height, width)

    def warm_up(self) -> None:
        """Compile, or load from the cache, so that no image has to wait."""
        self._box_head(0).warm_up()

    def _box_head(self, prototypes: int) -> _BoxHead:
        return _BOX_HEADS[self._card.family](self._card, prototypes)

    def _split(self, outputs: tuple[TensorInfo, ...]) -> tuple[TensorInfo, TensorInfo]:
        """Return the boxes (rank 3) and the prototypes (rank 4)."""
        by_rank = {len(output.shape): output for output in outputs}
        if len(outputs) != 2 or set(by_rank) != {3, 4}:
            raise ModelError(
                f"{self._card.name}: expected boxes of three dimensions and prototypes [1, M, rows, columns], "
                f"got {listed(outputs)}"
            )
        return by_rank[3], by_rank[4]


_BOX_HEADS: Mapping[str, Callable[[ModelCard, int], _BoxHead]] = {
    "yolov5": Yolov5Head,
    "yolov8": Yolov8Head,
    "yolo_end2end": YoloEnd2EndHead,
}
