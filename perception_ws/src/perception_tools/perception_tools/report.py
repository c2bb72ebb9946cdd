"""A report of one run as a self-contained HTML page, with its pictures beside it."""

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import cv2
import numpy as np

from perception_core.types import Mode, Motion, Obstacles
from perception_nodes.conversions.markers import short_id
from perception_tools.bags import BagReader
from perception_tools.output import progress
from perception_tools.profile import Profile
from perception_tools.scene import Moment, class_name, moments, read_obstacles

_MOMENTS = 5
_ROWS = 60


@dataclass(frozen=True, slots=True)
class Report:
    """The page, and one row for each obstacle that was named or moved (see `obstacle_rows`)."""

    path: Path
    obstacles: list[dict[str, Any]]


def write_report(
    folder: Path,
    drive: Path,
    results: Path,
    profile: Profile,
    summary: Mapping[str, Any],
    milliseconds: Mapping[str, Sequence[float]],
    budget_ms: float | None = None,
) -> Report:
    """Write ``folder``/report.html and PNG pictures beside it.

    Args:
        folder: made where it is missing.
        drive: the input recording.
        results: the recording with /perception/obstacles.
        profile: what the run used.
        summary: plain values for the table at the top; nested mappings are written as tables of their own.
        milliseconds: latencies by name, the most important first.
        budget_ms: of the first of them.

    Raises:
        BagError: a recording cannot be read.
    """
    from perception_tools.pictures.bird_eye import draw_bird_eye
    from perception_tools.pictures.camera import draw_camera
    from perception_tools.pictures.charts import draw_histogram

    folder.mkdir(parents=True, exist_ok=True)
    with BagReader(results) as bag:
        arrays = read_obstacles(bag)
    images: list[tuple[Path, str]] = []
    shown = moments(drive, arrays, results, profile, _MOMENTS)
    start_ns = arrays[0].stamp_ns if arrays else 0
    for k, moment in enumerate(progress(shown, desc="drawing", unit="picture")):
        title = _title(moment, start_ns)
        images.append((draw_bird_eye(moment, folder / f"bird_eye_{k}.png", title), title))
        camera = draw_camera(moment, folder / f"camera_{k}.png")
        if camera is not None:
            images.append((camera, f"{title}: camera, with boxes and points of the named obstacles"))
    times = draw_histogram(milliseconds, folder / "latency.png", "Where the time goes", budget_ms)
    page = folder / "report.html"
    rows = obstacle_rows(arrays)
    page.write_text(_page(summary, rows, images, times), encoding="utf-8")
    return Report(page, rows)


def obstacle_rows(arrays: Sequence[Obstacles]) -> list[dict[str, Any]]:
    """Return one row an obstacle that was named or moved: id, class, motion, when and how long seen, median speed."""
    rows: dict[bytes, dict[str, Any]] = {}
    for array in arrays:
        for i in range(len(array)):
            row = rows.setdefault(array.ids[i].tobytes(), {"names": [], "stamps": [], "speed": [], "motion": []})
            row["names"].append(class_name(array, i))
            row["stamps"].append(array.stamp_ns)
            row["speed"].append(float(np.hypot(*array.velocity[i, :2])))
            row["motion"].append(Motion(int(array.motion[i])).name.lower())
    out = []
    for identity, row in rows.items():
        name = max(set(row["names"]), key=row["names"].count)
        motion = max(set(row["motion"]), key=row["motion"].count)
        if name == "unknown" and motion != "moving":
            continue
        out.append(
            {
                "id": short_id(identity),
                "class": name,
                "motion": motion,
                "first_s": round((row["stamps"][0] - arrays[0].stamp_ns) / 1e9, 1),
                "seen_s": round((row["stamps"][-1] - row["stamps"][0]) / 1e9, 1),
                "median_speed": round(float(np.median(row["speed"])), 1),
            }
        )
    return sorted(out, key=lambda row: -row["seen_s"])


def _title(moment: Moment, start_ns: int) -> str:
    mode = Mode(moment.obstacles.mode).name
    seconds = (moment.stamp_ns - start_ns) / 1e9
    return f"{seconds:.1f} s  |  {mode}  |  {len(moment.obstacles)} obstacles"


def _page(
    summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], images: Sequence[tuple[Path, str]], times: Path
) -> str:
    template = Template((resources.files(__package__) / "report.html").read_text(encoding="utf-8"))
    flat = {key: value for key, value in summary.items() if not isinstance(value, Mapping | list)}
    nested = {key: value for key, value in summary.items() if isinstance(value, Mapping) and value}
    notes = [note for key in ("notes", "warnings") for note in summary.get(key, [])]
    return template.substitute(
        title=html.escape(str(summary.get("title", "Perception report"))),
        summary=_table(("", ""), flat.items()),
        nested="".join(f"<h3>{html.escape(_words(key))}</h3>{_mapping_table(value)}" for key, value in nested.items()),
        notes="".join(f"<li>{html.escape(str(note))}</li>" for note in notes),
        obstacles=_row_table(rows[:_ROWS]),
        pictures="".join(_figure(path, caption) for path, caption in images),
        latency=_figure(times, "Milliseconds"),
    )


def _mapping_table(value: Mapping[str, Any]) -> str:
    if all(isinstance(item, Mapping) for item in value.values()):
        head = list(dict.fromkeys(key for item in value.values() for key in item))
        return _table(("", *head), [(name, *(item.get(key) for key in head)) for name, item in value.items()])
    return _table(("", ""), value.items())


def _row_table(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "<p>None was named or moved.</p>"
    return _table(tuple(rows[0]), [tuple(row.values()) for row in rows])


def _table(head: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    top = "".join(f"<th>{html.escape(_words(name))}</th>" for name in head) if any(head) else ""
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(_text(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{f'<thead><tr>{top}</tr></thead>' if top else ''}<tbody>{body}</tbody></table>"


def _figure(path: Path, caption: str) -> str:
    kind, data = _smaller(path)
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
    alt = html.escape(caption)
    return f'<figure><img src="{source}" alt="{alt}"><figcaption>{alt}</figcaption></figure>'


def _smaller(path: Path) -> tuple[str, bytes]:
    """Return a picture as PNG or JPEG, whichever is smaller: a photograph takes a quarter as JPEG, a chart does not."""
    png = path.read_bytes()
    _, jpeg = cv2.imencode(".jpg", cv2.imread(str(path)), (cv2.IMWRITE_JPEG_QUALITY, 88))
    return ("png", png) if len(png) <= len(jpeg) else ("jpeg", jpeg.tobytes())


def _text(value: Any) -> str:
    return "-" if value is None else f"{value:.2f}" if isinstance(value, float) else _words(str(value))


def _words(name: str) -> str:
    return name.replace("_", " ") if name.islower() and "/" not in name else name
