"""Tracklets of KITTI's raw drives: labelled objects through time, as boxes in the velodyne's frame.

Source of the format: readme and matlab code of the raw data development kit. ``tracklet_labels.xml`` is a boost
serialisation; each tracklet has one type and size (h, w, l in metres), the number of its first frame, and a pose for
every frame from there on: tx, ty, tz of the middle of the box's bottom, and rz, the turn about +z, 0 along +x.
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perception_core.datasets.kitti_labels import CLASS_OF_TYPE
from perception_core.errors import DatasetError
from perception_core.types import classes

TRACKLETS_FILE = "tracklet_labels.xml"

# The raw drives' spelling of what the object benchmark calls Person_sitting.
_CLASS_OF_TYPE = {**CLASS_OF_TYPE, "Person (sitting)": classes.PERSON}
_POSE = ("tx", "ty", "tz", "rz")


@dataclass(frozen=True, slots=True)
class Tracklet:
    """One labelled object.

    Attributes:
        kind: KITTI's name of its type.
        class_id: column of ``types.classes.CLASSES``.
        size: float64 (3,) length, width, height in metres.
        first_frame: index of the first frame that it is labelled in.
        centre: float64 (F, 3) metres in the velodyne's frame, the middle of the box, from that frame on.
        yaw: float64 (F,) radians, x along the length.
    """

    kind: str
    class_id: int
    size: NDArray[np.float64]
    first_frame: int
    centre: NDArray[np.float64]
    yaw: NDArray[np.float64]


def read_tracklets(path: Path | str) -> tuple[Tracklet, ...]:
    """Read a file of tracklets.

    Raises:
        DatasetError: a missing file, or one that does not hold tracklets; the message names the file and the tracklet.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot read the tracklets ({error})") from error
    return parse_tracklets(text, str(path))


def parse_tracklets(text: str, name: str = "tracklets") -> tuple[Tracklet, ...]:
    """Parse the XML; see :func:`read_tracklets`."""
    if "<!ENTITY" in text:
        raise DatasetError(f"{name}: defines entities, which no file of KITTI does")
    try:
        root = ET.fromstring(text)  # noqa: S314  what the rule fears are entities, refused above
    except ET.ParseError as error:
        raise DatasetError(f"{name}: no XML ({error})") from error
    listed = root.find("tracklets")
    if listed is None:
        raise DatasetError(f"{name}: no <tracklets> in it")
    return tuple(_tracklet(item, f"{name}: tracklet {i}") for i, item in enumerate(listed.findall("item")))


def _tracklet(item: ET.Element, where: str) -> Tracklet:
    kind = (item.findtext("objectType") or "").strip()
    if kind not in _CLASS_OF_TYPE:
        raise DatasetError(f"{where}: unknown type {kind!r}, known: {', '.join(_CLASS_OF_TYPE)}")
    height, width, length = (_side(item, tag, where) for tag in ("h", "w", "l"))
    poses = np.array([[_number(pose, tag, where) for tag in _POSE] for pose in item.findall("poses/item")])
    poses = poses.reshape(-1, len(_POSE))
    first = _number(item, "first_frame", where)
    if first < 0 or first != int(first):
        raise DatasetError(f"{where}: first_frame {first}, expected a whole number from 0")
    return Tracklet(
        kind,
        classes.INDEX[_CLASS_OF_TYPE[kind]],
        np.array([length, width, height]),
        int(first),
        poses[:, :3] + (0.0, 0.0, height / 2.0),
        poses[:, 3],
    )


def _side(item: ET.Element, tag: str, where: str) -> float:
    value = _number(item, tag, where)
    if value <= 0.0:
        raise DatasetError(f"{where}: {tag} is {value:g}, expected more than 0 m")
    return value


def _number(item: ET.Element, tag: str, where: str) -> float:
    text = item.findtext(tag)
    try:
        value = float(text) if text is not None else float("nan")
    except ValueError as error:
        raise DatasetError(f"{where}: {tag} {text!r} is no number") from error
    if not np.isfinite(value):
        raise DatasetError(f"{where}: {tag} is {'missing' if text is None else text}")
    return value
