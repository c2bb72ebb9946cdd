"""The conventions of a network file: what no shape can tell (colour order, scale, class names ...)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import yaml

from perception_core.config import Config, from_mapping, group, param
from perception_core.documents import load_yaml
from perception_core.errors import ConfigError, ModelError

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_OPTIONAL = {
    "sha256",
    "size",
    "licence",
    "source",
    "mirrors",
    "strides",
    "anchors",
    "box_units",
    "segments",
    "segmentation_output",
}
"""Keys a card may leave out; all else is a convention that goes wrong in silence when it is guessed."""

_NEVER_WRITTEN = {"labels", "segment_labels"}
"""Fields that YAML gives as part of another list."""

_MOST_SEGMENTS = 255
"""Label images hold a byte a pixel, and 255 is no class."""

_DETECTION_ONLY = {"score_threshold", "nms_iou", "classes"}

TASKS = ("detection", "segmentation", "instances", "multitask")
"""Boxes; a class for each pixel; boxes each with its mask; boxes and a class for each pixel."""

DETECTOR_FAMILIES = (
    "yolox",
    "yolov5",
    "yolov8",
    "yolo_end2end",
    "rtdetr",
    "rfdetr",
    "nanodet",
    "fastestdet",
)
MASK_FAMILIES = ("yolov5", "yolov8", "yolo_end2end", "rfdetr")
CLASS_MAP = "class_map"


@dataclass(frozen=True)
class InputSpec(Config):
    """How pixels become the network's input: ``(pixel * scale - mean) / std`` for each colour."""

    width: int = param(416, "width the network sees", unit="px", low=1, high=16384)
    height: int = param(416, "height the network sees", unit="px", low=1, high=16384)
    colour: str = param("bgr", "order of the three channels", choices=("bgr", "rgb"))
    scale: float = param(1.0, "factor on 0..255 pixel values", low=1e-9)
    mean: tuple[float, ...] = param((0.0, 0.0, 0.0), "subtracted after the scale, in the order of the channels")
    std: tuple[float, ...] = param((1.0, 1.0, 1.0), "divides at last, in the order of the channels", low=1e-9)
    letterbox: str = param(
        "top_left",
        "where the image lies when its aspect differs: in a corner, centred, or stretched to fill",
        choices=("top_left", "centre", "stretch"),
    )
    pad: float = param(114.0, "pixel value around the image, before the scale", low=0.0, high=255.0)
    layout: str = param("nchw", "whether channels come before rows and columns, or last", choices=("nchw", "nhwc"))

    def __post_init__(self) -> None:
        """Check that there is a mean and a deviation for each of the three colours.

        Raises:
            ConfigError: naming the field and the value.
        """
        super().__post_init__()
        for field in ("mean", "std"):
            if len(getattr(self, field)) != 3:
                raise ConfigError(f"input.{field}: expected 3 values, got {getattr(self, field)}")


@dataclass(frozen=True)
class ModelCard(Config):
    """One network file and its conventions; written as YAML beside the file or in this package.

    ``classes`` are the network's own names in the order of its outputs; ``labels`` are as many names of
    the stack's vocabulary, with an empty string for a class that is dropped. In YAML both are one list
    whose entries are ``name: label`` or a bare ``name``. ``segments`` and ``segment_labels`` are the same for the
    classes of pixels.
    """

    name: str = param("", "what users call the model")
    task: str = param("detection", "what it finds", choices=TASKS)
    family: str = param(
        "yolox",
        "how its outputs are read; yolov5 is v7's and v6's too, yolov8 that of v9, v11 and v12, yolo_end2end that of "
        "v10, YOLO26 and of exports with suppression inside, class_map is for segmentation alone",
        choices=(*DETECTOR_FAMILIES, CLASS_MAP),
    )
    file: str = param("", "plain file name, searched for in the model folders")
    sha256: tuple[str, ...] = param((), "hashes of the exports this card was checked with; empty: any file")
    size: int = param(0, "of the file; 0: not known", unit="B", low=0)
    licence: str = param("", "SPDX name of the licence of the weights")
    source: str = param("", "where the file can be had")
    mirrors: tuple[str, ...] = param((), "where else the same file can be had, tried in this order")
    input: InputSpec = group(InputSpec)
    strides: tuple[int, ...] = param((), "pixels a grid cell of each scale; empty: read from the shapes", low=1)
    score_threshold: float = param(0.3, "detections below are dropped", low=0.0, high=1.0)
    nms_iou: float = param(0.45, "of two boxes of one class that overlap more, the better stays", low=0.0, high=1.0)
    anchors: tuple[float, ...] = param(
        (),
        "width, height of each anchor, finest scale first; for YOLOv5/v7 outputs that are not decoded",
        unit="px",
        low=0.0,
    )
    box_units: str = param(
        "family",
        "unit of the boxes in the outputs, where it is not the family's: pixels, or shares of the input's size",
        choices=("family", "pixels", "share"),
    )
    classes: tuple[str, ...] = param((), "names of the network's classes, in order")
    labels: tuple[str, ...] = param((), "class of the stack for each of them, empty: dropped")
    segments: tuple[str, ...] = param((), "names of the network's classes of pixels, in order")
    segment_labels: tuple[str, ...] = param((), "class of pixels of the stack for each of them, empty: unknown")
    segmentation_output: str = param(
        "", "name of the output with the classes of pixels: for multitask, and for segmentation with several outputs"
    )

    def __post_init__(self) -> None:
        """Check what ranges cannot say: names, hashes and lengths.

        Raises:
            ConfigError: naming the field and the value.
        """
        super().__post_init__()
        for field in ("name", "file"):
            value = getattr(self, field)
            if not _FILE_NAME.fullmatch(value) or ".." in value:
                raise ConfigError(f"{field}: {value!r} is not a plain name")
        for digest in self.sha256:
            if not _SHA256.fullmatch(digest):
                raise ConfigError(f"sha256: {digest!r} is not 64 lower-case hexadecimal digits")
        if self.detects and not self.classes:
            raise ConfigError("classes: the list is empty")
        if self.segments_pixels and not self.segments:
            raise ConfigError("segments: the list is empty")
        if len(self.segments) > _MOST_SEGMENTS:
            raise ConfigError(f"segments: {len(self.segments)} are more than {_MOST_SEGMENTS}")
        for names, labels in (("classes", "labels"), ("segments", "segment_labels")):
            wanted, given = len(getattr(self, names)), len(getattr(self, labels))
            if wanted != given:
                raise ConfigError(f"{labels}: expected {wanted}, one of each of {names}, got {given}")
        self._check_task()

    @property
    def detects(self) -> bool:
        """Whether the network gives boxes."""
        return self.task != "segmentation"

    @property
    def segments_pixels(self) -> bool:
        """Whether the network gives a class for each pixel."""
        return self.task in ("segmentation", "multitask")

    def _check_task(self) -> None:
        if (self.task == "segmentation") != (self.family == CLASS_MAP):
            raise ConfigError(f"family: {self.family!r} is none for the task {self.task}")
        if self.task == "instances" and self.family not in MASK_FAMILIES:
            raise ConfigError(f"family: of {', '.join(MASK_FAMILIES)} masks can be read, not of {self.family!r}")
        if self.task == "multitask" and not self.segmentation_output:
            raise ConfigError("segmentation_output: needed for the task multitask")
        if self.segmentation_output and not self.segments_pixels:
            raise ConfigError(f"segmentation_output: the task {self.task} has none")
        if len(self.anchors) % 2:
            raise ConfigError(f"anchors: expected pairs of width and height, got {len(self.anchors)} numbers")


