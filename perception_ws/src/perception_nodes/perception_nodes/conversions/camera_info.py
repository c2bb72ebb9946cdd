"""sensor_msgs/CameraInfo to and from the core's camera model."""

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo

from perception_core.errors import CalibrationError
from perception_core.geometry.camera_model import CameraModel
from perception_nodes.conversions.header import header_to_msg


def camera_model_from_msg(msg: CameraInfo, rectified: bool = False) -> CameraModel:
    """Return the intrinsics of the pixels that belong to this CameraInfo.

    K and D describe the raw image. A rectified image (``image_rect``) comes with the same CameraInfo, but its pixels
    obey P and have no distortion: ``rectified`` says which one the detections were made on. Binning and the region of
    interest are applied, so that the model speaks of the pixels of the image as sent.

    Raises:
        CalibrationError: zeros (an uncalibrated driver), a stereo offset in P, or anything else the model refuses.
    """
    frame = msg.header.frame_id
    if rectified:
        P = np.asarray(msg.p, dtype=np.float64).reshape(3, 4)
        if P[:2, 3].any():
            raise CalibrationError(
                f"camera {frame!r}: P has the stereo offset {P[:2, 3].tolist()}; take the left camera or the raw image"
            )
        return CameraModel(*sent_size(msg), _as_sent(msg, P[:, :3]), (), "plumb_bob", frame)
    K = np.asarray(msg.k, dtype=np.float64).reshape(3, 3)
    model = msg.distortion_model or ("plumb_bob" if not len(msg.d) else "")
    return CameraModel(*sent_size(msg), _as_sent(msg, K), tuple(float(d) for d in msg.d), model, frame)


def camera_info_to_msg(model: CameraModel, stamp_ns: int) -> CameraInfo:
    """Return the CameraInfo of a single (not stereo) camera: R is identity and P is K."""
    msg = CameraInfo(header=header_to_msg(stamp_ns, model.frame), width=model.width, height=model.height)
    msg.distortion_model = model.model
    msg.d = list(model.distortion)
    msg.k[:] = model.matrix.ravel()
    msg.r[:] = np.eye(3).ravel()
    msg.p[:] = np.hstack([model.matrix, np.zeros((3, 1))]).ravel()
    return msg


def _binning(msg: CameraInfo) -> tuple[int, int]:
    return max(msg.binning_x, 1), max(msg.binning_y, 1)


def sent_size(msg: CameraInfo) -> tuple[int, int]:
    """Return (width, height) of the image as sent: region of interest and binning applied."""
    bin_x, bin_y = _binning(msg)
    return (msg.roi.width or msg.width) // bin_x, (msg.roi.height or msg.height) // bin_y


def _as_sent(msg: CameraInfo, K_full: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return K of the image as sent; K_full is given for the full sensor (REP-104)."""
    bin_x, bin_y = _binning(msg)
    K = K_full.copy()
    K[0, 2] -= msg.roi.x_offset
    K[1, 2] -= msg.roi.y_offset
    K[0] /= bin_x
    K[1] /= bin_y
    return K
