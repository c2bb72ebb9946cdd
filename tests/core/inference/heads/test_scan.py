"""Whatever numbers come: candidates that make sense, or a ModelError, in every family."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from perception_core.errors import ModelError
from perception_core.inference.heads import create_head, scan
from perception_core.inference.layout import lay_out
from perception_core.inference.masks import masks_to_source

ODD = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1.0, 0.5, -1.0, 1e38, -1e38, 3.0, 89.0, 1e-40])
ANY = st.floats(width=32) | ODD
SCORE = st.sampled_from([0.0, 0.25, 0.5, 1.0, 0.999])

SHAPES = {
    "yolox": {"o": (1, 21, 8)},  # 32 x 32: 16 + 4 + 1 cells
    "yolov5": {"o": (1, 5, 8)},
    "yolov5 raw": {"fine": (1, 1, 2, 2, 8), "coarse": (1, 8, 1, 1)},
    "yolov8": {"o": (1, 7, 21)},
    "yolo_end2end": {"o": (1, 5, 6)},
    "rtdetr": {"o": (1, 5, 7)},
    "rfdetr": {"dets": (1, 5, 4), "labels": (1, 5, 4)},
    "nanodet": {"o": (1, 22, 11)},
    "fastestdet": {"o": (1, 8, 2, 2)},
}


@pytest.mark.parametrize("family", SHAPES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_numbers_give_finite_boxes_or_a_model_error(networks, family, data):
    name, _, raw = family.partition(" ")
    card = networks.model_card(name, size=(32, 32), **{"anchors": (4, 4, 9, 9)} if raw else {})
    outputs = {
        name: data.draw(hnp.arrays(np.float32, shape, elements=data.draw(st.sampled_from([ANY, SCORE]))))
        for name, shape in SHAPES[family].items()
    }
    table = np.array([3, -1, 0], np.int32)
    try:
        found = create_head(card).decode(outputs, data.draw(st.sampled_from([0.0, 0.3, 1.0])), table)
    except ModelError:
        return
    assert found.boxes.shape == (len(found), 4)
    assert found.boxes.dtype == found.scores.dtype == np.float32
    assert np.isfinite(found.boxes).all()
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    assert set(found.class_ids.tolist()) <= {0, 3}


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float32, (1, 9, 5), elements=ANY),
    hnp.arrays(np.float32, (1, 2, 4, 4), elements=ANY),
)
def test_any_numbers_give_masks_that_are_drawn(networks, boxes, prototypes):
    head = create_head(networks.model_card("yolov8", task="instances", size=(32, 32)))
    logits = head.masks({"boxes": boxes, "prototypes": prototypes}, np.array([0, 4]))
    assert logits.shape == (2, 4, 4)
    assert not np.isnan(logits).any()
    spec = networks.InputSpec(width=32, height=32)
    window = lay_out(spec, 20, 10)[0]
    drawn = masks_to_source(logits, np.array([[0, 0, 20, 10]] * 2, float), [window] * 2, np.arange(2), spec, 20, 10)
    assert set(np.unique(drawn)) <= {0, 1, 2}


def naive(raw: np.ndarray, first: int, threshold: float, table: np.ndarray, objectness: int) -> list[tuple]:
    passed = []
    for a, row in enumerate(raw):
        classes = row[first : first + len(table)]
        best = int(np.argmax(classes))
        score = classes[best] * (row[objectness] if objectness >= 0 else np.float32(1))
        if score >= threshold and table[best] >= 0:
            passed.append((a, float(score), int(table[best])))
    return passed


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(0, 9), st.just(12)), elements=st.floats(0, 1, width=32)),
    st.sampled_from([-1, 4]),
    st.sampled_from([0.25, 0.5, 0.75]),
)
def test_rows_and_columns_equal_the_plain_loop(raw, objectness, threshold):
    table = np.array([2, -1, 0, 1, 5, 6, 7], np.int32)
    wanted = naive(raw, 5, np.float32(threshold), table, objectness)
    for passed in (
        scan.scan_rows(raw, 5, threshold, table, objectness),
        scan.scan_columns(np.ascontiguousarray(raw.T), 5, threshold, table, objectness),
    ):
        got = list(zip(passed.rows.tolist(), passed.scores.tolist(), passed.class_ids.tolist(), strict=True))
        assert got == wanted
        assert 0 <= passed.worst <= 1


def test_logits_may_be_any_number():
    raw = np.array([[-7, 20], [np.inf, -np.inf]], np.float32)
    passed = scan.scan_rows(raw, 0, scan.logit(0.5), np.array([0, 1], np.int32), logits=True)
    assert scan.scores_of_logits("m", "o", passed).tolist() == pytest.approx([1.0, 1.0])
    assert passed.class_ids.tolist() == [1, 0]


@pytest.mark.parametrize(("probability", "logit"), [(0.0, -np.inf), (0.5, 0.0), (1.0, np.inf), (0.8, np.log(4))])
def test_the_logit_of_a_threshold(probability, logit):
    assert scan.logit(probability) == pytest.approx(logit)


def test_corners_from_centres():
    x, y, width, height = np.array([[10, 20, 4, 6], [0, 0, 0, 0]], np.float32).T
    assert scan.from_centres(x, y, width, height).tolist() == [[8, 17, 12, 23], [0, 0, 0, 0]]


def test_of_many_that_pass_the_best_thousand_go_on_in_the_order_of_the_output():
    scores = np.full(2500, 0.5, np.float32)
    scores[[7, 2400]] = 0.9
    scores[1200] = 0.4
    passed = scan.scan_rows(scores[:, np.newaxis].copy(), 0, 0.3, np.zeros(1, np.int32))
    # Two better ones, and the first 998 of those that are equal.
    assert passed.rows.tolist() == [*range(999), 2400]
    assert passed.scores[[7, 999]].tolist() == pytest.approx([0.9, 0.9])
    turned = scan.scan_columns(scores[np.newaxis].copy(), 0, 0.3, np.zeros(1, np.int32))
    assert turned.rows.tolist() == passed.rows.tolist()
    every = scan.scan_columns(scores[np.newaxis].copy(), 0, 0.3, np.zeros(1, np.int32), every=True)
    assert every.rows.tolist() == list(range(2500))


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), max_size=3000))
@settings(max_examples=30)
def test_the_strongest_are_those_that_a_stable_sort_puts_first(values):
    scores = np.array(values, np.float32)
    expected = np.sort(np.argsort(-scores, kind="stable")[: scan.MOST_CANDIDATES])
    assert scan.strongest(scores).tolist() == expected.tolist()


def test_logits_are_scored_by_objectness_and_best_class():
    # sigmoid(0) = 0.5, sigmoid(ln 3) = 0.75, sigmoid(ln 4) = 0.8, sigmoid(-10) = 0.00005
    raw = np.array(
        [[0.0, np.log(4), 0.0], [np.log(3), 0.0, np.log(4)], [-10.0, 50.0, 0.0], [50.0, np.log(4), -50.0]], np.float32
    )
    passed = scan.scan_logits(raw, 1, 0.35, np.array([4, 6], np.int32), 0)
    assert passed.rows.tolist() == [0, 1, 3]
    assert passed.scores.tolist() == pytest.approx([0.4, 0.6, 0.8])
    assert passed.class_ids.tolist() == [4, 6, 4]
    dropped = scan.scan_logits(raw, 1, 0.35, np.array([4, -1], np.int32), 0)
    assert dropped.rows.tolist() == [0, 3]
    assert scan.scan_logits(raw[:0], 1, 0.35, np.array([4, 6], np.int32), 0).rows.tolist() == []


@pytest.mark.parametrize("place", [(1, 0), (1, 2)])
def test_logits_that_are_no_numbers_are_told(place):
    raw = np.full((3, 3), 2.0, np.float32)
    raw[place] = np.nan
    assert np.isnan(scan.scan_logits(raw, 1, 0.3, np.array([4, 6], np.int32), 0).worst)
