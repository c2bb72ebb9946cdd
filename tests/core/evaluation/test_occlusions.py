"""Occlusions by hand, ten scans a second."""

from perception_core.evaluation.config import EvaluationConfig
from perception_core.evaluation.mot_scans import mot_scans
from perception_core.evaluation.occlusions import Occlusions, occlusions
from perception_core.evaluation.scans import judge


def counted(frame, thing, points, ids) -> Occlusions:
    """One car with so many points in each scan, reported under an id (0: not)."""
    rows = enumerate(zip(points, ids, strict=True))
    frames = [frame(0.1 * k, [thing(1, points=n)], [thing(i)] if i else []) for k, (n, i) in rows]
    return occlusions(mot_scans(judge(frames, EvaluationConfig())))


def test_nothing():
    assert occlusions([]) == Occlusions(0, 0, 0, 0)


def test_in_sight_all_the_time(frame, thing):
    assert counted(frame, thing, [50] * 4, [1, 1, 2, 2]) == Occlusions(0, 0, 0, 0)
    assert counted(frame, thing, [50] * 4, [1, 0, 0, 2]) == Occlusions(0, 0, 0, 0)


def test_short_ones(frame, thing):
    """Hidden in scans 1 and 2: 0.3 s from pair to pair. Whether it coasts meanwhile is the tracker's affair."""
    assert counted(frame, thing, [50, 0, 0, 50], [1, 0, 0, 1]) == Occlusions(1, 0, 0, 0)
    assert counted(frame, thing, [50, 0, 0, 50], [1, 1, 1, 2]) == Occlusions(1, 1, 0, 0)
    assert counted(frame, thing, [50, 0, 50, 0, 50], [1, 0, 2, 0, 1]) == Occlusions(2, 2, 0, 0)


def test_one_second_is_long(frame, thing):
    """Nine scans hidden: 1.0 s; eight: 0.9 s."""
    assert counted(frame, thing, [50, *[0] * 9, 50], [1, *[0] * 9, 2]) == Occlusions(0, 0, 1, 1)
    assert counted(frame, thing, [50, *[0] * 8, 50], [1, *[0] * 8, 1]) == Occlusions(1, 0, 0, 0)


def test_found_late_after_it_the_time_until_then_counts(frame, thing):
    assert counted(frame, thing, [50, 0, *[50] * 10], [1, 0, *[0] * 9, 2]) == Occlusions(0, 0, 1, 1)


def test_never_found_again_is_no_occlusion_that_was_survived(frame, thing):
    assert counted(frame, thing, [50, 0, 50], [1, 0, 0]) == Occlusions(0, 0, 0, 0)
