"""The whole evaluation on drives made by hand."""

import json

import numpy as np
import pytest

from perception_core.evaluation.config import EvaluationConfig
from perception_core.evaluation.evaluate import evaluate, evaluate_all
from perception_core.types import Motion
from perception_core.types.classes import UNKNOWN


def drive(frame, thing, count=10, miss=(), extra=()):
    """One car at 10 m; missed in some scans, with a false car in some."""
    return [
        frame(
            0.1 * k,
            [thing(1, x=10.0)],
            [thing(7, x=10.2)] * (k not in miss) + [thing(8, x=30.0)] * (k in extra) + [thing(9, y=30.0, kind=UNKNOWN)],
        )
        for k in range(count)
    ]


def test_an_empty_drive_has_figures_and_they_are_json(frame):
    for frames in ([], [frame(0.0, [], [])]):
        result = evaluate(frames).as_dict()
        assert result["counts"]["asked"] == 0
        assert json.loads(json.dumps(result))["counts"]["scans"] == len(frames)


def test_counts_and_clear_mot(frame, thing):
    """10 asked, 2 missed, 3 false, walls aside: MOTA 1 - 5/10, found 0.2 m off."""
    result = evaluate(drive(frame, thing, miss=(0, 1), extra=(2, 3, 4)))
    assert (result.counts.asked, result.counts.kept, result.counts.held, result.counts.structure) == (10, 8, 3, 10)
    assert result.tracking.mota == pytest.approx(0.5)
    assert result.tracking.motp == pytest.approx(0.2)
    assert result.tracking.recall == pytest.approx(0.8)
    assert result.tracking.precision == pytest.approx(8 / 11)


def test_several_drives_are_added_and_their_ids_kept_apart(frame, thing):
    first, second = drive(frame, thing), drive(frame, thing, miss=range(5))
    both = evaluate_all([first, second])
    assert (both.counts.drives, both.counts.objects, both.tracking.switches) == (2, 2, 0)
    assert both.tracking.mota == pytest.approx(15 / 20)
    assert both.tracking.idf1 == pytest.approx(2 * 15 / (20 + 15))


def test_the_config_is_used(frame, thing):
    frames = [frame(0.0, [thing(1, x=10.0, points=20)], [thing(1, x=10.8)])]
    assert evaluate(frames, EvaluationConfig(min_points=21)).counts.asked == 0
    assert evaluate(frames, EvaluationConfig(match_distance=0.5)).counts.kept == 0
    assert np.isnan(evaluate(frames, EvaluationConfig(max_range=5.0)).tracking.mota)


def test_what_the_false_ones_are(frame, thing):
    """The rear of the car that is there already; something that moves; a car of air."""
    rear, ghost = thing(8, x=12.5), thing(9, x=30.0, kind=UNKNOWN, motion=Motion.MOVING)
    counts = evaluate([frame(0.0, [thing(1, x=10.0)], [thing(7, x=10.1), rear, ghost, thing(10, x=40.0)])]).counts
    assert (counts.kept, counts.held, counts.held_beside, counts.held_moving) == (1, 3, 1, 1)
