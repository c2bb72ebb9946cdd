"""All that the cameras said lately, of every kind, and what of it belongs to one moment."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from perception_core.fusion.buffer import CameraBuffer
from perception_core.fusion.config import FusionConfig
from perception_core.fusion.views import CameraView, has_size_of
from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import Transform
from perception_core.types import Detections2D, InstanceMasks, Segmentation


@dataclass(frozen=True, slots=True)
class CameraAnswer:
    """What one camera said of one image; the detections of a camera that only labels pixels are none."""

    detections: Detections2D
    segmentation: Segmentation | None
    masks: InstanceMasks | None
    finds_objects: bool = True

    @property
    def stamp_ns(self) -> int:
        """Stamp of the image, int nanoseconds."""
        return self.detections.stamp_ns

    @property
    def frame(self) -> str:
        """Optical frame."""
        return self.detections.frame

    def misfits(self, model: CameraModel) -> tuple[str, ...]:
        """Return what has another size than the intrinsics, each as one phrase for people."""
        named = (("label image", self.segmentation), ("masks", self.masks))
        size = f"the camera has {model.width}x{model.height}"
        boxes = () if self.fits(model) else ("boxes in {}x{}, ".format(*self.detections.image_size) + size,)
        return boxes + tuple(
            f"{what} of {pixels_of(pixels)}, {size}"
            for what, pixels in named
            if pixels is not None and not has_size_of(pixels, model)
        )

    def fits(self, model: CameraModel) -> bool:
        """Whether the boxes belong to the intrinsics, which may have changed since; where there are none they do."""
        return not self.finds_objects or self.detections.image_size == (model.width, model.height)

    def view(self, name: str, model: CameraModel, T_camera_base: Transform, scan_ns: int) -> CameraView:
        """Return the view for a scan of ``scan_ns``, without pixels that have another size than the intrinsics.

        Args:
            name: of the camera.
            model: its intrinsics.
            T_camera_base: base at the scan's stamp -> camera at the image's.
            scan_ns: int nanoseconds.
        """
        labels = self.segmentation if self.segmentation is None or has_size_of(self.segmentation, model) else None
        masks = self.masks if self.masks is None or has_size_of(self.masks, model) else None
        age = (scan_ns - self.stamp_ns) / 1e9
        return CameraView(name, model, T_camera_base, self.detections, labels, masks, age, self.finds_objects)


class CameraResults:
    """Detections, label images and masks of all cameras, each kind in its own short ring."""

    def __init__(self, config: FusionConfig) -> None:
        """Start empty."""
        self._detections: CameraBuffer[Detections2D] = CameraBuffer(config)
        self._segmentations: CameraBuffer[Segmentation] = CameraBuffer(config)
        self._masks: CameraBuffer[InstanceMasks] = CameraBuffer(config)

    def add(self, camera: str, result: Detections2D | Segmentation | InstanceMasks) -> None:
        """Keep one result."""
        if isinstance(result, Detections2D):
            self._detections.add(camera, result)
        elif isinstance(result, Segmentation):
            self._segmentations.add(camera, result)
        else:
            self._masks.add(camera, result)

    def nearest(self, camera: str, stamp_ns: int) -> CameraAnswer | None:
        """Return what a camera said of the image nearest to a stamp; None where nothing is near enough.

        Detections lead; where there are none, of a camera that only labels pixels, its label images do.
        """
        detections = self._detections.nearest(camera, stamp_ns)
        if detections is None:
            labels = self._segmentations.nearest(camera, stamp_ns)
            return None if labels is None else CameraAnswer(_no_boxes(labels), labels, None, finds_objects=False)
        at = detections.stamp_ns
        return CameraAnswer(detections, self._segmentations.at(camera, at), self._masks.at(camera, at))

    def finds_objects(self, camera: str) -> bool:
        """Whether a camera has ever given detections: one that only labels pixels places nothing."""
        return self._detections.newest_stamp_ns(camera) is not None

    def waiting_for(self, cameras: Iterable[str], stamp_ns: int) -> tuple[str, ...]:
        """Return the cameras of which detections, or a label image, may still come for a scan of ``stamp_ns``."""
        names = tuple(cameras)
        late = {*self._detections.waiting_for(names, stamp_ns), *self._segmentations.waiting_for(names, stamp_ns)}
        return tuple(name for name in names if name in late)

    def clear(self) -> None:
        """Forget everything, for instance when time jumped."""
        for ring in (self._detections, self._segmentations, self._masks):
            ring.clear()


def pixels_of(pixels: Segmentation | InstanceMasks) -> str:
    """Return ``WIDTHxHEIGHT``."""
    height, width = (pixels.instances if isinstance(pixels, InstanceMasks) else pixels.labels).shape
    return f"{width}x{height}"


def _no_boxes(labels: Segmentation) -> Detections2D:
    height, width = labels.labels.shape
    none = np.empty(0)
    return Detections2D(labels.stamp_ns, labels.frame, none.reshape(0, 4), none, none.astype(np.int32), (width, height))
