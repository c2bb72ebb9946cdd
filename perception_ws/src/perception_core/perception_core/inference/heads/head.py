"""The protocols of heads and the tables of families."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.candidates import Candidates
from perception_core.inference.heads.class_map import ClassMapHead
from perception_core.inference.heads.detr import RfDetrHead, RtDetrHead
from perception_core.inference.heads.fastestdet import FastestDetHead
from perception_core.inference.heads.nanodet import NanodetHead
from perception_core.inference.heads.rfdetr_masks import RfDetrMaskHead
from perception_core.inference.heads.yolo_end2end import YoloEnd2EndHead
from perception_core.inference.heads.yolo_masks import YoloMaskHead
from perception_core.inference.heads.yolov5 import Yolov5AnchorHead, Yolov5Head
from perception_core.inference.heads.yolov8 import Yolov8Head
from perception_core.inference.heads.yolox import YoloxHead
from perception_core.inference.model_card import ModelCard


class Head(Protocol):
    """Reads the boxes in the outputs of one family of detectors."""

    def check(self, outputs: tuple[TensorInfo, ...]) -> None:
        """Check the shapes of the outputs as far as the file states them.

        Raises:
            ModelError: naming the output, its shape and what was expected.
        """
        ...

    def decode(
        self,
        outputs: Mapping[str, NDArray[Any]],
        score_threshold: float,
        class_table: NDArray[np.int32],
        entry: int = 0,
    ) -> Candidates:
        """Return the candidates that score at least ``score_threshold`` in pixels of the network's input.

        ``class_table`` int32 (C,) gives the id of each of the network's classes, -1 for one that is dropped;
        ``entry`` is the image's place in the batch.

        Raises:
            ModelError: shapes that do not fit, or numbers that cannot be scores.
        """
        ...

    def warm_up(self) -> None:
        """Compile, or load from the cache, so that no image has to wait."""
        ...


@runtime_checkable
class MaskHead(Head, Protocol):
    """A head that knows the masks of its boxes too."""

    def masks(
        self, outputs: Mapping[str, NDArray[Any]], rows: NDArray[np.int64], entry: int = 0
    ) -> NDArray[np.float32]:
        """Return float32 (K, h, w) for the candidates' ``rows``: positive where the object is, over the whole input.

        Raises:
            ModelError: shapes that do not fit.
        """
        ...


def create_head(card: ModelCard) -> Head:
    """Return the head that reads the boxes of the card's family.

    Raises:
        ModelError: a network that gives no boxes, or a family nobody here can read.
    """
    if not card.detects:
        raise ModelError(f"{card.name}: a network for {card.task} gives no boxes")
    if card.task == "instances":
        return RfDetrMaskHead(card) if card.family == "rfdetr" else YoloMaskHead(card)
    if card.family == "yolov5" and card.anchors:
        return Yolov5AnchorHead(card)
    if card.family not in _FAMILIES:
        raise ModelError(f"{card.name}: family {card.family!r} is none of {', '.join(_FAMILIES)}")
    return _FAMILIES[card.family](card)


def create_class_map_head(card: ModelCard) -> ClassMapHead:
    """Return the head that reads the classes of pixels.

    Raises:
        ModelError: a network that gives none.
    """
    if not card.segments_pixels:
        raise ModelError(f"{card.name}: a network for {card.task} gives no classes of pixels")
    return ClassMapHead(card)


_FAMILIES: dict[str, Callable[[ModelCard], Head]] = {
    "yolox": YoloxHead,
    "yolov5": Yolov5Head,
    "yolov8": Yolov8Head,
    "yolo_end2end": YoloEnd2EndHead,
    "rtdetr": RtDetrHead,
    "rfdetr": RfDetrHead,
    "nanodet": NanodetHead,
    "fastestdet": FastestDetHead,
}
