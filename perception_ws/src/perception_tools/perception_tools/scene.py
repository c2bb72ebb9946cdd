"""Moments of a recorded drive with its results: everything a picture shows, in one frame and at one stamp."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, PointCloud2
from sensor_msgs.msg import Image as ImageMsg
from vision_msgs.msg import Detection2DArray

from perception_core.errors import CalibrationError, PerceptionError, TransformError
from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import Transform, apply
from perception_core.types import CLASSES, Detections2D, Image, Mode, Motion, Obstacles
from perception_core.types.classes import UNKNOWN
from perception_interfaces.msg import ObstacleArray
from perception_nodes.conversions.camera_info import camera_model_from_msg
from perception_nodes.conversions.cloud import cloud_from_msg
from perception_nodes.conversions.detections import detections_from_msg
from perception_nodes.conversions.image import image_from_compressed_msg, image_from_msg
from perception_nodes.conversions.markers import short_id
from perception_nodes.conversions.obstacles import obstacles_from_msg
from perception_tools.bags import BagReader, header_stamp_ns
from perception_tools.drive_writer import STATIC_TF_TOPIC, TRUTH_TOPIC
from perception_tools.profile import Profile, calibration_folder
from perception_tools.transforms import RecordedTransforms

OBSTACLES_TOPIC = "/perception/obstacles"
MIN_SPEED = 0.5
_NEAR_NS = 60_000_000
"""An image this near to a scan is shown with it."""


@dataclass(frozen=True, slots=True)
class View:
    """What one camera saw near a scan.

    Attributes:
        image: the picture.
        model: its intrinsics.
        T_camera_base: base frame into the optical frame at the scan's stamp.
        detections: the camera's own, or None.
    """

    image: Image
    model: CameraModel
    T_camera_base: Transform
    detections: Detections2D | None


@dataclass(frozen=True, slots=True)
class Moment:
    """One scan with what was made of it.

    Attributes:
        stamp_ns: of the scan.
        obstacles: in their fixed frame.
        T_base_fixed: from that frame into base at the stamp.
        points: float32 (N, 3) of the scan, in base.
        view: of the first camera, or None.
        truth: what is really there, or None.
        trails: by obstacle id, float64 (K, 2) of its latest centres in base, the oldest first.
    """

    stamp_ns: int
    obstacles: Obstacles
    T_base_fixed: Transform
    points: NDArray[np.float32]
    view: View | None
    truth: Obstacles | None
    trails: dict[bytes, NDArray[np.float64]]


def read_obstacles(bag: BagReader, topic: str = OBSTACLES_TOPIC) -> list[Obstacles]:
    """Return the arrays of a recording in order; those that cannot be read are left out."""
    arrays = []
    for message in bag.messages((topic,)):
        try:
            arrays.append(obstacles_from_msg(deserialize_message(message.data, ObstacleArray)))
        except PerceptionError:
            continue
    return arrays


def moments(drive: Path, arrays: Sequence[Obstacles], results: Path, profile: Profile, count: int) -> list[Moment]:
    """Return up to ``count`` moments, evenly spread over the scans that have obstacle arrays.

    Raises:
        BagError: a recording cannot be read.
    """
    with BagReader(drive) as bag, BagReader(results) as found:
        transforms = RecordedTransforms(bag, calibration_folder(profile))
        for message in bag.messages((STATIC_TF_TOPIC,)):
            transforms.add_static(message)
        scans = {header_stamp_ns(m.data) for m in bag.messages((profile.lidar.points_topic,))}
        candidates = [i for i, array in enumerate(arrays) if array.stamp_ns in scans and array.mode != Mode.BLIND]
        spread = np.linspace(0, len(candidates) - 1, count + 2)[1:-1].tolist() if candidates else []
        chosen = [candidates[round(i)] for i in dict.fromkeys(spread)]
        reader = _MomentReader(bag, found, profile, transforms, {arrays[i].stamp_ns for i in chosen})
        made = (reader.moment(arrays, i) for i in dict.fromkeys(chosen))
        return [moment for moment in made if moment is not None]


def class_name(obstacles: Obstacles, i: int) -> str:
    """Return the most probable class of obstacle ``i``; ``unknown`` where none is known."""
    return CLASSES[int(np.argmax(obstacles.class_probabilities[i]))]


def label(obstacles: Obstacles, i: int) -> str:
    """Return what is written beside an obstacle: id, class, speed where it moves."""
    speed = float(np.hypot(*obstacles.velocity[i, :2]))
    moving = f" {speed:.1f} m/s" if obstacles.motion[i] != Motion.STATIC and speed >= MIN_SPEED else ""
    return f"{short_id(obstacles.ids[i].tobytes())} {class_name(obstacles, i)}{moving}"


def is_prominent(obstacles: Obstacles, i: int) -> bool:
    """Tell whether an obstacle is named or moves: the rest (walls, poles, bushes) is drawn without words."""
    return class_name(obstacles, i) != UNKNOWN or bool(obstacles.motion[i] == Motion.MOVING)


def points_of(
    obstacles: Obstacles, i: int, points_fixed: NDArray[np.float32], margin: float = 0.15
) -> NDArray[np.bool_]:
    """Tell for points (N, 3) in the obstacles' frame which lie in the box of obstacle ``i``, widened by metres."""
    shifted = points_fixed - obstacles.centre[i].astype(np.float32)
    c, s = np.cos(obstacles.yaw[i]), np.sin(obstacles.yaw[i])
    half = obstacles.size[i] / 2.0 + margin
    along, across = c * shifted[:, 0] + s * shifted[:, 1], c * shifted[:, 1] - s * shifted[:, 0]
    inside: NDArray[np.bool_] = (
        (np.abs(along) <= half[0]) & (np.abs(across) <= half[1]) & (np.abs(shifted[:, 2]) <= half[2])
    )
    return inside


