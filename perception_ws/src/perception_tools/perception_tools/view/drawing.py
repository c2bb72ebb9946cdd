"""What is drawn of a scan: dots, strokes, captions and a legend, in the base frame; no pixels yet."""

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from perception_core.geometry.boxes import convex_hull, corners_3d
from perception_core.lidar.processor import LidarResult
from perception_core.types import Clusters, PointClass
from perception_tools.pictures.style import GRID, INK

Colour = tuple[int, int, int]

_EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7))
_RING_STEP = 10.0
_RING_POINTS = 180
_EGO = np.array([(1.6, 0.0), (-1.2, 0.8), (-0.7, 0.0), (-1.2, -0.8), (1.6, 0.0)])
_LINE_LIFT = 0.05
"""Metres above the ground at which lines that lie on it are drawn."""
_NAMED_LENGTH, _NAMED_HEIGHT = 0.3, 0.5
"""Metres: smaller clusters are drawn without words."""

GROUND, COVERAGE, RECORDED = "#66717f", "#2c8a5a", "#ffffff"
OTHERS = {
    PointClass.OVERHEAD: ("overhead", "#b48cf2"),
    PointClass.BELOW_GROUND: ("below ground", "#ff3b3b"),
    PointClass.SPECK: ("specks", "#8a6d1f"),
}
CLUSTERS = (
    "#4aa3ff", "#ffb454", "#5ee0c0", "#ff7eb6", "#d4e157", "#ff8a65", "#80d8ff", "#f4d03f", "#7ecb6f",
)  # fmt: skip
"""Colours of clusters; neighbours in azimuth get different ones."""


@dataclass(frozen=True, slots=True)
class Dots:
    """Points: xyz float32 (N, 3), rgb uint8 (N, 3), and ``size`` in metres, at least a pixel."""

    xyz: NDArray[np.float32]
    rgb: NDArray[np.uint8]
    size: float


@dataclass(frozen=True, slots=True)
class Strokes:
    """Straight lines: ends float64 (K, 2, 3), rgb uint8 (K, 3), ``width`` in pixels."""

    ends: NDArray[np.float64]
    rgb: NDArray[np.uint8]
    width: int = 1


@dataclass(frozen=True, slots=True)
class Caption:
    """Words above the highest of some places (K, 3) in the picture; the first of two that would meet is written."""

    places: NDArray[np.float64]
    text: str
    rgb: Colour


@dataclass(frozen=True, slots=True)
class Drawing:
    """A scan in the base frame, ready for a renderer.

    Attributes:
        dots: points.
        strokes: lines.
        captions: words, the most important first.
        legend: colour and words of each thing that is there.
        floor: metres, how high the ground lies around the robot.
    """

    dots: tuple[Dots, ...]
    strokes: tuple[Strokes, ...]
    captions: tuple[Caption, ...]
    legend: tuple[tuple[Colour, str], ...]
    floor: float


Boxes = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def draw_scan(xyz: NDArray[np.float32], result: LidarResult, reach: float, recorded: Boxes | None = None) -> Drawing:
    """Lay out everything that is known of a scan.

    Args:
        xyz: float32 (N, 3) of all points of the scan, in base.
        result: what the LiDAR path made of them.
        reach: metres up to which range rings are drawn.
        recorded: centre, size and yaw of obstacles that the recording holds.
    """
    clusters, ground = result.clusters, result.ground_points
    floor = _floor(ground)
    colours = cluster_colours(clusters)
    dots = [Dots(ground, _rows(GROUND, len(ground)), 0.04), _obstacle_dots(clusters, colours)]
    legend = [(rgb(GROUND), f"ground {len(ground):,}")]
    legend.append((rgb(CLUSTERS[0]), f"{len(clusters)} clusters {np.count_nonzero(clusters.labels >= 0):,}"))
    for kind, (name, colour) in OTHERS.items():
        points = xyz[result.point_class == kind]
        if len(points):
            dots.append(Dots(points, _rows(colour, len(points)), 0.06))
            legend.append((rgb(colour), f"{name} {len(points):,}"))
    strokes = [_rings(floor, reach), _coverage(result.coverage, floor), _ego(floor)]
    legend += [(rgb(COVERAGE), "coverage"), (rgb(GRID), f"ring every {_RING_STEP:.0f} m")]
    if len(clusters):
        light = _lighter(colours)
        strokes += [
            _boxes(clusters.centre, clusters.size, clusters.yaw, light),
            _headings(clusters, light),
            _hulls(clusters, light),
        ]
    if recorded is not None:
        strokes.append(_boxes(*recorded, _rows(RECORDED, len(recorded[0]))))
        legend.append((rgb(RECORDED), f"recorded obstacles {len(recorded[0])}"))
    captions = [*_box_captions(clusters, colours), *_ring_captions(floor, reach)]
    return Drawing(tuple(dots), tuple(strokes), tuple(captions), tuple(legend), floor)


def cluster_colours(clusters: Clusters) -> NDArray[np.uint8]:
    """Return rgb (M, 3): clusters that follow on one another around the robot get different colours."""
    palette = np.array([rgb(colour) for colour in CLUSTERS], dtype=np.uint8)
    rank = np.empty(len(clusters), dtype=np.intp)
    rank[np.argsort(np.arctan2(clusters.centre[:, 1], clusters.centre[:, 0]), kind="stable")] = np.arange(len(clusters))
    return palette[rank % len(palette)]


