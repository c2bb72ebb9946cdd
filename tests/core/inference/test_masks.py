"""From the network's pixels to the image's, by hand."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception_core.inference.layout import lay_out
from perception_core.inference.masks import labels_to_source, masks_to_source
from perception_core.inference.model_card import InputSpec

SPEC = InputSpec(width=64, height=64, letterbox="centre")


def test_labels_at_a_quarter_of_the_input():
    # 128 x 64 lies at half its size in rows 16 to 48: cells of 4, so rows 4 to 12 of the map.
    labels = np.zeros((16, 16), np.uint8)
    labels[4:12, 8:] = 1
    labels[4, 0] = 2
    out = labels_to_source(labels, SPEC, lay_out(SPEC, 128, 64), 128, 64)
    assert out.shape == (64, 128)
    assert (out[:, 64:] == 1).all()
    assert (out[:8, :8] == 2).all()
    assert out[:, :64].sum() == 2 * 64


def test_labels_of_two_windows_meet_in_the_middle_of_their_overlap():
    spec = InputSpec(width=100, height=100)
    windows = lay_out(spec, 400, 100, split_wide=True)  # 0..230 in rows 0..43, 170..400 in rows 50..93
    labels = np.zeros((100, 100), np.uint8)
    labels[:43], labels[50:93] = 1, 2
    out = labels_to_source(labels, spec, windows, 400, 100)
    assert (out[:, :200] == 1).all()
    assert (out[:, 200:] == 2).all()


def masks(logits, boxes, spec=SPEC, size=(128, 64), instances=None):
    (window,) = lay_out(spec, *size)
    k = len(logits)
    numbers = np.arange(k) if instances is None else np.array(instances)
    return masks_to_source(logits, np.array(boxes, float), [window] * k, numbers, spec, *size)


def test_a_mask_ends_where_its_logits_turn_and_at_its_box():
    logits = np.full((1, 16, 16), -1, np.float32)
    logits[0, :, 8:] = 1  # turns at column 32 of the input: column 64 of the image
    out = masks(logits, [[16, 8, 100, 56]])
    assert out.dtype == np.uint16
    rows, columns = np.nonzero(out)
    assert (rows.min(), rows.max(), columns.max()) == (8, 55, 99)
    assert abs(columns.min() - 64) <= 1
    assert (out[8:56, 70:100] == 1).all()


def test_the_better_one_is_on_top_and_numbers_are_the_callers():
    everywhere = np.ones((2, 16, 16), np.float32)
    out = masks(everywhere, [[0, 0, 40, 64], [20, 0, 128, 64]], instances=[6, 2])
    assert (out[:, :40] == 7).all()
    assert (out[:, 40:] == 3).all()


def test_no_masks():
    assert not masks(np.empty((0, 16, 16), np.float32), np.empty((0, 4))).any()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (30000, 1), (1, 30000)])
def test_the_smallest_and_the_longest_images(width, height):
    spec = InputSpec(width=64, height=64)
    out = masks(np.ones((1, 16, 16), np.float32), [[0, 0, width, height]], spec, (width, height))
    assert out.shape == (height, width)
    assert (out == 1).all()
    labels = labels_to_source(np.full((16, 16), 3, np.uint8), spec, lay_out(spec, width, height), width, height)
    assert (labels == 3).all()


def test_a_large_image_takes_one_image_s_memory():
    spec = InputSpec(width=64, height=64, letterbox="stretch")
    start = time.monotonic()
    out = masks(np.ones((3, 16, 16), np.float32), [[0, 0, 8000, 6000]] * 3, spec, (8000, 6000))
    assert out.nbytes == 8000 * 6000 * 2
    assert (out == 1).all()
    assert time.monotonic() - start < 60


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from(["top_left", "centre", "stretch"]), st.booleans())
def test_every_pixel_takes_the_label_the_network_has_at_its_centre(width, height, letterbox, split):
    spec = InputSpec(width=40, height=24, letterbox=letterbox)
    windows = lay_out(spec, width, height, split)
    labels = np.arange(240, dtype=np.uint8).reshape(12, 20)  # cells of two by two pixels
    out = labels_to_source(labels, spec, windows, width, height)
    rng = np.random.default_rng(0)
    for x, y in zip(rng.integers(0, width, 9), rng.integers(0, height, 9), strict=True):
        at = set()
        for w in windows:
            u = (x + 0.5 - w.left) * w.scale[0] + w.offset[0]
            v = (y + 0.5) * w.scale[1] + w.offset[1]
            # Where a centre lies on the border of two cells, either will do.
            columns = np.clip(np.array([u - 1e-6, u + 1e-6]) // 2, 0, 19).astype(int)
            rows = np.clip(np.array([v - 1e-6, v + 1e-6]) // 2, 0, 11).astype(int)
            at |= set(labels[np.ix_(rows, columns)].ravel().tolist())
        assert out[y, x] in at
