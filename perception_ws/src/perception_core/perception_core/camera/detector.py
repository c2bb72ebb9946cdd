"""From a camera image to boxes of the stack's classes in its own pixels."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perception_core.camera.riders import Columns, merge_riders
from perception_core.camera.seams import cut_by_seam, mend_seams
from perception_core.config import Config, group, param
from perception_core.errors import ModelError
from perception_core.inference import nms, preprocess
from perception_core.inference.backend import Backend, single_image_input
from perception_core.inference.candidates import Candidates
from perception_core.inference.factory import InferenceConfig, create_backend
from perception_core.inference.heads import create_head
from perception_core.inference.layout import Placement, to_source
from perception_core.inference.model_card import ModelCard
from perception_core.inference.preprocess import Preprocessor
from perception_core.inference.registry import find_model
from perception_core.types import Detections2D, Image
from perception_core.types.classes import INDEX

_MIN_SIDE = 1.0
"""Boxes thinner than a pixel after clipping lie outside the image."""


@dataclass(frozen=True)
class CameraConfig(Config):
    """How objects are detected in images."""

    model: str = param("yolox_nano", "name of a model card, or path of an ONNX file with its card beside it")
    score_threshold: float = param(0.0, "detections below are dropped; 0: as the model's card says", low=0.0, high=1.0)
    nms_iou: float = param(
        0.0,
        "of two boxes of one class that overlap more, the better stays; 0: as the model's card says",
        low=0.0,
        high=1.0,
    )
    duplicate_iou: float = param(
        0.8, "of two boxes of different classes that overlap more, the better stays", low=0.0, high=1.0
    )
    split_wide: bool = param(
        True, "cut images much wider than the network's input into tiles that fill it: sees farther, costs nothing"
    )
    max_detections: int = param(100, "most boxes an image", low=1, high=1000)
    inference: InferenceConfig = group(InferenceConfig)


class CameraDetector:
    """Detects objects in one image at a time; owns its buffers, so one thread each."""

    def __init__(self, backend: Backend, card: ModelCard, config: CameraConfig | None = None) -> None:
        """Join a loaded network with its conventions.

        Raises:
            ModelError: inputs or outputs that do not fit the card, or a label outside the vocabulary.
        """
        self._config = config or CameraConfig()
        self._backend = backend
        self._card = card
        self._preprocess = Preprocessor(card.input, self._config.split_wide)
        try:
            self._input_name = _checked_input(backend, card)
            self._head = create_head(card)
            self._head.check(backend.outputs)
            self._class_table = class_table(card)
        except ModelError as error:
            raise ModelError(f"{backend.path}: {error}") from error
        self._score_threshold = self._config.score_threshold or card.score_threshold
        self._nms_iou = self._config.nms_iou or card.nms_iou
        self._timings: dict[str, float] = {}

    @property
    def card(self) -> ModelCard:
        """The model's conventions."""
        return self._card

    @property
    def backend(self) -> Backend:
        """The engine that runs the network."""
        return self._backend

    @property
    def timings(self) -> Mapping[str, float]:
        """Milliseconds of the last image: preprocess, inference, postprocess; empty before the first."""
        return self._timings

    def warm_up(self) -> None:
        """Compile and run everything once, so that the first image takes no longer than the others.

        Raises:
            ModelError: the network fails, or its real outputs do not fit the card.
        """
        preprocess.warm_up()
        nms.warm_up()
        self._head.warm_up()
        blank = np.zeros((self._card.input.height, self._card.input.width, 3), np.uint8)
        self.detect(Image(blank, 0, ""))
        self._timings = {}

    def detect(self, image: Image) -> Detections2D:
        """Detect the objects of one image, best score first.

        Boxes are in pixels of ``image``, clipped to it. A rider and what is ridden are one object
        (see :mod:`perception_core.camera.riders`).

        Raises:
            ModelError: the network fails, or returns what cannot be read.
        """
        height, width = image.pixels.shape[:2]
        start = time.perf_counter()
        tensor, windows = self._preprocess(image.pixels)
        prepared = time.perf_counter()
        outputs = self._backend.run({self._input_name: tensor})
        inferred = time.perf_counter()
        candidates = self._head.decode(outputs, self._score_threshold, self._class_table)
        boxes, scores, class_ids = self._objects(candidates, windows)
        self._timings = {
            "preprocess": (prepared - start) * 1e3,
            "inference": (inferred - prepared) * 1e3,
            "postprocess": (time.perf_counter() - inferred) * 1e3,
        }
        return Detections2D(image.stamp_ns, image.frame, boxes, scores, class_ids, (width, height))

    def _objects(self, candidates: Candidates, windows: tuple[Placement, ...]) -> Columns:
        """Return boxes in source pixels, scores and classes of the objects among the candidates."""
        moved, tiles = to_source(candidates.boxes, windows)
        inside = np.flatnonzero(np.all(moved[:, 2:] - moved[:, :2] >= _MIN_SIDE, axis=1))
        scores, class_ids = candidates.scores[inside], candidates.class_ids[inside]
        boxes, tiles = moved[inside], tiles[inside]
        # What a seam cut yields to what another window saw whole, however well the part scored.
        ranks = scores - cut_by_seam(boxes, tiles, windows)
        found = Candidates(boxes.astype(np.float32), ranks.astype(np.float32), class_ids)
        kept = nms.suppress(found, self._nms_iou, self._config.max_detections, self._config.duplicate_iou)
        kept = kept[np.argsort(-scores[kept], kind="stable")]
        columns = (boxes[kept], scores[kept].astype(np.float64), class_ids[kept])
        return merge_riders(*mend_seams(*columns, tiles[kept], windows))

    def close(self) -> None:
        """Free the network."""
        self._backend.close()


def build_detector(config: CameraConfig | None = None, folders: Sequence[Path | str] = ()) -> CameraDetector:
    """Find the configured model in ``folders``, load it and join it with its card; not warmed up yet.

    Raises:
        ModelError: no weights, an engine that is not available, or a file that is not what its card says.
    """
    config = config or CameraConfig()
    path, card = find_model(config.model, folders)
    backend = create_backend(path, config.inference)
    try:
        return CameraDetector(backend, card, config)
    except ModelError:
        backend.close()
        raise


def class_table(card: ModelCard) -> NDArray[np.int32]:
    """Return int32 (C,): column of ``types.classes.CLASSES`` for each class of the network, -1 if dropped.

    Raises:
        ModelError: a label that is not in the vocabulary.
    """
    for name, label in zip(card.classes, card.labels, strict=True):
        if label and label not in INDEX:
            raise ModelError(f"{card.name}: label {label!r} of class {name!r} is none of {', '.join(INDEX)}")
    return np.array([INDEX[label] if label else -1 for label in card.labels], np.int32)


def _checked_input(backend: Backend, card: ModelCard) -> str:
    info = single_image_input(backend)
    wanted = (card.input.height, card.input.width)
    if any(have not in (want, None) for have, want in zip(info.shape[2:], wanted, strict=True)):
        raise ModelError(f"the card says {wanted[1]}x{wanted[0]} (width x height), the file {info}")
    return info.name
