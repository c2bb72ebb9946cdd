"""Every encoding against pixels worked out by hand, and every header that lies."""

import array

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from perception_core.camera import encodings
from perception_core.camera.encodings import KNOWN_ENCODINGS, decode_compressed, decode_image
from perception_core.errors import ImageError

ALL = sorted(KNOWN_ENCODINGS)

pictures = hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))


def with_padding(rows: np.ndarray, padding: int) -> tuple[bytes, int]:
    """Return the bytes of rows (H, bytes) with ``padding`` bytes of 0xEE after each, and the step."""
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=0xEE)
    return padded.tobytes(), padded.shape[1]


def flat_yuv(y: int, u: int, v: int, width: int = 4, height: int = 2) -> dict[str, bytes]:
    """Return one flat colour in every YUV layout."""
    n = width * height
    return {
        "uyvy": bytes([u, y, v, y]) * (n // 2),
        "yuv422": bytes([u, y, v, y]) * (n // 2),
        "yuyv": bytes([y, u, y, v]) * (n // 2),
        "yuv422_yuy2": bytes([y, u, y, v]) * (n // 2),
        "nv12": bytes([y]) * n + bytes([u, v]) * (n // 4),
        "nv21": bytes([y]) * n + bytes([v, u]) * (n // 4),
        "nv24": bytes([y]) * n + bytes([u, v]) * n,
    }


@given(pictures, st.integers(0, 5))
def test_colour_orders_round_trip(bgr, padding):
    height, width, _ = bgr.shape
    alpha = np.full((height, width, 1), 77, np.uint8)
    layouts = {
        "bgr8": bgr,
        "8UC3": bgr,
        "rgb8": bgr[:, :, ::-1],
        "bgra8": np.dstack([bgr, alpha]),
        "8UC4": np.dstack([bgr, alpha]),
        "rgba8": np.dstack([bgr[:, :, ::-1], alpha]),
    }
    for encoding, values in layouts.items():
        data, step = with_padding(values.reshape(height, -1), padding)
        np.testing.assert_array_equal(decode_image(data, width, height, step, encoding), bgr, err_msg=encoding)


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))), st.integers(0, 5))
def test_grey_is_the_same_in_all_colours(grey, padding):
    height, width = grey.shape
    data, step = with_padding(grey, padding)
    for encoding in ("mono8", "8UC1"):
        decoded = decode_image(data, width, height, step, encoding)
        np.testing.assert_array_equal(decoded, np.dstack([grey] * 3))


@given(hnp.arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9))), st.booleans(), st.integers(0, 3))
def test_sixteen_bits_scale_to_eight_in_both_byte_orders(deep, big, padding):
    height, width = deep.shape
    raw = deep.astype(">u2" if big else "<u2").view(np.uint8).reshape(height, -1)
    data, step = with_padding(raw, 2 * padding + 1)  # an odd step: rows that are not aligned
    expected = np.rint(deep / 257.0)
    for encoding in ("mono16", "16UC1"):
        decoded = decode_image(data, width, height, step, encoding, is_bigendian=big)
        np.testing.assert_array_equal(decoded, np.dstack([expected] * 3))


def test_sixteen_bit_colours():
    deep = np.array([[[0x0101, 0x8080, 0xFFFF]]], ">u2")  # 1, 128, 255 after scaling
    for encoding, values in (("bgr16", deep), ("rgb16", deep[:, :, ::-1])):
        decoded = decode_image(values.tobytes(), 1, 1, 6, encoding, is_bigendian=True)
        assert decoded.tolist() == [[[1, 128, 255]]]
    for encoding, values in (("bgra16", deep), ("rgba16", deep[:, :, ::-1])):
        four = np.dstack([values, np.zeros((1, 1, 1), ">u2")])
        assert decode_image(four.tobytes(), 1, 1, 8, encoding, True).tolist() == [[[1, 128, 255]]]


