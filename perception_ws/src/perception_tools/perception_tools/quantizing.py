"""`perception models quantize`: INT8 from a recording, beside FP32 on images that it was not calibrated with."""

import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMsg

from perception_core.camera.detector import CameraConfig, CameraDetector, CameraResult
from perception_core.config import to_mapping
from perception_core.errors import BagError, ModelError
from perception_core.evaluation.agreement import Agreement, compare, total
from perception_core.inference.factory import InferenceConfig, create_backend
from perception_core.inference.model_card import ModelCard
from perception_core.inference.network_input import network_input
from perception_core.inference.preprocess import BatchPreprocessor
from perception_core.inference.progress import Progress, Report, unheard
from perception_core.inference.quantize import FLOAT_SHARES, Calibration, Feeds, calibrated
from perception_core.inference.registry import sha256_of
from perception_core.types import Image
from perception_nodes.conversions.image import image_from_compressed_msg, image_from_msg
from perception_tools.bags import BagReader
from perception_tools.simulated_truth import Precision, View, precision

MOST_IMAGES = 160
"""Taken from a recording, evenly: one in :data:`_ONE_IN` to calibrate with, the others to check with."""

_MOST_BYTES = 1 << 30
"""Of their pixels: large images are fewer, but eight at least."""

_LEAST_IMAGES = 8
_ONE_IN = 4
_ENGINE = InferenceConfig(backend="onnxruntime", provider="cpu")
_TYPES: dict[str, tuple[Any, Callable[[Any], Image]]] = {
    "sensor_msgs/msg/Image": (ImageMsg, image_from_msg),
    "sensor_msgs/msg/CompressedImage": (CompressedImage, image_from_compressed_msg),
}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two files, run by ONNX Runtime on one thread of the CPU.

    Attributes:
        file: its path.
        size_bytes: of the file.
        run_ms: lower quartile of a run of the network alone.
        precision: against the truth of a simulated drive; None where none was asked for.
    """

    file: str
    size_bytes: int
    run_ms: float
    precision: Precision | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A quantized network beside the one it was made of.

    Attributes:
        fp32, int8: the files.
        calibration_images, check_images: how many; no image is in both.
        detections: boxes on the check images; None for a network without.
        pixels_kept: share of the pixels with the same class; None for a network without.
        float_layers: convolutions that stay float.
        layers: all convolutions.
        float_work: share of the multiplications that stays float.
        loss: what counts: the larger share lost, of boxes or of pixels.
        accepted: whether it was written.
    """

    fp32: Side
    int8: Side
    calibration_images: int
    check_images: int
    detections: Agreement | None
    pixels_kept: float | None
    float_layers: tuple[str, ...]
    layers: int
    float_work: float
    loss: float
    accepted: bool

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return asdict(self)


def quantize(
    path: Path,
    card: ModelCard,
    images: Sequence[Image],
    output: Path,
    max_loss: float,
    report: Report = unheard,
    truth: Sequence[View] = (),
) -> Outcome:
    """Write ``output`` and its card beside it, unless it loses more than ``max_loss``, 0..1; then nothing is written.

    As few convolutions stay float as keep ``max_loss`` on the calibration images; the check is on the others. Of
    ``truth`` the average precision of both is told; it decides nothing.

    Raises:
        ModelError: a network that cannot be quantized, too few images to do both, none with anything on them, or an
            output that cannot be written.
    """
    examples, checks = images[::_ONE_IN], [image for i, image in enumerate(images) if i % _ONE_IN]
    if not checks:
        raise ModelError(f"{path}: {len(images)} images are too few to calibrate and to check with")
    if output.resolve() == path.resolve():
        raise ModelError(f"{output}: is the network itself; the quantized one needs another name")
    calibration = calibrated(path, _feeds(path, card, examples), report)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".quantize.", dir=output.parent) as folder:
            candidate = Path(folder) / output.name
            share = _choose(calibration, card, examples, max_loss, candidate, report)
            candidate.write_bytes(calibration.quantized(share))
            found = _Pair(path, candidate, card).compare(checks, _told(report, "check"))
            if truth and card.detects:
                found = replace(found, precision=(_precision(path, card, truth), _precision(candidate, card, truth)))
            return _finish(found, calibration, share, card, (len(examples), len(checks)), max_loss, candidate, output)
    except OSError as error:
        raise ModelError(f"{output}: cannot write it: {error.strerror}") from error


