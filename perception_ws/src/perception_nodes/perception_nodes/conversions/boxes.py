"""vision_msgs/Detection3DArray to and from the core's clusters and fused objects, without loss.

Per box: ``bbox`` holds centre, orientation and size; ``results`` one hypothesis a class that is possible at all (most
probable first), each with the pose's covariance; ``id`` what vision_msgs has no field for, as ``key=value`` words:

===========  ==============================================================================
``yaw``      radians; the quaternion says the same, but rounds its last bits
``points``   LiDAR points of the box, 0 for an object that only a camera saw
``existence``  objects only: probability in [0, 1] that there is something at all
``sensors``  objects only: bits of LIDAR=1, CAMERA=2
``bottom``, ``top``  clusters only: metres of the lowest and highest point above the ground under it
``hull``     corners x, y of the convex footprint, counter-clockwise, as the hexadecimal digits of little-endian
             float64; objects whose footprint is the box's have none
``after``    seconds after the array's stamp at which the box was seen; left out where that is 0
===========  ==============================================================================

Numbers are written so that they read back as the same floats: a live node then computes what an offline replay does.
The arrays are written and read as CDR bytes (see conversions.cdr); ``*_msg`` does the same with message objects.
The mode of a set of objects belongs to the whole array, also an empty one, and travels in ``objects/status``.
"""

import itertools
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from vision_msgs.msg import Detection3DArray

from perception_core.errors import CloudError
from perception_core.types import CLASSES, Clusters, Mode, Objects
from perception_core.types.classes import INDEX, UNKNOWN
from perception_nodes.conversions import cdr
from perception_nodes.conversions.header import half_turn
from perception_nodes.conversions.time import NS, split_ns

_HYPOTHESIS = struct.Struct("<44d")
"""score, position, orientation, covariance"""

_BOUNDS = struct.Struct("<10d")
"""position, orientation, size"""


_CORNER_DIGITS = 32
"""Hexadecimal digits of two float64."""


@dataclass(slots=True)
class _Boxes:
    """What the array says, column by column."""

    stamp_ns: int
    frame: str
    centre: NDArray[np.float64]
    size: NDArray[np.float64]
    covariance: NDArray[np.float64]
    hypotheses: list[list[tuple[str, float]]]
    words: list[dict[str, str]]

    def numbers(self, key: str, otherwise: str | None = None) -> list[float]:
        """Return one of the words of every box; ``otherwise`` where a box may go without."""
        return [_number(words, key, otherwise) for words in self.words]


def clusters_to_cdr(clusters: Clusters) -> bytes:
    """Return a Detection3DArray of the clusters' boxes; their points travel as obstacle_points."""
    covariance = np.zeros((len(clusters), 6, 6))
    covariance[:, :3, :3] = clusters.covariance
    unnamed = [[(UNKNOWN, 1.0)]] * len(clusters)
    hulls = _hulls_to_words(clusters.hull, clusters.hull_start)
    after = _after_to_words(clusters.time_offset)
    columns = clusters.point_count.tolist(), clusters.bottom.tolist(), clusters.top.tolist(), hulls, after
    words = [f"points={n} bottom={low!r} top={high!r}{hull}{t}" for n, low, high, hull, t in zip(*columns, strict=True)]
    return _boxes_to_cdr(clusters, covariance, unnamed, words)


def clusters_to_msg(clusters: Clusters) -> Detection3DArray:
    """Return the same as a message object."""
    return cdr.to_msg(clusters_to_cdr(clusters), Detection3DArray)


def clusters_from_cdr(data: bytes, points: NDArray[np.float32], labels: NDArray[np.int32]) -> Clusters:
    """Return clusters with their points float32 (N, 3) and labels int32 (N,) of the same scan.

    Raises:
        CloudError: a detection that :func:`clusters_to_cdr` did not make, or labels beyond the number of boxes.
        PerceptionError: bytes that are no Detection3DArray.
    """
    boxes = _boxes_from_cdr(data)
    if len(labels) and not -1 <= int(labels.min()) <= int(labels.max()) < len(boxes.words):
        raise CloudError(f"clusters: labels {labels.min()} to {labels.max()}, but {len(boxes.words)} boxes")
    hull, hull_start = _hulls_from_words(boxes.words)
    return Clusters(
        stamp_ns=boxes.stamp_ns,
        frame=boxes.frame,
        centre=boxes.centre,
        size=boxes.size,
        yaw=np.array(boxes.numbers("yaw"), dtype=np.float64),
        covariance=boxes.covariance[:, :3, :3],
        point_count=np.array(boxes.numbers("points"), dtype=np.int32),
        points=points,
        labels=labels,
        hull=hull,
        hull_start=hull_start,
        bottom=np.array(boxes.numbers("bottom"), dtype=np.float32),
        top=np.array(boxes.numbers("top"), dtype=np.float32),
        time_offset=np.array(boxes.numbers("after", "0"), dtype=np.float64),
    )


