"""Verdicts on single scans, worked out by hand."""

import dataclasses

import numpy as np
import pytest

from perception_core.errors import PerceptionError
from perception_core.evaluation.config import EvaluationConfig
from perception_core.evaluation.frames import EvaluationFrame
from perception_core.evaluation.scans import judge_frame
from perception_core.geometry.transforms import from_yaw
from perception_core.types import Motion
from perception_core.types.classes import PERSON, UNKNOWN

CONFIG = EvaluationConfig()


def verdicts(scan) -> str:
    """One letter an obstacle."""
    names = {"kept": "k", "held": "h", "excused": "e", "structure": "s"}
    flags = np.array([getattr(scan, name) for name in names])
    assert (flags.sum(axis=0) == 1).all()
    return "".join(list(names.values())[i] for i in flags.argmax(axis=0))


def test_nothing_and_nobody(frame):
    scan = judge_frame(frame(0.0, [], []), CONFIG)
    assert len(scan.asked) == len(scan.kept) == 0
    assert scan.similarity.shape == (0, 0)


def test_similarity_is_one_half_at_the_match_distance_in_3d(frame, thing):
    scan = judge_frame(frame(0.0, [thing(1, z=0.0)], [thing(1, x=1.2, z=1.6), thing(2, x=1.0, z=0.0)]), CONFIG)
    assert scan.similarity == pytest.approx(np.array([[0.5, 0.75]]))
    assert scan.partner.tolist() == [-1, 0]


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({}, True),
        ({"points": 10}, True),
        ({"points": 9}, False),
        ({"points": 9, "visible": 1.0}, False),
        ({"points": -1}, True),
        ({"points": -1, "visible": 0.3}, True),
        ({"points": -1, "visible": 0.2}, False),
        ({"x": 60.5}, False),
        ({"x": -59.5}, True),
        ({"x": 36.0, "y": 48.5}, False),
    ],
)
def test_who_is_asked_for(frame, thing, change, asked):
    scan = judge_frame(frame(0.0, [thing(1, **change)], []), CONFIG)
    assert scan.asked.tolist() == [asked]


def test_the_range_is_the_robots_and_the_view_looks_ahead_of_it(frame, thing):
    pose = from_yaw(np.pi / 2, (100.0, 0.0, 0.0))  # stands at x = 100 and looks along +y
    config = EvaluationConfig(view_half_angle=40.0)
    there = [thing(1, x=100.0, y=10.0), thing(2, x=110.0, y=0.0), thing(3, x=0.0)]
    assert judge_frame(frame(0.0, there, [], pose), config).asked.tolist() == [True, False, False]


def test_false_are_the_named_and_the_moving_but_no_wall(frame, thing):
    reported = [
        thing(1, x=10.0),
        thing(2, x=20.0, kind=UNKNOWN),
        thing(3, x=30.0, kind=UNKNOWN, motion=Motion.MOVING),
        thing(4, x=40.0, kind=PERSON, sure=0.6),
        thing(5, x=50.0, kind=PERSON, sure=0.4),
        thing(6, x=61.0),
    ]
    assert verdicts(judge_frame(frame(0.0, [thing(1, x=10.5)], reported), CONFIG)) == "kshhse"


def test_what_lies_on_an_object_nobody_asks_for_is_excused(frame, thing):
    hidden = thing(1, x=10.0, size=(12.0, 2.5, 3.0), points=3)
    reported = [thing(1, x=11.0), thing(2, x=4.5), thing(3, x=15.9, y=1.2), thing(4, x=16.1, y=1.2), thing(5, x=8.5)]
    assert verdicts(judge_frame(frame(0.0, [hidden], reported), CONFIG)) == "eeehe"


def test_the_track_of_a_hidden_object_does_not_stand_for_its_neighbour(frame, thing):
    """Both people are within 2 m of the obstacle; it is nearer to the one that is hidden."""
    people = [thing(1, x=10.0, kind=PERSON), thing(2, x=11.0, kind=PERSON, points=0)]
    scan = judge_frame(frame(0.0, people, [thing(7, x=10.9, kind=PERSON)]), CONFIG)
    assert scan.asked.tolist() == [True, False]
    assert scan.partner.tolist() == [1]
    assert verdicts(scan) == "e"


