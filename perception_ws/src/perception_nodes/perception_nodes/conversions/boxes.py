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
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from vision_msgs.msg import Detection3DArray

from perception_core.errors import CloudError
from perception_core.types import CLASSES, Clusters, Mode, Objects
from perception_core.types.classes import INDEX, UNKNOWN
from perception_nodes.conversions import cdr, detection3d
from perception_nodes.conversions.detection3d import Hypotheses, class_lists

_CORNER_DIGITS = 32
"""Hexadecimal digits of two float64."""


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
    boxes = detection3d.read(data)
    if len(labels) and not -1 <= int(labels.min()) <= int(labels.max()) < len(boxes.ids):
        raise CloudError(f"clusters: labels {labels.min()} to {labels.max()}, but {len(boxes.ids)} boxes")
    words = _Words(boxes.ids)
    hull, hull_start = words.hulls()
    return Clusters(
        stamp_ns=boxes.stamp_ns,
        frame=boxes.frame,
        centre=boxes.centre,
        size=boxes.size,
        yaw=np.array(words.numbers("yaw"), dtype=np.float64),
        covariance=boxes.covariance[:, :3, :3].copy(),
        point_count=words.integers("points", np.int32),
        points=points,
        labels=labels,
        hull=hull,
        hull_start=hull_start,
        bottom=np.array(words.numbers("bottom"), dtype=np.float32),
        top=np.array(words.numbers("top"), dtype=np.float32),
        time_offset=np.array(words.numbers("after", "0"), dtype=np.float64),
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
    return _boxes_to_cdr(objects, objects.covariance, class_lists(objects.class_probabilities), words)


def objects_to_msg(objects: Objects) -> Detection3DArray:
    """Return the same as a message object."""
    return cdr.to_msg(objects_to_cdr(objects), Detection3DArray)


def objects_from_cdr(data: bytes, mode: Mode) -> Objects:
    """Return the fused objects; ``mode`` comes from ``objects/status`` of the same stamp.

    Raises:
        CloudError: a detection that :func:`objects_to_cdr` did not make.
        PerceptionError: bytes that are no Detection3DArray.
    """
    boxes = detection3d.read(data)
    words = _Words(boxes.ids)
    probabilities = np.zeros((len(boxes.ids), len(CLASSES)))
    for row, hypotheses in zip(probabilities, boxes.hypotheses, strict=True):
        for label, score in hypotheses:
            row[INDEX.get(label, INDEX[UNKNOWN])] += score
    hull, hull_start = words.hulls()
    return Objects(
        stamp_ns=boxes.stamp_ns,
        frame=boxes.frame,
        centre=boxes.centre,
        size=boxes.size,
        yaw=np.array(words.numbers("yaw"), dtype=np.float64),
        covariance=boxes.covariance,
        class_probabilities=probabilities,
        existence=np.array(words.numbers("existence"), dtype=np.float64),
        sensors=words.integers("sensors", np.uint8),
        point_count=words.integers("points", np.int32),
        mode=mode,
        hull=hull,
        hull_start=hull_start,
        time_offset=np.array(words.numbers("after", "0"), dtype=np.float64),
    )


def objects_from_msg(msg: Detection3DArray, mode: Mode) -> Objects:
    """Return the same from a message object."""
    return objects_from_cdr(cdr.from_msg(msg), mode)


def _after_to_words(time_offset: NDArray[np.float64]) -> list[str]:
    """Return `` after=...`` of each box, or nothing where it was seen at the stamp."""
    return [f" after={seconds!r}" if seconds else "" for seconds in time_offset.tolist()]


def _hulls_to_words(hull: NDArray[np.float64], start: NDArray[np.int32]) -> list[str]:
    """Return `` hull=...`` of each box, or nothing where it has no corners."""
    digits, ends = hull.astype("<f8").tobytes().hex(), (start * _CORNER_DIGITS).tolist()
    return [f" hull={digits[a:b]}" if b > a else "" for a, b in itertools.pairwise(ends)]


def _boxes_to_cdr(
    boxes: Clusters | Objects, covariance: NDArray[np.float64], hypotheses: Sequence[Hypotheses], words: Sequence[str]
) -> bytes:
    ids = [f"yaw={yaw!r} {rest}" for yaw, rest in zip(boxes.yaw.tolist(), words, strict=True)]
    solids = boxes.centre, boxes.size, boxes.yaw
    return detection3d.write(boxes.stamp_ns, boxes.frame, solids, covariance, hypotheses, ids)


class _Words:
    """The ``key=value`` words of the ids of all boxes."""

    def __init__(self, ids: Sequence[str]) -> None:
        """Take them apart. Raises CloudError: an id that is none."""
        self._words = [_words(i, text) for i, text in enumerate(ids)]

    def numbers(self, key: str, otherwise: str = "") -> list[float]:
        """Return one of the words of every box; ``otherwise`` where a box may go without. Raises CloudError."""
        texts = [words.get(key, otherwise) for words in self._words]
        try:
            return [float(text) for text in texts]
        except ValueError:
            i = next(i for i, text in enumerate(texts) if not _is_number(text))
            among = (
                f"no {key} among {', '.join(self._words[i])}" if not texts[i] else f"{key}={texts[i]!r} is no number"
            )
            raise CloudError(f"detections[{i}].id: {among}") from None

    def integers[I: np.integer](self, key: str, kind: type[I]) -> NDArray[I]:
        """Return one of the words of every box as whole numbers of ``kind``. Raises CloudError."""
        values, limits = np.array(self.numbers(key), dtype=np.float64), np.iinfo(kind)
        fits = (values >= limits.min) & (values <= limits.max) & (values == np.trunc(values))
        if not fits.all():
            i = int(np.flatnonzero(~fits)[0])
            wanted = f"no whole number from {limits.min} to {limits.max}"
            raise CloudError(f"detections[{i}].id: {key}={self._words[i][key]!r} is {wanted}")
        return values.astype(kind)

    def hulls(self) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Return the corners (H, 2) of all boxes and where those of each begin (M + 1,). Raises CloudError."""
        hulls = [words.get("hull", "") for words in self._words]
        for i, digits in enumerate(hulls):
            if len(digits) % _CORNER_DIGITS:
                raise CloudError(
                    f"detections[{i}].id: hull of {len(digits)} digits, expected {_CORNER_DIGITS} a corner"
                )
        try:
            corners = np.frombuffer(bytes.fromhex("".join(hulls)), "<f8").reshape(-1, 2)
        except ValueError:
            i = next(i for i, digits in enumerate(hulls) if not _is_hexadecimal(digits))
            raise CloudError(f"detections[{i}].id: hull is no hexadecimal number") from None
        return corners, np.cumsum([0, *(len(digits) // _CORNER_DIGITS for digits in hulls)], dtype=np.int32)


def _words(index: int, text: str) -> dict[str, str]:
    try:
        words = dict(word.split("=", 1) for word in text.split())
    except ValueError:
        words = {}
    if not words:
        raise CloudError(f"detections[{index}].id: {text!r}, expected key=value words (see conversions.boxes)")
    return words


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_hexadecimal(digits: str) -> bool:
    try:
        bytes.fromhex(digits)
    except ValueError:
        return False
    return True
