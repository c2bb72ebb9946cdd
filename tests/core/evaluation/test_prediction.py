"""Predicted paths against where things went."""

import dataclasses

import numpy as np
import pytest

from perception_core.evaluation.config import EvaluationConfig
from perception_core.evaluation.prediction import predictions
from perception_core.evaluation.scans import judge

CONFIG = EvaluationConfig()


def turning(frame, thing, count=45, hidden=()):
    """A car at 2 m/s that stops after 1 s, said to go on: 0, 2 and 4 m off after 1, 2 and 3 s from the beginning."""
    frames = []
    for k in range(count):
        t = 0.1 * k
        x = 2.0 * min(t, 1.0)
        there = thing(1, x=x, velocity=(2.0 * (t < 1.0), 0.0, 0.0), points=0 if k in hidden else 100)
        path = tuple((x + 2.0 * s, 0.0, 0.0) for s in (0.5, 1.0, 1.5, 2.0, 2.5, 3.0))
        frames.append(frame(t, [there], [thing(1, x=x, path=path)], step=0.5))
    return frames


def test_nothing_to_compare(frame, thing):
    for frames in ([], [frame(0.0, [thing(1)], [thing(1)])]):
        for row in predictions(judge(frames, CONFIG)):
            assert row.paths == 0
            assert np.isnan([row.rmse, row.rmse_moving, row.p95]).all()


def test_the_first_scan_by_hand(frame, thing):
    frames = turning(frame, thing, count=31, hidden=range(1, 45))
    assert [(row.seconds, row.paths) for row in predictions(judge(frames, CONFIG))] == [(1.0, 1), (2.0, 1), (3.0, 1)]
    assert [row.rmse for row in predictions(judge(frames, CONFIG))] == pytest.approx([0.0, 2.0, 4.0])


def test_over_all_scans(frame, thing):
    """At 1 s: after k tenths it is off by 0.2 k, up to 2 m from the tenth on; the drive ends 1 s before its end."""
    row = predictions(judge(turning(frame, thing), CONFIG))[0]
    off = np.minimum(0.2 * np.arange(35), 2.0)
    assert row.paths == 35
    assert row.rmse == pytest.approx(np.sqrt((off**2).mean()))
    assert row.rmse_moving == pytest.approx(np.sqrt((off[:10] ** 2).mean()))
    assert row.p95 == pytest.approx(2.0)
    assert (row.consistency.samples, row.consistency.unusable) == (0, 35)


def test_between_two_truths_it_is_interpolated(frame, thing):
    """Truth at 0, 0.8 and 1.2 s: at 1 s it is half-way between 2.4 and 3.6 m."""
    path = ((3.25, 0.0, 0.0),)
    frames = [frame(0.0, [thing(1)], [thing(1, path=path)])]
    frames += [frame(t, [thing(1, x=3.0 * t)], []) for t in (0.8, 1.2)]
    row = predictions(judge(frames, CONFIG))[0]
    assert (row.paths, row.rmse) == (1, pytest.approx(0.25))
    far = [frames[0], frame(0.6, [thing(1)], []), frame(1.2, [thing(1)], [])]
    assert predictions(judge(far, CONFIG))[0].paths == 0


def test_its_covariance_is_judged(frame, thing):
    """2 m off with variances of 4 m2: NEES 1."""
    one, later = frame(0.0, [thing(1)], [thing(1, path=((2.0, 0.0, 0.0),))]), frame(1.0, [thing(1)], [])
    result = dataclasses.replace(one.result, predicted_covariance=np.full((1, 1, 1, 1), 4.0) * np.eye(3))
    row = predictions(judge([dataclasses.replace(one, result=result), later], CONFIG))[0]
    assert (row.consistency.dimension, row.consistency.anees) == (2, pytest.approx(1.0))
