"""A recording as the calibration check takes it: images, and scans as they would have been at the images' stamps."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, PointCloud2
from sensor_msgs.msg import Image as ImageMsg

from perception_core.calibration.config import CalibrationCheckConfig
from perception_core.calibration.depth_steps import depth_steps
from perception_core.calibration.frames import CheckFrame
from perception_core.calibration.rows import laser_rows
from perception_core.errors import BagError, PerceptionError, TransformError
from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import Transform, apply, invert, rotate
from perception_core.lidar.deskew import deskew, sweep_of
from perception_core.lidar.ego_path import EgoPath, log_se3
from perception_core.types import Image
from perception_nodes.conversions.camera_info import camera_model_from_msg
from perception_nodes.conversions.cloud import cloud_from_msg
from perception_nodes.conversions.image import image_from_compressed_msg, image_from_msg
from perception_tools.bags import BagMessage, BagReader, decoded, header_stamp_ns
from perception_tools.calibrating_motion import EgoMotion, PlacedScan
from perception_tools.calibrating_source import Source, source_of_bag, source_of_profile
from perception_tools.drive_writer import STATIC_TF_TOPIC
from perception_tools.output import progress
from perception_tools.profile import Profile
from perception_tools.transforms import RecordedTransforms

_MOST_APART_NS = 60_000_000
"""A scan is compared with an image at most this far from it."""
_AROUND_NS = 50_000_000
"""Before and after an image, between which the motion at its stamp is measured."""
_REACH_NS = 200_000_000
"""How long the motion is taken to go on beyond the known poses."""
_TURN_METRES = 10.0
"""Metres that show as much new as a turn by one radian."""

Labeller = Callable[[Image], NDArray[np.integer] | None]
"""Gives the classes or instances of an image's pixels, None where there are none."""


@dataclass(frozen=True, slots=True)
class LoadedDrive:
    """What is compared of a recording.

    Attributes:
        source: topics and frames.
        frames: in order of time, at least one.
        camera_frame: the optical frame.
        start_ns: when the recording begins.
        duration_s: of the recording.
        motion: where the ego motion comes from, '' where it is not known.
        notes: lines for people.
    """

    source: Source
    frames: tuple[CheckFrame, ...]
    camera_frame: str
    start_ns: int
    duration_s: float
    motion: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Shot:
    image: Image
    camera: CameraModel
    T_base_camera: Transform


def load_drive(
    path: Path,
    config: CalibrationCheckConfig,
    profile: Profile | None = None,
    camera: str | None = None,
    lidar: str | None = None,
    labels: Labeller | None = None,
) -> LoadedDrive:
    """Read what is compared: pairs of an image and a scan, evenly spread over the recording.

    Raises:
        BagError: no such recording; no images, scans or CameraInfo in it; no scan near an image.
        ConfigError: the profile has no camera or LiDAR of that name.
        TransformError: where camera and LiDAR are mounted is not known for any pair.
        PerceptionError: messages that cannot be read.
    """
    with BagReader(path) as bag:
        source = source_of_profile(profile, camera, lidar) if profile else source_of_bag(bag, camera, lidar)
        bag.require([source.points, source.image, source.camera_info])
        return _Loader(bag, source, config, labels).load()


