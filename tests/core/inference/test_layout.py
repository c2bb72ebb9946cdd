"""Where images lie in the network's input, and how boxes find their way back."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception_core.inference.layout import lay_out, to_source
from perception_core.inference.model_card import InputSpec

LETTERBOXES = ["top_left", "centre", "stretch"]


def test_a_wide_image_lies_in_the_top_left_corner():
    # 1242 x 375 into 416 x 416: ratio 416 / 1242, so 416 x 125.6.
    (placement,) = lay_out(InputSpec(width=416, height=416), 1242, 375)
    assert (placement.width, placement.height, placement.offset) == (416, 126, (0, 0))
    assert placement.scale == (416 / 1242, 126 / 375)


def test_a_tall_image_in_the_centre():
    (placement,) = lay_out(InputSpec(width=100, height=100, letterbox="centre"), 50, 200)
    assert (placement.width, placement.height, placement.offset) == (25, 100, (37, 0))


def test_stretched_fills_all():
    (placement,) = lay_out(InputSpec(width=100, height=60, letterbox="stretch"), 50, 200, split_wide=True)
    assert (placement.width, placement.height, placement.scale) == (100, 60, (2.0, 0.3))


def test_a_wide_image_in_two_windows():
    # Rows of 208 over 375 make 0.5547, and 416 / 0.5547 = 750 columns; the second window ends at 1242.
    first, second = lay_out(InputSpec(width=416, height=416), 1242, 375, split_wide=True)
    assert (first.left, first.columns, first.width, first.height, first.offset) == (0, 750, 416, 208, (0, 0))
    assert (second.left, second.columns, second.width, second.height, second.offset) == (492, 750, 416, 208, (0, 208))


@pytest.mark.parametrize(
    ("width", "height", "count"),
    [(640, 480, 1), (1280, 720, 1), (1920, 1080, 1), (375, 1242, 1), (1242, 375, 2), (4000, 500, 3), (9000, 400, 4)],
)
def test_only_images_much_wider_than_the_input_are_split(width, height, count):
    assert len(lay_out(InputSpec(width=416, height=416), width, height, split_wide=True)) == count


def test_boxes_go_by_the_window_their_centre_is_in_and_end_at_its_edges():
    windows = lay_out(InputSpec(width=100, height=100), 400, 100, split_wide=True)  # 0..230, 170..400; scale 10 / 23
    boxes = np.array([[10, 10, 20, 20], [10, 60, 20, 70], [50, 30, 120, 60], [-5, 90, 10, 99]], np.float32)
    moved, tiles = to_source(boxes, windows)
    assert tiles.tolist() == [0, 1, 0, 1]
    x, y = 2.3, 100 / 43
    expected = [
        [10 * x, 10 * y, 20 * x, 20 * y],
        [170 + 10 * x, 10 * y, 170 + 20 * x, 20 * y],
        [50 * x, 30 * y, 230, 100],
        [170, 40 * y, 170 + 10 * x, 100],
    ]
    np.testing.assert_allclose(moved, expected, atol=1e-4)


@pytest.mark.parametrize(("width", "height"), [(1, 6), (6, 1), (1, 1), (2, 16384)])
@pytest.mark.parametrize("image", [(1, 1), (3, 1), (30_000, 1), (1, 30_000)])
def test_the_narrowest_inputs_and_images_have_windows_of_at_least_a_pixel(width, height, image):
    for placement in lay_out(InputSpec(width=width, height=height), *image, split_wide=True):
        assert min(placement.columns, placement.width, placement.height) >= 1


def test_no_boxes():
    moved, tiles = to_source(np.empty((0, 4), np.float32), lay_out(InputSpec(), 640, 480))
    assert moved.shape == (0, 4)
    assert tiles.shape == (0,)


@settings(deadline=None)  # the first example compiles
@given(
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.sampled_from(LETTERBOXES),
    st.booleans(),
    st.tuples(*[st.floats(0, 1)] * 4),
)
def test_boxes_find_their_way_back(width, height, letterbox, split, shares):
    spec = InputSpec(width=416, height=256, letterbox=letterbox)
    placements = lay_out(spec, width, height, split)
    assert placements[0].left == 0
    assert placements[-1].left + placements[-1].columns == width
    for before, after in itertools.pairwise(placements):
        assert after.left < before.left + before.columns
        assert after.offset[1] >= before.offset[1] + before.height
    for placement in placements:
        assert placement.offset[0] + placement.width <= spec.width
        assert placement.offset[1] + placement.height <= spec.height
        low, high = np.sort(np.array(shares).reshape(2, 2), axis=0)
        window = np.array([placement.columns, height])
        box = np.concatenate([low * window, high * window]) + [placement.left, 0] * 2
        network = (box - [placement.left, 0] * 2) * (placement.scale * 2) + placement.offset * 2
        moved, _ = to_source(network[np.newaxis], (placement,))
        np.testing.assert_allclose(moved[0], box, atol=1e-6)
