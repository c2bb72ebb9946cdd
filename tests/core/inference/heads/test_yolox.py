"""YOLOX by hand: offsets from cells, logarithms of sizes, products of scores."""

import numpy as np
import pytest

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.grids import find_strides, grid_cells
from perception_core.inference.heads import create_head
from perception_core.inference.model_card import load_card

TABLE = np.array([6, 4, 3, 0, -1], np.int32)


@pytest.fixture
def card(tmp_path, networks):
    """The card of the tiny network: 64 x 64, five classes, strides left open."""
    path = tmp_path / "tiny.yaml"
    path.write_text(networks.CARD)
    return load_card(path)


@pytest.fixture
def head(card):
    """Its head."""
    return create_head(card)


def output_info(*shape) -> tuple[TensorInfo, ...]:
    return (TensorInfo("output", shape, np.dtype(np.float32)),)


@pytest.mark.parametrize(
    ("width", "height", "anchors", "strides"),
    [
        (416, 416, 3549, (8, 16, 32)),  # 2704 + 676 + 169
        (640, 640, 8400, (8, 16, 32)),  # 6400 + 1600 + 400
        (1280, 1280, 34000, (8, 16, 32, 64)),  # 25600 + 6400 + 1600 + 400
        (640, 384, 5040, (8, 16, 32)),  # 3840 + 960 + 240
        (64, 64, 16, (16,)),
    ],
)
def test_strides_from_the_shapes(width, height, anchors, strides):
    assert find_strides(width, height, anchors) == strides
    assert len(grid_cells(width, height, strides)) == anchors


@pytest.mark.parametrize("anchors", [0, 1, 3548, 3550, 8400])
def test_anchors_that_fit_no_strides(anchors):
    with pytest.raises(ModelError, match=f"{anchors} anchors fit no pyramid of strides over an input of 416x416"):
        find_strides(416, 416, anchors)


def test_cells_go_row_by_row():
    np.testing.assert_array_equal(
        grid_cells(32, 16, (8, 16)),
        [
            [0, 0, 8],
            [1, 0, 8],
            [2, 0, 8],
            [3, 0, 8],
            [0, 1, 8],
            [1, 1, 8],
            [2, 1, 8],
            [3, 1, 8],
            [0, 0, 16],
            [1, 0, 16],
        ],
    )


def test_boxes_by_hand_on_each_stride(head, networks):
    raw = networks.empty_output()
    # Cell 10 of stride 8 is column 2, row 1: centre (2 + 0.5) * 8, (1 + 0.25) * 8 = (20, 10), size 8 x 16.
    raw[0, 10] = [0.5, 0.25, 0, np.log(2), 0.9, 0.1, 0, 0, 0.8, 0.2]
    # Cell 64 + 7 of stride 16 is column 3, row 1: centre (48, 16), size 16 x 8.
    raw[0, 71] = [0, 0, 0, np.log(0.5), 0.5, 1, 0, 0, 0, 0]
    # Cell 80 + 2 of stride 32 is column 0, row 1: centre (16, 48), size 32 x 32.
    raw[0, 82] = [0.5, 0.5, 0, 0, 1.0, 0, 0.75, 0, 0, 0]
    found = head.decode({"output": raw}, 0.3, TABLE)
    np.testing.assert_allclose(found.boxes, [[16, 2, 24, 18], [40, 12, 56, 20], [0, 32, 32, 64]], atol=1e-5)
    np.testing.assert_allclose(found.scores, [0.72, 0.5, 0.75], atol=1e-6)
    assert found.class_ids.tolist() == [0, 6, 4]


def test_nothing_and_everything(head, networks):
    assert len(head.decode({"output": networks.empty_output()}, 0.3, TABLE)) == 0
    raw = networks.empty_output()
    raw[..., 4:6] = 1.0
    assert len(head.decode({"output": raw}, 0.3, TABLE)) == 84


def test_the_threshold_is_inclusive_on_the_product(head, networks):
    raw = networks.empty_output()
    raw[0, 0, [4, 8]] = [0.5, 0.5]
    assert len(head.decode({"output": raw}, 0.25, TABLE)) == 1
    assert len(head.decode({"output": raw}, 0.26, TABLE)) == 0


def test_a_dropped_class_takes_its_anchor_along(head, networks):
    raw = networks.empty_output()
    raw[0, 0, [4, 8, 9]] = [1.0, 0.8, 0.9]  # rather a traffic light than a car
    assert len(head.decode({"output": raw}, 0.3, TABLE)) == 0


@pytest.mark.parametrize(
    ("column", "value"),
    [(4, np.nan), (4, np.inf), (4, 3.5), (4, -0.5), (5, np.nan), (8, np.nan), (8, np.inf), (8, 3.5)],
)
def test_numbers_that_cannot_be_scores_are_an_error(head, networks, column, value):
    raw = networks.empty_output()
    raw[0, 5, [4, 8]] = 1.0
    raw[0, 5, column] = value
    with pytest.raises(ModelError, match=f"a score of {value:g} is not in 0..1"):
        head.decode({"output": raw}, 0.3, TABLE)


def test_nan_is_reported_whatever_follows(head, networks):
    raw = networks.empty_output()
    raw[0, 5, 4] = np.nan
    raw[0, 6, 4] = 7.0
    with pytest.raises(ModelError, match="a score of nan"):
        head.decode({"output": raw}, 0.3, TABLE)


@pytest.mark.parametrize("value", [np.nan, np.inf, 200.0])
def test_a_box_that_overflows_is_dropped(head, networks, value):
    raw = networks.empty_output()
    raw[0, 5, [4, 8]] = 1.0
    raw[0, 5, 2] = value
    raw[0, 6, [4, 8]] = 1.0
    found = head.decode({"output": raw}, 0.3, TABLE)
    assert len(found) == 1
    assert np.isfinite(found.boxes).all()


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((1, 84), r"expected an output \[1, anchors, 10\] for 5 classes, got output float32 \[1, 84\]"),
        ((1, 84, 85), r"expected an output \[1, anchors, 10\] for 5 classes"),
        ((1, 1, 84, 10), r"expected an output \[1, anchors, 10\]"),
        ((1, 83, 10), "83 anchors fit no pyramid of strides over an input of 64x64"),
    ],
)
def test_outputs_of_another_shape_are_refused(head, shape, reason):
    with pytest.raises(ModelError, match=reason):
        head.check(output_info(*shape))
    with pytest.raises(ModelError, match=reason.partition("got")[0].rstrip(", ")):
        head.decode({"output": np.zeros(shape, np.float32)}, 0.3, TABLE)


def test_two_outputs_are_refused(head):
    with pytest.raises(ModelError, match="YOLOX has one output, got 2"):
        head.check(output_info(1, 84, 10) * 2)


def test_strides_of_the_card_have_to_make_the_anchors(tmp_path, networks):
    path = tmp_path / "tiny.yaml"
    path.write_text(networks.CARD + "strides: [8, 16]\n")
    with pytest.raises(ModelError, match=r"strides \[8, 16\] make 80 anchors of an input of 64x64, the output has 84"):
        create_head(load_card(path)).check(output_info(1, 84, 10))


def test_open_shapes_are_checked_when_the_outputs_come(head, networks):
    head.check(output_info(None, None, None))
    assert len(head.decode({"output": networks.empty_output()}, 0.3, TABLE)) == 0
