"""What is known of a network file, how surely, and the model card that follows from it."""

import enum
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from perception_core.config import Value, from_mapping, specs
from perception_core.errors import ConfigError, ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.class_names import object_label, segment_label
from perception_core.inference.model_card import CLASS_MAP, ModelCard

_FINISHED_NMS = 0.7
"""Overlap for networks that suppress by themselves: only windows of one wide image still see a thing twice."""

_DEFAULTS = {spec.name: spec.default for spec in specs(ModelCard)}

_FINISHED = ("yolo_end2end", "rtdetr", "rfdetr")


class Sureness(enum.StrEnum):
    """How well something is known."""

    CERTAIN = "certain"
    LIKELY = "likely"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found out, or not.

    Attributes:
        value: what it is; None where unknown.
        sureness: how well it is known.
        reason: where it was seen, or why it cannot be.
    """

    value: Any
    sureness: Sureness
    reason: str

    def __str__(self) -> str:
        """Return ``yolox (likely: 3549 anchors ...)``."""
        shown = "?" if self.value is None else _shown(self.value)
        return f"{shown} ({self.sureness}: {self.reason})"


def certain(value: Any, reason: str) -> Finding:
    """Return a finding nobody has to check."""
    return Finding(value, Sureness.CERTAIN, reason)


def likely(value: Any, reason: str) -> Finding:
    """Return a finding that is the habit of the family, which the file itself does not state."""
    return Finding(value, Sureness.LIKELY, reason)


def unknown(reason: str) -> Finding:
    """Return that something cannot be seen."""
    return Finding(None, Sureness.UNKNOWN, reason)


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What a network file tells.

    Attributes:
        path: the file.
        inputs, outputs: as the file states them.
        task: of ``model_card.TASKS``.
        family: of the card's families.
        width, height: of the network's image, in pixels.
        batch: images a run; "any" where open.
        layout: nchw or nhwc.
        dtype: number type of the image input.
        classes: names of the objects' classes, in order.
        class_count: how many there are.
        segments: names of the classes of pixels.
        segmentation_output: name of the output with the classes of pixels.
        strides: pixels a cell of each scale.
        end_to_end: whether the network itself leaves one box an object.
        colour, scale, mean, std, letterbox, pad: as in the card's input.
    """

    path: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    task: Finding
    family: Finding
    width: Finding
    height: Finding
    batch: Finding
    layout: Finding
    dtype: Finding
    classes: Finding
    class_count: Finding
    segments: Finding
    segmentation_output: Finding
    strides: Finding
    end_to_end: Finding
    colour: Finding
    scale: Finding
    mean: Finding
    std: Finding
    letterbox: Finding
    pad: Finding

    def findings(self) -> Iterator[tuple[str, Finding]]:
        """Yield name and finding of everything that was looked for."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Finding):
                yield field.name, value

    @property
    def questions(self) -> tuple[str, ...]:
        """What a model card has to say, since the file does not: ``colour: probably bgr (...)``."""
        open_ones = [(name, f) for name, f in self._needed() if f.sureness is not Sureness.CERTAIN]
        grouped = itertools.groupby(open_ones, key=lambda item: (item[1].sureness, item[1].reason))
        return tuple(_question([*group]) for _, group in grouped)

    def __str__(self) -> str:
        """Return a line a finding, and a line a tensor."""
        lines = [self.path]
        lines += [f"  {'input':<20} {info}" for info in self.inputs]
        lines += [f"  {'output':<20} {info}" for info in self.outputs]
        lines += [f"  {name:<20} {finding}" for name, finding in self.findings()]
        return "\n".join(lines)

    def _needed(self) -> Iterator[tuple[str, Finding]]:
        """Yield the findings a card cannot do without."""
        names = ["task", "family", "width", "height", "layout", *_INPUT]
        task = self.task.value
        if task != "segmentation":
            names.append("classes")
        if task in ("segmentation", "multitask"):
            names.append("segments")
        yield from ((name, getattr(self, name)) for name in names)


def _question(items: list[tuple[str, Finding]]) -> str:
    """Return one line about findings of one reason."""
    names = ", ".join(name for name, _ in items)
    if items[0][1].sureness is Sureness.UNKNOWN:
        return f"{names}: {items[0][1].reason}"
    values = ", ".join(_shown(finding.value) for _, finding in items)
    return f"{names}: probably {values} ({items[0][1].reason})"


_INPUT = ("colour", "scale", "mean", "std", "letterbox", "pad")


def card_from_description(description: ModelDescription, name: str, file: str) -> ModelCard:
    """Return the card of a file that tells everything.

    Raises:
        ModelError: it does not; the message lists what its card has to say.
    """
    if description.questions:
        raise ModelError(
            f"{description.path}: the file does not tell enough; its model card has to say "
            f"{'; '.join(description.questions)}"
        )
    try:
        return from_mapping(ModelCard, _card_values(description, name, file))
    except ConfigError as error:
        raise ModelError(f"{description.path}: {error}") from error


def card_template(description: ModelDescription, name: str, file: str) -> str:
    """Return the text of a model card to complete: what is not certain is marked, what is unknown is left open."""
    lines = [f"name: {name}", f"file: {file}"]
    lines += [_yaml_line(key, getattr(description, key)) for key in ("task", "family")]
    if description.segmentation_output.value is not None:
        lines.append(_yaml_line("segmentation_output", description.segmentation_output))
    lines.append("input:")
    lines += [_yaml_line(f"  {key}", getattr(description, key)) for key in ("width", "height", "layout", *_INPUT)]
    if description.task.value != "segmentation":
        lines += [f"score_threshold: {_DEFAULTS['score_threshold']}", f"nms_iou: {_nms_iou(description)}"]
        lines += _yaml_names("classes", description.classes, object_label)
    if description.task.value in ("segmentation", "multitask"):
        lines += _yaml_names("segments", description.segments, segment_label)
    return "\n".join(lines) + "\n"


def _card_values(description: ModelDescription, name: str, file: str) -> dict[str, Any]:
    classes, segments = description.classes.value or (), description.segments.value or ()
    values: dict[str, Any] = {
        "name": name,
        "file": file,
        "task": description.task.value,
        "family": description.family.value,
        "input": {key: getattr(description, key).value for key in ("width", "height", "layout", *_INPUT)},
        "nms_iou": _nms_iou(description),
        "classes": classes,
        "labels": tuple(object_label(c) for c in classes),
        "segments": segments,
        "segment_labels": tuple(segment_label(s) for s in segments),
    }
    if description.segmentation_output.value:
        values["segmentation_output"] = description.segmentation_output.value
    if description.family.value == CLASS_MAP:
        values["classes"] = values["labels"] = ()
    return values


def _nms_iou(description: ModelDescription) -> Value:
    return _FINISHED_NMS if description.family.value in _FINISHED else _DEFAULTS["nms_iou"]


def _yaml_line(key: str, finding: Finding) -> str:
    if finding.sureness is Sureness.CERTAIN:
        return f"{key}: {_shown(finding.value)}"
    if finding.sureness is Sureness.LIKELY:
        return f"{key}: {_shown(finding.value)}  # check: {finding.reason}"
    return f"{key}:  # fill in: {finding.reason}"


def _yaml_names(key: str, finding: Finding, label: Any) -> list[str]:
    if finding.value is None:
        return [f"{key}:  # fill in: {finding.reason}", "  - NAME: LABEL"]
    note = "" if finding.sureness is Sureness.CERTAIN else f"  # check: {finding.reason}"
    quoted = [(_quoted(name), label(name)) for name in finding.value]
    return [f"{key}:{note}", *(f"  - {name}: {known}" if known else f"  - {name}" for name, known in quoted)]


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_shown(v) for v in value) + "]"
    return f"{value:.9g}" if isinstance(value, float) else str(value)
