"""The camera path step by step, beside the bare session: per model, engine and threads; and decoding alone."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from perception_core.camera.detector import CameraDetector
from perception_core.errors import ModelError
from perception_core.inference.backend import Backend
from perception_core.inference.factory import InferenceConfig, available_backends, create_backend
from perception_core.inference.input_shapes import image_shape
from perception_core.inference.model_card import ModelCard
from perception_core.inference.network_input import network_input
from perception_core.inference.registry import find_model, packaged_cards
from perception_core.types import Image
from perception_tools.benchmarks.decoding import CANDIDATES, Decoding, lower_quartile, milliseconds
from perception_tools.benchmarks.frames import load_frames
from perception_tools.benchmarks.measure import peak_rss_mib
from perception_tools.output import table

THREADS = (1, 2)
BUDGET_OVER = 0.10
"""Most that all around the network may take, as a share of the bare session's time."""

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
        prepared_on: where images became the network's input, and why not on the GPU.
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
    prepared_on: str


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
        for step in _measured(path, card, _alone(name, threads), pictures)
    ]


def _alone(backend: str, threads: int) -> InferenceConfig:
    """Return the settings with which an engine is measured itself, not what serves until it is built."""
    return InferenceConfig(backend=backend, threads=threads, serve_while_building=False)


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
        (row["family"], 8 * row["objects"], row["kept"], f"{row['ms']:.3f}", "yes" if row["in_budget"] else "no")
        for row in found["decoding"]
    ]
    heads = table((f"decoding and NMS of {CANDIDATES}", "above threshold", "kept", "ms", "< 1 ms"), decoded)
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
        alone = milliseconds(bare)
        detector.perceive(picture)
        parts = detector.timings
        times.append((parts["preprocess"], parts["inference"], parts["postprocess"], alone))
    prepared_on = str(backend.preprocessing)
    detector.close()
    prepare, network, decode, alone = (lower_quartile(column) for column in zip(*times, strict=True))
    total = prepare + network + decode
    over = total / alone - 1.0
    in_budget = over <= BUDGET_OVER
    name, threads = config.backend, config.threads
    yield Step(card.name, name, threads, prepare, network, decode, total, alone, over, in_budget, prepared_on)


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