class _Loader:
    """One reading of a recording."""

    def __init__(self, bag: BagReader, source: Source, config: CalibrationCheckConfig, labels: Labeller | None) -> None:
        self._bag = bag
        self._source = source
        self._config = config
        self._labels = labels
        self._transforms = RecordedTransforms(bag, source.calibration)
        self._scans: dict[int, PlacedScan] = {}
        self._shots: dict[int, _Shot] = {}
        self._refused: dict[str, int] = {}

    def load(self) -> LoadedDrive:
        """Return the drive; errors are those of :func:`load_drive`."""
        pairs = self._pairs()
        self._read(pairs)
        motion = EgoMotion(self._bag, self._source, self._transforms)
        frames: list[CheckFrame] = []
        for scan, image in progress(pairs, desc="finding depth steps", unit="frame"):
            if scan in self._scans and image in self._shots:
                frames.append(self._frame(scan, self._shots[image], motion, frames[-1] if frames else None))
        if not frames:
            raise TransformError(f"{self._bag.path}: no pair of scan and image can be used: {self._why()}")
        notes = [f"{count} messages left out: {reason}" for reason, count in self._refused.items()]
        if self._transforms.from_calibration:
            notes.append(f"no {STATIC_TF_TOPIC} in the bag: static transforms from {self._source.calibration}")
        return LoadedDrive(
            self._source,
            tuple(frames),
            next(iter(self._shots.values())).image.frame,
            self._bag.start_ns,
            (self._bag.end_ns - self._bag.start_ns) / 1e9,
            ", ".join(motion.origins),
            tuple(notes),
        )

    def _pairs(self) -> list[tuple[int, int]]:
        """Return (number of the scan, number of the image nearest to it), evenly spread, as many as are compared."""
        scans, images = (self._stamps(topic) for topic in (self._source.points, self._source.image))
        after = np.clip(np.searchsorted(images, scans), 1, max(1, len(images) - 1))
        before_ns = np.abs(scans - images[after - 1])
        after_ns = np.abs(scans - images[np.minimum(after, len(images) - 1)])
        nearest = np.where(before_ns <= after_ns, after - 1, after)
        near = np.flatnonzero(np.minimum(before_ns, after_ns) <= _MOST_APART_NS)
        if not len(near):
            apart = float(np.minimum(before_ns, after_ns).min()) * 1e-9
            raise BagError(
                f"{self._bag.path}: no scan on {self._source.points} within {_MOST_APART_NS * 1e-9:g} s of an image on "
                f"{self._source.image}; the nearest are {apart:.3f} s apart"
            )
        count = min(self._config.max_frames, len(near))
        chosen = near[np.unique(np.linspace(0, len(near) - 1, count).round().astype(np.int64))]
        return [(int(k), int(nearest[k])) for k in chosen]

    def _stamps(self, topic: str) -> NDArray[np.int64]:
        stamps = np.array([header_stamp_ns(message.data) for message in self._bag.messages((topic,))], np.int64)
        return np.maximum.accumulate(stamps)

    def _read(self, pairs: list[tuple[int, int]]) -> None:
        """Decode the scans and images of the pairs, and the scans after them, from which motion can be told."""
        source = self._source
        scans = {scan + more for scan, _ in pairs for more in (0, 1)}
        images = {image for _, image in pairs}
        infos = list(self._bag.messages((source.camera_info,)))
        scan = image = -1
        for message in self._bag.messages((source.points, source.image, STATIC_TF_TOPIC)):
            try:
                if message.topic == STATIC_TF_TOPIC:
                    self._transforms.add_static(message)
                elif message.topic == source.points:
                    scan += 1
                    if scan in scans:
                        self._scans[scan] = self._placed(message)
                else:
                    image += 1
                    if image in images:
                        info = next((m for m in reversed(infos) if m.log_ns <= message.log_ns), infos[0])
                        self._shots[image] = self._shot(message, info)
            except PerceptionError as error:
                self._refused[str(error)] = self._refused.get(str(error), 0) + 1

    def _placed(self, message: BagMessage) -> PlacedScan:
        cloud = cloud_from_msg(decoded(self._bag.path, message, PointCloud2)).cloud
        return PlacedScan(cloud, self._transforms.lookup(self._source.base_frame, cloud.frame, cloud.stamp_ns))

    def _shot(self, message: BagMessage, info: BagMessage) -> _Shot:
        path = self._bag.path
        if self._source.compressed:
            image = image_from_compressed_msg(decoded(path, message, CompressedImage))
        else:
            image = image_from_msg(decoded(path, message, ImageMsg))
        camera = camera_model_from_msg(decoded(path, info, CameraInfo), self._source.rectified)
        return _Shot(image, camera, self._transforms.lookup(self._source.base_frame, image.frame, image.stamp_ns))

    def _why(self) -> str:
        return next(iter(self._refused), "nothing could be read")

    def _frame(self, number: int, shot: _Shot, motion: EgoMotion, last: CheckFrame | None) -> CheckFrame:
        """Bring a scan to the stamp of an image; outlines are found among the beams as they were fired."""
        scan, stamp_ns = self._scans[number], shot.image.stamp_ns
        begin_ns, end_ns = sweep_of(scan.cloud)
        path = motion.path(
            self._scans, number, min(begin_ns, stamp_ns - _AROUND_NS), max(end_ns, stamp_ns + _AROUND_NS)
        )
        moved, twist, travelled = scan.cloud, None, 0.0
        if path is not None:
            moved = deskew(scan.cloud, path.seen_from(scan.T_base_lidar), stamp_ns, _REACH_NS)
            twist = _twist(path, stamp_ns)
            travelled = _travelled(last, stamp_ns, twist)
        steps = depth_steps(scan.cloud, laser_rows(scan.cloud), moved.xyz, self._config.max_range)
        T = scan.T_base_lidar
        return CheckFrame(
            stamp_ns=stamp_ns,
            pixels=shot.image.pixels,
            camera=shot.camera,
            T_base_camera=shot.T_base_camera,
            steps=dataclasses.replace(steps, points=apply(T, steps.points), outward=rotate(T, steps.outward)),
            points=apply(T, np.asarray(moved.xyz, np.float32)),
            twist=twist,
            labels=None if self._labels is None else self._labels(shot.image),
            travelled=travelled,
        )


def _twist(path: EgoPath, stamp_ns: int) -> NDArray[np.float64]:
    """Return the twist (6,) of the path's frame at a stamp, m/s and rad/s in its own axes."""
    before, after = path.at(np.array([stamp_ns - _AROUND_NS, stamp_ns + _AROUND_NS], np.int64))
    twist: NDArray[np.float64] = log_se3((invert(before) @ after)[None])[0] / (2e-9 * _AROUND_NS)
    return twist


def _travelled(last: CheckFrame | None, stamp_ns: int, twist: NDArray[np.float64]) -> float:
    if last is None:
        return 0.0
    speed = float(np.linalg.norm(twist[:3]) + _TURN_METRES * np.linalg.norm(twist[3:]))
    return last.travelled + speed * max(0, stamp_ns - last.stamp_ns) * 1e-9