def test_pairs_have_the_largest_sum_of_similarities(frame, thing):
    """Nearest first would pair 2 m with 0.1 m apart and leave the other out."""
    scan = judge_frame(frame(0.0, [thing(1, x=0.0), thing(2, x=1.6)], [thing(1, x=1.5), thing(2, x=3.5)]), CONFIG)
    assert scan.partner.tolist() == [0, 1]
    assert [rows.tolist() for rows in scan.pairs()] == [[0, 1], [0, 1]]


def test_another_moment_or_another_frame_is_not_compared(frame, thing):
    good = frame(0.0, [thing(1)], [thing(1)])
    with pytest.raises(PerceptionError, match="truth of 0 ns, result of 5 ns"):
        EvaluationFrame(good.truth, dataclasses.replace(good.result, stamp_ns=5), np.eye(4))
    with pytest.raises(PerceptionError, match="truth in frame 'odom', result in 'map'"):
        EvaluationFrame(good.truth, dataclasses.replace(good.result, frame="map"), np.eye(4))


@pytest.mark.parametrize(
    ("off", "sigma", "verdict"), [(6.0, 3.0, "e"), (6.0, 1.0, "h"), (9.5, 4.0, "e"), (10.5, 9.0, "h")]
)
def test_who_says_that_it_may_be_the_hidden_one_is_excused(frame, thing, off, sigma, verdict):
    """A car at 50 m that only a camera sees: 6 m off are 2 sigma of 3 m and 6 of 1 m; 10 m are a fifth of the range."""
    hidden, asked = thing(1, x=50.0, points=0), thing(2, x=50.0)
    found = thing(1, x=50.0 - off, sigma=sigma)
    assert verdicts(judge_frame(frame(0.0, [hidden], [found]), CONFIG)) == verdict
    assert verdicts(judge_frame(frame(0.0, [asked], [found]), CONFIG)) == "h"


def test_without_a_covariance_nobody_is_excused(frame, thing):
    hidden = thing(1, x=50.0, points=0)
    assert verdicts(judge_frame(frame(0.0, [hidden], [thing(1, x=45.0, sigma=0.0)]), CONFIG)) == "h"


@pytest.mark.parametrize(
    "change",
    [{"x": float("nan")}, {"size": (np.inf, 1.0, 1.0)}, {"velocity": (np.nan, 0.0, 0.0)}, {"size": (4.0, -1.0, 1.0)}],
)
def test_what_is_no_number_is_not_compared(frame, thing, change):
    with pytest.raises(PerceptionError, match="result of 0 ns has a"):
        frame(0.0, [thing(1)], [thing(1, **change)])


def test_who_is_there_twice_is_not_compared(frame, thing):
    """The truth by its number, obstacles by their UUID; the same id in truth and result means nothing."""
    with pytest.raises(PerceptionError, match=r"truth of 0 ns has 3 objects of one id: 7$"):
        frame(0.0, [thing(7), thing(1, x=9.0), thing(7, x=18.0), thing(7, x=27.0)], [])
    with pytest.raises(PerceptionError, match=r"result of 0 ns has 2 objects of one id: 0{31}5$"):
        frame(0.0, [thing(5)], [thing(5), thing(5, x=9.0)])
    assert len(frame(0.0, [thing(1), thing(2, x=9.0)], [thing(1), thing(2, x=9.0)]).result) == 2


def test_true_boxes_are_numbers_too_but_their_velocity_may_be_unknown(frame, thing):
    with pytest.raises(PerceptionError, match="truth of 0 ns has a yaw that is not finite"):
        frame(0.0, [thing(1, yaw=np.nan)], [])
    assert len(frame(0.0, [thing(1, velocity=(np.nan,) * 3)], []).truth) == 1
