"""The input tensor by hand: where pixels go, what the padding is, which colour comes first."""

import numpy as np
import pytest

from perception_core.inference.model_card import InputSpec
from perception_core.inference.preprocess import Preprocessor


def flat(width: int, height: int, bgr: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), bgr, np.uint8)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (8000, 6000), (30000, 1), (1, 30000)])
def test_the_smallest_and_the_longest_images_have_a_place(width, height):
    tensor, (placement,) = Preprocessor(InputSpec(width=64, height=64))(flat(width, height, (1, 2, 3)))
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


def test_the_windows_of_a_wide_image_are_stacked():
    wide = np.zeros((100, 400, 3), np.uint8)
    wide[:, 200:] = (9, 8, 7)
    tensor, placements = Preprocessor(InputSpec(width=100, height=100), split_wide=True)(wide)
    # Two windows of 230 columns, 100 x 43 each: 0..230 and 170..400.
    assert [(p.left, p.columns, p.width, p.height) for p in placements] == [(0, 230, 100, 43), (170, 230, 100, 43)]
    assert tensor[0, :, 20, 50].tolist() == [0, 0, 0]
    assert tensor[0, :, 20, 95].tolist() == [9, 8, 7]
    assert tensor[0, :, 70, 5].tolist() == [0, 0, 0]
    assert tensor[0, :, 70, 50].tolist() == [9, 8, 7]
    assert tensor[0, :, 45, 50].tolist() == tensor[0, :, 96, 50].tolist() == [114, 114, 114]
