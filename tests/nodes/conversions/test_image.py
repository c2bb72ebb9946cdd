import importlib.util

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sensor_msgs.msg import CompressedImage, Image

from perception_core.errors import ImageError
from perception_nodes.conversions.image import image_from_compressed_msg, image_from_msg, image_to_msg

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(np.uint8, SHAPES), st.sampled_from(["bgr8", "rgb8"]))
def test_colour_images_come_back(pixels, encoding):
    msg = image_to_msg(pixels, 12, "camera", encoding)
    image = image_from_msg(msg)
    expected = pixels if encoding == "bgr8" else pixels[:, :, ::-1]
    np.testing.assert_array_equal(image.pixels, expected)
    assert (image.stamp_ns, image.frame, msg.step) == (12, "camera", 3 * pixels.shape[1])


def test_class_ids_are_mono8():
    msg = image_to_msg(np.array([[1, 2], [3, 4]], np.uint8), 0, "camera", "mono8")
    assert (msg.width, msg.height, msg.step, bytes(msg.data)) == (2, 2, 2, b"\x01\x02\x03\x04")


def test_a_png_comes_back():
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    msg = CompressedImage(format="bgr8; png compressed bgr8")
    msg.data.frombytes(cv2.imencode(".png", pixels)[1].tobytes())
    np.testing.assert_array_equal(image_from_compressed_msg(msg).pixels, pixels)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"step": 5}, "step 5"),
        ({"height": 3}, "bytes"),
        ({"width": 0}, "0x2"),
    ],
)
def test_sizes_that_disagree_are_refused(changes, text):
    msg = image_to_msg(np.zeros((2, 2, 3), np.uint8), 0, "camera")
    for name, value in changes.items():
        setattr(msg, name, value)
    with pytest.raises(ImageError, match=text):
        image_from_msg(msg)


@pytest.mark.skipif(importlib.util.find_spec("cv_bridge") is not None, reason="cv_bridge may know it")
def test_an_unknown_encoding_is_named():
    with pytest.raises(ImageError, match="'jpeg2000'"):
        image_from_msg(Image(width=1, height=1, step=3, encoding="jpeg2000", data=[0, 0, 0]))


def test_pixels_of_another_shape_are_refused():
    with pytest.raises(ImageError, match="bgr8"):
        image_to_msg(np.zeros((2, 2), np.uint8), 0, "camera")
