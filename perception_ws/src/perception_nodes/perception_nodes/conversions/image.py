"""sensor_msgs/Image and CompressedImage to and from the core's images.

The core decodes the usual encodings itself. The rest (32FC1 and the like) is left to cv_bridge where that is
installed; a message whose sizes disagree is never handed on to it.
"""

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMsg

from perception_core.camera.encodings import KNOWN_ENCODINGS, decode_compressed, decode_image
from perception_core.errors import ImageError
from perception_core.types import Image
from perception_nodes.conversions.bytes import fill_bytes
from perception_nodes.conversions.header import header_to_msg
from perception_nodes.conversions.time import ns_from_msg

_CHANNELS = {"bgr8": 3, "rgb8": 3, "mono8": 1}


def image_from_msg(msg: ImageMsg) -> Image:
    """Decode an Image; ``bgr8`` is read in place.

    Raises:
        ImageError: an unknown encoding, or sizes that disagree with the data.
    """
    if msg.encoding not in KNOWN_ENCODINGS and (pixels := _by_cv_bridge(msg)) is not None:
        return Image(pixels, ns_from_msg(msg.header.stamp), msg.header.frame_id)
    pixels = decode_image(msg.data, msg.width, msg.height, msg.step, msg.encoding, bool(msg.is_bigendian))
    return Image(pixels, ns_from_msg(msg.header.stamp), msg.header.frame_id)


def image_from_compressed_msg(msg: CompressedImage) -> Image:
    """Decode a CompressedImage.

    Raises:
        ImageError: a format that is no image's, or data that cannot be decoded.
    """
    pixels = decode_compressed(msg.data, msg.format)
    return Image(pixels, ns_from_msg(msg.header.stamp), msg.header.frame_id)


def image_to_msg(pixels: NDArray[np.uint8], stamp_ns: int, frame: str, encoding: str = "bgr8") -> ImageMsg:
    """Return an Image of uint8 (H, W, 3) pixels, or (H, W) for mono8.

    Raises:
        ImageError: another shape or dtype than the encoding has.
    """
    shape = pixels.shape[:2] if _CHANNELS.get(encoding) == 1 else (*pixels.shape[:2], _CHANNELS.get(encoding))
    if pixels.dtype != np.uint8 or pixels.shape != shape:
        raise ImageError(f"{encoding} image: got {pixels.dtype} {pixels.shape}, expected uint8 of {_CHANNELS}")
    height, width = pixels.shape[:2]
    msg = ImageMsg(header=header_to_msg(stamp_ns, frame), height=height, width=width, encoding=encoding)
    msg.step = width * _CHANNELS[encoding]
    fill_bytes(msg.data, pixels)
    return msg


def _by_cv_bridge(msg: ImageMsg) -> NDArray[np.uint8] | None:
    """Return BGR pixels, None where cv_bridge is not installed."""
    try:
        from cv_bridge import CvBridge, CvBridgeError
    except Exception:  # not there, or built for another NumPy: an ImportError, AttributeError or worse
        return None
    if msg.height == 0 or msg.width == 0 or msg.step * msg.height != len(msg.data):
        raise ImageError(f"{msg.encoding} image {msg.width}x{msg.height}: step {msg.step}, {len(msg.data)} bytes")
    try:
        return np.ascontiguousarray(CvBridge().imgmsg_to_cv2(msg, "bgr8"), dtype=np.uint8)
    except (CvBridgeError, TypeError, ValueError) as error:
        raise ImageError(f"encoding {msg.encoding!r}: cv_bridge cannot convert it: {error}") from error
