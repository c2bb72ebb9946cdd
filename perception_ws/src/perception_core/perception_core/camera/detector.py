"""From a camera image to boxes, masks and classes of pixels of the stack's vocabulary, in its own pixels."""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.camera.riders import Columns, merge_riders
from perception_core.camera.seams import cut_by_seam, mend_seams
from perception_core.config import Config, group, param
from perception_core.errors import ModelError
from perception_core.inference import nms, preprocess
from perception_core.inference.backend import Backend
from perception_core.inference.candidates import Candidates
from perception_core.inference.factory import InferenceConfig, create_backend
from perception_core.inference.heads import NO_CLASS, Head, MaskHead, create_class_map_head, create_head
from perception_core.inference.input_shapes import image_shape
from perception_core.inference.layout import Placement, lay_out, to_source
from perception_core.inference.masks import labels_to_source, masks_to_source
from perception_core.inference.model_card import ModelCard
from perception_core.inference.network_input import network_input
from perception_core.inference.preprocess import BatchPreprocessor
from perception_core.inference.registry import find_model
from perception_core.types import Detections2D, Image, InstanceMasks, Segmentation
from perception_core.types.classes import INDEX
from perception_core.types.segments import SEGMENT_INDEX, UNKNOWN

_MIN_SIDE = 1.0
"""Boxes thinner than a pixel after clipping lie outside the image."""


@dataclass(frozen=True)
class CameraConfig(Config):
    """How objects are detected in images, and the classes of their pixels."""

    model: str = param("yolox_nano", "name of a model card, or path of an ONNX file with its card beside it")
    segmentation_model: str = param(
        "", "a second network, as model, for the classes of pixels where the first gives none; '' for none"
    )
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


@dataclass(frozen=True, slots=True)
class CameraResult:
    """What one network says of one image; None is what it was not made for.

    Attributes:
        detections: boxes; none of them means that it saw nothing, None that it does not look for objects.
        masks: the pixels of each detection.
        segmentation: the class of each pixel.
    """

    detections: Detections2D | None
    masks: InstanceMasks | None
    segmentation: Segmentation | None


