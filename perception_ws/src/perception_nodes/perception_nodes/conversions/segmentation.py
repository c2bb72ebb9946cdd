"""The core's label images to and from sensor_msgs/Image (mono8 class ids), and their vision_msgs/LabelInfo."""

import numpy as np
from sensor_msgs.msg import Image as ImageMsg
from vision_msgs.msg import LabelInfo, VisionClass

from perception_core.errors import ImageError
from perception_core.types import SEGMENTS, Segmentation
from perception_nodes.conversions.header import header_to_msg
from perception_nodes.conversions.image import image_to_msg
from perception_nodes.conversions.time import ns_from_msg

_ENCODINGS = ("mono8", "8UC1")


def segmentation_to_msg(segmentation: Segmentation) -> ImageMsg:
    """Return the label image as mono8."""
    return image_to_msg(segmentation.labels, segmentation.stamp_ns, segmentation.frame, "mono8")


def segmentation_from_msg(msg: ImageMsg) -> Segmentation:
    """Return a label image; its pixels are read in place.

    Raises:
        ImageError: another encoding, sizes that disagree with the data, or an id that is no class of pixels.
    """
    if msg.encoding not in _ENCODINGS:
        raise ImageError(f"label image: encoding {msg.encoding!r} is none of {', '.join(_ENCODINGS)}")
    height, width, step = msg.height, msg.width, msg.step
    if min(height, width) < 1 or step < width or len(msg.data) != height * step:
        raise ImageError(f"label image {width}x{height}: step {step}, {len(msg.data)} bytes of data")
    labels = np.frombuffer(msg.data, np.uint8).reshape(height, step)[:, :width]
    return Segmentation(ns_from_msg(msg.header.stamp), msg.header.frame_id, labels)


def label_info_to_msg(stamp_ns: int, frame: str) -> LabelInfo:
    """Return the names of the ids; every pixel has the best of its classes, so the threshold is 0."""
    msg = LabelInfo(header=header_to_msg(stamp_ns, frame), threshold=0.0)
    msg.class_map = [VisionClass(class_id=i, class_name=name) for i, name in enumerate(SEGMENTS)]
    return msg
