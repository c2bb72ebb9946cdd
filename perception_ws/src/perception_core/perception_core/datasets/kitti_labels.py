"""Labels of the KITTI object benchmark, as boxes in base_link.

Source of the format: readme of the object development kit. A line holds type, truncation, occlusion, alpha, the
2D box (left top right bottom, pixels), height width length (metres), the bottom centre x y z in the rectified camera
0 and rotation_y, the turn about that camera's y axis (down), 0 when the length points along its x axis (right).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import DatasetError
from perception_core.geometry.transforms import Transform, apply, rotate
from perception_core.types import classes

DONT_CARE = "DontCare"

CLASS_OF_TYPE: dict[str, str] = {
    "Car": classes.CAR,
    "Van": classes.CAR,
    "Truck": classes.TRUCK,
    "Pedestrian": classes.PERSON,
    "Person_sitting": classes.PERSON,
    "Cyclist": classes.CYCLIST,
    "Tram": classes.TRAIN,
    "Misc": classes.UNKNOWN,
}
"""KITTI's types in the project's vocabulary."""

_FIELDS = 15


@dataclass(frozen=True, slots=True)
class KittiLabels:
    """Labelled objects of one frame in base_link, and the regions KITTI leaves out of its evaluation.

    Attributes:
        types: M names as KITTI writes them.
        class_ids: int32 (M,) columns of ``types.classes.CLASSES``.
        centre: float64 (M, 3) metres, the middle of the box.
        size: float64 (M, 3) length, width, height in metres.
        yaw: float64 (M,) radians about +z, x along the length.
        boxes_2d: float64 (M, 4) x_min, y_min, x_max, y_max in pixels of image 2.
        truncation: float64 (M,) 0 (inside the image) to 1.
        occlusion: int32 (M,) 0 visible, 1 partly, 2 largely occluded, 3 unknown.
        dont_care: float64 (D, 4) boxes in pixels.
    """

    types: tuple[str, ...]
    class_ids: NDArray[np.int32]
    centre: NDArray[np.float64]
    size: NDArray[np.float64]
    yaw: NDArray[np.float64]
    boxes_2d: NDArray[np.float64]
    truncation: NDArray[np.float64]
    occlusion: NDArray[np.int32]
    dont_care: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of labelled objects."""
        return len(self.types)


def read_labels(path: Path | str, T_base_rect: Transform) -> KittiLabels:
    """Read one label file and move its boxes from the rectified camera 0 into base_link.

    Raises:
        DatasetError: a missing file, or a line with a wrong number of fields, an unknown type, a value that is no
            finite number or a box without extent; the message names the file and the line.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot read the labels ({error})") from error
    return parse_labels(lines, T_base_rect, str(path))


def parse_labels(lines: list[str], T_base_rect: Transform, name: str = "labels") -> KittiLabels:
    """Parse label lines; see :func:`read_labels`. A 16th field (a result file's score) is passed over."""
    kinds: list[str] = []
    rows: list[list[float]] = []
    dont_care: list[list[float]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        kind, values = _parse_line(line, f"{name}:{number}")
        if kind == DONT_CARE:
            dont_care.append(values[3:7])
        else:
            kinds.append(kind)
            rows.append(values)
    table = np.array(rows, dtype=np.float64).reshape(-1, _FIELDS - 1)
    centre, yaw = _boxes_to_base(table, T_base_rect)
    return KittiLabels(
        types=tuple(kinds),
        class_ids=np.array([classes.INDEX[CLASS_OF_TYPE[kind]] for kind in kinds], dtype=np.int32),
        centre=centre,
        size=table[:, [9, 8, 7]],
        yaw=yaw,
        boxes_2d=table[:, 3:7],
        truncation=table[:, 0],
        occlusion=table[:, 1].astype(np.int32),
        dont_care=np.array(dont_care, dtype=np.float64).reshape(-1, 4),
    )


def _boxes_to_base(
    table: NDArray[np.float64], T_base_rect: Transform
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    height, bottom, rotation_y = table[:, 7], table[:, 10:13], table[:, 13]
    middle = bottom - np.column_stack([0.0 * height, 0.5 * height, 0.0 * height])
    heading = np.column_stack([np.cos(rotation_y), np.zeros(len(table)), -np.sin(rotation_y)])
    heading_base = rotate(T_base_rect, heading)
    return apply(T_base_rect, middle), np.arctan2(heading_base[:, 1], heading_base[:, 0])


def _parse_line(line: str, where: str) -> tuple[str, list[float]]:
    kind, *words = line.split()
    if len(words) not in (_FIELDS - 1, _FIELDS):
        raise DatasetError(f"{where}: expected {_FIELDS} fields, got {len(words) + 1}")
    if kind != DONT_CARE and kind not in CLASS_OF_TYPE:
        raise DatasetError(f"{where}: unknown type {kind!r}, known: {', '.join(CLASS_OF_TYPE)}, {DONT_CARE}")
    try:
        values = [float(word) for word in words[: _FIELDS - 1]]
    except ValueError as error:
        raise DatasetError(f"{where}: {error}") from error
    if not np.isfinite(values).all():
        raise DatasetError(f"{where}: values {values} are not finite")
    if kind != DONT_CARE and min(values[7:10]) <= 0.0:
        sides = " x ".join(f"{side:g}" for side in values[7:10])
        raise DatasetError(f"{where}: a box of {sides} m (height, width, length), expected more than 0")
    return kind, values
