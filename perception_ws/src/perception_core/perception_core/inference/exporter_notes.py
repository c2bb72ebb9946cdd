"""The metadata that Ultralytics' exporters write into a file.

YOLOv5 writes ``stride`` and ``names``; the ultralytics package adds ``task``, ``imgsz``, ``batch``, ``description``,
``author``, ``channels``, ``args`` and, since YOLO26, ``end2end`` and ``head``; values are Python literals as text
(ultralytics/engine/exporter.py, yolov5/export.py; seen in exports of 8.4.190).
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perception_core.errors import ModelError

_MOST_CLASSES = 100_000
_MOST_LITERAL = 1 << 19
"""Longest text that is read as a Python literal, in bytes."""


@dataclass(frozen=True, slots=True)
class ExporterNotes:
    """What is written in a file; None or empty where it is not.

    Attributes:
        package: the file is of the ultralytics package, not of YOLOv5's repository.
        task: detect, segment, semantic, depth, pose, obb, classify.
        names: of the classes, in order.
        stride: the coarsest.
        image_size: (height, width) it was exported for.
        end2end: the network itself leaves one box an object.
        suppressed: suppression was exported with it.
        transformer: it is an RT-DETR.
    """

    package: bool
    task: str
    names: tuple[str, ...]
    stride: int | None
    image_size: tuple[int, int] | None
    end2end: bool
    suppressed: bool
    transformer: bool


def read_notes(metadata: Mapping[str, str]) -> ExporterNotes | None:
    """Return what Ultralytics' exporters wrote into ``metadata``; None if none of them did.

    Raises:
        ModelError: they did, and what they wrote cannot be read.
    """
    if not {"names", "stride"} <= set(metadata):
        return None
    args = _literal("args", metadata.get("args", "{}"))
    size = _literal("imgsz", metadata.get("imgsz", "None"))
    stride = _literal("stride", metadata["stride"])
    return ExporterNotes(
        package="task" in metadata,
        task=metadata.get("task", ""),
        names=_names(_literal("names", metadata["names"])),
        stride=stride if isinstance(stride, int) and stride > 0 else None,
        image_size=_size(size),
        end2end=metadata.get("end2end") == "True",
        suppressed=isinstance(args, dict) and args.get("nms") is True,
        transformer="detr" in (metadata.get("head", "") + metadata.get("description", "")).lower().replace("-", ""),
    )


def _names(value: Any) -> tuple[str, ...]:
    """Return the names of a list, or of a dictionary by number."""
    if isinstance(value, dict):
        if set(value) != set(range(len(value))):
            raise ModelError(f"metadata names: the numbers of the classes are not 0..{len(value) - 1}")
        value = [value[i] for i in range(len(value))]
    if not isinstance(value, list | tuple) or not 0 < len(value) <= _MOST_CLASSES:
        raise ModelError("metadata names: expected a list or a dictionary of names")
    return tuple(str(name) for name in value)


def _size(value: Any) -> tuple[int, int] | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = (value, value)
    good = isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(n, int) and n > 0 for n in value)
    return (value[0], value[1]) if good else None


def _literal(key: str, text: str) -> Any:
    if len(text) > _MOST_LITERAL:
        raise ModelError(f"metadata {key}: {len(text)} bytes are too many")
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ModelError(f"metadata {key}: {text[:60]!r} is no Python literal") from error
