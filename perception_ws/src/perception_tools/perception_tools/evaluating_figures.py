"""The figures of an evaluation by name: where they stand, which way is better, and how much worse is a regression."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from perception_core.errors import PerceptionError

Better = Literal["up", "down", "target"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        name: for people, ``--fail-on`` and the JSON's ``figures``.
        path: keys into ``Judged.as_dict()``.
        better: the way that is better; ``target``: the nearer to ``target``, as a ratio.
        tolerance: how much worse it may get; in its own unit, for ``target`` the natural logarithm of the ratio.
        unit: empty for shares and counts.
        tracked: says nothing of frames that have nothing to do with each other.
        headline: a regression of it fails ``--fail-on headline``.
        target: what is best, for ``target``.
        count: a whole number.
    """

    name: str
    path: tuple[str | int, ...]
    better: Better
    tolerance: float
    unit: str = ""
    tracked: bool = True
    headline: bool = False
    target: float = 0.0
    count: bool = False


def _tracking(name: str, better: Better, tolerance: float, unit: str = "", headline: bool = False) -> Figure:
    return Figure(name, ("tracking", name), better, tolerance, unit, True, headline)


FIGURES: tuple[Figure, ...] = (
    Figure("recall", ("tracking", "recall"), "up", 0.005, tracked=False, headline=True),
    Figure("precision", ("tracking", "precision"), "up", 0.005, tracked=False, headline=True),
    _tracking("mota", "up", 0.005, headline=True),
    _tracking("motp", "down", 0.02, "m"),
    _tracking("idf1", "up", 0.01, headline=True),
    _tracking("hota", "up", 0.01, headline=True),
    _tracking("deta", "up", 0.01),
    _tracking("assa", "up", 0.01),
    _tracking("loca", "up", 0.01),
    _tracking("amota", "up", 0.01),
    _tracking("amotp", "down", 0.02, "m"),
    Figure("switches", ("tracking", "switches"), "down", 0.0, headline=True, count=True),
    Figure("fragmentations", ("tracking", "fragmentations"), "down", 1.0, count=True),
    Figure("short_switched", ("tracking", "occlusions", "short_switched"), "down", 0.0, headline=True, count=True),
    Figure("long_switched", ("tracking", "occlusions", "long_switched"), "down", 1.0, count=True),
    Figure("misses", ("tracking", "misses"), "down", 5.0, tracked=False, count=True),
    Figure("false_positives", ("tracking", "false_positives"), "down", 5.0, tracked=False, count=True),
    _tracking("mostly_tracked", "up", 0.02),
    _tracking("mostly_lost", "down", 0.02),
    Figure("latency_median", ("latency", "median"), "down", 0.05, "s"),
    Figure("latency_p95", ("latency", "p95"), "down", 0.1, "s", headline=True),
    Figure("latency_worst", ("latency", "worst"), "down", 0.2, "s"),
    Figure("never", ("latency", "never"), "down", 0.0, count=True),
    Figure("never_settled", ("latency", "never_settled"), "down", 0.0, headline=True, count=True),
    Figure("position", ("accuracy", "position"), "down", 0.02, "m", False, True),
    Figure("position_horizontal", ("accuracy", "position_horizontal"), "down", 0.02, "m", False),
    Figure("size", ("accuracy", "size"), "down", 0.02, "m", False, True),
    Figure("yaw", ("accuracy", "yaw"), "down", 0.02, "rad", False, True),
    Figure("velocity", ("accuracy", "velocity"), "down", 0.05, "m/s"),
    Figure("velocity_settled", ("accuracy", "velocity_settled"), "down", 0.03, "m/s", headline=True),
    Figure(
        "velocity_settled_cars", ("accuracy_by_class", "car", "velocity_settled"), "down", 0.03, "m/s", headline=True
    ),
    Figure("velocity_settled_moving", ("accuracy", "velocity_settled_moving"), "down", 0.05, "m/s"),
    Figure("yaw_rate_settled", ("accuracy", "yaw_rate_settled"), "down", 0.02, "rad/s"),
    *(
        Figure(f"predicted_{k + 1}s", ("prediction", k, "rmse"), "down", 0.05 * (k + 1), "m", headline=k == 2)
        for k in range(3)
    ),
    Figure("anees_position", ("consistency", "position", "anees"), "target", 0.1, "", False, True, 3.0),
    Figure("anees_velocity", ("consistency", "velocity", "anees"), "target", 0.1, "", True, True, 3.0),
    Figure("anees_yaw", ("consistency", "yaw", "anees"), "target", 0.1, "", False, True, 1.0),
    Figure("unusable_covariances", ("consistency", "unusable"), "down", 0.0, tracked=False, headline=True, count=True),
    Figure("class_right", ("naming", "right"), "up", 0.01, tracked=False, headline=True),
    Figure("class_wrong", ("naming", "wrong"), "down", 0.01, tracked=False),
    Figure("ap", ("detection", "everything", "ap"), "up", 0.01, tracked=False, headline=True),
    Figure("map", ("detection", "mean_ap"), "up", 0.01, tracked=False),
    Figure("ate", ("detection", "everything", "ate"), "down", 0.02, "m", False),
    Figure("ase", ("detection", "everything", "ase"), "down", 0.02, "", False),
    Figure("aoe", ("detection", "everything", "aoe"), "down", 0.05, "rad", False),
    Figure("ave", ("detection", "everything", "ave"), "down", 0.05, "m/s"),
    Figure("iou_bev", ("detection", "mean_bev"), "up", 0.01, tracked=False),
    Figure("iou_3d", ("detection", "mean_space"), "up", 0.01, tracked=False, headline=True),
)
"""Every figure that has a better and a worse.

Headline are those of what a planner relies on: whether something is there, under one id, how soon, where, how large,
which way, how fast and where to, what it is, and how sure all that is; the others tell where a loss comes from.
"""