class CameraDetector:
    """Reads images with one network of any task; owns its buffers, so one thread each."""

    def __init__(self, backend: Backend, card: ModelCard, config: CameraConfig | None = None) -> None:
        """Join a loaded network with its conventions.

        Raises:
            ModelError: inputs or outputs that do not fit the card, or a label outside the vocabulary.
        """
        self._config = config or CameraConfig()
        self._backend = backend
        self._card = card
        self._preprocess = BatchPreprocessor(card.input, self._config.split_wide)
        try:
            self._input = network_input(backend, card.input)
            self._head = create_head(card) if card.detects else None
            # Asked once: to ask it of a protocol takes as long as to decode.
            self._mask_head = self._head if isinstance(self._head, MaskHead) else None
            self._class_map = create_class_map_head(card) if card.segments_pixels else None
            self._check_outputs()
            self._class_table = class_table(card)
            self._segment_table = segment_table(card)
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
    def batch(self) -> int | None:
        """Images the network takes in one run, None for any number."""
        return self._input.batch

    @property
    def timings(self) -> Mapping[str, float]:
        """Milliseconds of the last run: preprocess, inference, postprocess; empty before the first.

        Where images are prepared on the GPU, preprocess is their way to it, and inference the kernel and the network.
        """
        return self._timings

    def warm_up(self) -> None:
        """Compile and run everything once, so that the first image takes no longer than the others.

        Raises:
            ModelError: the network fails, or its real outputs do not fit the card.
        """
        preprocess.warm_up()
        nms.warm_up()
        for head in (self._head, self._class_map):
            if head is not None:
                head.warm_up()
        blank = np.zeros((self._card.input.height, self._card.input.width, 3), np.uint8)
        self.perceive(Image(blank, 0, ""))
        self._timings = {}

    def detect(self, image: Image) -> Detections2D:
        """Detect the objects of one image, best score first.

        Boxes are in pixels of ``image``, clipped to it. A rider and what is ridden are one object
        (see :mod:`perception_core.camera.riders`).

        Raises:
            ModelError: the network fails, returns what cannot be read, or gives no boxes.
        """
        detections = self.perceive(image, pixels=False).detections
        if detections is None:
            raise ModelError(f"{self._backend.path}: a network for {self._card.task} detects no objects")
        return detections

    def perceive(self, image: Image, pixels: bool = True) -> CameraResult:
        """Return all that the network gives for one image: boxes as :meth:`detect` does, masks, classes of pixels.

        Without ``pixels`` masks and classes of pixels are not read, which saves their time.

        Raises:
            ModelError: the network fails, or returns what cannot be read.
        """
        return self.perceive_batch((image,), pixels)[0]

    def perceive_batch(self, images: Sequence[Image], pixels: bool = True) -> list[CameraResult]:
        """Read several images, of any sizes, in as few runs as the network's batch allows.

        Raises:
            ModelError: the network fails, or returns what cannot be read.
        """
        each = self._input.batch or max(1, len(images))
        self._timings = dict.fromkeys(("preprocess", "inference", "postprocess"), 0.0)
        results: list[CameraResult] = []
        for first in range(0, len(images), each):
            results += self._run(images[first : first + each], each, pixels)
        return results

    def close(self) -> None:
        """Free the network."""
        self._backend.close()

    def _check_outputs(self) -> None:
        if self._head is not None:
            apart = self._card.segmentation_output
            self._head.check(tuple(o for o in self._backend.outputs if not apart or o.name != apart))
        if self._class_map is not None:
            self._class_map.check(self._backend.outputs)

    def _run(self, images: Sequence[Image], batch: int, pixels: bool) -> list[CameraResult]:
        start = time.perf_counter()
        run, windows = self._prepare([image.pixels for image in images], batch)
        prepared = time.perf_counter()
        outputs = run()
        inferred = time.perf_counter()
        results = [self._read(image, outputs, windows[i], i, pixels) for i, image in enumerate(images)]
        self._timings["preprocess"] += (prepared - start) * 1e3
        self._timings["inference"] += (inferred - prepared) * 1e3
        self._timings["postprocess"] += (time.perf_counter() - inferred) * 1e3
        return results

    def _prepare(
        self, images: Sequence[NDArray[np.uint8]], batch: int
    ) -> tuple[Callable[[], Mapping[str, NDArray[Any]]], list[tuple[Placement, ...]]]:
        """Make the network's input; return what runs it, and where the parts of each image lie in the input."""
        on_gpu, spec = self._backend.images, self._card.input
        if on_gpu is None:
            tensor, windows = self._preprocess(images, batch)
            return functools.partial(self._backend.run, self._input.feed(tensor)), windows
        sizes = [(image.shape[1], image.shape[0]) for image in images]
        windows = [lay_out(spec, width, height, self._config.split_wide) for width, height in sizes]
        on_gpu.prepare(spec, images, windows, self._input.sizes(batch))
        return on_gpu.run, windows

    def _read(
        self,
        image: Image,
        outputs: Mapping[str, NDArray[Any]],
        windows: tuple[Placement, ...],
        entry: int,
        pixels: bool,
    ) -> CameraResult:
        """Read one image's entry of the outputs."""
        detections = masks = segmentation = None
        if self._head is not None:
            detections, masks = self._read_boxes(self._head, image, outputs, windows, entry, pixels)
        if self._class_map is not None and pixels:
            labels = self._segment_table[self._class_map.read(outputs, entry)]
            height, width = image.pixels.shape[:2]
            labels = labels_to_source(labels, self._card.input, windows, width, height)
            segmentation = Segmentation(image.stamp_ns, image.frame, labels)
        return CameraResult(detections, masks, segmentation)

    def _read_boxes(
        self,
        head: Head,
        image: Image,
        outputs: Mapping[str, NDArray[Any]],
        windows: tuple[Placement, ...],
        entry: int,
        pixels: bool,
    ) -> tuple[Detections2D, InstanceMasks | None]:
        apart = self._card.segmentation_output
        boxed = {name: array for name, array in outputs.items() if not apart or name != apart}
        candidates = head.decode(boxed, self._score_threshold, self._class_table, entry)
        parts = self._kept(candidates, windows)
        objects = merge_riders(*mend_seams(*parts.columns, parts.tiles, windows))
        height, width = image.pixels.shape[:2]
        detections = Detections2D(image.stamp_ns, image.frame, *objects, (width, height))
        if not pixels or self._mask_head is None:
            return detections, None
        owners = owners_of(parts.columns[0], detections.boxes)
        drawn = np.flatnonzero(owners >= 0)
        instances = masks_to_source(
            self._mask_head.masks(boxed, parts.rows[drawn], entry),
            parts.columns[0][drawn],
            [windows[tile] for tile in parts.tiles[drawn]],
            owners[drawn],
            self._card.input,
            width,
            height,
        )
        return detections, InstanceMasks(image.stamp_ns, image.frame, instances)

    def _kept(self, candidates: Candidates, windows: tuple[Placement, ...]) -> "_Parts":
        """Return what suppression leaves, in source pixels, best score first."""
        boxes, tiles = to_source(candidates.boxes, windows)
        ranks = candidates.scores
        if len(windows) > 1:
            # What a seam cut yields to what another window saw whole, however well the part scored.
            ranks = (ranks - cut_by_seam(boxes, tiles, windows)).astype(np.float32)
        found = Candidates(boxes.astype(np.float32), ranks, candidates.class_ids)
        kept = nms.suppress(found, self._nms_iou, self._config.max_detections, self._config.duplicate_iou, _MIN_SIDE)
        scores = candidates.scores[kept].astype(np.float64)
        if len(windows) > 1:
            order = np.argsort(-scores, kind="stable")
            kept, scores = kept[order], scores[order]
        rows = kept if candidates.rows is None else candidates.rows[kept]
        return _Parts((boxes[kept], scores, candidates.class_ids[kept]), tiles[kept], rows)


