"""Errors of pairs, worked out by hand."""

import numpy as np
import pytest

from perception_core.evaluation.accuracy import accuracy
from perception_core.evaluation.config import EvaluationConfig
from perception_core.evaluation.naming import naming
from perception_core.evaluation.pairs import pairs_of
from perception_core.evaluation.scans import judge
from perception_core.types.classes import CAR, PERSON, TRUCK, UNKNOWN

CONFIG = EvaluationConfig()


def pairs(*frames):
    return pairs_of(judge(frames, CONFIG))


def test_nobody(frame, thing):
    for frames in ([], [frame(0.0, [thing(1)], [])]):
        found = pairs(*frames)
        assert len(found) == 0
        assert np.isnan(accuracy(found, 1.0).position)
        assert np.isnan(naming(found).right)


def test_place_and_size(frame, thing):
    """(1, 0, 0) and (0, 0.6, 0.8): 1 m each in 3D, 1 and 0.6 m from above; sizes 0 and (1, 1, 1) off."""
    found = pairs(
        frame(0.0, [thing(1)], [thing(1, x=1.0)]),
        frame(0.1, [thing(1)], [thing(1, y=0.6, z=1.6, size=(5.0, 3.0, 2.6))]),
    )
    scores = accuracy(found, 1.0)
    assert scores.pairs == 2
    assert scores.position == pytest.approx(1.0)
    assert scores.position_horizontal == pytest.approx(np.sqrt((1.0 + 0.36) / 2))
    assert scores.size == pytest.approx(np.sqrt(0.5))


def test_yaw_is_that_of_an_axis(frame, thing):
    found = pairs(frame(0.0, [thing(1, yaw=3.0)], [thing(1, yaw=3.0 - np.pi + 0.1)]))
    assert found.yaw == pytest.approx([0.1])


def test_velocity_once_it_has_settled(frame, thing):
    """First asked for at 0.5 s; 3 m/s off until 1.4 s, then 1; the track is a new one from 1.4 s on."""
    frames = []
    for k in range(20):
        t = 0.1 * k
        there = thing(1, points=100 if t > 0.45 else 0, velocity=(10.0, 0.0, 0.0))
        wrong = 1.0 if t > 1.35 else 3.0
        frames.append(
            frame(
                t,
                [there],
                [thing(2 if t > 1.35 else 1, velocity=(10.0, wrong, 0.0), first_seen=1.4 if t > 1.35 else 0.4)],
            )
        )
    scores = accuracy(pairs(*frames), 1.0)
    assert scores.pairs == 15
    assert scores.velocity == pytest.approx(np.sqrt((9 * 9 + 6 * 1) / 15))
    assert scores.velocity_settled == pytest.approx(1.0)
    assert np.isnan(accuracy(pairs(*frames[:14]), 1.0).velocity_settled)
    assert scores.velocity_settled_moving == pytest.approx(1.0)
    assert np.isnan(accuracy(pairs(*frames), 5.0).velocity_aged)
    assert accuracy(pairs(*frames), 0.85).velocity_aged == pytest.approx(3.0)


def test_what_stands_is_no_moving_object(frame, thing):
    found = pairs(frame(0.0, [thing(1, velocity=(0.4, 0.0, 0.0))], [thing(1)]))
    assert accuracy(found, 0.0).velocity_settled == pytest.approx(0.4)
    assert np.isnan(accuracy(found, 0.0).velocity_settled_moving)


def test_what_nobody_knows_is_not_compared(frame, thing):
    unknown = {"velocity": (float("nan"),) * 3, "yaw_rate": float("nan")}
    scores = accuracy(pairs(frame(0.0, [thing(1, **unknown)], [thing(1, x=0.5, yaw_rate=1.0)])), 0.0)
    assert scores.position == pytest.approx(0.5)
    assert np.isnan([scores.velocity, scores.yaw_rate_settled]).all()


def test_names(frame, thing):
    there = [thing(1, x=0), thing(2, x=10), thing(3, x=20), thing(4, x=30, kind=TRUCK), thing(5, x=40, kind=UNKNOWN)]
    said = [
        thing(1, x=0),
        thing(2, x=10, kind=UNKNOWN),
        thing(3, x=20, kind=PERSON),
        thing(4, x=30, kind=CAR),
        thing(5, x=40, kind=CAR),
    ]
    scores = naming(pairs(frame(0.0, there, said)))
    assert (scores.pairs, scores.right, scores.unnamed, scores.wrong) == (4, 0.25, 0.25, 0.5)
    assert scores.mistakes == {"car as person": 1, "truck as car": 1}
