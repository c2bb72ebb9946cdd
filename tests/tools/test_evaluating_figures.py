"""Baselines, tolerances and limits."""

import contextlib
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception_core.errors import PerceptionError
from perception_core.evaluation.evaluate import evaluate
from perception_tools.evaluating_figures import (
    BY_NAME,
    FIGURES,
    Change,
    compare,
    figures,
    not_compared,
    parse_rules,
    read_baseline,
)

NAN = float("nan")


def change(name, before, now):
    return Change(BY_NAME[name], before, now)


def test_names_are_unique_and_every_path_leads_to_a_number():
    assert len(BY_NAME) == len(FIGURES)
    judged = {"tracked": True, **evaluate([]).as_dict()}
    assert list(figures(judged)) == [figure.name for figure in FIGURES]
    assert all(isinstance(value, float) for value in figures(judged).values())


def test_frames_that_have_nothing_in_common_have_no_tracks():
    named = figures({"tracked": False, **evaluate([]).as_dict()})
    assert "mota" not in named
    assert "velocity_settled" not in named
    assert {"recall", "ap", "position", "class_right"} <= named.keys()


@pytest.mark.parametrize(
    ("name", "before", "now", "worse", "better"),
    [
        ("mota", 0.9, 0.9, False, False),
        ("mota", 0.9, 0.896, False, False),
        ("mota", 0.9, 0.89, True, False),
        ("mota", 0.9, 0.91, False, True),
        ("switches", 3, 4, True, False),
        ("switches", 3, 2, False, True),
        ("velocity_settled", 0.30, 0.32, False, False),
        ("velocity_settled", 0.30, 0.34, True, False),
        ("anees_position", 3.0, 3.2, False, False),
        ("anees_position", 3.0, 4.0, True, False),
        ("anees_position", 3.0, 2.0, True, False),
        ("anees_position", 9.0, 3.0, False, True),
        ("anees_position", 3.0, 0.0, True, False),
        ("mota", 0.9, NAN, True, False),
        ("mota", NAN, 0.1, False, False),
    ],
)
def test_which_way_is_worse(name, before, now, worse, better):
    assert (change(name, before, now).worse(), change(name, before, now).better()) == (worse, better)


def test_the_headline_has_what_the_planner_relies_on_each_by_one_figure():
    """There or not, which one, since when, where, how large, which way, how fast, where to, what, and how sure."""
    headline = [figure.name for figure in FIGURES if figure.headline]
    relied_on = {"recall", "precision", "idf1", "latency_p95", "position", "size", "yaw", "velocity_settled",
                 "predicted_3s", "class_right", "anees_position", "anees_velocity", "anees_yaw",
                 "unusable_covariances", "iou_3d"}  # fmt: skip
    assert relied_on <= set(headline)


def test_only_what_the_baseline_has_is_compared():
    rows = compare({"mota": 0.5, "hota": 0.6}, {"hota": 0.7, "recall": 0.8})
    assert [(row.figure.name, row.before) for row in rows] == [("recall", 0.8), ("hota", 0.7)]
    assert math.isnan(rows[0].now)


def broken(text, now, before):
    changes = compare(now, before)
    return [why for rule in parse_rules(text, True) if (why := rule.broken(now, changes))]


def test_rules():
    now, before = {"mota": 0.88, "switches": 4.0, "recall": 0.95}, {"mota": 0.9, "switches": 4.0, "recall": 0.95}
    assert broken("", now, before) == []
    assert broken("mota", now, before) == ["mota: 0.9 -> 0.88 (tolerance 0.005)"]
    assert broken("mota:0.03, switches", now, before) == []
    assert broken("headline", now, before) == broken("all", now, before) == ["mota: 0.9 -> 0.88 (tolerance 0.005)"]
    assert broken("mota<0.9,recall<0.95", now, before) == ["mota: 0.88 < 0.9"]
    assert broken("switches>3", now, before) == ["switches: 4 > 3"]
    assert broken("hota<0.8", now, before) == ["hota: no value, the limit is 0.8"]