BY_NAME = {figure.name: figure for figure in FIGURES}


def figures(judged: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of ``Judged.as_dict()`` by name; those that say nothing of it are left out."""
    chosen = [figure for figure in FIGURES if judged["tracked"] or not figure.tracked]
    return {figure.name: float(_at(judged, figure.path)) for figure in chosen}


@dataclass(frozen=True, slots=True)
class Change:
    """One figure beside its baseline; ``worse`` by more than its tolerance is a regression."""

    figure: Figure
    before: float
    now: float

    @property
    def loss(self) -> float:
        """How much worse it is, negative when better, NaN where one of them is not known."""
        if self.figure.better == "target":
            return _distance(self.now, self.figure.target) - _distance(self.before, self.figure.target)
        return (self.now - self.before) * (-1.0 if self.figure.better == "up" else 1.0)

    def worse(self, tolerance: float | None = None) -> bool:
        """Whether it got worse by more than ``tolerance`` (None: the figure's own), or is not known any more."""
        if math.isnan(self.before):
            return False
        least = self.figure.tolerance if tolerance is None else tolerance
        return math.isnan(self.now) or self.loss > least + 1e-9

    def better(self) -> bool:
        """Whether it got better by more than the figure's own tolerance."""
        return self.loss < -self.figure.tolerance - 1e-9


def compare(now: Mapping[str, float], before: Mapping[str, float]) -> list[Change]:
    """Return the figures that both have, or that only the baseline has, in the order of the table."""
    return [
        Change(figure, before[figure.name], now.get(figure.name, float("nan")))
        for figure in FIGURES
        if figure.name in before
    ]


def read_baseline(path: Path, config: Mapping[str, Any]) -> dict[str, float]:
    """Read the figures of an earlier ``--json``.

    Raises:
        PerceptionError: no such file, none of ours, one made with another configuration, or without any figure that
            has a value: nothing could ever be worse.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise PerceptionError(f"{path}: no baseline: {error}") from error
    parts = (document.get("figures"), document.get("config", {})) if isinstance(document, dict) else (None,)
    if not all(isinstance(part, dict) for part in parts):
        raise PerceptionError(f"{path}: no baseline: expected what `perception evaluate --json` printed")
    was = document.get("config", {})
    differing = [
        f"{key} {was.get(key)} (now {value})" for key, value in config.items() if not _alike(was.get(key), value)
    ]
    if differing:
        raise PerceptionError(f"{path}: made with {', '.join(differing)}: the figures cannot be compared")
    values = {name: value for name, value in document["figures"].items() if name in BY_NAME}
    wrong = [name for name, value in values.items() if value is not None and not isinstance(value, int | float)]
    if wrong:
        raise PerceptionError(f"{path}: {', '.join(wrong)}: not a number")
    if all(value is None or math.isnan(value) for value in values.values()):
        raise PerceptionError(f"{path}: no baseline: none of its figures has a value")
    return {name: float("nan") if value is None else float(value) for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Rule:
    """What makes the evaluation fail.

    Attributes:
        figure: which figure.
        tolerance: how much worse than the baseline it may be, None for the figure's own; or
        limit: the value that it must not fall short of (exceed, where less is better).
        group: the word that stood for it and others, empty where it was named itself.
    """

    figure: Figure
    tolerance: float | None = None
    limit: float | None = None
    group: str = ""

    def broken(self, now: Mapping[str, float], changes: Sequence[Change]) -> str | None:
        """Return why the evaluation fails, None when it does not."""
        if self.limit is not None:
            value = now.get(self.figure.name, float("nan"))
            loss = (value - self.limit) * (-1.0 if self.figure.better == "up" else 1.0)
            sign = "<" if self.figure.better == "up" else ">"
            if math.isnan(value):
                return f"{self.figure.name}: no value, the limit is {self.limit:g}"
            return f"{self.figure.name}: {value:.4g} {sign} {self.limit:g}" if loss > 1e-9 else None
        change = next((c for c in changes if c.figure is self.figure), None)
        if change is None or not change.worse(self.tolerance):
            return None
        allowed = self.figure.tolerance if self.tolerance is None else self.tolerance
        return f"{self.figure.name}: {change.before:.4g} -> {change.now:.4g} (tolerance {allowed:g})"


def not_compared(rules: Sequence[Rule], now: Mapping[str, float], before: Mapping[str, float]) -> list[str]:
    """Return the figures that have a value now and none in the baseline, so that no rule of ``rules`` sees them.

    Raises:
        PerceptionError: one of them was named, or all that a word stands for are of that kind: a rule that cannot be
            broken.
    """
    compared = [rule for rule in rules if rule.limit is None]
    without = [rule for rule in compared if math.isnan(before.get(rule.figure.name, math.nan))]
    named = [rule.figure.name for rule in without if not rule.group]
    empty = {rule.group for rule in without} - {rule.group for rule in compared if rule not in without} - {""}
    if named or empty:
        names = ", ".join([*dict.fromkeys(named), *sorted(empty)])
        raise PerceptionError(f"--fail-on {names}: the baseline has no value to compare with")
    names_now = {name for name, value in now.items() if not math.isnan(value)}
    return [name for name in dict.fromkeys(rule.figure.name for rule in without) if name in names_now]


_RULE = re.compile(r"(?P<name>\w+)(?:(?P<sign>[:<>])(?P<value>[-+.\deE]+))?")


def parse_rules(text: str, has_baseline: bool) -> list[Rule]:
    """Return the rules of ``mota,hota:0.02,recall<0.9``; ``headline`` and ``all`` stand for many figures.

    Raises:
        PerceptionError: an unknown figure, a limit from the wrong side, a negative tolerance, or a comparison
            without a baseline.
    """
    rules = []
    for part in filter(None, (word.strip() for word in text.split(","))):
        match = _RULE.fullmatch(part)
        if match is None:
            raise PerceptionError(f"--fail-on {part!r}: expected NAME, NAME:TOLERANCE, NAME<LIMIT or NAME>LIMIT")
        name, sign, value = match["name"], match["sign"], _value(match["value"], part)
        if sign in ("<", ">"):
            rules.append(Rule(_limited(name, sign, part), limit=value))
            continue
        if not has_baseline:
            raise PerceptionError(f"--fail-on {part!r}: worse than what? It needs --baseline, or a limit (mota<0.9)")
        if value is not None and value < 0.0:
            raise PerceptionError(f"--fail-on {part!r}: a tolerance is 0 or more")
        group = "" if name in BY_NAME else name
        rules += [Rule(figure, tolerance=value, group=group) for figure in _named(name, part)]
    return rules


def _value(text: str | None, part: str) -> float | None:
    try:
        value = None if text is None else float(text)
    except ValueError:
        value = math.nan
    if value is not None and not math.isfinite(value):
        raise PerceptionError(f"--fail-on {part!r}: {text!r} is no number")
    return value


def _limited(name: str, sign: str, part: str) -> Figure:
    (figure,) = _named(name, part) if name in BY_NAME else _named("", part)
    wrong = ">" if figure.better == "up" else "<"
    if figure.better == "target" or sign == wrong:
        raise PerceptionError(f"--fail-on {part!r}: of {name}, {_WAYS[figure.better]} is better; that is no limit")
    return figure


def _named(name: str, part: str) -> list[Figure]:
    if name == "all":
        return list(FIGURES)
    if name == "headline":
        return [figure for figure in FIGURES if figure.headline]
    if name not in BY_NAME:
        raise PerceptionError(f"--fail-on {part!r}: unknown figure; known: headline, all, {', '.join(BY_NAME)}")
    return [BY_NAME[name]]


_WAYS: dict[Better, str] = {"up": "more", "down": "less", "target": "nearer to its target"}


def _at(tree: Any, path: Sequence[str | int]) -> Any:
    """Return what a path leads to; NaN for a class that nobody asked for."""
    for key in path:
        if isinstance(tree, Mapping) and key not in tree and path[0] == "accuracy_by_class":
            return math.nan
        tree = tree[key]
    return tree


def _distance(value: float, target: float) -> float:
    return abs(math.log(value / target)) if value > 0.0 else (math.inf if value == 0.0 else math.nan)


def _alike(a: Any, b: Any) -> bool:
    return a == b or (isinstance(a, float | int) and isinstance(b, float | int) and math.isclose(a, b))
