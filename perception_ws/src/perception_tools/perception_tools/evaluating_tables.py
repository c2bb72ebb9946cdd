"""An evaluation for people."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from perception_tools.evaluating_figures import BY_NAME, Change, Figure
from perception_tools.output import table

_GROUPS = (
    ("tracks", ("mota", "hota", "deta", "assa", "loca", "idf1", "amota", "switches", "fragmentations", "motp")),
    ("found", ("recall", "precision", "misses", "false_positives", "mostly_tracked", "mostly_lost")),
    ("first report", ("latency_median", "latency_p95", "latency_worst", "never", "never_settled")),
    (
        "errors (rms)",
        (
            "position", "position_horizontal", "size", "yaw", "velocity", "velocity_settled",
            "velocity_settled_cars", "velocity_settled_moving", "yaw_rate_settled",
            "predicted_1s", "predicted_2s", "predicted_3s",
        ),
    ),
    ("detection", ("ap", "map", "ate", "ase", "aoe", "ave", "iou_bev", "iou_3d")),
    ("class", ("class_right", "class_wrong")),
)  # fmt: skip
_SLOWEST = 5


def printed(judged: Mapping[str, Any], figures: Mapping[str, float]) -> str:
    """Return the tables of ``Judged.as_dict()``."""
    parts = [_head(judged), *(_group(title, names, figures) for title, names in _GROUPS)]
    if judged["tracked"]:
        parts.insert(2, _occlusions(judged["tracking"]["occlusions"]))
    parts += [_consistency(judged), _classes(judged)]
    if judged["tracked"]:
        parts.append(_slowest(judged["latency"]["objects"]))
    return "\n\n".join(part for part in parts if part)


def printed_changes(changes: Sequence[Change]) -> str:
    """Return a table of what got better and worse."""
    rows = [
        (c.figure.name, *(_value(c.figure, v) for v in (c.before, c.now)), _step(c), _verdict(c), c.figure.unit)
        for c in changes
    ]
    return table(("figure", "before", "now", "change", "", "unit"), rows)


def _head(judged: Mapping[str, Any]) -> str:
    n = judged["counts"]
    config = judged["config"]
    named = n["held"] - n["held_beside"] - n["held_moving"]
    return (
        f"{n['scans']} scans, {n['objects']} objects asked for {n['asked']} times (>= {config['min_points']} points, "
        f"<= {config['max_range']:g} m)\n"
        f"{n['reported']} obstacles: {n['kept']} on them, {n['excused']} beside the point, {n['structure']} structure, "
        f"{n['held']} false ({n['held_beside']} within 1 m of an object, {n['held_moving']} moving, {named} named)"
    )


def _group(title: str, names: Sequence[str], figures: Mapping[str, float]) -> str:
    cells = [f"{name} {_figure(name, figures[name])}" for name in names if name in figures]
    lines, line = [], f"{title}:"
    for cell in cells:
        if len(line) + len(cell) > 110:
            lines.append(line)
            line = " " * (len(title) + 1)
        line += f"  {cell}"
    return "\n".join([*lines, line]) if cells else ""


def _occlusions(counts: Mapping[str, int]) -> str:
    kinds = ((name, counts[name], counts[f"{name}_switched"]) for name in ("short", "long"))
    words = {"short": "under 1 s", "long": "of 1 s and more"}
    return "occlusions:  " + ",  ".join(f"{n} {words[name]}, {k} with another id after" for name, n, k in kinds)


def _consistency(judged: Mapping[str, Any]) -> str:
    names = ["position", "horizontal", "yaw"]
    names += ["velocity", "velocity_horizontal"] if judged["tracked"] else []
    entries = [(name, judged["consistency"][name]) for name in names]
    entries += [(f"predicted {p['seconds']:g} s", p["consistency"]) for p in judged["prediction"]]
    rows = [
        (
            name,
            _number(c["anees"]),
            f"{_number(c['low'])} .. {_number(c['high'])}",
            _number(c["median"]),
            *(f"{100.0 * c[f'inside_{k}']:.1f}" for k in (1, 2, 3)),
            c["runs"],
        )
        for name, c in entries
        if c["samples"]
    ]
    head = (
        "consistency",
        "ANEES",
        "95 % bounds",
        "median / expected",
        "in 1 s %",
        "2 s (95.4)",
        "3 s (99.7)",
        "objects",
    )
    return table(head, rows)


def _classes(judged: Mapping[str, Any]) -> str:
    rows = []
    for name, centre in judged["detection"]["by_class"].items():
        errors, overlap = judged["accuracy_by_class"][name], judged["detection"]["overlap_by_class"][name]
        values = [centre[key] for key in ("ap", "ap_200", "ate", "ase", "aoe")]
        values += [overlap["bev"], overlap["space"], errors["position"], errors["velocity_settled"]]
        rows.append((name, centre["objects"], *map(_number, values)))
    head = (
        "class",
        "asked",
        "AP",
        "AP 2 m",
        "ATE m",
        "ASE",
        "AOE rad",
        "IoU bev",
        "IoU 3D",
        "position m",
        "velocity m/s",
    )
    return table(head, rows)


def _slowest(objects: Sequence[Mapping[str, Any]]) -> str:
    """Return the objects that were reported last or never."""
    waited = [row for row in objects if math.isnan(row["latency"]) or row["latency"] > 0.0]
    waited.sort(key=lambda row: -math.inf if math.isnan(row["latency"]) else -row["latency"])
    rows = [
        (row["id"], row["kind"], f"{row['since_ns'] * 1e-9:.2f}", _number(row["asked_for"]), _wait(row["latency"]))
        for row in waited[:_SLOWEST]
    ]
    return table(("slowest", "class", "since s", "asked for s", "first report after s"), rows)


def _wait(latency: float) -> str:
    return "never" if math.isnan(latency) else _number(latency)


def _verdict(change: Change) -> str:
    if change.worse():
        return "WORSE"
    return "better" if change.better() else ""


def _figure(name: str, value: float) -> str:
    return f"{_value(BY_NAME[name], value)} {BY_NAME[name].unit}".rstrip()


def _value(figure: Figure, value: float) -> str:
    return f"{value:.0f}" if figure.count and not math.isnan(value) else _number(value)


def _step(change: Change) -> str:
    step = change.now - change.before
    return "" if step == 0.0 or math.isnan(step) else f"{step:+.4g}"


def _number(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.3f}"