class ReadableText(Protocol):
    """A file on disk or inside an installed package."""

    def read_text(self, encoding: str) -> str:
        """Return the whole text."""
        ...


def load_card(source: Path | ReadableText) -> ModelCard:
    """Read a card from YAML.

    Every key that matters for the task has to be there: a convention that is guessed goes wrong in silence.

    Raises:
        ModelError: naming the file and the key: not YAML, keys that are unknown, missing or repeated, values
            out of range.
    """
    try:
        content = load_yaml(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelError(f"{source}: cannot read the model card: {_one_line(error)}") from error
    try:
        return parse_card(content)
    except ConfigError as error:
        raise ModelError(f"{source}: {error}") from error


def parse_card(content: Any) -> ModelCard:
    """Build a card from the mapping its YAML holds.

    Raises:
        ConfigError: naming the key and the value.
    """
    if not isinstance(content, Mapping):
        raise ConfigError(f"a model card is a mapping, got {type(content).__name__}")
    values = {str(key): value for key, value in content.items()}
    for hidden, shown in (("labels", "classes"), ("segment_labels", "segments")):
        if hidden in values:
            raise ConfigError(f"{hidden}: unknown parameter; write them in the list of {shown} as name: label")
    _require(values, _needed(values.get("task")), "")
    if not isinstance(values["input"], Mapping):
        raise ConfigError(f"input: expected a group of parameters, got {values['input']!r}")
    _require(values["input"], [f.name for f in fields(InputSpec) if f.name != "layout"], "input.")
    for names, labels in (("classes", "labels"), ("segments", "segment_labels")):
        if names in values:
            values[names], values[labels] = _split_classes(names, values[names])
    return from_mapping(ModelCard, values)


def _needed(task: Any) -> list[str]:
    """Return the keys a card of ``task`` must have."""
    spared = _OPTIONAL | _NEVER_WRITTEN
    if task == "segmentation":
        spared = spared | _DETECTION_ONLY
    if task in ("segmentation", "multitask"):
        spared = spared - {"segments"}
    return [f.name for f in fields(ModelCard) if f.name not in spared]


def _require(values: Mapping[str, Any], keys: list[str], prefix: str) -> None:
    missing = [f"{prefix}{key}" for key in keys if key not in values]
    if missing:
        raise ConfigError(f"{', '.join(missing)}: missing in the model card")


def _split_classes(key: str, entries: Any) -> tuple[list[str], list[str]]:
    if not isinstance(entries, list):
        raise ConfigError(f"{key}: expected a list, got {entries!r}")
    names, labels = [], []
    for i, entry in enumerate(entries):
        pair = (entry, "") if isinstance(entry, str) else None
        if isinstance(entry, Mapping) and len(entry) == 1:
            pair = next(iter(entry.items()))
        if pair is None or not all(isinstance(part, str) for part in pair):
            raise ConfigError(f"{key}[{i}]: expected a name or name: label, got {entry!r}")
        names.append(pair[0])
        labels.append(pair[1])
    return names, labels


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
