"""vision_msgs/Detection3DArray as bytes: upright boxes with classes, read and written column by column."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from vision_msgs.msg import Detection3DArray

from perception_core.errors import CloudError
from perception_core.types import CLASSES
from perception_nodes.conversions import cdr
from perception_nodes.conversions.header import half_turns
from perception_nodes.conversions.time import NS, split_ns

Floats = NDArray[np.float64]
Hypotheses = Sequence[tuple[str, float]]

_SCORE = struct.Struct("<d")
_POSE, _BOUNDS = 43, 10
"""Numbers of a pose (position, orientation) with its covariance, and of a box (position, orientation, size)."""


@dataclass(slots=True)
class Boxes:
    """What an array says of its M boxes.

    Attributes:
        stamp_ns: int nanoseconds.
        frame: axes of everything.
        centre: float64 (M, 3) metres.
        size: float64 (M, 3) metres.
        covariance: float64 (M, 6, 6) of the first hypothesis.
        hypotheses: of each box (class name, probability), at least one.
        ids: text of each box.
    """

    stamp_ns: int
    frame: str
    centre: Floats
    size: Floats
    covariance: Floats
    hypotheses: list[list[tuple[str, float]]]
    ids: list[str]


def write(
    stamp_ns: int,
    frame: str,
    boxes: tuple[Floats, Floats, Floats],
    covariance: Floats,
    hypotheses: Sequence[Hypotheses],
    ids: Sequence[str],
) -> bytes:
    """Return the message.

    Args:
        stamp_ns: int nanoseconds.
        frame: axes of everything.
        boxes: centre (M, 3), size (M, 3) and yaw (M,), metres and radians.
        covariance: float64 (M, 6, 6) of x, y, z and the rotations; it stands with every hypothesis.
        hypotheses: of each box (class name, probability), at least one.
        ids: text of each box.
    """
    poses, bounds = _tables(boxes, covariance)
    out = cdr.CdrWriter()
    stamp = split_ns(stamp_ns)
    out.time(*stamp)
    out.text(frame)
    out.count(len(ids))
    for pose, bound, classes, text in zip(poses, bounds, hypotheses, ids, strict=True):
        out.time(*stamp)
        out.name(frame, 4)
        out.count(len(classes))
        for label, score in classes:
            out.name(label, 8)
            out.raw(_SCORE.pack(score) + pose)
        out.align(8)
        out.raw(bound)
        out.text(text)
    return out.message()


def read(data: bytes) -> Boxes:
    """Return what the message says; of several hypotheses of a box the pose and covariance of the first.

    Raises:
        CloudError: a box without any hypothesis, and so without covariance.
        PerceptionError: bytes that are no Detection3DArray.
    """
    reader = cdr.CdrReader(data, Detection3DArray)
    sec, nanosec = reader.time()
    frame = reader.text()
    bounds: list[bytes] = []
    poses: list[bytes] = []
    hypotheses: list[list[tuple[str, float]]] = []
    ids: list[str] = []
    for i in range(reader.count()):
        reader.time()
        reader.text()
        classes = []
        for k in range(reader.count()):
            classes.append(_hypothesis(reader))
            again = reader.raw(8 * _POSE)
            if k == 0:
                poses.append(again)
        reader.align(8)
        bounds.append(reader.raw(8 * _BOUNDS))
        ids.append(reader.text())
        if not classes:
            raise CloudError(f"detections[{i}]: no class hypothesis, and so no covariance")
        hypotheses.append(classes)
    bound = np.frombuffer(b"".join(bounds), "<f8").reshape(-1, _BOUNDS)
    pose = np.frombuffer(b"".join(poses), "<f8").reshape(-1, _POSE)
    centre, size, covariance = bound[:, :3].copy(), bound[:, 7:].copy(), pose[:, 7:].reshape(-1, 6, 6).copy()
    return Boxes(sec * NS + nanosec, frame, centre, size, covariance, hypotheses, ids)


def stamp_ns(data: bytes) -> int:
    """Return the stamp of the message, int nanoseconds."""
    return cdr.stamp_ns(data, Detection3DArray)


def class_lists(probabilities: Floats) -> list[list[tuple[str, float]]]:
    """Return of each row of probabilities (M, C) the (class name, probability) above zero, most probable first."""
    named = [[(CLASSES[k], row[k]) for k in range(len(row)) if row[k] > 0.0] for row in probabilities.tolist()]
    return [sorted(classes, key=_negative_score) for classes in named]


def _negative_score(pair: tuple[str, float]) -> float:
    return -pair[1]


def _tables(boxes: tuple[Floats, Floats, Floats], covariance: Floats) -> tuple[list[bytes], list[bytes]]:
    """Return the bytes of each box's pose with covariance, and of its bounds."""
    centre, size, yaw = boxes
    table = np.zeros((len(yaw), 10 + _POSE), "<f8")
    pose, bound = table[:, :_POSE], table[:, _POSE:]
    pose[:, :3] = centre
    pose[:, 5:7] = half_turns(yaw)
    pose[:, 7:] = covariance.reshape(-1, 36)
    bound[:, :7] = pose[:, :7]
    bound[:, 7:] = size
    return cdr.rows(pose), cdr.rows(bound)


def _hypothesis(reader: cdr.CdrReader) -> tuple[str, float]:
    label = reader.text()
    reader.align(8)
    (score,) = reader.take(_SCORE)
    return label, score