# Where red, green and blue sensors lie in a 2 x 2 tile, as the name says: left to right, top to bottom.
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_mosaic_of_one_colour_gives_that_colour(pattern, bits):
    bgr = {"b": 40, "g": 120, "r": 200}
    tile = np.array([bgr[c] for c in pattern], np.uint8).reshape(2, 2)
    mosaic = np.tile(tile, (4, 5))
    if bits == 16:
        mosaic = mosaic.astype(np.uint16) * 257
    decoded = decode_image(mosaic.tobytes(), 10, 8, 10 * bits // 8, f"bayer_{pattern}{bits}")
    assert decoded.shape == (8, 10, 3)
    np.testing.assert_array_equal(decoded[2:-2, 2:-2].reshape(-1, 3), np.tile([40, 120, 200], (24, 1)))


# BT.601, video range: Y 81, U 90, V 240 is pure red; Y 41, U 240, V 110 pure blue; Y 235 white, Y 16 black.
@pytest.mark.parametrize(
    ("yuv", "bgr"),
    [
        ((81, 90, 240), (0, 0, 254)),
        ((145, 54, 34), (0, 255, 0)),
        ((41, 240, 110), (255, 0, 0)),
        ((235, 128, 128), (255, 255, 255)),
        ((16, 128, 128), (0, 0, 0)),
    ],
)
@pytest.mark.parametrize("encoding", ["uyvy", "yuv422", "yuyv", "yuv422_yuy2", "nv12", "nv21", "nv24"])
def test_yuv_layouts_give_the_colours_of_bt601(encoding, yuv, bgr):
    step = 8 if encoding[:2] in ("uy", "yu") else 4
    decoded = decode_image(flat_yuv(*yuv)[encoding], 4, 2, step, encoding)
    assert decoded.shape == (2, 4, 3)
    np.testing.assert_allclose(decoded.reshape(-1, 3), np.tile(bgr, (8, 1)), atol=3)


def test_planes_with_padded_rows_and_planes_counted_into_the_step():
    flat = np.frombuffer(flat_yuv(81, 90, 240)["nv12"], np.uint8).reshape(3, 4)
    data, step = with_padding(flat, 3)
    padded = decode_image(data, 4, 2, step, "nv12")
    counted = decode_image(flat.tobytes(), 4, 2, 6, "nv12")
    np.testing.assert_array_equal(padded, counted)
    assert padded[0, 0].tolist() == pytest.approx([0, 0, 254], abs=3)


def test_bgr_is_a_view_of_the_message():
    data = array.array("B", range(18))
    decoded = decode_image(data, 3, 2, 9, "bgr8")
    data[0] = 99
    assert decoded[0, 0].tolist() == [99, 1, 2]
    assert decoded.flags.c_contiguous
    assert np.shares_memory(decoded, np.frombuffer(data, np.uint8))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda b: np.frombuffer(b, np.uint8)])
def test_any_buffer_will_do(kind):
    assert decode_image(kind(bytes(range(6))), 2, 1, 6, "rgb8").tolist() == [[[2, 1, 0], [5, 4, 3]]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"width": 0}, "bgr8 image of 0x4: sides have to be 1 to"),
        ({"height": 0}, "bgr8 image of 5x0: sides have to be 1 to"),
        ({"width": -5}, "bgr8 image of -5x4"),
        ({"width": 2**31}, "bgr8 image of 2147483648x4"),
        ({"step": 0}, "step 0 is less than a row of 15 bytes"),
        ({"step": 14}, "step 14 is less than a row of 15 bytes"),
        ({"step": 16}, "60 bytes of data, but 4 rows of step 16 make 64"),
        ({"height": 3}, "60 bytes of data, but 3 rows of step 15 make 45"),
        ({"data": b""}, "0 bytes of data"),
        ({"data": bytes(59)}, "59 bytes of data"),
        ({"encoding": "bgr9"}, "encoding 'bgr9' is unknown; known: bgr8, "),
        ({"encoding": ""}, "encoding '' is unknown"),
        ({"encoding": "32FC1"}, "encoding '32FC1' is unknown"),
        ({"encoding": "nv12", "width": 15, "step": 15}, "nv12 image of 15x4: width has to be even"),
        ({"encoding": "uyvy"}, "uyvy image of 5x4: width has to be even"),
    ],
)
def test_a_header_that_lies_is_named(change, reason):
    fields = {"data": bytes(60), "width": 5, "height": 4, "step": 15, "encoding": "bgr8"} | change
    with pytest.raises(ImageError, match=reason):
        decode_image(**fields)


@pytest.mark.parametrize("encoding", [e for e in ALL if e.startswith("bayer")])
def test_a_mosaic_smaller_than_its_pattern_is_still_a_picture(encoding):
    depth = 2 if encoding.endswith("16") else 1
    assert decode_image(bytes(depth), 1, 1, depth, encoding).shape == (1, 1, 3)


