"""What a pipeline is fed from: transforms, what reads images and what reads scans."""

from collections.abc import Sequence
from typing import Protocol

from perception_core.camera.detector import CameraResult
from perception_core.geometry.transforms import Transform
from perception_core.lidar.processor import LidarResult
from perception_core.types import Image, PointCloud


class TransformSource(Protocol):
    """Where transforms come from: tf2, or a recording's /tf."""

    def lookup(self, target: str, source: str, stamp_ns: int) -> Transform:
        """Return ``T_target_source`` at the stamp.

        Raises:
            TransformError: unknown frames, or no data at that stamp; never identity, never the latest instead.
        """
        ...


class CameraReader(Protocol):
    """What reads the images of one camera: its networks, or one that has read them before."""

    def warm_up(self) -> None:
        """Compile and run everything once."""
        ...

    def perceive(self, image: Image, pixels: bool = True) -> CameraResult:
        """Return what is seen in one image; without ``pixels`` no masks and no classes of pixels."""
        ...


class ScanReader(Protocol):
    """What reads the scans: the LiDAR path, or one that has read them before."""

    def warm_up(self) -> None:
        """Compile everything."""
        ...

    def process_joined(self, clouds: Sequence[tuple[PointCloud, Transform]]) -> LidarResult:
        """Return what is seen in the clouds, each with its ``T_base_sensor``, all at one stamp."""
        ...
