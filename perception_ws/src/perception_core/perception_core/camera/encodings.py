"""The encodings of sensor_msgs/Image, decoded to blue green red.

Names and layouts as in sensor_msgs/image_encodings.hpp. Sixteen-bit values are scaled so that 65535 becomes
255; YUV is BT.601 in video range (16..235), as OpenCV and the camera drivers take it.
"""

from collections.abc import Buffer, Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ImageError

Pixels = NDArray[np.uint8]

_MAX_SIDE = 1 << 15
"""Larger widths and heights are damaged headers: no sensor has them, and OpenCV cannot resize them."""


@dataclass(frozen=True, slots=True)
class _Encoding:
    """How a row is laid out and what turns rows into BGR.

    ``depth`` bytes a value, ``channels`` values a pixel, ``rows`` rows of data a row of pixels (1.5 where a
    chroma plane of half height follows). ``even`` names the sides that have to be even.
    """

    channels: int
    convert: Callable[[NDArray[Any]], Pixels]
    depth: int = 1
    rows: float = 1.0
    even: str = ""


def decode_image(data: Buffer, width: int, height: int, step: int, encoding: str, is_bigendian: bool = False) -> Pixels:
    """Decode the fields of a sensor_msgs/Image to uint8 (height, width, 3), blue green red.

    ``bgr8`` comes back as a view of ``data`` (strided where rows are padded); everything else is converted.

    Args:
        data: the bytes.
        width, height: pixels.
        step: bytes a row, padding at its end included.
        encoding: name of the encoding, case as in image_encodings.hpp.
        is_bigendian: byte order of 16-bit values.

    Raises:
        ImageError: naming the field and the value: zero or absurd size, unknown encoding, a step that cannot
            hold a row, or a length of data that is not what step and height make.
    """
    layout = _ENCODINGS.get(encoding)
    if layout is None:
        raise ImageError(f"encoding {encoding!r} is unknown; known: {', '.join(_ENCODINGS)}")
    length = memoryview(data).nbytes
    if layout.rows > 1.0 and step == width * layout.rows and length == step * height:
        step = width  # some drivers count the chroma planes into the step
    rows = _checked_rows(layout, width, height, step, encoding, length)
    dtype = np.dtype(np.uint8) if layout.depth == 1 else np.dtype(">u2" if is_bigendian else "<u2")
    values = np.ndarray(
        (rows, width, layout.channels),
        dtype,
        data,
        strides=(step, layout.channels * layout.depth, layout.depth),
    )
    if layout.depth == 2:
        values = values.astype(np.uint16)
    try:
        return layout.convert(values)
    except cv2.error as error:
        raise ImageError(f"{encoding} image of {width}x{height}: OpenCV cannot convert it: {error.err}") from error


def decode_compressed(data: Buffer, image_format: str) -> Pixels:
    """Decode the fields of a sensor_msgs/CompressedImage to uint8 (H, W, 3), blue green red.

    ``image_format`` is what compressed_image_transport writes: ``jpeg``, ``png`` or
    ``ENCODING; jpeg compressed TARGET``. A TARGET that starts with rgb says that the compressor was given red
    first, and a bayer TARGET that the picture is a raw mosaic. The orientation tag of a JPEG is ignored, as
    the camera's calibration does.

    Raises:
        ImageError: naming the format: not a still image, data that is empty, damaged or cut off.
    """
    codec, target = _parse_format(image_format)
    raw = np.frombuffer(data, np.uint8)
    _check_complete(raw, image_format)
    mosaic = target.startswith("bayer_")
    flags = cv2.IMREAD_UNCHANGED if mosaic else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        decoded = cv2.imdecode(raw, flags)
    except cv2.error as error:
        raise ImageError(f"compressed image ({image_format!r}, {len(raw)} bytes): {error.err}") from error
    if decoded is None:
        raise ImageError(f"compressed image ({image_format!r}, {len(raw)} bytes): not a {codec} file")
    pixels = np.asarray(decoded)
    if mosaic:
        return _demosaic(pixels, target)
    return _swapped(pixels) if target.startswith("rgb") else pixels.astype(np.uint8, copy=False)


def _checked_rows(layout: _Encoding, width: int, height: int, step: int, encoding: str, length: int) -> int:
    what = f"{encoding} image of {width}x{height}"
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise ImageError(f"{what}: sides have to be 1 to {_MAX_SIDE} pixels")
    for side, pixels in (("width", width), ("height", height)):
        if side in layout.even and pixels % 2:
            raise ImageError(f"{what}: {side} has to be even")
    row = width * layout.channels * layout.depth
    if step < row:
        raise ImageError(f"{what}: step {step} is less than a row of {row} bytes")
    rows = int(height * layout.rows)
    if length != rows * step:
        raise ImageError(f"{what}: {length} bytes of data, but {rows} rows of step {step} make {rows * step}")
    return rows


def _parse_format(image_format: str) -> tuple[str, str]:
    """Split ``rgb8; jpeg compressed bgr8`` into (``jpeg``, ``bgr8``)."""
    words = image_format.lower().rpartition(";")[2].split()
    codec = words[0] if words else ""
    if codec not in _CODECS:
        raise ImageError(f"compressed image: format {image_format!r} is none of {', '.join(_CODECS)}")
    target = words[2] if len(words) == 3 and words[1] == "compressed" else ""
    return codec, target