def clusters_from_msg(msg: Detection3DArray, points: NDArray[np.float32], labels: NDArray[np.int32]) -> Clusters:
    """Return the same from a message object."""
    return clusters_from_cdr(cdr.from_msg(msg), points, labels)


def objects_to_cdr(objects: Objects) -> bytes:
    """Return a Detection3DArray of the fused objects."""
    hulls = _hulls_to_words(objects.hull, objects.hull_start)
    after = _after_to_words(objects.time_offset)
    columns = objects.point_count.tolist(), objects.existence.tolist(), objects.sensors.tolist(), hulls, after
    words = [f"points={n} existence={e!r} sensors={s}{hull}{t}" for n, e, s, hull, t in zip(*columns, strict=True)]
    hypotheses = [class_list(row) for row in objects.class_probabilities.tolist()]
    return _boxes_to_cdr(objects, objects.covariance, hypotheses, words)


def objects_to_msg(objects: Objects) -> Detection3DArray:
    """Return the same as a message object."""
    return cdr.to_msg(objects_to_cdr(objects), Detection3DArray)


def objects_from_cdr(data: bytes, mode: Mode) -> Objects:
    """Return the fused objects; ``mode`` comes from ``objects/status`` of the same stamp.

    Raises:
        CloudError: a detection that :func:`objects_to_cdr` did not make.
        PerceptionError: bytes that are no Detection3DArray.
    """
    boxes = _boxes_from_cdr(data)
    probabilities = np.zeros((len(boxes.words), len(CLASSES)))
    for row, hypotheses in zip(probabilities, boxes.hypotheses, strict=True):
        for label, score in hypotheses:
            row[INDEX.get(label, INDEX[UNKNOWN])] += score
    hull, hull_start = _hulls_from_words(boxes.words)
    return Objects(
        stamp_ns=boxes.stamp_ns,
        frame=boxes.frame,
        centre=boxes.centre,
        size=boxes.size,
        yaw=np.array(boxes.numbers("yaw"), dtype=np.float64),
        covariance=boxes.covariance,
        class_probabilities=probabilities,
        existence=np.array(boxes.numbers("existence"), dtype=np.float64),
        sensors=np.array(boxes.numbers("sensors"), dtype=np.uint8),
        point_count=np.array(boxes.numbers("points"), dtype=np.int32),
        mode=mode,
        hull=hull,
        hull_start=hull_start,
        time_offset=np.array(boxes.numbers("after", "0"), dtype=np.float64),
    )


def objects_from_msg(msg: Detection3DArray, mode: Mode) -> Objects:
    """Return the same from a message object."""
    return objects_from_cdr(cdr.from_msg(msg), mode)


def stamp_of_cdr(data: bytes) -> int:
    """Return the stamp of a Detection3DArray, int nanoseconds."""
    return cdr.stamp_ns(data, Detection3DArray)


def class_list(probabilities: Sequence[float]) -> list[tuple[str, float]]:
    """Return (class name, probability) of the classes above zero, most probable first."""
    named = [(name, p) for name, p in zip(CLASSES, probabilities, strict=True) if p > 0.0]
    return sorted(named, key=lambda pair: -pair[1])


def _after_to_words(time_offset: NDArray[np.float64]) -> list[str]:
    """Return `` after=...`` of each box, or nothing where it was seen at the stamp."""
    return [f" after={seconds!r}" if seconds else "" for seconds in time_offset.tolist()]


