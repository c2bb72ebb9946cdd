"""Letterboxing by hand: where the image lies, what the padding is, which colour comes first."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.inference.model_card import InputSpec
from perception_core.inference.preprocess import Preprocessor, place


def flat(width: int, height: int, bgr: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), bgr, np.uint8)


def test_a_wide_image_lies_in_the_top_left_corner():
    # 1242 x 375 into 416 x 416: ratio 416 / 1242, so 416 x 125.6.
    placement = place(InputSpec(width=416, height=416), 1242, 375)
    assert (placement.width, placement.height, placement.offset) == (416, 126, (0, 0))
    assert placement.scale == (416 / 1242, 126 / 375)


def test_a_tall_image_in_the_centre():
    placement = place(InputSpec(width=100, height=100, letterbox="centre"), 50, 200)
    assert (placement.width, placement.height, placement.offset) == (25, 100, (37, 0))


def test_stretched_fills_all():
    placement = place(InputSpec(width=100, height=60, letterbox="stretch"), 50, 200)
    assert (placement.width, placement.height, placement.scale) == (100, 60, (2.0, 0.3))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (8000, 6000), (30000, 1), (1, 30000)])
def test_the_smallest_and_the_longest_images_have_a_place(width, height):
    tensor, placement = Preprocessor(InputSpec(width=64, height=64))(flat(width, height, (1, 2, 3)))
    assert tensor.shape == (1, 3, 64, 64)
    assert 1 <= placement.width <= 64
    assert 1 <= placement.height <= 64
    np.testing.assert_array_equal(tensor[0, :, 0, 0], [1, 2, 3])


def test_pixels_and_padding_with_blue_first():
    tensor, _ = Preprocessor(InputSpec(width=4, height=4))(flat(8, 4, (10, 20, 30)))
    np.testing.assert_array_equal(tensor[0, :, :2], np.broadcast_to([[[10]], [[20]], [[30]]], (3, 2, 4)))
    np.testing.assert_array_equal(tensor[0, :, 2:], 114)


def test_red_first_scaled_and_normalised():
    spec = InputSpec(width=2, height=2, colour="rgb", scale=1 / 255, mean=(0.5, 0.0, 0.2), std=(0.5, 1.0, 0.1))
    tensor, _ = Preprocessor(spec)(flat(4, 2, (51, 102, 255)))  # blue 0.2, green 0.4, red 1.0
    # red (1 - 0.5) / 0.5 = 1, green 0.4, blue (0.2 - 0.2) / 0.1 = 0
    np.testing.assert_allclose(tensor[0, :, 0, 0], [1.0, 0.4, 0.0], atol=1e-6)
    # padding 114 / 255 = 0.44706: -0.10588, 0.44706, 2.4706
    np.testing.assert_allclose(tensor[0, :, 1, 1], [-0.105882, 0.447059, 2.470588], atol=1e-5)


def test_the_buffer_is_kept_and_cleaned_when_the_size_of_images_changes():
    preprocess = Preprocessor(InputSpec(width=4, height=4))
    first, _ = preprocess(flat(4, 4, (1, 1, 1)))
    second, _ = preprocess(flat(8, 4, (2, 2, 2)))
    assert first is second
    np.testing.assert_array_equal(second[0, :, 2:], 114)
    np.testing.assert_array_equal(second[0, :, :2], 2)


def test_rows_with_padding_are_read_where_they_are():
    wide = np.zeros((4, 6, 3), np.uint8)
    wide[:, :4] = (1, 2, 3)
    tensor, _ = Preprocessor(InputSpec(width=4, height=4))(wide[:, :4])
    np.testing.assert_array_equal(tensor[0, 0], 1)


@given(
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.sampled_from(["top_left", "centre", "stretch"]),
    st.tuples(*[st.floats(0, 1)] * 4),
)
def test_boxes_find_their_way_back(width, height, letterbox, shares):
    placement = place(InputSpec(width=416, height=256, letterbox=letterbox), width, height)
    box = np.array(shares) * [width, height, width, height]
    offset = np.array(placement.offset * 2)
    network = box * (placement.scale * 2) + offset
    assert network.max() <= 416 + 1e-6
    np.testing.assert_allclose(placement.to_source(network[np.newaxis])[0], box, atol=1e-6)
