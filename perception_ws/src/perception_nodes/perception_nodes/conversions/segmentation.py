"""Label images (mono8 class ids) and masks (mono16, 1 + the detection) to and from sensor_msgs/Image, and LabelInfo."""

import numpy as np
from sensor_msgs.msg import Image as ImageMsg
from vision_msgs.msg import LabelInfo, VisionClass

from perception_core.errors import ImageError
from perception_core.types import SEGMENTS, InstanceMasks, Segmentation
from perception_nodes.conversions.bytes import fill_bytes
from perception_nodes.conversions.header import header_to_msg
from perception_nodes.conversions.image import image_to_msg
from perception_nodes.conversions.time import ns_from_msg

_ENCODINGS = ("mono8", "8UC1")
_MASK_ENCODINGS = ("mono16", "16UC1")


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


def masks_to_msg(masks: InstanceMasks) -> ImageMsg:
    """Return the masks as mono16."""
    height, width = masks.instances.shape
    header = header_to_msg(masks.stamp_ns, masks.frame)
    msg = ImageMsg(header=header, height=height, width=width, encoding="mono16", step=2 * width)
    fill_bytes(msg.data, masks.instances.astype("<u2", copy=False))
    return msg


def masks_from_msg(msg: ImageMsg) -> InstanceMasks:
    """Return masks; their pixels are read in place.

    Raises:
        ImageError: another encoding, or sizes that disagree with the data.
    """
    if msg.encoding not in _MASK_ENCODINGS:
        raise ImageError(f"masks: encoding {msg.encoding!r} is none of {', '.join(_MASK_ENCODINGS)}")
    height, width, step = msg.height, msg.width, msg.step
    if min(height, width) < 1 or step < 2 * width or step % 2 or len(msg.data) != height * step:
        raise ImageError(f"masks {width}x{height}: step {step}, {len(msg.data)} bytes of data")
    numbers = np.frombuffer(msg.data, ">u2" if msg.is_bigendian else "<u2").reshape(height, step // 2)[:, :width]
    return InstanceMasks(ns_from_msg(msg.header.stamp), msg.header.frame_id, numbers.astype(np.uint16, copy=False))


def label_info_to_msg(stamp_ns: int, frame: str) -> LabelInfo:
    """Return the names of the ids; every pixel has the best of its classes, so the threshold is 0."""
    msg = LabelInfo(header=header_to_msg(stamp_ns, frame), threshold=0.0)
    msg.class_map = [VisionClass(class_id=i, class_name=name) for i, name in enumerate(SEGMENTS)]
    return msg
