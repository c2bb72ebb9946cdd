"""Objects across the seam of two windows: 0..230 and 170..400 of an image of 400 x 100."""

import numpy as np
import pytest

from perception_core.camera.seams import cut_by_seam, mend_seams
from perception_core.inference.layout import lay_out
from perception_core.inference.model_card import InputSpec

ONE = lay_out(InputSpec(width=100, height=100), 400, 100)
TWO = lay_out(InputSpec(width=100, height=100), 400, 100, split_wide=True)


def mended(*rows: tuple[int, list[float], float, int], windows=TWO) -> list[tuple[list[float], float, int]]:
    """Mend rows of (window, box, score, class), best first."""
    tiles = np.array([tile for tile, *_ in rows], np.int64)
    boxes = np.array([box for _, box, *_ in rows], np.float64).reshape(-1, 4)
    scores = np.array([score for _, _, score, _ in rows], np.float64)
    classes = np.array([c for *_, c in rows], np.int32)
    out = mend_seams(boxes, scores, classes, tiles, windows)
    return [(b.tolist(), float(s), int(c)) for b, s, c in zip(*out, strict=True)]


def test_nothing_and_one():
    assert mended() == []
    assert mended((0, [100, 20, 150, 60], 0.9, 0)) == [([100, 20, 150, 60], 0.9, 0)]


def test_a_single_window_has_no_seams():
    rows = [(0, [0, 0, 400, 100], 0.9, 0), (0, [0, 0, 399, 100], 0.8, 1)]
    assert mended(*rows, windows=ONE) == [row[1:] for row in rows]


# The windows are 230 wide, so their last 4.6 pixels belong to the edge.
@pytest.mark.parametrize(
    ("tile", "box", "cut"),
    [
        (0, [0, 0, 50, 50], False),  # the image's own edge
        (0, [200, 0, 225, 50], False),
        (0, [200, 0, 226, 50], True),
        (1, [174, 0, 190, 50], True),
        (1, [175, 0, 190, 50], False),
        (1, [350, 0, 400, 50], False),
    ],
)
def test_what_is_cut(tile, box, cut):
    assert cut_by_seam(np.array([box], float), np.array([tile]), TWO).tolist() == [cut]


def test_a_part_of_what_the_other_window_saw_whole_is_dropped_even_if_it_scored_better():
    whole = ([200, 20, 300, 80], 0.6, 0)
    part = ([200, 20, 230, 80], 0.9, 1)
    assert mended((0, *part), (1, *whole)) == [whole]


def test_a_part_that_nobody_else_saw_stays():
    rows = [(0, [200, 20, 230, 80], 0.9, 0), (1, [300, 20, 350, 80], 0.6, 0)]
    assert mended(*rows) == [row[1:] for row in rows]


def test_a_part_covered_by_little_more_than_half_stays():
    # 17 of 30 columns are covered: 57 %.
    rows = [(0, [200, 20, 230, 80], 0.9, 0), (1, [213, 20, 350, 80], 0.6, 0)]
    assert mended(*rows) == [row[1:] for row in rows]


def test_whole_boxes_that_cover_each_other_are_not_touched():
    rows = [(0, [180, 20, 220, 80], 0.9, 0), (1, [178, 20, 222, 80], 0.6, 0)]
    assert mended(*rows) == [row[1:] for row in rows]


def test_an_object_cut_in_both_windows_is_joined():
    left, right = (0, [100, 20, 229, 80], 0.7, 2), (1, [171, 22, 350, 82], 0.8, 1)
    assert mended(right, left) == [([100, 20, 350, 82], 0.8, 1)]


def test_two_objects_in_the_overlap_are_not_joined():
    # The first begins in the overlap, so the second window would have seen it whole: it is another thing.
    rows = [(0, [190, 20, 230, 80], 0.9, 0), (1, [170, 20, 185, 80], 0.6, 0)]
    assert mended(*rows) == [row[1:] for row in rows]


def test_cut_boxes_in_other_rows_are_not_joined():
    # Rows 0..40 and 30..100: 10 / 100.
    rows = [(0, [100, 0, 230, 40], 0.9, 0), (1, [170, 30, 350, 100], 0.6, 0)]
    assert mended(*rows) == [row[1:] for row in rows]


def test_an_object_through_three_windows_comes_out_once():
    windows = lay_out(InputSpec(width=300, height=300), 3000, 400, split_wide=True)
    edges = [(w.left, w.left + w.columns) for w in windows]
    assert len(windows) == 3
    rows = [(i, [a, 10.0, b, 90.0], 0.9 - 0.1 * i, 0) for i, (a, b) in enumerate(edges)]
    assert mended(*rows, windows=windows) == [([0.0, 10.0, 3000.0, 90.0], 0.9, 0)]


def test_the_inputs_are_left_as_they_are():
    boxes = np.array([[100.0, 20, 230, 80], [170, 20, 350, 80]])
    boxes.flags.writeable = False
    mend_seams(boxes, np.array([0.9, 0.8]), np.zeros(2, np.int32), np.array([0, 1]), TWO)
    assert boxes[0].tolist() == [100, 20, 230, 80]
