"""The camera path step by step, beside the bare session: per model, engine and threads; and decoding alone."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.camera.detector import CameraDetector
from perception_core.errors import ModelError
from perception_core.inference import nms
from perception_core.inference.backend import Backend
from perception_core.inference.factory import InferenceConfig, available_backends, create_backend
from perception_core.inference.heads import create_head
from perception_core.inference.input_shapes import image_shape
from perception_core.inference.model_card import InputSpec, ModelCard
from perception_core.inference.network_input import network_input
from perception_core.inference.registry import find_model, packaged_cards
from perception_core.types import Image
from perception_tools.benchmarks.frames import load_frames
from perception_tools.benchmarks.measure import peak_rss_mib
from perception_tools.output import table

THREADS = (1, 2)
BUDGET_OVER = 0.10
"""Most that all around the network may take, as a share of the bare session's time."""

BUDGET_DECODING_MS = 1.0
CANDIDATES = 8400
"""Anchors of a network of 640 x 640 with strides 8, 16 and 32: 80 * 80 + 40 * 40 + 20 * 20."""

_CLASSES = 80
_REPEATS = 60
_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Step:
    """One model on one engine; lower quartiles over the images, in ms, which a busy machine disturbs least.

    Attributes:
        model, backend: names.
        threads: of ONNX Runtime.
        preprocess_ms, inference_ms, decode_ms: of our path.
        total_ms: their sum.
        bare_ms: the engine alone on an input that is ready, timed in turn with ours.
        over: total / bare - 1.
        in_budget: whether ``over`` is at most :data:`BUDGET_OVER`.
    """

    model: str
    backend: str
    threads: int
    preprocess_ms: float
    inference_ms: float
    decode_ms: float
    total_ms: float
    bare_ms: float
    over: float
    in_budget: bool


@dataclass(frozen=True, slots=True)
class Decoding:
    """Decoding and suppression of :data:`CANDIDATES` candidates; lower quartile.

    Attributes:
        family: of heads.
        above: candidates above the threshold.
        kept: boxes that are left.
        ms: both steps.
        in_budget: whether that is at most :data:`BUDGET_DECODING_MS`.
    """

    family: str
    above: int
    kept: int
    ms: float
    in_budget: bool


def models(folders: Sequence[Path]) -> list[tuple[Path, ModelCard]]:
    """Return the packaged models whose files are here."""
    found = []
    for name in packaged_cards():
        with contextlib.suppress(ModelError):
            found.append(find_model(name, folders))
    return found


def images(data: Path | None, count: int = 8) -> list[Image]:
    """Return images of a KITTI drive below ``data``, else simulated ones."""
    return [frame.image for frame in load_frames(data, count)[1]]


def measure(found: Sequence[tuple[Path, ModelCard]], pictures: Sequence[Image]) -> list[Step]:
    """Time every model on every engine that works here."""
    return [
        step
        for path, card in found
        for name in available_backends()
        for threads in (THREADS if name == "onnxruntime" else THREADS[:1])
        for step in _measured(path, card, InferenceConfig(backend=name, threads=threads), pictures)
    ]


def decoding() -> list[Decoding]:
    """Time heads on made-up outputs: an ordinary street, and a crowd."""
    return [_decoded(family, objects) for family in ("yolox", "yolov8") for objects in (20, 150)]


def as_dict(steps: Sequence[Step], decoded: Sequence[Decoding]) -> dict[str, Any]:
    """Return all of it as plain values."""
    return {
        "rows": [asdict(step) for step in steps],
        "decoding": [asdict(row) for row in decoded],
        "peak_rss_mib": round(peak_rss_mib(), 1),
    }


def printed(found: dict[str, Any]) -> str:
    """Return the tables of :func:`as_dict`."""
    head = (
        "model",
        "engine",
        "threads",
        "prepare ms",
        "network ms",
        "decode ms",
        "all ms",
        "bare ms",
        "over %",
        "<= 10 %",
    )
    rows = [
        (*list(row.values())[:8], 100.0 * row["over"], "yes" if row["in_budget"] else "no") for row in found["rows"]
    ]
    decoded = [
        (row["family"], row["above"], row["kept"], f"{row['ms']:.3f}", "yes" if row["in_budget"] else "no")
        for row in found["decoding"]
    ]
    heads = table(("decoding and NMS of 8400", "above threshold", "kept", "ms", "< 1 ms"), decoded)
    steps = table(head, rows) or "no network here: `perception models pull yolox_nano`, or set PERCEPTION_MODELS"
    return f"{steps}\n\n{heads}\n\npeak resident memory {found['peak_rss_mib']:.0f} MiB"


