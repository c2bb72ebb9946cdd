"""Classes over time."""

import numpy as np
import pytest

from perception_core.tracking import class_belief
from perception_core.types.classes import CAR, CLASSES, INDEX, PERSON, TRUCK, UNKNOWN

C = len(CLASSES)
MEMORY = 2.5


def report(label: str, p: float = 0.9) -> np.ndarray:
    out = np.full((1, C), (1.0 - p) / (C - 1))
    out[0, INDEX[label]] = p
    return out


def after(*reports: np.ndarray, weight: float = 1.0) -> np.ndarray:
    belief = class_belief.begin(reports[0], MEMORY)
    for r in reports[1:]:
        belief = class_belief.fuse(belief, r, np.array([weight]), MEMORY)
    return belief[0]


def test_rows_of_the_confusion_sum_to_one() -> None:
    np.testing.assert_allclose(class_belief.confusion().sum(axis=1), 1.0)


def shape(named: float) -> np.ndarray:
    out = np.zeros((1, C))
    out[0, [INDEX[CAR], INDEX[UNKNOWN]]] = named, 1.0 - named
    return out


def test_a_shape_that_may_be_a_car_takes_no_name_away() -> None:
    car = after(*[report(CAR)] * 20)
    np.testing.assert_allclose(after(*[report(CAR)] * 20, *[shape(0.1)] * 50), car)


def test_a_shape_that_fits_nothing_does() -> None:
    """A tenth of what the best shape gets: odds of 0.1^(1 / 2.5) in each scan, 0.01 after five."""
    before = after(report(CAR, 0.8), report(CAR, 0.8))
    later = after(report(CAR, 0.8), report(CAR, 0.8), *[shape(0.01)] * 5)
    odds = [b[INDEX[CAR]] / b[INDEX[UNKNOWN]] for b in (before, later)]
    np.testing.assert_allclose(odds[1] / odds[0], 0.01)
    assert CLASSES[before.argmax()] == CAR
    assert CLASSES[later.argmax()] == UNKNOWN


@pytest.mark.parametrize("named", [0.0, 1e-4, 1e-3])
def test_a_shape_that_fits_so_badly_that_no_class_is_told_speaks_no_less(named: float) -> None:
    """A pole 4 m high is told as unknown alone: a hundredth at most, odds of 0.01^(1 / 2.5) in each scan."""
    before, later = after(report(CAR)), after(report(CAR), shape(named))
    odds = [b[INDEX[CAR]] / b[INDEX[UNKNOWN]] for b in (before, later)]
    np.testing.assert_allclose(odds[1] / odds[0], 0.01**0.4)


def test_one_wrong_report_does_not_turn_a_car_into_a_person() -> None:
    belief = after(*[report(CAR)] * 5, report(PERSON), weight=1 / 3)
    assert CLASSES[belief.argmax()] == CAR


def test_lasting_reports_do() -> None:
    belief = after(*[report(CAR)] * 20, *[report(PERSON)] * 10)
    assert CLASSES[belief.argmax()] == PERSON


def test_the_same_report_again_and_again_is_believed_as_it_is_and_no_more() -> None:
    """Fusion says car 0.8, truck 0.15, unknown 0.05 in every scan: so does the belief, and never more."""
    scan = np.zeros((1, C))
    scan[0, [INDEX[CAR], INDEX[TRUCK], INDEX[UNKNOWN]]] = 0.8, 0.15, 0.05
    for n in (1, 2, 5, 20, 500):
        assert after(*[scan] * n)[INDEX[CAR]] <= 0.8
    lasting = after(*[scan] * 500)
    np.testing.assert_allclose(lasting[[INDEX[CAR], INDEX[TRUCK], INDEX[UNKNOWN]]], scan[scan > 0.0], atol=0.01)


def test_one_report_moves_the_prior_by_its_share_of_the_memory() -> None:
    """Car 0.5, unknown 0.5 of the prior's 0.15 and 0.63, by a share of 0.5 / 2.5 = 0.2: odds (0.15 / 0.63)^0.8."""
    scan = np.zeros((1, C))
    scan[0, [INDEX[CAR], INDEX[UNKNOWN]]] = 0.5
    belief = after(scan)
    np.testing.assert_allclose(belief[INDEX[CAR]] / belief[INDEX[UNKNOWN]], (0.15 / 0.63) ** 0.8)


def test_a_doubtful_name_alone_names_nothing() -> None:
    belief = after(report(PERSON, 0.4), *[report(UNKNOWN, 1.0)] * 5)
    assert CLASSES[belief.argmax()] == UNKNOWN


def test_agreement_is_high_for_siblings_and_low_for_strangers() -> None:
    car = after(*[report(CAR)] * 20)[None]
    fits = class_belief.agreement(car, np.vstack([report(CAR), report(TRUCK), report(PERSON), report(UNKNOWN, 1.0)]))
    assert fits[0, 0] > 0.9
    assert fits[0, 3] == 1.0
    assert fits[0, 0] > fits[0, 1] > fits[0, 2]
    assert fits[0, 2] < 0.1


def test_no_tracks() -> None:
    assert class_belief.fuse(np.empty((0, C)), np.empty((0, C)), np.empty(0), MEMORY).shape == (0, C)
    assert class_belief.agreement(np.empty((0, C)), report(CAR)).shape == (0, 1)
