"""Waiting times of drives made by hand, ten scans a second."""

import numpy as np
import pytest

from perception_core.evaluation.config import EvaluationConfig
from perception_core.evaluation.latency import latency_scores
from perception_core.evaluation.scans import judge, judge_all

CONFIG = EvaluationConfig()


def drive(frame, thing, points, reported):
    """One car with so many points in each scan, reported or not."""
    return [
        frame(0.1 * k, [thing(1, points=n)], [thing(5)] * said)
        for k, (n, said) in enumerate(zip(points, reported, strict=True))
    ]


def latency(frame, thing, points, reported):
    return latency_scores(judge(drive(frame, thing, points, reported), CONFIG), 0.3)


def test_nobody(frame):
    scores = latency_scores(judge([frame(0.0, [], [])], CONFIG), 1.0)
    assert (scores.never, scores.never_settled, scores.objects) == (0, 0, ())
    assert np.isnan([scores.median, scores.p95, scores.worst]).all()


def test_from_the_tenth_point_to_the_first_report(frame, thing):
    """Ten points in scan 2, reported from scan 5 on: 0.3 s."""
    scores = latency(frame, thing, [3, 9, 10, 50, 50, 50, 50], [0, 0, 0, 0, 0, 1, 1])
    (row,) = scores.objects
    assert (row.id, row.kind, row.since_ns) == (1, "car", 200_000_000)
    assert (row.latency, row.asked_for, scores.worst) == pytest.approx((0.3, 0.4, 0.3))


def test_who_reports_early_has_no_latency_unless_it_loses_it_again(frame, thing):
    assert latency(frame, thing, [5, 5, 20], [1, 1, 1]).worst == 0.0
    assert latency(frame, thing, [5, 5, 20, 20], [1, 1, 0, 1]).worst == pytest.approx(0.1)


def test_the_report_may_come_while_it_is_hidden_again(frame, thing):
    assert latency(frame, thing, [20, 0, 0], [0, 0, 1]).worst == pytest.approx(0.2)


def test_never(frame, thing):
    short, long = latency(frame, thing, [20, 0, 0], [0, 0, 0]), latency(frame, thing, [20] * 4, [0] * 4)
    assert (short.never, short.never_settled) == (1, 0)
    assert (long.never, long.never_settled) == (1, 1)
    assert np.isnan(long.objects[0].latency)


def test_percentiles_over_drives(frame, thing):
    """0, 0.1, 0.2, 0.3 s: the median is 0.15, the 95th percentile 0.285."""
    drives = [drive(frame, thing, [20] * 5, [k >= wait for k in range(5)]) for wait in range(4)]
    scores = latency_scores(judge_all(drives, CONFIG), 1.0)
    assert [row.drive for row in scores.objects] == [0, 1, 2, 3]
    assert (scores.median, scores.p95, scores.worst) == pytest.approx((0.15, 0.285, 0.3))
