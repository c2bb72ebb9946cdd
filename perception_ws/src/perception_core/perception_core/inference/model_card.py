"""The conventions of a network file: what no shape can tell (colour order, scale, class names ...)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import yaml

from perception_core.config import Config, from_mapping, group, param
from perception_core.errors import ConfigError, ModelError

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_OPTIONAL = {"sha256", "licence", "source", "strides"}


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


@dataclass(frozen=True)
class ModelCard(Config):
    """One network file and its conventions; written as YAML beside the file or in this package.

    ``classes`` are the network's own names in the order of its outputs; ``labels`` are as many names of
    the stack's vocabulary, with an empty string for a class that is dropped. In YAML both are one list
    whose entries are ``name: label`` or a bare ``name``.
    """

    name: str = param("", "what users call the model")
    task: str = param("detection", "what it finds", choices=("detection",))
    family: str = param("yolox", "how its outputs are read", choices=("yolox",))
    file: str = param("", "plain file name, searched for in the model folders")
    sha256: tuple[str, ...] = param((), "hashes of the exports this card was checked with; empty: any file")
    licence: str = param("", "SPDX name of the licence of the weights")
    source: str = param("", "where the file can be had")
    input: InputSpec = group(InputSpec)
    strides: tuple[int, ...] = param((), "pixels a grid cell of each scale; empty: read from the shapes", low=1)
    score_threshold: float = param(0.3, "detections below are dropped", low=0.0, high=1.0)
    nms_iou: float = param(0.45, "of two boxes of one class that overlap more, the better stays", low=0.0, high=1.0)
    classes: tuple[str, ...] = param((), "names of the network's classes, in order")
    labels: tuple[str, ...] = param((), "class of the stack for each of them, empty: dropped")

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
        for field in ("mean", "std"):
            if len(getattr(self.input, field)) != 3:
                raise ConfigError(f"input.{field}: expected 3 values, got {getattr(self.input, field)}")
        if not self.classes:
            raise ConfigError("classes: the list is empty")
        if len(self.labels) != len(self.classes):
            raise ConfigError(f"labels: expected {len(self.classes)}, one a class, got {len(self.labels)}")


class ReadableText(Protocol):
    """A file on disk or inside an installed package."""

    def read_text(self, encoding: str) -> str:
        """Return the whole text."""
        ...


def load_card(source: Path | ReadableText) -> ModelCard:
    """Read a card from YAML.

    Every key but sha256, licence, source and strides has to be there: a convention that is guessed goes
    wrong in silence.

    Raises:
        ModelError: naming the file and the key: not YAML, keys that are unknown, missing or repeated, values
            out of range.
    """
    try:
        content = _UniqueKeyLoader(source.read_text(encoding="utf-8")).get_single_data()
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
    if "labels" in values:
        raise ConfigError("labels: unknown parameter; write them in the list of classes as name: label")
    _require(values, [f.name for f in fields(ModelCard) if f.name not in _OPTIONAL and f.name != "labels"], "")
    if not isinstance(values["input"], Mapping):
        raise ConfigError(f"input: expected a group of parameters, got {values['input']!r}")
    _require(values["input"], [f.name for f in fields(InputSpec)], "input.")
    values["classes"], values["labels"] = _split_classes(values["classes"])
    return from_mapping(ModelCard, values)


def _require(values: Mapping[str, Any], keys: list[str], prefix: str) -> None:
    missing = [f"{prefix}{key}" for key in keys if key not in values]
    if missing:
        raise ConfigError(f"{', '.join(missing)}: missing in the model card")


def _split_classes(entries: Any) -> tuple[list[str], list[str]]:
    if not isinstance(entries, list):
        raise ConfigError(f"classes: expected a list, got {entries!r}")
    names, labels = [], []
    for i, entry in enumerate(entries):
        pair = (entry, "") if isinstance(entry, str) else None
        if isinstance(entry, Mapping) and len(entry) == 1:
            pair = next(iter(entry.items()))
        if pair is None or not all(isinstance(part, str) for part in pair):
            raise ConfigError(f"classes[{i}]: expected a name or name: label, got {entry!r}")
        names.append(pair[0])
        labels.append(pair[1])
    return names, labels


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML's safe loader, which by itself keeps the last of two equal keys in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        repeated = {key for key in keys if keys.count(key) > 1}
        if repeated:
            raise yaml.constructor.ConstructorError(None, None, f"repeated key {sorted(repeated)}", node.start_mark)
        return super().construct_mapping(node, deep)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