def _hulls_to_words(hull: NDArray[np.float64], start: NDArray[np.int32]) -> list[str]:
    """Return `` hull=...`` of each box, or nothing where it has no corners."""
    digits, ends = hull.astype("<f8").tobytes().hex(), (start * _CORNER_DIGITS).tolist()
    return [f" hull={digits[a:b]}" if b > a else "" for a, b in itertools.pairwise(ends)]


def _hulls_from_words(words: Sequence[dict[str, str]]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return the corners (H, 2) of all boxes and where those of each begin (M + 1,)."""
    hulls = [one.get("hull", "") for one in words]
    for i, digits in enumerate(hulls):
        if len(digits) % _CORNER_DIGITS:
            raise CloudError(f"detections[{i}].id: hull of {len(digits)} digits, expected {_CORNER_DIGITS} a corner")
    try:
        corners = np.frombuffer(bytes.fromhex("".join(hulls)), "<f8").reshape(-1, 2)
    except ValueError as error:
        raise CloudError(f"detection id: hull is no hexadecimal number: {error}") from None
    return corners, np.cumsum([0, *(len(digits) // _CORNER_DIGITS for digits in hulls)], dtype=np.int32)


def _boxes_to_cdr(
    boxes: Clusters | Objects,
    covariance: NDArray[np.float64],
    hypotheses: Sequence[Sequence[tuple[str, float]]],
    words: Sequence[str],
) -> bytes:
    out = cdr.CdrWriter()
    stamp = split_ns(boxes.stamp_ns)
    out.time(*stamp)
    out.text(boxes.frame)
    out.count(len(boxes))
    columns = zip(boxes.centre.tolist(), boxes.size.tolist(), boxes.yaw.tolist(), strict=True)
    for i, (centre, size, yaw) in enumerate(columns):
        pose = (*centre, 0.0, 0.0, *half_turn(yaw))
        covariance_bytes = covariance[i].tobytes()
        out.time(*stamp)
        out.text(boxes.frame)
        out.count(len(hypotheses[i]))
        for label, score in hypotheses[i]:
            out.text(label)
            out.align(8)
            out.raw(struct.pack("<8d", score, *pose))
            out.raw(covariance_bytes)
        out.align(8)
        out.raw(_BOUNDS.pack(*pose, *size))
        out.text(f"yaw={yaw!r} {words[i]}")
    return out.message()


def _boxes_from_cdr(data: bytes) -> _Boxes:
    read = cdr.CdrReader(data, Detection3DArray)
    sec, nanosec = read.time()
    frame = read.text()
    bounds: list[tuple[float, ...]] = []
    covariance: list[tuple[float, ...]] = []
    hypotheses: list[list[tuple[str, float]]] = []
    words: list[dict[str, str]] = []
    for i in range(read.count()):
        read.time()
        read.text()
        found = [_hypothesis(read) for _ in range(read.count())]
        read.align(8)
        bounds.append(read.take(_BOUNDS))
        words.append(_words(i, read.text()))
        if not found:
            raise CloudError(f"detections[{i}]: no class hypothesis, and so no covariance")
        hypotheses.append([(label, numbers[0]) for label, numbers in found])
        covariance.append(found[0][1][8:])
    table = np.array(bounds, dtype=np.float64).reshape(-1, 10)
    return _Boxes(
        stamp_ns=sec * NS + nanosec,
        frame=frame,
        centre=table[:, :3],
        size=table[:, 7:],
        covariance=np.array(covariance, dtype=np.float64).reshape(-1, 6, 6),
        hypotheses=hypotheses,
        words=words,
    )


def _hypothesis(read: cdr.CdrReader) -> tuple[str, tuple[float, ...]]:
    label = read.text()
    read.align(8)
    return label, read.take(_HYPOTHESIS)


def _words(index: int, text: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in text.split()]
    if not pairs or any(not equals for _, equals, _ in pairs):
        raise CloudError(f"detections[{index}].id: {text!r}, expected key=value words (see conversions.boxes)")
    return {key: value for key, _, value in pairs}


def _number(words: dict[str, str], key: str, otherwise: str | None = None) -> float:
    try:
        return float(words[key] if otherwise is None else words.get(key, otherwise))
    except KeyError:
        raise CloudError(f"detection id: no {key} among {', '.join(words)}") from None
    except ValueError:
        raise CloudError(f"detection id: {key}={words[key]!r} is no number") from None
