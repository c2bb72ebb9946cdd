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