@dataclass(frozen=True, slots=True)
class _Parts:
    """K boxes before seams are mended and riders joined, the window each was seen in, and its row in the output."""

    columns: Columns
    tiles: NDArray[np.int64]
    rows: NDArray[np.int64]


def owners_of(parts: NDArray[np.float64], wholes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return int64 (K,): the index of the whole (M, 4) that took up each part (K, 4), -1 where none did.

    A part that was left as it was is equal to its whole; one that was joined with others, or dropped in favour of a
    larger box, lies inside: of several, in the smallest.
    """
    owners = np.full(len(parts), -1, np.int64)
    areas = np.prod(wholes[:, 2:] - wholes[:, :2], axis=1)
    for k, part in enumerate(parts):
        equal = np.flatnonzero((wholes == part).all(axis=1))
        holds = np.flatnonzero((wholes[:, :2] <= part[:2]).all(axis=1) & (wholes[:, 2:] >= part[2:]).all(axis=1))
        if len(equal):
            owners[k] = equal[0]
        elif len(holds):
            owners[k] = holds[np.argmin(areas[holds])]
    return owners


def build_detector(config: CameraConfig | None = None, folders: Sequence[Path | str] = ()) -> CameraDetector:
    """Find the configured model in ``folders``, load it and join it with its card; not warmed up yet.

    Raises:
        ModelError: no weights, an engine that is not available, or a file that is not what its card says.
    """
    config = config or CameraConfig()
    path, card = find_model(config.model, folders)
    backend = create_backend(path, config.inference, image_shape(card.input))
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


def segment_table(card: ModelCard) -> NDArray[np.uint8]:
    """Return uint8 (256,): id of ``types.segments.SEGMENTS`` for each class of pixels, unknown where there is none.

    Raises:
        ModelError: a label that is not in the vocabulary.
    """
    table = np.full(NO_CLASS + 1, SEGMENT_INDEX[UNKNOWN], np.uint8)
    for i, (name, label) in enumerate(zip(card.segments, card.segment_labels, strict=True)):
        if label and label not in SEGMENT_INDEX:
            raise ModelError(f"{card.name}: label {label!r} of segment {name!r} is none of {', '.join(SEGMENT_INDEX)}")
        table[i] = SEGMENT_INDEX[label] if label else SEGMENT_INDEX[UNKNOWN]
    return table
