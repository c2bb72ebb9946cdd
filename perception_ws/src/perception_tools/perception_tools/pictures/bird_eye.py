"""Bird's-eye view of a moment."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import patches
from numpy.typing import NDArray

from perception_core.geometry.boxes import bev_corners
from perception_core.geometry.transforms import apply, rotate
from perception_core.types import Motion
from perception_nodes.conversions.markers import COLOURS
from perception_tools.pictures.style import GRID, INK, PAPER, POINTS, TRUTH, VELOCITY, prepare, pyplot
from perception_tools.scene import MIN_SPEED, Moment, class_name, is_prominent, label

_RANGE_X, _RANGE_Y = (-22.0, 58.0), (-20.0, 20.0)
_GROUND_HEIGHT = 0.25


def draw_bird_eye(moment: Moment, path: Path, title: str) -> Path:
    """Draw scan, boxes, ids, velocities, trails and, where known, the truth, x forward to the right; in base."""
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(13.5, 7.2), dpi=110, facecolor=PAPER)
    _prepare_map(axes, title)
    _draw_points(axes, moment)
    if moment.truth is not None:
        _draw_truth(axes, moment)
    for i in range(len(moment.obstacles)):
        _draw_obstacle(axes, moment, i)
    _draw_ego(axes)
    _legend(axes, moment)
    figure.subplots_adjust(left=0.04, right=0.995, bottom=0.06, top=0.955)
    figure.savefig(path, facecolor=PAPER)
    plt.close(figure)
    return path


def _prepare_map(axes: Any, title: str) -> None:
    prepare(axes)
    axes.set_xlim(*_RANGE_X)
    axes.set_ylim(*_RANGE_Y)
    axes.set_aspect("equal")
    axes.set_title(title, color=INK, fontsize=11, loc="left")
    axes.set_xlabel("x forward [m]", color=INK, fontsize=8)
    axes.set_ylabel("y left [m]", color=INK, fontsize=8)
    for radius in range(10, 60, 10):
        axes.add_patch(patches.Circle((0, 0), radius, fill=False, color=GRID, lw=0.6, zorder=0))


def _draw_points(axes: Any, moment: Moment) -> None:
    points = moment.points
    ground = points[:, 2] < _GROUND_HEIGHT
    axes.scatter(*points[ground, :2].T, s=0.5, c=POINTS, lw=0, zorder=1, rasterized=True)
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
            axes.plot(*outline.T, color=TRUTH, lw=1.0, ls=(0, (2, 2)), zorder=4)


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
    if obstacles.motion[i] != Motion.STATIC and np.hypot(*obstacles.velocity[i, :2]) >= MIN_SPEED:
        u, v = rotate(moment.T_base_fixed, obstacles.velocity[i : i + 1])[0, :2]
        axes.annotate(
            "",
            (x + u, y + v),
            (x, y),
            zorder=6,
            annotation_clip=True,
            arrowprops={"arrowstyle": "-|>", "color": VELOCITY, "lw": 1.4, "shrinkA": 0, "shrinkB": 0},
        )
    axes.text(
        x,
        outline[:, 1].max() + 0.35,
        label(obstacles, i),
        color=INK,
        fontsize=6.5,
        ha="center",
        zorder=7,
        clip_on=True,
        bbox={"facecolor": PAPER, "alpha": 0.6, "lw": 0, "pad": 0.8},
    )


def _draw_ego(axes: Any) -> None:
    axes.add_patch(patches.Polygon([(1.6, 0.0), (-1.2, 0.8), (-0.7, 0.0), (-1.2, -0.8)], color="#ffffff", zorder=8))


def _legend(axes: Any, moment: Moment) -> None:
    obstacles = moment.obstacles
    names = sorted({class_name(obstacles, i) for i in range(len(obstacles))})
    for name in names:
        axes.plot([], [], color=COLOURS[name], lw=2.0, label=name)
    if moment.truth is not None:
        axes.plot([], [], color=TRUTH, lw=1.0, ls=(0, (2, 2)), label="ground truth")
    axes.plot([], [], color=VELOCITY, lw=1.4, label="velocity, 1 s")
    axes.legend(loc="lower right", fontsize=7, facecolor=PAPER, edgecolor=GRID, labelcolor=INK, ncols=2)


def _in_base(moment: Moment, corners: NDArray[np.float64]) -> NDArray[np.float64]:
    flat = np.column_stack([corners, np.zeros(len(corners))])
    return apply(moment.T_base_fixed, flat.astype(np.float64))[:, :2]


def _visible(outline: NDArray[np.float64]) -> bool:
    x, y = outline.mean(axis=0)
    return bool(_RANGE_X[0] < x < _RANGE_X[1] and _RANGE_Y[0] < y < _RANGE_Y[1])