@pytest.mark.parametrize(
    ("text", "before", "names"),
    [
        ("mota", {"hota": 0.5}, "mota"),
        ("mota,hota:0.1", {"mota": NAN, "hota": 0.5}, "mota"),
        ("headline", {"motp": 0.1}, "headline"),
        ("all,mota:0.1,recall", {"hota": 0.5}, "mota, recall"),
    ],
)
def test_a_comparison_that_cannot_fail_is_none(text, before, names):
    with pytest.raises(PerceptionError, match=f"^--fail-on {names}: the baseline has no value to compare with"):
        not_compared(parse_rules(text, True), {"mota": 0.9, "hota": 0.5}, before)


def test_what_a_word_stands_for_and_the_baseline_lacks_is_told():
    """Of what has a value now: precision has none in either, the limit needs none, motp is no headline."""
    now = {"recall": 0.9, "precision": NAN, "mota": 0.9, "hota": 0.5, "motp": 0.1}
    before = {"mota": NAN, "hota": 0.5}
    assert not_compared(parse_rules("headline,motp>0.2", True), now, before) == ["recall", "mota"]
    assert not_compared(parse_rules("all", True), now, before) == ["recall", "mota", "motp"]
    assert not_compared(parse_rules("hota,mota<0.5", True), now, before) == []
    assert not_compared([], now, {}) == []


@pytest.mark.parametrize(
    ("text", "baseline", "message"),
    [
        ("speed", True, "unknown figure; known: headline, all, recall"),
        ("mota:much", True, "expected NAME"),
        ("mota:1.2.3", True, "no number"),
        ("mota=0.9", True, "expected NAME"),
        ("hota:-1", True, "'hota:-1': a tolerance is 0 or more"),
        ("all:-0.1", True, "a tolerance is 0 or more"),
        ("mota:1e999", True, "is no number"),
        ("mota<1e999", True, "is no number"),
        ("mota>0.9", True, "more is better"),
        ("switches<3", True, "less is better"),
        ("anees_position<3", True, "nearer to its target"),
        ("headline<0.9", True, "unknown figure"),
        ("mota", False, "needs --baseline"),
    ],
)
def test_bad_rules(text, baseline, message):
    with pytest.raises(PerceptionError, match=message):
        parse_rules(text, baseline)


def write(path, document):
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_a_baseline_is_what_was_printed(tmp_path):
    document = {"config": {"max_range": 60}, "figures": {"mota": 0.9, "hota": None, "of_another_day": 1.0}}
    values = read_baseline(write(tmp_path / "old.json", document), {"max_range": 60.0})
    assert list(values) == ["mota", "hota"]
    assert math.isnan(values["hota"])


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "no baseline"),
        ([], "expected what"),
        ({"figures": 3}, "expected what"),
        ({"config": None, "figures": {}}, "expected what"),
        ({"config": {"max_range": 60.0}, "figures": {"mota": "good"}}, "mota: not a number"),
        ({"config": {"max_range": 40.0}, "figures": {}}, r"made with max_range 40.0 \(now 60.0\)"),
        ({"figures": {}}, "made with max_range None"),
        ({"config": {"max_range": 60.0}, "figures": {}}, "none of its figures has a value"),
        ({"config": {"max_range": 60.0}, "figures": {"mota": None, "hota": None}}, "none of its figures has a value"),
        ({"config": {"max_range": 60.0}, "figures": {"mota": NAN}}, "none of its figures has a value"),
        ({"config": {"max_range": 60.0}, "figures": {"of_another_day": 1.0}}, "none of its figures has a value"),
    ],
)
def test_bad_baselines(tmp_path, document, message):
    with pytest.raises(PerceptionError, match=message):
        read_baseline(write(tmp_path / "old.json", document), {"max_range": 60.0})


def test_a_missing_baseline(tmp_path):
    with pytest.raises(PerceptionError, match="No such file"):
        read_baseline(tmp_path / "none.json", {})


@settings(deadline=None)
@given(st.text(alphabet="abcmotarecallheadline<>:.,-+019e ", max_size=20))
def test_any_rules_are_rules_or_one_line(text):
    rules = []
    with contextlib.suppress(PerceptionError):
        rules = parse_rules(text, True)
    assert all(rule.figure in FIGURES for rule in rules)
