"""sensor_msgs/Image (32FC1, metres) of how far a LiDAR's beams got in each direction."""

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image as ImageMsg

from perception_core.errors import CloudError
from perception_nodes.conversions.bytes import fill_bytes
from perception_nodes.conversions.header import header_to_msg

_ENCODING = "32FC1"


def view_to_msg(view: NDArray[np.float32], stamp_ns: int, frame: str) -> ImageMsg:
    """Return float32 (E, A) metres as an image: the top row looks straight up, the left column begins behind."""
    msg = ImageMsg(header=header_to_msg(stamp_ns, frame), encoding=_ENCODING)
    msg.height, msg.width = view.shape
    msg.step = 4 * msg.width
    fill_bytes(msg.data, view)
    return msg


def view_from_msg(msg: ImageMsg) -> NDArray[np.float32]:
    """Return float32 (E, A) metres of a message that :func:`view_to_msg` made.

    Raises:
        CloudError: another encoding or size, or a range that is negative or not finite.
    """
    if (
        msg.encoding != _ENCODING
        or min(msg.height, msg.width) < 1
        or len(msg.data) != 4 * msg.height * msg.width
        or msg.is_bigendian
    ):
        raise CloudError(
            f"view: {msg.width}x{msg.height} {msg.encoding!r}, {len(msg.data)} bytes, expected {_ENCODING}"
        )
    view = np.frombuffer(msg.data, np.float32).reshape(msg.height, msg.width)
    if not np.isfinite(view).all() or (view < 0.0).any():
        raise CloudError("view: ranges have to be finite and not negative")
    return view