@settings(max_examples=300)
@given(
    encoding=st.sampled_from(ALL),
    width=st.integers(-1, 12),
    height=st.integers(-1, 12),
    step=st.integers(-1, 60),
    data=st.binary(max_size=200),
    fitting=st.booleans(),
    big=st.booleans(),
)
def test_any_header_gives_a_picture_of_its_size_or_an_image_error(encoding, width, height, step, data, fitting, big):
    if fitting:
        data = bytes(max(0, int(step * height * encodings._ENCODINGS[encoding].rows)))
    try:
        decoded = decode_image(data, width, height, step, encoding, big)
    except ImageError:
        return
    assert decoded.shape == (height, width, 3)
    assert decoded.dtype == np.uint8


def gradient(width: int = 32, height: int = 24) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.dstack([x * 4, y * 6, 200 - x * 2]).astype(np.uint8)


def encoded(extension: str, pixels: np.ndarray) -> bytes:
    done, data = cv2.imencode(extension, pixels)
    assert done
    return data.tobytes()


@pytest.mark.parametrize(
    "name", ["png", "bgr8; png compressed bgr8", "rgb8; png compressed bgr8", "bgr8;png compressed bgr8"]
)
def test_png_round_trip(name):
    picture = gradient()
    np.testing.assert_array_equal(decode_compressed(encoded(".png", picture), name), picture)


@pytest.mark.parametrize(
    "name",
    ["jpeg", "jpg", "JPEG", "rgb8; jpeg compressed bgr8", "bgr8; jpeg compressed bgr8", "rgb8; jpeg compressed "],
)
def test_jpeg_is_close(name):
    picture = gradient()
    decoded = decode_compressed(array.array("B", encoded(".jpg", picture)), name)
    assert np.abs(decoded.astype(int) - picture).max() < 16


def test_a_picture_compressed_red_first_is_turned_round():
    picture = gradient()
    np.testing.assert_array_equal(
        decode_compressed(encoded(".png", picture), "rgb8; png compressed rgb8"), picture[:, :, ::-1]
    )


def test_grey_deep_and_mosaic_pictures():
    grey = gradient()[:, :, 0]
    np.testing.assert_array_equal(
        decode_compressed(encoded(".png", grey), "mono8; png compressed mono8"), np.dstack([grey] * 3)
    )
    deep = grey.astype(np.uint16) * 257
    decoded = decode_compressed(encoded(".png", deep), "mono16; png compressed mono16")
    np.testing.assert_allclose(decoded[:, :, 0], grey, atol=1)
    mosaic = np.tile(np.array([[200, 120], [120, 40]], np.uint8), (4, 4))
    decoded = decode_compressed(encoded(".png", mosaic), "bayer_rggb8; png compressed bayer_rggb8")
    assert decoded[4, 4].tolist() == [40, 120, 200]


@pytest.mark.parametrize("name", ["", ";", "h264", "rgb8; theora", "16UC1; compressedDepth png", "jpegs"])
def test_other_formats_are_named(name):
    with pytest.raises(ImageError, match="compressed image: format"):
        decode_compressed(encoded(".png", gradient()), name)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff\xd8\xff\xd9", b"hello" * 50, b"\x89PNG\r\n\x1a\nIEND"])
def test_garbage_is_an_image_error(data):
    with pytest.raises(ImageError, match="compressed image"):
        decode_compressed(data, "jpeg")


@pytest.mark.parametrize("extension", [".png", ".jpg"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_picture_that_was_cut_off_is_refused(extension, share):
    whole = encoded(extension, gradient(320, 240))
    with pytest.raises(ImageError, match="is cut off"):
        decode_compressed(whole[: int(len(whole) * share)], "jpeg")


def test_zeros_behind_the_end_of_a_jpeg_are_no_harm():
    whole = encoded(".jpg", gradient())
    np.testing.assert_array_equal(decode_compressed(whole + bytes(100), "jpeg"), decode_compressed(whole, "jpeg"))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 255), st.sampled_from([".png", ".jpg"]))
def test_a_flipped_byte_gives_a_picture_or_an_image_error(position, value, extension):
    data = bytearray(encoded(extension, gradient()))
    data[position % len(data)] = value
    try:
        decoded = decode_compressed(data, "jpeg")
    except ImageError:
        return
    assert decoded.ndim == 3
    assert decoded.shape[2] == 3
    assert decoded.dtype == np.uint8