def _measured(path: Path, card: ModelCard, config: InferenceConfig, pictures: Sequence[Image]) -> Iterator[Step]:
    """Yield one row; nothing for an engine that does not take the file or does not work here."""
    try:
        backend = create_backend(path, config, image_shape(card.input))
        detector = CameraDetector(backend, card)
        detector.warm_up()
    except ModelError:
        return
    bare = _bare(path, card, config, backend)
    bare()
    times: list[tuple[float, ...]] = []
    for picture in [picture for _ in range(_ROUNDS) for picture in pictures]:
        alone = _timed(bare)
        detector.perceive(picture)
        parts = detector.timings
        times.append((parts["preprocess"], parts["inference"], parts["postprocess"], alone))
    detector.close()
    prepare, network, decode, alone = (_lower_quartile(column) for column in zip(*times, strict=True))
    total = prepare + network + decode
    over = total / alone - 1.0
    in_budget = over <= BUDGET_OVER
    name, threads = config.backend, config.threads
    yield Step(card.name, name, threads, prepare, network, decode, total, alone, over, in_budget)


def _bare(path: Path, card: ModelCard, config: InferenceConfig, backend: Backend) -> Callable[[], object]:
    """Return the engine alone: ONNX Runtime as anybody would call it, else our backend's run."""
    wanted = network_input(backend, card.input)
    last = (card.input.height, card.input.width)
    ready = wanted.feed(np.full((wanted.batch or 1, 3, *last), 114.0, np.float32))
    if config.backend != "onnxruntime":
        return lambda: backend.run(ready)
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = config.threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if config.spinning else "0")
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, dict(ready))


def _decoded(family: str, objects: int) -> Decoding:
    """Time the head of ``family`` where ``objects`` objects have eight neighbouring candidates each."""
    names = tuple(f"c{i}" for i in range(_CLASSES))
    card = ModelCard(
        name="made_up",
        file="made_up.onnx",
        family=family,
        input=InputSpec(width=640, height=640),
        classes=names,
        labels=("car",) * _CLASSES,
    )
    head, labels = create_head(card), np.arange(_CLASSES, dtype=np.int32)
    outputs = {"output": _made_up(family, objects)}

    def once() -> tuple[int, int]:
        candidates = head.decode(outputs, card.score_threshold, labels)
        return len(candidates), len(nms.suppress(candidates, card.nms_iou, 100, 0.8))

    above, kept = once()
    ms = _lower_quartile([_timed(once) for _ in range(_REPEATS)])
    return Decoding(family, above, kept, ms, ms <= BUDGET_DECODING_MS)


def _made_up(family: str, objects: int) -> NDArray[np.float32]:
    """Return an output of YOLOX (1, 8400, 85) or YOLOv8 (1, 84, 8400): noise below the threshold, and objects."""
    rng = np.random.default_rng(0)
    rows = np.zeros((1, CANDIDATES, 5 + _CLASSES), np.float32)
    rows[0, :, 4:] = rng.uniform(0.0, 0.1, (CANDIDATES, 1 + _CLASSES))
    for first in rng.choice(CANDIDATES // 8, objects, replace=False) * 8:
        near = slice(first, first + 8)
        rows[0, near, :4] = rng.uniform(-0.2, 0.2, (8, 4))
        rows[0, near, 4] = 0.9
        rows[0, near, 5 + rng.integers(_CLASSES)] = rng.uniform(0.5, 1.0, 8)
    if family == "yolox":
        return rows
    columns = np.delete(rows, 4, axis=2)
    at = np.arange(CANDIDATES)
    columns[0, :, 0], columns[0, :, 1] = 8.0 * (at % 80), 6.0 * (at // 80)
    columns[0, :, 2:4] = 30.0
    return np.ascontiguousarray(columns.transpose(0, 2, 1))


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e3


def _lower_quartile(times: Sequence[float]) -> float:
    return sorted(times)[len(times) // 4]
