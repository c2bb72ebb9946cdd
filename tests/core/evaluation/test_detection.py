"""Detection scores of single scans, worked out by hand."""

import numpy as np
import pytest

from perception_core.evaluation.config import EvaluationConfig
from perception_core.evaluation.detection_centre import centre_scores
from perception_core.evaluation.detection_overlap import overlap_scores
from perception_core.evaluation.scans import judge
from perception_core.types.classes import CAR, INDEX, PERSON, UNKNOWN

CONFIG = EvaluationConfig()
CARS, PEOPLE = INDEX[CAR], INDEX[PERSON]


def test_nothing_to_find(frame, thing):
    scans = judge([frame(0.0, [], [thing(1)])], CONFIG)
    scores = centre_scores(scans, CARS)
    assert scores.objects == 0
    assert np.isnan([scores.ap, scores.ate, scores.ave]).all()
    assert np.isnan(overlap_scores(scans, CARS).bev)


def test_nothing_found(frame, thing):
    scans = judge([frame(0.0, [thing(1)], [])], CONFIG)
    assert (centre_scores(scans, CARS).ap, centre_scores(scans, CARS).objects) == (0.0, 1)
    assert np.isnan(centre_scores(scans, CARS).ate)
    assert (overlap_scores(scans, CARS).bev, overlap_scores(scans, CARS).space) == (0.0, 0.0)


def test_perfect(frame, thing):
    things = [thing(1), thing(2, x=20.0, kind=PERSON, size=(0.6, 0.6, 1.7))]
    scans = judge([frame(0.0, things, things)], CONFIG)
    for kind in (CARS, PEOPLE):
        scores = centre_scores(scans, kind)
        assert (scores.objects, scores.ap, scores.ate, scores.ase, scores.aoe, scores.ave) == pytest.approx(
            (1, 1.0, 0.0, 0.0, 0.0, 0.0)
        )
        assert (overlap_scores(scans, kind).bev, overlap_scores(scans, kind).space) == pytest.approx((1.0, 1.0))


def test_each_distance_counts_for_itself(frame, thing):
    """0.8 m off: right at 1, 2 and 4 m, wrong at 0.5 m."""
    scores = centre_scores(judge([frame(0.0, [thing(1)], [thing(1, x=0.8)])], CONFIG), CARS)
    assert (scores.ap_050, scores.ap_100, scores.ap_200, scores.ap_400) == pytest.approx((0.0, 1.0, 1.0, 1.0))
    assert scores.ap == pytest.approx(0.75)


def test_errors_of_one_pair(frame, thing):
    """0.3 and 0.4 m: 0.5 m; 4x2x1.6 in 2x2x1.6: IoU 1/2; a third of a half turn; 3 and 4 m/s: 5."""
    found = thing(1, x=0.3, y=0.4, size=(2.0, 2.0, 1.6), yaw=np.pi / 6, velocity=(3.0, 4.0, 9.0))
    scores = centre_scores(judge([frame(0.0, [thing(1)], [found])], CONFIG), CARS)
    assert (scores.ate, scores.ase, scores.aoe, scores.ave) == pytest.approx((0.5, 0.5, np.pi / 6, 5.0))


def test_a_box_turned_round_is_half_a_turn_off(frame, thing):
    scores = centre_scores(judge([frame(0.0, [thing(1)], [thing(1, yaw=np.pi)])], CONFIG), CARS)
    assert scores.aoe == pytest.approx(np.pi)


def test_a_velocity_that_nobody_knows_is_not_compared(frame, thing):
    unknown = (float("nan"),) * 3
    scores = centre_scores(judge([frame(0.0, [thing(1, velocity=unknown)], [thing(1)])], CONFIG), CARS)
    assert scores.ate == 0.0
    assert np.isnan(scores.ave)


def test_a_surer_false_one_halves_the_precision(frame, thing):
    """Precision is 0 and then 1/2 at recall 1; in between it rises evenly from 0 at recall 0: mean over 11..100 % of
    max(0, r/2 - 0.1) / 0.9, which sum(r/2 - 0.1 for r = 0.20 ... 1.00) / 90 / 0.9 = 16.2 / 81 makes 0.2."""
    scans = judge([frame(0.0, [thing(1)], [thing(2, x=30.0, score=0.9), thing(1, score=0.6)])], CONFIG)
    assert centre_scores(scans, CARS).ap_200 == pytest.approx(0.2)
    assert centre_scores(scans).ap_200 == pytest.approx(0.2)


def test_a_wrong_name_is_a_miss_and_a_false_one_but_an_object_all_the_same(frame, thing):
    scans = judge([frame(0.0, [thing(1, kind=PERSON)], [thing(1)])], CONFIG)
    assert centre_scores(scans, PEOPLE).ap == 0.0
    assert np.isnan(centre_scores(scans, CARS).ap)
    assert centre_scores(scans).ap == pytest.approx(1.0)


def test_a_wall_lowers_no_precision(frame, thing):
    scans = judge([frame(0.0, [thing(1)], [thing(2, x=30.0, kind=UNKNOWN), thing(1, score=0.6)])], CONFIG)
    assert centre_scores(scans).ap == pytest.approx(1.0)


def test_what_is_beside_the_point_lowers_no_precision(frame, thing):
    there = [thing(1), thing(2, x=20.0, points=2)]
    scans = judge([frame(0.0, there, [thing(1, score=0.6), thing(2, x=20.0), thing(3, x=70.0)])], CONFIG)
    assert centre_scores(scans, CARS).ap == pytest.approx(1.0)
    assert overlap_scores(scans, CARS).bev == pytest.approx(1.0)


@pytest.mark.parametrize(("shift", "right"), [(0.6, 1.0), (0.8, 0.0)])
def test_cars_need_seven_tenths(frame, thing, shift, right):
    """4 m long and 0.6 m off: 3.4 / 4.6 = 0.74; 0.8 m: 3.2 / 4.8 = 0.67."""
    scores = overlap_scores(judge([frame(0.0, [thing(1)], [thing(1, x=shift)])], CONFIG), CARS)
    assert (scores.bev, scores.space) == (right, right)


def test_people_need_one_half_and_height_counts_in_space(frame, thing):
    """0.8 of 0.8 x 0.8 m: 0.2 off gives 0.6 / 1.0 from above; lifted by half its height 0.3 / 1.3 in space."""
    person = {"kind": PERSON, "size": (0.8, 0.8, 1.6)}
    scans = judge([frame(0.0, [thing(1, **person)], [thing(1, x=0.2, z=1.6, **person)])], CONFIG)
    assert (overlap_scores(scans, PEOPLE).bev, overlap_scores(scans, PEOPLE).space) == (1.0, 0.0)