def rgb(colour: str) -> Colour:
    """Return red, green, blue of 0 to 255."""
    red, green, blue = to_rgb(colour)
    return round(255 * red), round(255 * green), round(255 * blue)


def _rows(colour: str, count: int) -> NDArray[np.uint8]:
    return np.tile(np.array(rgb(colour), dtype=np.uint8), (count, 1))


def _lighter(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return (colours // 2 + 127).astype(np.uint8)


def _floor(ground: NDArray[np.float32]) -> float:
    """Return the median height of the ground within 15 m, of all of it where there is none; 0 without ground."""
    near = ground[np.hypot(ground[:, 0], ground[:, 1]) < 15.0]
    shown = near if len(near) else ground
    return float(np.median(shown[:, 2])) if len(shown) else 0.0


def _obstacle_dots(clusters: Clusters, colours: NDArray[np.uint8]) -> Dots:
    clustered = clusters.labels >= 0
    return Dots(clusters.points[clustered], colours[clusters.labels[clustered]], 0.08)


def _boxes(
    centre: NDArray[np.float64], size: NDArray[np.float64], yaw: NDArray[np.float64], colours: NDArray[np.uint8]
) -> Strokes:
    corners = corners_3d(centre, size, yaw)
    ends = corners[:, np.array(_EDGES)].reshape(-1, 2, 3)
    return Strokes(ends, np.repeat(colours, len(_EDGES), axis=0))


def _headings(clusters: Clusters, colours: NDArray[np.uint8]) -> Strokes:
    """Return a line on top of each box from its centre to half a metre beyond its front."""
    top = clusters.centre + clusters.size * (0.0, 0.0, 0.5)
    reach = clusters.size[:, 0] / 2 + 0.5
    front = top + np.column_stack([reach * np.cos(clusters.yaw), reach * np.sin(clusters.yaw), np.zeros(len(reach))])
    return Strokes(np.stack([top, front], axis=1), colours)


def _hulls(clusters: Clusters, colours: NDArray[np.uint8]) -> Strokes:
    """Return the footprints, on the bottom of the boxes."""
    ends: list[NDArray[np.float64]] = []
    owner: list[int] = []
    for i in range(len(clusters)):
        hull = convex_hull(clusters.points[clusters.labels == i, :2].astype(np.float64))
        bottom = clusters.centre[i, 2] - clusters.size[i, 2] / 2
        ring = np.column_stack([hull, np.full(len(hull), bottom)])
        ends.append(_closed(ring))
        owner += [i] * len(hull)
    return Strokes(np.concatenate(ends), colours[owner], 2)


def _closed(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([ring, np.roll(ring, -1, axis=0)], axis=1)


def _coverage(coverage: NDArray[np.float32], floor: float) -> Strokes:
    """Return the line up to which ground was seen; none in sectors in which nothing was."""
    turn = np.linspace(-np.pi, np.pi, len(coverage) + 1)
    angle = np.column_stack([turn[:-1], turn[1:]])
    reach = np.column_stack([coverage, coverage]).astype(np.float64)
    height = np.full(angle.shape, floor + _LINE_LIFT)
    arcs = np.stack([reach * np.cos(angle), reach * np.sin(angle), height], axis=-1)
    jumps = np.stack([arcs[:, 1], np.roll(arcs[:, 0], -1, axis=0)], axis=1)
    ends = np.concatenate([arcs, jumps])
    seen = coverage > 0.0
    ends = ends[np.concatenate([seen, seen & np.roll(seen, -1)])]
    return Strokes(ends, _rows(COVERAGE, len(ends)))


def _rings(floor: float, reach: float) -> Strokes:
    turn = np.linspace(-np.pi, np.pi, _RING_POINTS, endpoint=False)
    circle = np.column_stack([np.cos(turn), np.sin(turn), np.zeros(_RING_POINTS)])
    radii = np.arange(_RING_STEP, reach + 1.0, _RING_STEP)
    ends = np.concatenate([_closed(circle * r + (0.0, 0.0, floor + _LINE_LIFT)) for r in radii])
    return Strokes(ends, _rows(GRID, len(ends)))


def _ego(floor: float) -> Strokes:
    ring = np.column_stack([_EGO, np.full(len(_EGO), floor + _LINE_LIFT)])
    ends = np.stack([ring[:-1], ring[1:]], axis=1)
    return Strokes(ends, _rows("#ffffff", len(ends)), 2)


def _box_captions(clusters: Clusters, colours: NDArray[np.uint8]) -> list[Caption]:
    """Return length x width x height and heading of the clusters that are of some size, the nearest first."""
    captions = []
    corners = corners_3d(clusters.centre, clusters.size, clusters.yaw)
    for i in np.argsort(np.hypot(*clusters.centre[:, :2].T), kind="stable").tolist():
        length, width, height = clusters.size[i].tolist()
        if length >= _NAMED_LENGTH and height >= _NAMED_HEIGHT:
            text = f"{length:.1f} x {width:.1f} x {height:.1f}  {np.degrees(clusters.yaw[i]):.0f} deg"
            red, green, blue = (int(channel) for channel in colours[i])
            captions.append(Caption(corners[i], text, (red, green, blue)))
    return captions


def _ring_captions(floor: float, reach: float) -> list[Caption]:
    radii = np.arange(_RING_STEP, reach + 1.0, _RING_STEP).tolist()
    return [Caption(np.array([[0.0, side * r, floor]]), f"{r:.0f} m", rgb(INK)) for r in radii for side in (-1.0, 1.0)]
