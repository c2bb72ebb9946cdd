"""FastestDet by hand: tanh and sigmoid on one grid."""

import numpy as np
import pytest

from perception_core.errors import ModelError


def test_one_box_a_cell(tmp_path, networks):
    raw = np.zeros((1, 8, 2, 4), np.float32)  # 64 x 32, stride 16
    # Row 1, column 2: x (0.5 + 2) / 4 * 64 = 40, y (0 + 1) / 2 * 32 = 16, sigmoid(0) = 0.5: 32 x 16.
    raw[0, :, 1, 2] = [0.9, np.arctanh(0.5), 0, 0, 0, 0.1, 0.1, 0.8]
    found = networks.decode(tmp_path, networks.model_card("fastestdet", size=(64, 32)), {"758": raw})
    np.testing.assert_allclose(found.boxes, [[24, 8, 56, 24]], atol=1e-4)
    np.testing.assert_allclose(found.scores, [0.9**0.6 * 0.8**0.4], atol=1e-6)  # 0.859
    assert found.class_ids.tolist() == [2]
    assert found.rows.tolist() == [6]


def test_the_threshold_is_on_the_product_of_powers(tmp_path, networks):
    raw = np.zeros((1, 8, 2, 4), np.float32)
    raw[0, 0], raw[0, 5] = 0.5, 0.5  # 0.5^0.6 * 0.5^0.4 = 0.5
    card = networks.model_card("fastestdet", size=(64, 32))
    assert len(networks.decode(tmp_path, card, {"o": raw}, 0.499)) == 8
    assert len(networks.decode(tmp_path, card, {"o": raw}, 0.501)) == 0


def test_an_objectness_that_is_none_is_an_error(tmp_path, networks):
    raw = np.zeros((1, 8, 2, 4), np.float32)
    raw[0, 0, 0, 0] = -3
    with pytest.raises(ModelError, match=r"a score of -3 is not in 0\.\.1"):
        networks.decode(tmp_path, networks.model_card("fastestdet", size=(64, 32)), {"o": raw})


@pytest.mark.parametrize("shape", [(1, 9, 2, 4), (1, 8, 8)])
def test_other_shapes_are_refused(tmp_path, networks, shape):
    with pytest.raises(ModelError, match=r"expected an output \[1, 8, rows, columns\] for 3 classes, got o float32"):
        networks.decode(tmp_path, networks.model_card("fastestdet"), {"o": np.zeros(shape, np.float32)})
