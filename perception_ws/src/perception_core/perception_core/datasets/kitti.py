"""The KITTI benchmark from disk: raw drives and the object folder; frames with paths, read when asked for.

Source: Geiger, Lenz, Stiller, Urtasun, "Vision meets Robotics: The KITTI Dataset", IJRR 2013. Scans and
images of the synchronised raw data share an index; the scans are motion-compensated to the moment of the image.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from perception_core.datasets.kitti_calibration import KittiCalibration, object_calibration, raw_calibration
from perception_core.datasets.kitti_labels import KittiLabels, read_labels
from perception_core.datasets.kitti_odometry import KittiOdometry, odometry, read_imu_to_velo
from perception_core.errors import DatasetError

__all__ = [
    "KittiCalibration",
    "KittiDrive",
    "KittiFrame",
    "KittiLabels",
    "KittiOdometry",
    "load_labels",
    "read",
    "read_image",
    "read_object",
    "read_points",
    "read_raw",
]

SECOND_NS = 1_000_000_000
_POINT_BYTES = 16
_IMAGE_SUFFIXES = (".png", ".jpg")


@dataclass(frozen=True, slots=True)
class KittiFrame:
    """One image and one scan of the same moment.

    Attributes:
        name: the files' stem (``0000000007``, ``000123``).
        stamp_ns: of the scan, int nanoseconds; object frames get whole seconds.
        image_stamp_ns: of the image.
        image_path: colour image of camera 2, rectified.
        points_path: velodyne scan.
        calibration: camera model and extrinsics.
        labels_path: KITTI labels, or None.
    """

    name: str
    stamp_ns: int
    image_stamp_ns: int
    image_path: Path
    points_path: Path
    calibration: KittiCalibration
    labels_path: Path | None = None


@dataclass(frozen=True, slots=True)
class KittiDrive:
    """Frames in order of time.

    Attributes:
        name: the folder's name.
        frames: those that have both an image and a scan.
        skipped: how many had only one of the two.
        odometry: poses of base_link, or None where the drive has no oxts.
        notes: lines for a person about what was left out and why.
    """

    name: str
    frames: tuple[KittiFrame, ...]
    skipped: int
    odometry: KittiOdometry | None
    notes: tuple[str, ...]


def read(folder: Path | str) -> KittiDrive:
    """Read a raw drive or an object folder, whichever ``folder`` is; the benchmark's root stands for its training/.

    Raises:
        DatasetError: the folder is neither, or what :func:`read_raw` and :func:`read_object` raise.
    """
    folder = Path(folder)
    if (folder / "image_02").is_dir() or (folder / "velodyne_points").is_dir():
        return read_raw(folder)
    for candidate in (folder, folder / "training"):
        if (candidate / "image_2").is_dir() or (candidate / "velodyne").is_dir():
            return read_object(candidate)
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder")
    raise DatasetError(
        f"{folder}: neither a raw drive (image_02/, velodyne_points/) nor an object folder (image_2/ ...)"
    )


def read_raw(folder: Path | str) -> KittiDrive:
    """Read a synchronised raw drive; the calibration is found in the day folder above it.

    Raises:
        DatasetError: a missing folder, file, key or timestamp, or counts that do not fit together.
    """
    folder = Path(folder).resolve()
    images = _files(folder / "image_02" / "data", _IMAGE_SUFFIXES)
    scans = _files(folder / "velodyne_points" / "data", (".bin",))
    day = _day_folder(folder)
    calibration = raw_calibration(day)
    image_stamps = _stamps_of(images, folder / "image_02" / "timestamps.txt")
    scan_stamps = _stamps_of(scans, folder / "velodyne_points" / "timestamps.txt")
    frames = tuple(
        KittiFrame(name, scan_stamps[name], image_stamps[name], images[name], scans[name], calibration)
        for name in sorted(images.keys() & scans.keys())
    )
    poses, notes = _raw_odometry(folder, day, calibration)
    return _drive(folder, frames, len(images.keys() | scans.keys()), poses, notes)


def read_object(folder: Path | str) -> KittiDrive:
    """Read an object folder (calib/ image_2/ velodyne/ and, where it has them, label_2/).

    The frames are unrelated pictures: each gets its own whole second, in order of name, from 1 s on.

    Raises:
        DatasetError: a missing folder or file, or a calibration that cannot be right.
    """
    folder = Path(folder).resolve()
    images = _files(folder / "image_2", _IMAGE_SUFFIXES)
    scans = _files(folder / "velodyne", (".bin",))
    has_labels = (folder / "label_2").is_dir()
    frames = []
    for second, name in enumerate(sorted(images.keys() & scans.keys()), start=1):
        labels = folder / "label_2" / f"{name}.txt" if has_labels else None
        if labels is not None and not labels.is_file():
            raise DatasetError(f"{labels}: no labels for frame {name}")
        calibration = object_calibration(folder / "calib" / f"{name}.txt", _image_size(images[name]))
        stamp = second * SECOND_NS
        frames.append(KittiFrame(name, stamp, stamp, images[name], scans[name], calibration, labels))
    notes = () if has_labels else (f"{folder}: no label_2/, the frames carry no labels",)
    return _drive(folder, tuple(frames), len(images.keys() | scans.keys()), None, notes)


def load_labels(frame: KittiFrame) -> KittiLabels | None:
    """Read a frame's labels as boxes in base_link; None where the frame has none.

    Raises:
        DatasetError: a malformed label file.
    """
    if frame.labels_path is None:
        return None
    calibration = frame.calibration
    return read_labels(frame.labels_path, calibration.T_base_velo @ calibration.T_velo_rect)


def read_points(path: Path | str) -> NDArray[np.float32]:
    """Read a scan: float32 (N, 4) x, y, z in metres in the velodyne's frame, and reflectance in [0, 1].

    Raises:
        DatasetError: the file is missing, or its size is no multiple of 16 bytes.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot read the scan ({error.strerror})") from error
    if len(data) % _POINT_BYTES:
        raise DatasetError(f"{path}: {len(data)} bytes, expected a multiple of {_POINT_BYTES} (x y z reflectance)")
    return np.frombuffer(data, dtype="<f4").astype(np.float32).reshape(-1, 4)


