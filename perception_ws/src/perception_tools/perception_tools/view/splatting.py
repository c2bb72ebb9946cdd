"""A renderer of dots and lines with a depth buffer, in NumPy: the same drawing gives the same pixels everywhere."""

import cv2
import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.transforms import apply
from perception_tools.pictures.style import PAPER
from perception_tools.view.camera import Viewpoint
from perception_tools.view.drawing import Drawing, Strokes, rgb

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]
Fragments = tuple[NDArray[np.intp], Floats, Pixels]

_FINE = 2
"""Drawn so many times larger and averaged down: soft edges."""
_NEAR = 0.3
_MAX_SPLAT = 9
"""Fine pixels, width of the largest dot."""
_LINE_AHEAD = 0.4
"""Metres by which lines are drawn nearer than they are: the edges of a box win over the points they enclose."""


def splat(drawing: Drawing, view: Viewpoint) -> Pixels:
    """Return the picture, uint8 (H, W, 3) red green blue."""
    width, height = view.model.width * _FINE, view.model.height * _FINE
    places, depths, colours = zip(*_fragments(drawing, view), strict=True)
    place, depth = np.concatenate(places), np.concatenate(depths)
    far_first = np.argsort(-depth, kind="stable")
    canvas = np.empty((height * width, 3), dtype=np.uint8)
    canvas[:] = rgb(PAPER)
    canvas[place[far_first]] = np.concatenate(colours)[far_first]  # of equal places the last, the nearest, stays
    fine = canvas.reshape(height, width, 3)
    small = cv2.resize(fine, (view.model.width, view.model.height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small, dtype=np.uint8)


def _fragments(drawing: Drawing, view: Viewpoint) -> list[Fragments]:
    """Return index of the fine pixel, depth and colour of everything; at least one of it, without rows."""
    found: list[Fragments] = [(np.empty(0, np.intp), np.empty(0), np.empty((0, 3), np.uint8))]
    for dots in drawing.dots:
        points = apply(view.T_camera_base, dots.xyz.astype(np.float64))
        seen = np.flatnonzero(points[:, 2] > _NEAR)
        depth = points[seen, 2]
        width = np.clip(np.rint(dots.size * _focal(view) / depth), _FINE, _MAX_SPLAT).astype(np.intp)
        for side in np.unique(width).tolist():
            chosen = np.flatnonzero(width == side)
            uv = _project(points[seen[chosen]], view)
            found.append(_squares(uv, depth[chosen], dots.rgb[seen[chosen]], side, view))
    for strokes in drawing.strokes:
        uv, depth, owner = _along(strokes, view)
        found.append(_squares(uv, depth - _LINE_AHEAD, strokes.rgb[owner], _FINE * strokes.width, view))
    return found


def _squares(uv: Floats, depth: Floats, colours: Pixels, side: int, view: Viewpoint) -> Fragments:
    """Return the fine pixels inside the picture of squares with ``side`` around uv (N, 2)."""
    corner = np.rint(uv - (side - 1) / 2.0).astype(np.intp)
    step = np.arange(side)
    u = (corner[:, 0, None, None] + step[None, None, :]).repeat(side, axis=1).reshape(-1)
    v = (corner[:, 1, None, None] + step[None, :, None]).repeat(side, axis=2).reshape(-1)
    width, height = view.model.width * _FINE, view.model.height * _FINE
    inside = np.flatnonzero((u >= 0) & (u < width) & (v >= 0) & (v < height))
    owner = inside // (side * side)
    return v[inside] * width + u[inside], depth[owner], colours[owner]


def _along(strokes: Strokes, view: Viewpoint) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Return fine pixels (P, 2) a pixel apart along every line, their depths (P,) and whose they are (P,)."""
    ends = apply(view.T_camera_base, strokes.ends.reshape(-1, 3)).reshape(-1, 2, 3)
    ends, kept = _in_front(ends)
    uv = _project(ends.reshape(-1, 3), view).reshape(-1, 2, 2)
    begin, end = _inside(uv, view.model.width * _FINE, view.model.height * _FINE)
    seen = np.flatnonzero(end > begin)
    uv, ends, kept, begin, end = uv[seen], ends[seen], kept[seen], begin[seen], end[seen]
    run = uv[:, 1] - uv[:, 0]
    count = np.ceil(np.abs(run).max(axis=1, initial=0.0) * (end - begin)).astype(np.intp) + 2
    owner = np.repeat(np.arange(len(count)), count)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    share = begin[owner] + (end - begin)[owner] * place / (count - 1)[owner]
    near, far = 1.0 / ends[owner, 0, 2], 1.0 / ends[owner, 1, 2]  # 1 / depth is linear along a line of the picture
    return uv[owner, 0] + share[:, None] * run[owner], 1.0 / (near + share * (far - near)), kept[owner]


def _in_front(ends: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return the lines (K, 2, 3) that are at least partly in front of the camera, cut there, and which they were."""
    kept = np.flatnonzero(ends[:, :, 2].max(axis=1, initial=-np.inf) > _NEAR)
    cut = ends[kept]
    for a, b in ((0, 1), (1, 0)):
        behind = np.flatnonzero(cut[:, a, 2] < _NEAR)
        share = (_NEAR - cut[behind, a, 2]) / (cut[behind, b, 2] - cut[behind, a, 2])
        cut[behind, a] += share[:, None] * (cut[behind, b] - cut[behind, a])
    return cut, kept


def _inside(uv: Floats, width: int, height: int) -> tuple[Floats, Floats]:
    """Return the share of each line at which it enters and leaves the picture (Liang and Barsky 1984)."""
    begin, end = np.zeros(len(uv)), np.ones(len(uv))
    for axis, size in ((0, width), (1, height)):
        start, run = uv[:, 0, axis], uv[:, 1, axis] - uv[:, 0, axis]
        moving = np.abs(run) > 1e-9
        low, high = ((edge - start) / np.where(moving, run, 1.0) for edge in (0.0, size - 1.0))
        begin = np.where(moving, np.maximum(begin, np.minimum(low, high)), begin)
        end = np.where(moving, np.minimum(end, np.maximum(low, high)), end)
        end = np.where(~moving & ((start < 0.0) | (start > size - 1.0)), -1.0, end)
    return begin, end


def _project(points: Floats, view: Viewpoint) -> Floats:
    """Return fine pixels (N, 2) of points (N, 3) in front of the camera."""
    K = view.model.matrix
    uv = points[:, :2] / points[:, 2:] * (K[0, 0], K[1, 1]) + (K[0, 2], K[1, 2])
    return np.asarray((uv + 0.5) * _FINE - 0.5)


def _focal(view: Viewpoint) -> float:
    return float(view.model.matrix[0, 0]) * _FINE
