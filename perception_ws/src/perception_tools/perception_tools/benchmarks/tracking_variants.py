"""What happens to the sensors of a drive, and fusion and tracking run over what is left.

A run uses the pipeline of the robot and of the replay; only its front ends are replaced by what they found before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from perception_core.camera.detector import CameraResult
from perception_core.camera.image_watch import ImageWatchConfig
from perception_core.geometry.transforms import Transform
from perception_core.lidar.processor import LidarResult
from perception_core.lidar.returns import ReturnsConfig
from perception_core.pipeline import Pipeline, PipelineConfig, PipelineResult
from perception_core.types import Image, PointCloud
from perception_tools.benchmarks.tracking_drives import NAMESPACE, Drive, DriveTransforms, Message

_PIXEL = np.zeros((1, 1, 3), np.uint8)
_POINTS = np.zeros((0, 3), np.float32)
_ANY_IMAGE = ImageWatchConfig(black_level=-1, bright_level=255, frozen_after=0.0)


@dataclass(frozen=True, slots=True)
class Variant:
    """What of the sensors there is.

    Attributes:
        name: for people.
        lidar: whether there is one.
        camera: whether there is one.
        camera_dies: it falls silent half-way.
        camera_delay: seconds by which its images reach the robot later; their stamps stay right.
        camera_turn: degrees by which the believed mount of the cameras is off: one half upwards, one to the side.
    """

    name: str
    lidar: bool = True
    camera: bool = True
    camera_dies: bool = False
    camera_delay: float = 0.0
    camera_turn: float = 0.0


FUSED = Variant("fused")
LIDAR_ONLY = Variant("LiDAR only", camera=False)
CAMERA_ONLY = Variant("camera only", lidar=False)
"""Asked for what stands in an image; the others are asked for all around."""
ABLATION = (
    LIDAR_ONLY,
    CAMERA_ONLY,
    Variant("camera dead half-way", camera_dies=True),
    Variant("camera 1 deg off", camera_turn=1.0),
    Variant("camera 200 ms late", camera_delay=0.2),
)


def run(drive: Drive, variant: Variant, config: PipelineConfig | None = None) -> list[PipelineResult]:
    """Run fusion and tracking over a drive, with its own parameters or others."""
    cameras = {camera: _Images(camera, drive.images) for camera in drive.rig.cameras}
    pipeline = Pipeline(
        _taking_all(config or drive.config),
        drive.rig,
        believed(drive, variant),
        cameras,
        NAMESPACE,
        with_occupancy=False,
        scan_reader=_Scans(drive.scans),
        image_configs=dict.fromkeys(cameras, _ANY_IMAGE),
    )
    for camera, model in drive.models.items():
        pipeline.on_camera_model(camera, model)
    results = []
    for message in messages(drive, variant):
        if message.is_image:
            model = drive.models[message.sensor]
            pixels = np.broadcast_to(_PIXEL, (model.height, model.width, 3))
            pipeline.on_image(message.sensor, Image(pixels, message.stamp_ns, message.frame), message.arrival_ns)
        else:
            cloud = PointCloud(_POINTS, message.stamp_ns, message.frame)
            pipeline.on_scan(cloud, message.arrival_ns, message.sensor)
        results += pipeline.ready(message.arrival_ns)
    return results + pipeline.flush()


def _taking_all(config: PipelineConfig) -> PipelineConfig:
    """Return the parameters without the check of the scans' contents, which was made when they were read."""
    return replace(config, lidar=replace(config.lidar, returns=ReturnsConfig(expects_ground=False)))


def messages(drive: Drive, variant: Variant) -> list[Message]:
    """Return the messages that reach the robot, in order of arrival."""
    kept = []
    delay_ns = round(variant.camera_delay * 1e9)
    for message in drive.messages:
        if not message.is_image:
            kept += [message] if variant.lidar else []
        elif variant.camera and not (variant.camera_dies and message.stamp_ns > drive.middle_ns):
            late = Message(message.arrival_ns + delay_ns, message.sensor, True, message.stamp_ns, message.frame)
            kept.append(late)
    return sorted(kept, key=lambda m: m.arrival_ns)


def believed(drive: Drive, variant: Variant) -> DriveTransforms:
    """Return the transforms as the robot believes them to be."""
    transforms = drive.transforms
    if variant.camera_turn:
        turn = np.eye(4)
        axis = np.array([1.0, 1.0, 0.0]) / np.sqrt(2.0)  # of the optical frame: right and down
        turn[:3, :3] = Rotation.from_rotvec(np.radians(variant.camera_turn) * axis).as_matrix()
        for frame in dict.fromkeys(m.frame for m in drive.messages if m.is_image):
            transforms = transforms.turned(frame, turn)
    return transforms


class _Scans:
    """The LiDAR path that has read the scans before."""

    def __init__(self, results: Mapping[int, LidarResult]) -> None:
        self._results = results

    def warm_up(self) -> None:
        """Nothing to do."""

    def process_joined(self, clouds: Sequence[tuple[PointCloud, Transform]]) -> LidarResult:
        """Return the result of the first cloud's stamp."""
        return self._results[clouds[0][0].stamp_ns]


class _Images:
    """Networks that have read the images of one camera before."""

    def __init__(self, camera: str, results: Mapping[tuple[str, int], CameraResult]) -> None:
        self._camera = camera
        self._results = results

    def warm_up(self) -> None:
        """Nothing to do."""

    def perceive(self, image: Image, pixels: bool = True) -> CameraResult:  # noqa: ARG002
        """Return the result of the image's stamp."""
        return self._results[self._camera, image.stamp_ns]