class _MomentReader:
    """Picks the messages of the chosen stamps out of a drive and its results."""

    def __init__(
        self, bag: BagReader, found: BagReader, profile: Profile, transforms: RecordedTransforms, stamps: Iterable[int]
    ) -> None:
        self._transforms = transforms
        self._profile = profile
        wanted = np.array(sorted(stamps), dtype=np.int64)
        camera = profile.cameras[0]
        self._clouds = _nearest(bag, profile.lidar.points_topic, wanted, 0)
        self._images = _nearest(bag, camera.image_topic, wanted, _NEAR_NS)
        self._detections = _nearest(found, f"/perception/camera/{camera.camera_name}/detections", wanted, _NEAR_NS)
        self._truth = _nearest(bag, TRUTH_TOPIC, wanted, 0)
        self._model = self._camera_model(bag)

    def moment(self, arrays: Sequence[Obstacles], index: int) -> Moment | None:
        """Return what the pictures of one array show; None where its ego pose or its scan is not to be had."""
        now = arrays[index]
        base = self._profile.tracking.base_frame
        try:
            cloud = cloud_from_msg(deserialize_message(self._clouds[now.stamp_ns], PointCloud2)).cloud
            T_base_sensor = self._transforms.lookup(base, cloud.frame, now.stamp_ns)
            T_base_fixed = self._transforms.lookup(base, now.frame, now.stamp_ns)
        except (KeyError, PerceptionError):
            return None
        truth = self._truth.get(now.stamp_ns)
        return Moment(
            stamp_ns=now.stamp_ns,
            obstacles=now,
            T_base_fixed=T_base_fixed,
            points=apply(T_base_sensor, np.asarray(cloud.xyz)),
            view=self._view(now.stamp_ns),
            truth=None if truth is None else obstacles_from_msg(deserialize_message(truth, ObstacleArray)),
            trails=_trails(arrays[max(0, index - 30) : index + 1], T_base_fixed),
        )

    def _view(self, stamp_ns: int) -> View | None:
        data = self._images.get(stamp_ns)
        if data is None or self._model is None:
            return None
        try:
            if self._profile.cameras[0].image_transport == "compressed":
                image = image_from_compressed_msg(deserialize_message(data, CompressedImage))
            else:
                image = image_from_msg(deserialize_message(data, ImageMsg))
            T_camera_base = self._camera_from_base(image.frame, image.stamp_ns, stamp_ns)
        except PerceptionError:
            return None
        found = self._detections.get(stamp_ns)
        size = (image.pixels.shape[1], image.pixels.shape[0])
        detections = None if found is None else detections_from_msg(deserialize_message(found, Detection2DArray), size)
        return View(image, self._model, T_camera_base, detections)

    def _camera_from_base(self, camera: str, image_ns: int, scan_ns: int) -> Transform:
        """Points of base at the scan into the camera at the image, through the odometry where there is one."""
        rig, look = self._profile.rig, self._transforms.lookup
        T_camera_base = look(camera, rig.base_frame, image_ns)
        if rig.fixed_frame == rig.base_frame or image_ns == scan_ns:
            return T_camera_base
        at_scan = look(rig.fixed_frame, rig.base_frame, scan_ns)
        return T_camera_base @ look(rig.base_frame, rig.fixed_frame, image_ns) @ at_scan

    def _camera_model(self, bag: BagReader) -> CameraModel | None:
        camera = self._profile.cameras[0]
        for message in bag.messages((camera.camera_info_topic,)):
            try:
                info = deserialize_message(message.data, CameraInfo)
                return camera_model_from_msg(info, camera.camera_name in self._profile.fusion.rectified_cameras)
            except (CalibrationError, TransformError):
                continue
        return None


def _nearest(bag: BagReader, topic: str, stamps: NDArray[np.int64], within_ns: int) -> dict[int, bytes]:
    """Return for each stamp the message of ``topic`` nearest to it, where there is one within nanoseconds."""
    best: dict[int, tuple[int, bytes]] = {}
    for message in bag.messages((topic,)):
        if not len(stamps):
            break
        stamp = header_stamp_ns(message.data)
        wanted = int(stamps[np.argmin(np.abs(stamps - stamp))])
        distance = abs(wanted - stamp)
        if distance <= within_ns and (wanted not in best or distance < best[wanted][0]):
            best[wanted] = (distance, message.data)
    return {stamp: data for stamp, (_, data) in best.items()}


def _trails(arrays: Sequence[Obstacles], T_base_fixed: Transform) -> dict[bytes, NDArray[np.float64]]:
    rows: dict[bytes, list[NDArray[np.float64]]] = {}
    for array in arrays:
        for i in range(len(array)):
            rows.setdefault(array.ids[i].tobytes(), []).append(array.centre[i])
    return {key: apply(T_base_fixed, np.array(centres))[:, :2] for key, centres in rows.items()}