def _check_complete(raw: Pixels, image_format: str) -> None:
    """Refuse a JPEG or PNG without its end: OpenCV would paint the missing part grey in silence."""
    head, tail = raw[:8].tobytes(), raw[-_TAIL:].tobytes()
    if len(raw) == 0:
        raise ImageError(f"compressed image ({image_format!r}): no data")
    for name, start, end in (("JPEG", b"\xff\xd8", b"\xff\xd9"), ("PNG", b"\x89PNG", b"IEND")):
        if head.startswith(start) and end not in tail:
            raise ImageError(f"compressed image ({image_format!r}, {len(raw)} bytes): the {name} is cut off")


def _demosaic(pixels: NDArray[Any], target: str) -> Pixels:
    if pixels.ndim != 2 or target not in _ENCODINGS:
        raise ImageError(f"compressed image: {target} expected, got an array of shape {pixels.shape}")
    return _ENCODINGS[target].convert(pixels[:, :, np.newaxis])


def _bgr(values: NDArray[Any]) -> Pixels:
    return values


def _code(code: int) -> Callable[[NDArray[Any]], Pixels]:
    """Return a conversion by ``cv2.cvtColor``, of 16-bit values to eight bits first."""

    def convert(values: NDArray[Any]) -> Pixels:
        squeezed = values[:, :, 0] if values.shape[2] == 1 else values
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(_to_8_bit(squeezed)), code), np.uint8)

    return convert


def _deep_bgr(values: NDArray[Any]) -> Pixels:
    return _to_8_bit(values)


def _to_8_bit(values: NDArray[Any]) -> Pixels:
    if values.dtype == np.uint8:
        return values
    return np.asarray(cv2.convertScaleAbs(np.ascontiguousarray(values), alpha=255.0 / 65535.0), np.uint8)


def _swapped(pixels: NDArray[Any]) -> Pixels:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), np.uint8)


def _nv24(values: NDArray[Any]) -> Pixels:
    """Full-resolution chroma plane of interleaved U, V behind the luma; OpenCV has no code for it."""
    rows, width = values.shape[0], values.shape[1]
    height = rows // 3
    flat = np.ascontiguousarray(values[:, :, 0])
    yuv = np.dstack([flat[:height], flat[height:].reshape(height, width, 2)])
    return np.asarray(cv2.transform(yuv, _YUV_TO_BGR), np.uint8)


_YUV_TO_BGR = np.array(
    [
        [1.164, 2.018, 0.0, -1.164 * 16 - 2.018 * 128],
        [1.164, -0.391, -0.813, -1.164 * 16 + (0.391 + 0.813) * 128],
        [1.164, 0.0, 1.596, -1.164 * 16 - 1.596 * 128],
    ]
)
"""BT.601, video range: rows B, G, R; columns Y, U, V, 1."""

_CODECS = ("jpeg", "jpg", "png", "webp", "tiff", "bmp")
_TAIL = 4096
"""Some cameras pad a JPEG behind its end marker."""

_BAYER = {
    "rggb": cv2.COLOR_BayerBG2BGR,
    "bggr": cv2.COLOR_BayerRG2BGR,
    "gbrg": cv2.COLOR_BayerGR2BGR,
    "grbg": cv2.COLOR_BayerGB2BGR,
}
"""ROS names the first two rows of the mosaic, OpenCV the second row's second and third pixel."""

_UYVY = _Encoding(2, _code(cv2.COLOR_YUV2BGR_UYVY), even="width")
_YUYV = _Encoding(2, _code(cv2.COLOR_YUV2BGR_YUYV), even="width")

_ENCODINGS: dict[str, _Encoding] = {
    "bgr8": _Encoding(3, _bgr),
    "8UC3": _Encoding(3, _bgr),
    "rgb8": _Encoding(3, _code(cv2.COLOR_RGB2BGR)),
    "bgra8": _Encoding(4, _code(cv2.COLOR_BGRA2BGR)),
    "8UC4": _Encoding(4, _code(cv2.COLOR_BGRA2BGR)),
    "rgba8": _Encoding(4, _code(cv2.COLOR_RGBA2BGR)),
    "mono8": _Encoding(1, _code(cv2.COLOR_GRAY2BGR)),
    "8UC1": _Encoding(1, _code(cv2.COLOR_GRAY2BGR)),
    "mono16": _Encoding(1, _code(cv2.COLOR_GRAY2BGR), depth=2),
    "16UC1": _Encoding(1, _code(cv2.COLOR_GRAY2BGR), depth=2),
    "bgr16": _Encoding(3, _deep_bgr, depth=2),
    "rgb16": _Encoding(3, _code(cv2.COLOR_RGB2BGR), depth=2),
    "bgra16": _Encoding(4, _code(cv2.COLOR_BGRA2BGR), depth=2),
    "rgba16": _Encoding(4, _code(cv2.COLOR_RGBA2BGR), depth=2),
    **{f"bayer_{pattern}8": _Encoding(1, _code(code)) for pattern, code in _BAYER.items()},
    **{f"bayer_{pattern}16": _Encoding(1, _code(code), depth=2) for pattern, code in _BAYER.items()},
    "yuv422": _UYVY,
    "uyvy": _UYVY,
    "yuv422_yuy2": _YUYV,
    "yuyv": _YUYV,
    "nv12": _Encoding(1, _code(cv2.COLOR_YUV2BGR_NV12), rows=1.5, even="width height"),
    "nv21": _Encoding(1, _code(cv2.COLOR_YUV2BGR_NV21), rows=1.5, even="width height"),
    "nv24": _Encoding(1, _nv24, rows=3.0),
}
"""8UC3 and 8UC4 say nothing about the order of colours; blue first is OpenCV's convention."""

KNOWN_ENCODINGS = frozenset(_ENCODINGS)
"""What :func:`decode_image` reads; whoever has another decoder (cv_bridge) asks it for the rest only."""
