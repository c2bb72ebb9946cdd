"""Stamps brought together by hand."""

import dataclasses

import numpy as np
import pytest

from perception_core.evaluation.joining import interpolate, join
from perception_core.evaluation.obstacle_rows import nothing, select
from perception_core.types import Mode


def stamps(pairs):
    return [(t.stamp_ns // 10**6, r.stamp_ns // 10**6, len(r)) for t, r in pairs]


def truths(frame, thing, *times):
    return [frame(t, [thing(1, x=10.0 * t)], []).truth for t in times]


def results(frame, thing, *times):
    return [frame(t, [], [thing(5)]).result for t in times]


def test_nothing():
    joined = join([], [])
    assert (joined.pairs, joined.exact, joined.before, joined.unanswered, joined.beyond) == ((), 0, 0, 0, 0)


def test_the_same_stamps_in_any_order(frame, thing):
    joined = join(truths(frame, thing, 0.2, 0.0, 0.1), results(frame, thing, 0.1, 0.0, 0.2))
    assert stamps(joined.pairs) == [(0, 0, 1), (100, 100, 1), (200, 200, 1)]
    assert (joined.exact, joined.before, joined.unanswered, joined.beyond) == (3, 0, 0, 0)


def test_who_does_not_answer_misses_everything_but_not_before_he_began(frame, thing):
    joined = join(truths(frame, thing, 0.0, 0.1, 0.2, 0.3, 0.4), results(frame, thing, 0.1, 0.3))
    assert stamps(joined.pairs) == [(100, 100, 1), (200, 200, 0), (300, 300, 1), (400, 400, 0)]
    assert (joined.exact, joined.before, joined.unanswered, joined.beyond) == (2, 1, 2, 0)
    assert joined.pairs[1][1].mode == Mode.BLIND


def test_an_empty_truth_of_the_same_stamp_is_a_truth(frame, thing):
    joined = join([frame(0.0, [], []).truth], results(frame, thing, 0.0))
    assert (stamps(joined.pairs), joined.exact) == ([(0, 0, 1)], 1)


def test_results_between_two_truths(frame, thing):
    joined = join(truths(frame, thing, 0.0, 0.1, 0.2), results(frame, thing, 0.04, 0.14))
    assert stamps(joined.pairs) == [(40, 40, 1), (140, 140, 1)]
    assert joined.pairs[1][0].centre[0, 0] == pytest.approx(1.4)
    assert (joined.exact, joined.before, joined.unanswered) == (0, 0, 0)


def test_outside_the_truth_and_in_its_gaps_nothing_is_known(frame, thing):
    joined = join(truths(frame, thing, 0.0, 0.6), results(frame, thing, -0.1, 0.0, 0.3, 0.7))
    assert stamps(joined.pairs) == [(0, 0, 1)]
    assert joined.beyond == 3


def test_of_two_results_of_one_stamp_the_first_counts(frame, thing):
    joined = join(truths(frame, thing, 0.0), [*results(frame, thing, 0.0), frame(0.0, [], []).result])
    assert stamps(joined.pairs) == [(0, 0, 1)]


def test_what_a_watchdog_sends_between_two_scans_is_no_result(frame, thing):
    """At the stamp of a scan it is one: that scan was answered with nothing."""
    there = truths(frame, thing, 0.0, 0.1, 0.2)
    said = [nothing(round(t * 1e9), "odom") for t in (0.05, 0.1, 0.15)]
    joined = join(there, [*results(frame, thing, 0.0, 0.2), *said])
    assert stamps(joined.pairs) == [(0, 0, 1), (100, 100, 0), (200, 200, 1)]
    assert (joined.exact, joined.unanswered, joined.beyond) == (3, 0, 0)


def test_interpolation_by_hand(frame, thing):
    """A quarter of the way: 2 to 6 m is 3 m, 3.0 to -3.0 rad goes through pi; only object 1 is in both."""
    a = frame(0.0, [thing(1, x=2.0, yaw=3.0, velocity=(4.0, 0, 0), points=10), thing(2)], []).truth
    b = frame(0.4, [thing(3), thing(1, x=6.0, yaw=-3.0, velocity=(8.0, 0, 0), points=90)], []).truth
    t = interpolate(a, b, 100_000_000)
    assert (t.ids.tolist(), t.stamp_ns, t.frame) == ([1], 100_000_000, "odom")
    assert (t.centre[0, 0], t.velocity[0, 0], t.point_count[0]) == (3.0, 5.0, 10)
    assert t.yaw[0] == pytest.approx(3.0 + 0.25 * (2 * np.pi - 6.0))
    assert interpolate(a, b, 300_000_000).point_count[0] == 90


def test_rows_of_obstacles(frame, thing):
    found = frame(0.0, [], [thing(1), thing(2, x=5.0), thing(3)]).result
    some = select(found, np.array([False, True, False]))
    assert (len(some), some.centre[0, 0], len(some.footprints)) == (1, 5.0, 1)
    assert some.ids.tolist() == found.ids[[1]].tolist()
    assert len(select(found, np.zeros(3, dtype=bool))) == 0
    empty = nothing(5, "map")
    assert (len(empty), empty.stamp_ns, empty.frame) == (0, 5, "map")
    assert {f.name for f in dataclasses.fields(found)} == {f.name for f in dataclasses.fields(some)}
