"""YOLOv5, YOLOv7 and YOLOv6: boxes with an objectness, decoded in the graph, or YOLOv5's and v7's anchors without.

Ultralytics YOLOv5 and WongKinYiu/yolov7, their Detect modules: with s the sigmoid of a prediction, the centre is
``(2 s - 0.5 + cell) * stride`` and the size ``(2 s)^2 * anchor``. An export decodes into (B, anchors, 5 + classes):
centre and size in pixels, objectness, class probabilities. Meituan's YOLOv6 export has the same columns with an
objectness of 1.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.candidates import Candidates
from perception_core.inference.heads import scan
from perception_core.inference.heads.box_head import BoxHead, OneOutputHead
from perception_core.inference.heads.outputs import Outputs, entry_of, listed, shape_fits
from perception_core.inference.model_card import ModelCard

_OBJECTNESS = 4
_FIRST_CLASS = 5


class Yolov5Head(OneOutputHead):
    """Decodes (B, anchors, 5 + classes + coefficients), boxes as centre and size."""

    family = "decoded YOLOv5"

    def __init__(self, card: ModelCard, coefficients: int = 0) -> None:
        """Keep the card; ``coefficients`` columns of masks follow the classes."""
        super().__init__(card)
        self._columns = _FIRST_CLASS + len(card.classes) + coefficients
        self._unit = box_unit(card, "pixels")

    def _check_output(self, output: TensorInfo) -> None:
        if not shape_fits(output.shape, (None, None, self._columns)):
            raise ModelError(
                f"{self._card.name}: expected an output [1, anchors, {self._columns}] for "
                f"{len(self._card.classes)} classes, got {output}"
            )

    def _decode(
        self, name: str, raw: NDArray[np.float32], score_threshold: float, class_table: NDArray[np.int32]
    ) -> Candidates:
        passed = scan.scan_rows(raw, _FIRST_CLASS, score_threshold, class_table, _OBJECTNESS)
        scores = scan.checked_scores(self._card.name, name, passed)
        boxes = centred_boxes(raw[passed.rows, :4], self._unit)
        return scan.finite_candidates(boxes, scores, passed.class_ids, passed.rows)


class Yolov5AnchorHead(BoxHead):
    """Decodes raw outputs, one a scale: (B, A, rows, columns, 5 + classes) or (B, A * (5 + classes), rows, columns).

    The card gives the anchors, in pixels, finest scale first.
    """

    def __init__(self, card: ModelCard) -> None:
        """Keep the card and its anchors."""
        super().__init__(card)
        self._columns = _FIRST_CLASS + len(card.classes)
        self._anchors = np.array(card.anchors, np.float32).reshape(-1, 2)

    def check(self, outputs: tuple[TensorInfo, ...]) -> None:
        """Check the shapes of the outputs as far as the file states them; raises ModelError."""
        if not outputs or len(self._anchors) % len(outputs):
            raise ModelError(
                f"{self._card.name}: {len(self._anchors)} anchors cannot be shared among {len(outputs)} outputs: "
                f"{listed(outputs)}"
            )
        each = len(self._anchors) // len(outputs)
        for output in outputs:
            apart = len(output.shape) == 5 and output.shape[1] in (each, None)
            apart = apart and output.shape[4] in (self._columns, None)
            joined = len(output.shape) == 4 and output.shape[1] in (each * self._columns, None)
            if not apart and not joined:
                raise ModelError(
                    f"{self._card.name}: expected [1, {each}, rows, columns, {self._columns}] or "
                    f"[1, {each * self._columns}, rows, columns] for {len(self._card.classes)} classes, got {output}"
                )

    def _candidates(
        self, outputs: Outputs, score_threshold: float, class_table: NDArray[np.int32], entry: int
    ) -> Candidates:
        each = len(self._anchors) // len(outputs)
        blocks = {name: self._rows(name, array, each, entry) for name, array in outputs.items()}
        finest_first = sorted(blocks.items(), key=lambda item: -item[1].shape[1] * item[1].shape[2])
        parts = []
        for scale, (name, block) in enumerate(finest_first):
            anchors = self._anchors[scale * each : (scale + 1) * each]
            parts.append(self._decode_scale(name, block, anchors, score_threshold, class_table))
        return Candidates(
            np.concatenate([p.boxes for p in parts]),
            np.concatenate([p.scores for p in parts]),
            np.concatenate([p.class_ids for p in parts]),
        )

    def _rows(self, name: str, array: NDArray[np.generic], each: int, entry: int) -> NDArray[np.float32]:
        """Return float32 (A, rows, columns, 5 + classes) of one image."""
        block = entry_of(self._card.name, name, array, entry)
        if block.ndim == 4:
            return block
        apart = block.reshape(each, self._columns, *block.shape[1:])
        return np.ascontiguousarray(apart.transpose(0, 2, 3, 1))

    def _decode_scale(
        self,
        name: str,
        block: NDArray[np.float32],
        anchors: NDArray[np.float32],
        score_threshold: float,
        class_table: NDArray[np.int32],
    ) -> Candidates:
        """Decode one scale; its stride is the input's width over the number of columns."""
        _, height, width, columns = block.shape
        stride = self._card.input.width / width
        raw = block.reshape(-1, columns)
        passed = scan.scan_logits(raw, _FIRST_CLASS, score_threshold, class_table, _OBJECTNESS)
        scores = scan.checked_scores(self._card.name, name, passed)
        cells = np.stack([passed.rows % width, passed.rows // width % height], axis=1).astype(np.float32)
        shares = scan.sigmoid(raw[passed.rows, :4])
        centre = (2.0 * shares[:, :2] - 0.5 + cells) * stride
        size = (2.0 * shares[:, 2:]) ** 2 * anchors[passed.rows // (width * height)]
        boxes = scan.from_centres(centre[:, 0], centre[:, 1], size[:, 0], size[:, 1])
        return scan.finite_candidates(boxes, scores, passed.class_ids, passed.rows)


def box_unit(card: ModelCard, family: str) -> NDArray[np.float32]:
    """Return float32 (4,): factors from x, y, x, y of the outputs to pixels of the network's input.

    ``family`` is the family's own unit, "pixels" or "share" (of the input's width and height).
    """
    unit = family if card.box_units == "family" else card.box_units
    if unit == "pixels":
        return np.ones(4, np.float32)
    return np.array([card.input.width, card.input.height] * 2, np.float32)


def centred_boxes(raw: NDArray[np.float32], unit: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32 (K, 4) corners in pixels of boxes (K, 4) given as centre and size in ``unit``."""
    with np.errstate(over="ignore", invalid="ignore"):
        x, y, width, height = (raw * unit).T
        return scan.from_centres(x, y, width, height)
