"""The camera image of a moment with what was found projected into it."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.boxes import corners_3d
from perception_core.geometry.transforms import apply, invert
from perception_nodes.conversions.markers import COLOURS
from perception_tools.pictures.labels import write_labels
from perception_tools.scene import Moment, View, class_name, is_prominent, label, points_of

_WIDTH = 1920
_EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7))
_NEAR = 0.3
_UNNAMED_RANGE, _LABEL_RANGE = 25.0, 60.0
_POINT_OPACITY = 0.6

Pixels = NDArray[np.uint8]
Segment = tuple[tuple[int, int], tuple[int, int]]


def draw_camera(moment: Moment, path: Path) -> Path | None:
    """Draw the camera image with projected boxes and points; None without an image."""
    if moment.view is None:
        return None
    view, obstacles = moment.view, moment.obstacles
    scale = _WIDTH / view.image.pixels.shape[1]
    canvas = cv2.resize(view.image.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    canvas = _with_points(canvas.astype(np.uint8), moment, view, scale)
    T_camera_fixed = view.T_camera_base @ moment.T_base_fixed
    corners = corners_3d(obstacles.centre, obstacles.size, obstacles.yaw)
    depth = apply(T_camera_fixed, obstacles.centre)[:, 2]
    anchors: list[tuple[int, tuple[int, int]]] = []
    for i in np.argsort(-depth).tolist():
        if is_prominent(obstacles, i) or depth[i] < _UNNAMED_RANGE:
            segments = _project_box(apply(T_camera_fixed, corners[i]), view, scale)
            _draw_box(canvas, segments, _bgr(class_name(obstacles, i)), 2 if is_prominent(obstacles, i) else 1)
            if segments and is_prominent(obstacles, i) and depth[i] < _LABEL_RANGE:
                anchors.append((i, _top_left(segments)))
    write_labels(canvas, [(label(obstacles, i), at, _bgr(class_name(obstacles, i))) for i, at in reversed(anchors)])
    cv2.imwrite(str(path), canvas)
    return path


def _with_points(canvas: Pixels, moment: Moment, view: View, scale: float) -> Pixels:
    """Return the image with the points in the boxes of named and moving obstacles, in their colours."""
    pixels, valid = view.model.project(apply(view.T_camera_base, moment.points))
    kept = np.flatnonzero(valid)
    points_fixed = apply(invert(moment.T_base_fixed), moment.points[kept])
    dotted = canvas.copy()
    for i in range(len(moment.obstacles)):
        if is_prominent(moment.obstacles, i):
            colour = _bgr(class_name(moment.obstacles, i))
            for u, v in np.rint((pixels[kept[points_of(moment.obstacles, i, points_fixed)]] + 0.5) * scale).tolist():
                cv2.circle(dotted, (int(u), int(v)), 2, colour, -1, cv2.LINE_AA)
    return np.asarray(cv2.addWeighted(dotted, _POINT_OPACITY, canvas, 1.0 - _POINT_OPACITY, 0.0), dtype=np.uint8)


def _project_box(corners: NDArray[np.float64], view: View, scale: float) -> list[Segment]:
    edges = [_project_edge(corners[a], corners[b], view, scale) for a, b in _EDGES]
    return [edge for edge in edges if edge is not None]


def _project_edge(a: NDArray[np.float64], b: NDArray[np.float64], view: View, scale: float) -> Segment | None:
    """Return the part of an edge that is in front of the camera and inside the image; None where there is none."""
    if a[2] < _NEAR and b[2] < _NEAR:
        return None
    if a[2] < _NEAR or b[2] < _NEAR:
        cut = a + (b - a) * (_NEAR - a[2]) / (b[2] - a[2])
        a, b = (cut, b) if a[2] < _NEAR else (a, cut)
    pixels, valid = view.model.project(a + (b - a) * np.linspace(0.0, 1.0, 60)[:, None])
    if not valid.any():
        return None
    (u0, v0), (u1, v1) = np.rint((pixels[valid][[0, -1]] + 0.5) * scale).astype(int).tolist()
    return (u0, v0), (u1, v1)


def _draw_box(canvas: Pixels, segments: list[Segment], colour: tuple[float, ...], thickness: int) -> None:
    for a, b in segments:
        cv2.line(canvas, a, b, colour, thickness, cv2.LINE_AA)


def _top_left(segments: list[Segment]) -> tuple[int, int]:
    ends = [end for segment in segments for end in segment]
    return min(u for u, _ in ends), min(v for _, v in ends)


def _bgr(name: str) -> tuple[float, float, float]:
    red, green, blue = COLOURS[name]
    return 255.0 * blue, 255.0 * green, 255.0 * red