def read_image(path: Path | str) -> NDArray[np.uint8]:
    """Read an image: uint8 (H, W, 3) blue green red.

    Raises:
        DatasetError: the file is missing or is no image.
    """
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR) if Path(path).is_file() else None
    if pixels is None:
        raise DatasetError(f"{path}: missing or no image")
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def parse_stamp(text: str) -> int:
    """Return the int nanoseconds since 1970 of ``2011-09-26 13:02:25.594360375``, taken as UTC.

    Raises:
        DatasetError: not such a stamp.
    """
    whole, _, fraction = text.strip().partition(".")
    try:
        seconds = int(datetime.strptime(whole, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise DatasetError(f"timestamp {text!r}: expected YYYY-MM-DD hh:mm:ss.nnnnnnnnn") from error
    if len(fraction) > 9 or (fraction and not (fraction.isascii() and fraction.isdigit())):
        raise DatasetError(f"timestamp {text!r}: expected at most 9 digits of a second")
    return seconds * SECOND_NS + int(fraction.ljust(9, "0"))


def _drive(
    folder: Path,
    frames: tuple[KittiFrame, ...],
    total: int,
    poses: KittiOdometry | None,
    notes: tuple[str, ...],
) -> KittiDrive:
    skipped = total - len(frames)
    if not frames:
        raise DatasetError(f"{folder}: no frame has both an image and a scan ({total} have one of them)")
    if skipped:
        notes = (f"{folder}: skipped {skipped} of {total} frames without an image or a scan", *notes)
    return KittiDrive(folder.name, frames, skipped, poses, notes)


def _files(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder")
    files = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in suffixes}
    if not files:
        raise DatasetError(f"{folder}: no {' or '.join(suffixes)} files")
    return files


def _day_folder(folder: Path) -> Path:
    for candidate in (folder.parent, folder, *folder.parents):
        if (candidate / "calib_cam_to_cam.txt").is_file():
            return candidate
    raise DatasetError(f"{folder.parent}: no calib_cam_to_cam.txt in the day folder of {folder.name}")


def _stamps_of(files: Mapping[str, Path], path: Path) -> dict[str, int]:
    """Give each file the line of its index (drives lack scans), or of its rank where only what is there is listed."""
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot read the timestamps ({error})") from error
    try:
        indices = {name: int(name) for name in files}
    except ValueError as error:
        raise DatasetError(f"{path.parent}: file names must be frame numbers ({error})") from error
    if max(indices.values()) >= len(lines):
        if len(lines) != len(files):
            raise DatasetError(f"{path}: {len(lines)} timestamps for {len(files)} files up to {max(files)}")
        indices = {name: rank for rank, name in enumerate(sorted(files))}
    try:
        stamps = {name: parse_stamp(lines[index]) for name, index in indices.items()}
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from error
    ordered = [stamps[name] for name in sorted(stamps)]
    if any(later <= earlier for earlier, later in itertools.pairwise(ordered)):
        raise DatasetError(f"{path}: the timestamps do not rise")
    return stamps


def _raw_odometry(
    folder: Path, day: Path, calibration: KittiCalibration
) -> tuple[KittiOdometry | None, tuple[str, ...]]:
    if not (folder / "oxts" / "data").is_dir():
        return None, ()
    extrinsics = day / "calib_imu_to_velo.txt"
    if not extrinsics.is_file():
        return None, (f"{extrinsics}: missing, so the oxts records give no odometry",)
    records = _files(folder / "oxts" / "data", (".txt",))
    stamps = _stamps_of(records, folder / "oxts" / "timestamps.txt")
    names = sorted(records)
    stamp_ns = np.array([stamps[name] for name in names], dtype=np.int64)
    paths = [records[name] for name in names]
    return odometry(paths, stamp_ns, read_imu_to_velo(extrinsics), calibration.T_base_velo), ()


def _image_size(path: Path) -> tuple[int, int]:
    """Return (width, height); of a PNG from its header (PNG specification, 11.2.2) without decoding."""
    try:
        with path.open("rb") as file:
            header = file.read(24)
    except OSError as error:
        raise DatasetError(f"{path}: cannot read the image ({error.strerror})") from error
    if header[:8] == b"\x89PNG\r\n\x1a\n" and header[12:16] == b"IHDR" and len(header) == 24:
        return int.from_bytes(header[16:20]), int.from_bytes(header[20:24])
    height, width = read_image(path).shape[:2]
    return width, height
