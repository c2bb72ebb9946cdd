"""NanoDet by hand: distances from distributions."""

import numpy as np
import pytest

from perception_core.errors import ModelError


def sides(left: int, top: int, right: int, bottom: int, bins: int = 8) -> np.ndarray:
    """Return logits that put all weight on whole distances."""
    out = np.full((4, bins), -50, np.float32)
    out[range(4), [left, top, right, bottom]] = 50
    return out.ravel()


def test_plus_measures_from_the_corner_of_a_cell(tmp_path, networks):
    # 64 x 64, strides 8 to 64: 64 + 16 + 4 + 1 cells.
    raw = np.zeros((1, 85, 3 + 32), np.float32)
    raw[0, 10] = [0, 0.8, 0.1, *sides(1, 0, 2, 3)]  # column 2, row 1: (16, 8)
    raw[0, 84] = [0.9, 0, 0, *sides(0, 0, 1, 1)]  # the one cell of stride 64
    found = networks.decode(tmp_path, networks.model_card("nanodet"), {"output": raw})
    np.testing.assert_allclose(found.boxes, [[8, 8, 32, 32], [0, 0, 64, 64]], atol=1e-4)
    np.testing.assert_allclose(found.scores, [0.8, 0.9], atol=1e-6)
    assert found.class_ids.tolist() == [1, 0]


def test_the_older_one_measures_from_the_middle(tmp_path, networks):
    raw = np.zeros((1, 84, 3 + 32), np.float32)
    raw[0, 64 + 6] = [0, 0, 0.7, *sides(1, 1, 1, 1)]  # stride 16, column 2, row 1: (40, 24)
    found = networks.decode(tmp_path, networks.model_card("nanodet"), {"output": raw})
    np.testing.assert_allclose(found.boxes, [[24, 8, 56, 40]], atol=1e-4)


def test_a_distance_is_the_mean_of_its_distribution(tmp_path, networks):
    raw = np.zeros((1, 85, 3 + 16), np.float32)  # distances 0..3: equal weights make 1.5
    raw[0, 0, 0] = 1.0
    found = networks.decode(tmp_path, networks.model_card("nanodet"), {"output": raw})
    np.testing.assert_allclose(found.boxes, [[-12, -12, 12, 12]], atol=1e-4)


def test_a_last_cell_that_is_not_whole_counts(tmp_path, networks):
    # 80 x 40: 10 x 5, 5 x 3, 3 x 2, 2 x 1 cells.
    raw = np.zeros((1, 50 + 15 + 6 + 2, 3 + 32), np.float32)
    raw[0, 50 + 13] = [1, 0, 0, *sides(0, 0, 1, 1)]  # stride 16, column 3, row 2
    found = networks.decode(tmp_path, networks.model_card("nanodet", size=(80, 40)), {"output": raw})
    np.testing.assert_allclose(found.boxes, [[48, 32, 64, 48]], atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((1, 85, 3 + 30), r"expected an output \[1, cells, 3 \+ 4 x \(R \+ 1\)\] for 3 classes, got o float32"),
        ((1, 86, 35), r"86 cells are not those of strides \[8, 16, 32, 64\] \(85\) or \[8, 16, 32\] \(84\) over 64x64"),
        ((85, 35), "expected an output"),
    ],
)
def test_other_shapes_are_refused(tmp_path, networks, shape, reason):
    with pytest.raises(ModelError, match=reason):
        networks.decode(tmp_path, networks.model_card("nanodet"), {"o": np.zeros(shape, np.float32)})


def test_strides_of_the_card_go_first(tmp_path, networks):
    card = networks.model_card("nanodet", strides=(16, 32))
    raw = np.zeros((1, 20, 35), np.float32)
    raw[0, 5] = [1, 0, 0, *sides(1, 1, 1, 1)]  # two scales: from the corner (16, 16)
    np.testing.assert_allclose(networks.decode(tmp_path, card, {"o": raw}).boxes, [[0, 0, 32, 32]], atol=1e-4)