def bag_images(bag: Path, topics: Sequence[str] = (), most: int = MOST_IMAGES) -> list[Image]:
    """Return at most ``most`` images of a recording, evenly over its length, of all cameras or of ``topics``.

    Raises:
        BagError: no recording, no such topic, or no images.
        ImageError: one that cannot be decoded.
    """
    with BagReader(bag) as reader:
        reader.require(topics)
        cameras = [t for t in reader.topics.values() if t.type in _TYPES and (not topics or t.name in topics)]
        count, names = sum(topic.count for topic in cameras), [topic.name for topic in cameras]
        first = next(_decoded(reader, names, {0}), None)  # a damaged index counts messages that are not there
        if first is None:
            raise BagError(f"{bag}: no images{' on ' + ', '.join(topics) if topics else ''}")
        fitting = max(_LEAST_IMAGES, _MOST_BYTES // first.pixels.nbytes)
        wanted = np.linspace(0, count - 1, min(most, count, fitting)).round().astype(int)
        return list(_decoded(reader, names, set(wanted.tolist())))


def _decoded(reader: BagReader, topics: Sequence[str], wanted: set[int]) -> Iterator[Image]:
    for i, message in enumerate(reader.messages(topics)):
        if i in wanted:
            kind, convert = _TYPES[message.type]
            yield convert(deserialize_message(message.data, kind))


def _feeds(path: Path, card: ModelCard, images: Sequence[Image]) -> list[Feeds]:
    """Return what the network is fed with for each image, as the detector would."""
    backend = create_backend(path, _ENGINE)
    try:
        wanted = network_input(backend, card.input)
    finally:
        backend.close()
    preprocess = BatchPreprocessor(card.input, CameraConfig().split_wide)
    batch = wanted.batch or 1
    return [
        {name: np.array(array) for name, array in wanted.feed(preprocess([image.pixels] * batch, batch)[0]).items()}
        for image in images
    ]


def _choose(
    calibration: Calibration,
    card: ModelCard,
    images: Sequence[Image],
    max_loss: float,
    candidate: Path,
    report: Report,
) -> float:
    """Return the first share that loses at most half of ``max_loss`` on ``images``, else the one that loses least.

    Half, since other images lose a little more than those the ranges are of.
    """
    losses: dict[float, float] = {}
    for share in FLOAT_SHARES:
        candidate.write_bytes(calibration.quantized(share))
        losses[share] = _Pair(calibration.path, candidate, card).compare(images, _told(report, "choose")).loss
        if losses[share] <= 0.5 * max_loss:
            return share
    return min(losses, key=lambda share: losses[share])


def _told(report: Report, stage: str) -> Callable[[float], None]:
    return lambda share: report(Progress(stage, share, "FP32 and INT8 side by side"))


@dataclass(frozen=True, slots=True)
class _Found:
    """What two networks said of the same images."""

    detections: Agreement | None
    pixels_kept: float | None
    ms: tuple[float, float]
    precision: tuple[Precision | None, Precision | None] = (None, None)

    @property
    def loss(self) -> float:
        boxes = self.detections.loss if self.detections is not None else 0.0
        return max(boxes, 1.0 - self.pixels_kept if self.pixels_kept is not None else 0.0)


class _Pair:
    """A network and its quantized self."""

    def __init__(self, fp32: Path, int8: Path, card: ModelCard) -> None:
        self._paths = (fp32, int8)
        self._card = card

    def compare(self, images: Sequence[Image], tell: Callable[[float], None]) -> _Found:
        """Run both on each image in turn, so that a busy machine slows both."""
        detectors = [CameraDetector(create_backend(path, _ENGINE), self._card) for path in self._paths]
        results: list[tuple[CameraResult, ...]] = []
        ms: list[list[float]] = [[], []]
        try:
            for detector in detectors:
                detector.warm_up()
            for k, image in enumerate(images):
                row = []
                for detector, times in zip(detectors, ms, strict=True):
                    row.append(detector.perceive(image))
                    times.append(detector.timings["inference"])
                results.append(tuple(row))
                tell((k + 1) / len(images))
        finally:
            for detector in detectors:
                detector.close()
        low = (_lower_quartile(ms[0]), _lower_quartile(ms[1]))
        return _Found(_boxes_kept(results), _pixels_kept(results), low)


def _precision(path: Path, card: ModelCard, truth: Sequence[View]) -> Precision:
    return precision(lambda: create_backend(path, _ENGINE), card, truth)


def _boxes_kept(results: Sequence[tuple[CameraResult, ...]]) -> Agreement | None:
    pairs = [(a.detections, b.detections) for a, b in results]
    known = [compare(a, b) for a, b in pairs if a is not None and b is not None]
    return total(known) if known else None


def _pixels_kept(results: Sequence[tuple[CameraResult, ...]]) -> float | None:
    pairs = [(a.segmentation, b.segmentation) for a, b in results]
    shares = [float(np.mean(a.labels == b.labels)) for a, b in pairs if a is not None and b is not None]
    return statistics.fmean(shares) if shares else None


def _lower_quartile(times: Sequence[float]) -> float:
    return sorted(times)[len(times) // 4]


def _finish(
    found: _Found,
    calibration: Calibration,
    share: float,
    card: ModelCard,
    counts: tuple[int, int],
    max_loss: float,
    candidate: Path,
    output: Path,
) -> Outcome:
    """Put the file and its card into their places, unless it loses too much."""
    if found.detections is not None and not found.detections.expected:
        raise ModelError(f"{calibration.path}: finds nothing on {counts[1]} images, so nothing can be checked")
    accepted = found.loss <= max_loss
    outcome = Outcome(
        fp32=Side(str(calibration.path), calibration.path.stat().st_size, found.ms[0], found.precision[0]),
        int8=Side(str(output), candidate.stat().st_size, found.ms[1], found.precision[1]),
        calibration_images=counts[0],
        check_images=counts[1],
        detections=found.detections,
        pixels_kept=found.pixels_kept,
        float_layers=calibration.kept_float(share),
        layers=len(calibration.layers),
        float_work=calibration.float_work(share),
        loss=found.loss,
        accepted=accepted,
    )
    if accepted:
        text = _card_text(card, output, sha256_of(candidate), outcome)
        beside = candidate.with_suffix(".yaml")
        beside.write_text(text, encoding="utf-8")
        candidate.replace(output)
        beside.replace(output.with_suffix(".yaml"))
    return outcome


def _card_text(card: ModelCard, output: Path, digest: str, outcome: Outcome) -> str:
    """Return the card of the quantized file: that of the network, with another name, file and hash."""
    flat = to_mapping(card)
    content: dict[str, Any] = {key: _plain(value) for key, value in flat.items() if "." not in key}
    content["input"] = {key.partition(".")[2]: _plain(value) for key, value in flat.items() if key.startswith("input.")}
    for names, labels in (("classes", "labels"), ("segments", "segment_labels")):
        pairs = zip(content.pop(names), content.pop(labels), strict=True)
        content[names] = [{name: label} if label else name for name, label in pairs]
    content |= {"name": output.stem, "file": output.name, "sha256": [digest], "size": outcome.int8.size_bytes}
    content |= {"source": "", "mirrors": []}
    kept = [key for key, value in content.items() if value not in ("", [], 0)]
    head = f"# {card.name} in INT8; loses {100 * outcome.loss:.1f} % on {outcome.check_images} images.\n"
    return head + yaml.safe_dump({key: content[key] for key in kept}, sort_keys=False, allow_unicode=True)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
