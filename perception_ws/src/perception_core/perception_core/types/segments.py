"""What each pixel of an image shows: one vocabulary, a label image, and the pixels of each detection.

Ids are what ``camera/NAME/segmentation`` carries as mono8. ``UNKNOWN`` is 0: an image nobody wrote says nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ImageError

UNKNOWN = "unknown"
GROUND = "ground"
VEHICLE = "vehicle"
PERSON = "person"
VEGETATION = "vegetation"
STRUCTURE = "structure"
SKY = "sky"
OTHER = "other"

SEGMENTS: tuple[str, ...] = (UNKNOWN, GROUND, VEHICLE, PERSON, VEGETATION, STRUCTURE, SKY, OTHER)
"""Classes of pixels in the order of their ids; ``other`` is a thing of none of these classes."""

SEGMENT_INDEX: dict[str, int] = {name: i for i, name in enumerate(SEGMENTS)}
"""Id of each class of pixels."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The class of every pixel of one image.

    Attributes:
        stamp_ns: stamp of the image, int nanoseconds.
        frame: optical frame of the image.
        labels: uint8 (H, W) ids of :data:`SEGMENTS`, of the image's own pixels.
    """

    stamp_ns: int
    frame: str
    labels: NDArray[np.uint8]

    def __post_init__(self) -> None:
        """Check the shape and the ids, freeze the labels."""
        labels = _frozen("segmentation.labels", self.labels, np.uint8)
        if labels.max() >= len(SEGMENTS):
            raise ImageError(
                f"segmentation.labels: {labels.max()} is no class of pixels, expected 0..{len(SEGMENTS) - 1}"
            )
        object.__setattr__(self, "labels", labels)


@dataclass(frozen=True, slots=True)
class InstanceMasks:
    """Which detection of an image each of its pixels belongs to; where masks overlap, the best score has the pixel.

    Attributes:
        stamp_ns: stamp of the image, int nanoseconds.
        frame: optical frame of the image.
        instances: uint16 (H, W): 0 where there is no object, else 1 + the index among the image's detections.
    """

    stamp_ns: int
    frame: str
    instances: NDArray[np.uint16]

    def __post_init__(self) -> None:
        """Check the shape, freeze the array."""
        object.__setattr__(self, "instances", _frozen("masks.instances", self.instances, np.uint16))

    def mask(self, index: int) -> NDArray[np.bool_]:
        """Return bool (H, W): the pixels of detection ``index``."""
        mask: NDArray[np.bool_] = self.instances == index + 1
        return mask


def _frozen[T: np.generic](name: str, array: NDArray[T], dtype: type[T]) -> NDArray[T]:
    if array.ndim != 2 or array.dtype != dtype or array.size == 0:
        raise ImageError(f"{name}: expected {np.dtype(dtype)} (H, W) with H, W > 0, got {array.dtype} {array.shape}")
    view = array.view()
    view.flags.writeable = False
    return view
