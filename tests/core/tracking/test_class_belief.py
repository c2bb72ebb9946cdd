"""Classes over time."""

import numpy as np

from perception_core.tracking import class_belief
from perception_core.types.classes import CAR, CLASSES, INDEX, PERSON, TRUCK, UNKNOWN

C = len(CLASSES)


def report(label: str, p: float = 0.9) -> np.ndarray:
    out = np.full((1, C), (1.0 - p) / (C - 1))
    out[0, INDEX[label]] = p
    return out


def after(*reports: np.ndarray, weight: float = 1.0) -> np.ndarray:
    belief = class_belief.begin(reports[0])
    for r in reports[1:]:
        belief = class_belief.fuse(belief, r, np.array([weight]), 2.5)
    return belief[0]


def test_rows_of_the_confusion_sum_to_one() -> None:
    np.testing.assert_allclose(class_belief.confusion().sum(axis=1), 1.0)


def test_unknown_says_nothing() -> None:
    unknown = report(UNKNOWN, 1.0)
    np.testing.assert_allclose(after(unknown, unknown), class_belief.prior())
    named = after(report(CAR))
    np.testing.assert_allclose(after(report(CAR), unknown), named)


def test_one_wrong_report_does_not_turn_a_car_into_a_person() -> None:
    belief = after(*[report(CAR)] * 5, report(PERSON), weight=1 / 3)
    assert CLASSES[belief.argmax()] == CAR


def test_lasting_reports_do() -> None:
    belief = after(*[report(CAR)] * 20, *[report(PERSON)] * 10)
    assert CLASSES[belief.argmax()] == PERSON


def test_evidence_is_bounded_however_long_it_lasts() -> None:
    long, longer = after(*[report(CAR)] * 50), after(*[report(CAR)] * 500)
    np.testing.assert_allclose(long, longer, atol=1e-6)
    assert longer[INDEX[CAR]] < 0.999
    assert longer[INDEX[TRUCK]] > longer[INDEX[PERSON]] > 0.0


def test_agreement_is_high_for_siblings_and_low_for_strangers() -> None:
    car = after(*[report(CAR)] * 5)[None]
    fits = class_belief.agreement(car, np.vstack([report(CAR), report(TRUCK), report(PERSON), report(UNKNOWN, 1.0)]))
    assert fits[0, 0] > 0.9
    assert fits[0, 3] == 1.0
    assert fits[0, 0] > fits[0, 1] > fits[0, 2]
    assert fits[0, 2] < 0.1


def test_no_tracks() -> None:
    assert class_belief.fuse(np.empty((0, C)), np.empty((0, C)), np.empty(0), 2.5).shape == (0, C)
    assert class_belief.agreement(np.empty((0, C)), report(CAR)).shape == (0, 1)
