"""Decoding and suppression alone, of made-up outputs of every family of detectors."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.inference import nms
from perception_core.inference.heads import create_head
from perception_core.inference.model_card import InputSpec, ModelCard

BUDGET_MS = 1.0
CANDIDATES = 8400
"""Anchors of a network of 640 x 640 with strides 8, 16 and 32: 80 * 80 + 40 * 40 + 20 * 20."""

EVERYBODY = CANDIDATES // 8
"""Objects, of eight candidates each, that leave no candidate below the threshold."""

_CLASSES = 80
_BINS = 8
_REPEATS = 60
_SURE, _UNSURE = 2.2, -4.0
"""Logits of 90 % and 2 %."""

Outputs = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Decoding:
    """Decoding and suppression of :data:`CANDIDATES` candidates; lower quartile.

    Attributes:
        family: of heads.
        objects: each with eight neighbouring candidates above the threshold.
        kept: boxes that are left.
        ms: both steps.
        in_budget: whether that is at most :data:`BUDGET_MS`.
    """

    family: str
    objects: int
    kept: int
    ms: float
    in_budget: bool


def decoding(repeats: int = _REPEATS) -> list[Decoding]:
    """Time every family on an ordinary street, in a crowd, and where every candidate passes."""
    return [_timed(family, objects, repeats) for family in FAMILIES for objects in (20, 150, EVERYBODY)]


def milliseconds(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e3


def lower_quartile(times: Sequence[float]) -> float:
    """Return the time that a quarter of the runs was faster than: a busy machine disturbs it least."""
    return sorted(times)[len(times) // 4]


@dataclass(frozen=True, slots=True)
class _Scene:
    """What the candidates are, before a family's way to write it; a share of the input is a pixel of 640.

    Attributes:
        boxes: float32 (N, 4) centre and size in shares.
        objectness: float32 (N,) logits.
        classes: float32 (N, C) logits.
    """

    boxes: NDArray[np.float32]
    objectness: NDArray[np.float32]
    classes: NDArray[np.float32]

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Return float32 (N, 1 + C): objectness, then the classes."""
        logits = np.concatenate([self.objectness[:, np.newaxis], self.classes], axis=1)
        return np.asarray(1.0 / (1.0 + np.exp(-logits)), np.float32)


def _scene(objects: int) -> _Scene:
    rng = np.random.default_rng(0)
    scene = _Scene(
        rng.uniform(0.1, 0.9, (CANDIDATES, 4)).astype(np.float32),
        np.full(CANDIDATES, _UNSURE, np.float32),
        rng.uniform(_UNSURE - 1.0, _UNSURE, (CANDIDATES, _CLASSES)).astype(np.float32),
    )
    for first in rng.choice(EVERYBODY, objects, replace=False) * 8:
        near = slice(first, first + 8)
        scene.boxes[near, :2] = rng.uniform(0.1, 0.9, 2) + rng.uniform(-0.01, 0.01, (8, 2))
        scene.boxes[near, 2:] = rng.uniform(0.04, 0.12, 2)
        scene.objectness[near] = _SURE
        scene.classes[near, rng.integers(_CLASSES)] = rng.uniform(0.5, 4.0, 8)
    return scene


def _timed(family: str, objects: int, repeats: int) -> Decoding:
    write, (width, height) = FAMILIES[family]
    names = tuple(f"c{i}" for i in range(_CLASSES))
    card = ModelCard(
        name="made_up",
        file="made_up.onnx",
        family=family.partition(" ")[0],
        input=InputSpec(width=width, height=height),
        classes=names,
        labels=("car",) * _CLASSES,
        anchors=(10.0, 13.0, 16.0, 30.0, 33.0, 23.0) if " " in family else (),
    )
    head, labels = create_head(card), np.arange(_CLASSES, dtype=np.int32)
    outputs = write(_scene(objects))
    head.warm_up()
    nms.warm_up()

    def once() -> int:
        candidates = head.decode(outputs, card.score_threshold, labels)
        return len(nms.suppress(candidates, card.nms_iou, 100, 0.8))

    kept = once()
    ms = lower_quartile([milliseconds(once) for _ in range(repeats)])
    return Decoding(family, objects, kept, ms, ms <= BUDGET_MS)


def _rows(*columns: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(np.concatenate(columns, axis=1)[np.newaxis], np.float32)


def _yolox(scene: _Scene) -> Outputs:
    offsets = np.zeros((CANDIDATES, 4), np.float32)
    offsets[:, :2] = scene.boxes[:, :2]
    return {"output": _rows(offsets, scene.probabilities)}


def _yolov5(scene: _Scene) -> Outputs:
    return {"output": _rows(scene.boxes * 640, scene.probabilities)}


def _yolov5_anchors(scene: _Scene) -> Outputs:
    numbers = np.concatenate([scene.boxes, scene.objectness[:, np.newaxis], scene.classes], axis=1)
    return {"output": numbers.reshape(1, 3, 40, 70, 5 + _CLASSES)}


def _yolov8(scene: _Scene) -> Outputs:
    rows = _rows(scene.boxes * 640, scene.probabilities[:, 1:])
    return {"output": np.ascontiguousarray(rows.transpose(0, 2, 1))}


def _end_to_end(scene: _Scene) -> Outputs:
    centre, half = scene.boxes[:, :2] * 640, scene.boxes[:, 2:] * 320
    named = scene.probabilities[:, 1:]
    best = np.stack([named.max(axis=1), named.argmax(axis=1).astype(np.float32)], axis=1)
    return {"output": _rows(centre - half, centre + half, best)}


def _rtdetr(scene: _Scene) -> Outputs:
    return {"output": _rows(scene.boxes, scene.probabilities[:, 1:])}


def _rfdetr(scene: _Scene) -> Outputs:
    return {"dets": _rows(scene.boxes), "labels": _rows(scene.classes)}


def _nanodet(scene: _Scene) -> Outputs:
    distances = np.random.default_rng(1).normal(0.0, 1.0, (CANDIDATES, 4 * _BINS)).astype(np.float32)
    return {"output": _rows(scene.probabilities[:, 1:], distances)}


def _fastestdet(scene: _Scene) -> Outputs:
    known = scene.probabilities
    rows = np.concatenate([known[:, :1], scene.boxes, known[:, 1:]], axis=1)
    return {"output": np.ascontiguousarray(rows.T).reshape(1, 5 + _CLASSES, 80, 105)}


FAMILIES: Mapping[str, tuple[Callable[[_Scene], Outputs], tuple[int, int]]] = {
    "yolox": (_yolox, (640, 640)),
    "yolov5": (_yolov5, (640, 640)),
    "yolov5 not decoded": (_yolov5_anchors, (560, 320)),
    "yolov8": (_yolov8, (640, 640)),
    "yolo_end2end": (_end_to_end, (640, 640)),
    "rtdetr": (_rtdetr, (640, 640)),
    "rfdetr": (_rfdetr, (640, 640)),
    "nanodet": (_nanodet, (640, 640)),
    "fastestdet": (_fastestdet, (1680, 1280)),
}
"""What writes a family's outputs, and width and height of the input."""
