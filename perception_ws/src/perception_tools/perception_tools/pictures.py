"""Pictures of a moment: bird's-eye view, camera image; and histograms of milliseconds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.boxes import bev_corners, corners_3d
from perception_core.geometry.transforms import apply, rotate
from perception_core.types import Motion, Obstacles
from perception_nodes.conversions.markers import COLOURS
from perception_tools.scene import Moment, View, class_name, is_prominent, label, points_of

mpl.use("Agg")

import matplotlib.pyplot as plt

_RANGE_X, _RANGE_Y = (-22.0, 58.0), (-20.0, 20.0)
_EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7))
_NEAR = 0.3
_INK, _PAPER, _GRID = "#e8ecf1", "#12161c", "#2a313b"
_GROUND_HEIGHT = 0.25
_PICTURE_WIDTH = 1920
_MIN_SPEED = 0.5


def draw_bird_eye(moment: Moment, path: Path, title: str) -> Path:
    """Draw scan, boxes, ids, velocities, trails and, where known, the truth, x forward to the right; in base."""
    figure, axes = plt.subplots(figsize=(13.5, 7.2), dpi=110, facecolor=_PAPER)
    _prepare(axes, title)
    _draw_points(axes, moment)
    if moment.truth is not None:
        _draw_truth(axes, moment)
    for i in range(len(moment.obstacles)):
        _draw_obstacle(axes, moment, i)
    _draw_ego(axes)
    _legend(axes, moment)
    figure.tight_layout(pad=0.6)
    figure.savefig(path, facecolor=_PAPER)
    plt.close(figure)
    return path


def draw_camera(moment: Moment, path: Path) -> Path | None:
    """Draw the camera image with projected boxes and points; None without an image."""
    if moment.view is None:
        return None
    view, obstacles = moment.view, moment.obstacles
    scale = _PICTURE_WIDTH / view.image.pixels.shape[1]
    canvas = cv2.resize(view.image.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    T_camera_fixed = view.T_camera_base @ moment.T_base_fixed
    distance = np.linalg.norm(apply(moment.T_base_fixed, obstacles.centre)[:, :2], axis=1)
    far_first = np.argsort(-distance)
    _draw_projected_points(canvas, moment, view, scale)
    corners = corners_3d(obstacles.centre, obstacles.size, obstacles.yaw)
    for i in far_first.tolist():
        _draw_box(canvas, obstacles, i, apply(T_camera_fixed, corners[i]), view, scale)
    cv2.imwrite(str(path), canvas)
    return path


def draw_histogram(
    series: Mapping[str, Sequence[float]], path: Path, title: str, budget_ms: float | None = None
) -> Path:
    """Draw one histogram a series of milliseconds, with its median and 99th percentile."""
    shown = {name: np.asarray(values) for name, values in series.items() if len(values)}
    figure, rows = plt.subplots(
        max(1, len(shown)),
        1,
        figsize=(9, 1.2 + 1.35 * max(1, len(shown))),
        dpi=110,
        sharex=True,
        squeeze=False,
        facecolor=_PAPER,
    )
    limit = max([float(np.percentile(v, 99.5)) for v in shown.values()] + [budget_ms or 1.0]) * 1.08
    for axes, (name, values) in zip(rows[:, 0], shown.items(), strict=False):
        _style(axes)
        p50, p99 = np.percentile(values, (50, 99))
        axes.hist(np.minimum(values, limit), bins=np.linspace(0.0, limit, 70), color="#4aa3ff")
        axes.axvline(p50, color="#7ee787", lw=1.2)
        axes.axvline(p99, color="#ffb454", lw=1.2)
        if budget_ms is not None and name == next(iter(shown)):
            axes.axvline(budget_ms, color="#ff6b6b", lw=1.2, ls="--")
        axes.set_title(
            f"{name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, {len(values)} values", color=_INK, fontsize=9, loc="left"
        )
    rows[-1, 0].set_xlabel(
        "milliseconds (green: median, orange: 99th percentile" + (", red: budget)" if budget_ms else ")"),
        color=_INK,
        fontsize=8,
    )
    figure.suptitle(title, color=_INK, fontsize=11)
    figure.tight_layout()
    figure.savefig(path, facecolor=_PAPER)
    plt.close(figure)
    return path


def _prepare(axes: Any, title: str) -> None:
    _style(axes)
    axes.set_xlim(*_RANGE_X)
    axes.set_ylim(*_RANGE_Y)
    axes.set_aspect("equal")
    axes.set_title(title, color=_INK, fontsize=11, loc="left")
    axes.set_xlabel("x forward [m]", color=_INK, fontsize=8)
    axes.set_ylabel("y left [m]", color=_INK, fontsize=8)
    for radius in range(10, 60, 10):
        axes.add_patch(plt.Circle((0, 0), radius, fill=False, color=_GRID, lw=0.6, zorder=0))


def _style(axes: Any) -> None:
    axes.set_facecolor(_PAPER)
    axes.tick_params(colors=_INK, labelsize=7)
    for spine in axes.spines.values():
        spine.set_color(_GRID)


def _draw_points(axes: Any, moment: Moment) -> None:
    points = moment.points
    ground = points[:, 2] < _GROUND_HEIGHT
    axes.scatter(*points[ground, :2].T, s=0.5, c="#46515f", lw=0, zorder=1, rasterized=True)
    raised = points[~ground]
    axes.scatter(
        *raised[:, :2].T, s=0.9, c=np.clip(raised[:, 2], -0.5, 3.5), cmap="viridis", lw=0, zorder=2, rasterized=True
    )


def _draw_truth(axes: Any, moment: Moment) -> None:
    assert moment.truth is not None
    truth = moment.truth
    for corners in bev_corners(truth.centre, truth.size, truth.yaw):
        outline = _in_base(moment, np.vstack([corners, corners[:1]]))
        if _visible(outline):
            axes.plot(*outline.T, color="#7ee787", lw=1.0, ls=(0, (2, 2)), zorder=4)


def _draw_obstacle(axes: Any, moment: Moment, i: int) -> None:
    obstacles = moment.obstacles
    corners = bev_corners(obstacles.centre[i : i + 1], obstacles.size[i : i + 1], obstacles.yaw[i : i + 1])[0]
    outline = _in_base(moment, np.vstack([corners, corners[:1]]))
    if not _visible(outline):
        return
    prominent, colour = is_prominent(obstacles, i), COLOURS[class_name(obstacles, i)]
    axes.plot(*outline.T, color=colour, lw=1.8 if prominent else 0.6, alpha=1.0 if prominent else 0.55, zorder=5)
    if not prominent:
        return
    trail = moment.trails.get(obstacles.ids[i].tobytes())
    if trail is not None and len(trail) > 1:
        axes.plot(*trail.T, color=colour, lw=1.0, alpha=0.7, zorder=4)
        axes.scatter(*trail.T, color=colour, s=2.0, alpha=0.7, zorder=4)
    x, y = apply(moment.T_base_fixed, obstacles.centre[i : i + 1])[0, :2]
    if obstacles.motion[i] != Motion.STATIC and np.hypot(*obstacles.velocity[i, :2]) >= _MIN_SPEED:
        u, v = rotate(moment.T_base_fixed, obstacles.velocity[i : i + 1])[0, :2]
        axes.annotate(
            "",
            (x + u, y + v),
            (x, y),
            zorder=6,
            annotation_clip=True,
            arrowprops={"arrowstyle": "-|>", "color": "#7dffb0", "lw": 1.4, "shrinkA": 0, "shrinkB": 0},
        )
    axes.text(
        x,
        outline[:, 1].max() + 0.35,
        label(obstacles, i),
        color=_INK,
        fontsize=6.5,
        ha="center",
        zorder=7,
        clip_on=True,
        bbox={"facecolor": _PAPER, "alpha": 0.6, "lw": 0, "pad": 0.8},
    )


def _draw_ego(axes: Any) -> None:
    axes.add_patch(plt.Polygon([(1.6, 0.0), (-1.2, 0.8), (-0.7, 0.0), (-1.2, -0.8)], color="#ffffff", zorder=8))


def _legend(axes: Any, moment: Moment) -> None:
    obstacles = moment.obstacles
    names = sorted({class_name(obstacles, i) for i in range(len(obstacles))})
    for name in names:
        axes.plot([], [], color=COLOURS[name], lw=2.0, label=name)
    if moment.truth is not None:
        axes.plot([], [], color="#7ee787", lw=1.0, ls=(0, (2, 2)), label="ground truth")
    axes.plot([], [], color="#7dffb0", lw=1.4, label="velocity, 1 s")
    axes.legend(loc="lower right", fontsize=7, facecolor=_PAPER, edgecolor=_GRID, labelcolor=_INK, ncols=2)


def _in_base(moment: Moment, corners: NDArray[np.float64]) -> NDArray[np.float64]:
    flat = np.column_stack([corners, np.zeros(len(corners))])
    return apply(moment.T_base_fixed, flat.astype(np.float64))[:, :2]


def _visible(outline: NDArray[np.float64]) -> bool:
    x, y = outline.mean(axis=0)
    return bool(_RANGE_X[0] < x < _RANGE_X[1] and _RANGE_Y[0] < y < _RANGE_Y[1])


def _draw_projected_points(canvas: NDArray[np.uint8], moment: Moment, view: View, scale: float) -> None:
    in_camera = apply(view.T_camera_base, moment.points)
    pixels, valid = view.model.project(in_camera)
    kept = np.flatnonzero(valid)
    points_fixed = apply(np.linalg.inv(moment.T_base_fixed), moment.points[kept])
    colour = np.zeros((len(kept), 3))
    inside = np.zeros(len(kept), dtype=bool)
    for i in range(len(moment.obstacles)):
        if is_prominent(moment.obstacles, i):
            mine = points_of(moment.obstacles, i, points_fixed)
            colour[mine] = _bgr(class_name(moment.obstacles, i))
            inside |= mine
    for (u, v), c in zip(pixels[kept[inside]].tolist(), colour[inside].tolist(), strict=True):
        cv2.circle(canvas, (round((u + 0.5) * scale), round((v + 0.5) * scale)), 2, c, -1, cv2.LINE_AA)


def _draw_box(
    canvas: NDArray[np.uint8], obstacles: Obstacles, i: int, corners: NDArray[np.float64], view: View, scale: float
) -> None:
    prominent, colour = is_prominent(obstacles, i), _bgr(class_name(obstacles, i))
    segments = [s for a, b in _EDGES if (s := _projected_edge(corners[a], corners[b], view, scale)) is not None]
    if not segments or not (prominent or corners[:, 2].mean() < 25.0):
        return
    for a, b in segments:
        cv2.line(canvas, a, b, colour, 2 if prominent else 1, cv2.LINE_AA)
    if prominent:
        x, y = min(p[0] for s in segments for p in s), min(p[1] for s in segments for p in s)
        _write(canvas, label(obstacles, i), (x, y), colour)


def _projected_edge(
    a: NDArray[np.float64], b: NDArray[np.float64], view: View, scale: float
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Project an edge cut at the near plane and into short pieces' ends that are inside the image; None outside."""
    if a[2] < _NEAR and b[2] < _NEAR:
        return None
    if a[2] < _NEAR or b[2] < _NEAR:
        cut = a + (b - a) * (_NEAR - a[2]) / (b[2] - a[2])
        a, b = (cut, b) if a[2] < _NEAR else (a, cut)
    samples = a + (b - a) * np.linspace(0.0, 1.0, 60)[:, None]
    pixels, valid = view.model.project(samples)
    if not valid.any():
        return None
    ends = pixels[valid][[0, -1]]
    (u0, v0), (u1, v1) = (np.rint((ends + 0.5) * scale).astype(int)).tolist()
    return (u0, v0), (u1, v1)


def _write(canvas: NDArray[np.uint8], text: str, at: tuple[int, int], colour: tuple[float, ...]) -> None:
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
    x = int(np.clip(at[0], 0, canvas.shape[1] - width - 4))
    y = int(np.clip(at[1] - 4, height + 4, canvas.shape[0] - 4))
    canvas[y - height - 3 : y + 3, x : x + width + 4] = canvas[y - height - 3 : y + 3, x : x + width + 4] // 3
    cv2.putText(canvas, text, (x + 2, y), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)


def _bgr(name: str) -> tuple[float, float, float]:
    red, green, blue = COLOURS[name]
    return 255.0 * blue, 255.0 * green, 255.0 * red
