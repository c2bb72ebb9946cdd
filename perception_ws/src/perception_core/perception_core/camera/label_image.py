"""The label image of one camera image, from whatever its networks gave."""

import numpy as np
from numpy.typing import NDArray

from perception_core.camera.detector import CameraResult
from perception_core.types import CLASSES, Detections2D, InstanceMasks, Segmentation, classes, segments
from perception_core.types.segments import SEGMENT_INDEX

_SHOWN_AS = {
    classes.CYCLIST: segments.PERSON,
    classes.PERSON: segments.PERSON,
    classes.ANIMAL: segments.OTHER,
    classes.UNKNOWN: segments.OTHER,
}
"""The class of pixels of each class of objects that is no vehicle. A cyclist is mostly the person."""


def label_image(result: CameraResult) -> Segmentation | None:
    """Return the class of each pixel: the network's own, else what the masks of the detections tell, else None."""
    if result.segmentation is not None:
        return result.segmentation
    if result.masks is None or result.detections is None:
        return None
    return labels_of_masks(result.masks, result.detections)


def labels_of_masks(masks: InstanceMasks, detections: Detections2D) -> Segmentation:
    """Return a label image that knows the pixels of the detections and calls all others ``unknown``."""
    labels = np.concatenate([[SEGMENT_INDEX[segments.UNKNOWN]], _LABELS[detections.class_ids]]).astype(np.uint8)
    return Segmentation(masks.stamp_ns, masks.frame, labels[masks.instances])


def _labels() -> NDArray[np.uint8]:
    """Return uint8 (C,): id of the class of pixels of each class of objects."""
    return np.array([SEGMENT_INDEX[_SHOWN_AS.get(name, segments.VEHICLE)] for name in CLASSES], np.uint8)


_LABELS = _labels()
