"""Where the depth of a scan jumps: the outlines of things, as the LiDAR sees them.

The outline lies between the last ray that meets the thing and the first that passes it. It is placed half-way, at the
depth of the thing, so that on the whole an outline is found neither too wide nor too narrow (Levinson and Thrun,
"Automatic online calibration of cameras and lasers", RSS 2013, take the last point on the thing, as much as a step
of the beams inside).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.types._checks import column
from perception_core.types.cloud import PointCloud

LEFT, RIGHT, DOWN, UP = range(4)
"""On which side of the thing, seen from the LiDAR, the depth jumps."""

_SIDES = ((0, 1), (0, -1), (-1, 0), (1, 0))
"""Rows and columns of the range image to the neighbour on each side; azimuth grows to the left, elevation upwards."""
_LEAST_JUMP, _JUMP_PER_RANGE = 0.5, 0.05
"""A step: metres, and metres a metre of range."""
_SMOOTH = 0.25
"""Share of the jump by which the range may differ on the other side of the point: outlines of things, no spikes."""
_GAP = 5
"""Columns without return beside a thing that make it stand against the sky, rather than a ray lost."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DepthSteps:
    """Outlines of a scan.

    Attributes:
        points: float64 (E, 3) metres, where ``xyz`` of :func:`depth_steps` is given.
        outward: float64 (E, 3) unit vectors there, across the line of sight, from the thing to what is behind.
        step: float64 (E,) radians between the two rays the outline lies between.
        side: uint8 (E,) ``LEFT``, ``RIGHT``, ``DOWN`` or ``UP``.
    """

    points: Floats
    outward: Floats
    step: Floats
    side: NDArray[np.uint8]

    def __post_init__(self) -> None:
        """Check shapes and lengths, freeze the arrays."""
        set_ = object.__setattr__
        set_(self, "points", column("steps.points", self.points, np.float64, (None, 3)))
        n = len(self.points)
        set_(self, "outward", column("steps.outward", self.outward, np.float64, (n, 3)))
        set_(self, "step", column("steps.step", self.step, np.float64, (n,)))
        set_(self, "side", column("steps.side", self.side, np.uint8, (n,)))

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.points)


@dataclass(frozen=True, slots=True)
class _RangeImage:
    """A scan as rows of lasers and columns of azimuth.

    ``range`` (R, C) metres, infinite without return; ``index`` (R, C) the point, -1 for none; ``azimuth`` (N,) of the
    points, ``height`` (R,) the median elevation of each row and ``width`` of a column, radians.
    """

    range: Floats
    index: Ints
    azimuth: Floats
    height: Floats
    width: float


def depth_steps(cloud: PointCloud, rows: NDArray[np.int32], xyz: NDArray[np.floating], max_range: float) -> DepthSteps:
    """Find the outlines of what stands in a scan.

    Args:
        cloud: as the sensor gives it, each point in the sensor's frame at its own time: neighbours are neighbours of
            the beams.
        rows: int32 (N,) the scan line of each point, the lowest first.
        xyz: float (N, 3) the same points with the ego motion taken out, in the axes of the sensor.
        max_range: metres.
    """
    near = np.linalg.norm(cloud.xyz, axis=1)
    usable = np.flatnonzero(near > 0.5)
    if len(usable) < 3:
        return _nothing()
    image = _range_image(cloud.xyz[usable].astype(np.float64), rows[usable])
    found = [_steps_on(image, side, max_range) for side in (LEFT, RIGHT, DOWN, UP)]
    places = [_lasting(where, side) for side, where in enumerate(found)]
    parts = [_placed(image, usable, np.asarray(xyz, np.float64), place, side) for side, place in enumerate(places)]
    return DepthSteps(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.outward for part in parts]),
        np.concatenate([part.step for part in parts]),
        np.concatenate([part.side for part in parts]),
    )


def _placed(image: _RangeImage, usable: Ints, xyz: Floats, where: NDArray[np.bool_], side: int) -> DepthSteps:
    """Return the outlines of the cells ``where`` (R, C), half-way to the next ray."""
    row, col = np.nonzero(where)
    at = xyz[usable[image.index[row, col]]]
    direction, step = _towards(image, at, (row, col), side)
    distance = np.linalg.norm(at, axis=1)
    points = at + direction * (0.5 * step * distance)[:, None]
    return DepthSteps(points, direction, step, np.full(len(row), side, np.uint8))


def _nothing() -> DepthSteps:
    return DepthSteps(np.empty((0, 3)), np.empty((0, 3)), np.empty(0), np.empty(0, np.uint8))


def _range_image(xyz: Floats, rows: NDArray[np.int32]) -> _RangeImage:
    azimuth = np.arctan2(xyz[:, 1], xyz[:, 0])
    elevation = np.arctan2(xyz[:, 2], np.hypot(xyz[:, 0], xyz[:, 1]))
    order = np.lexsort((azimuth, rows))
    gaps = np.diff(azimuth[order])[np.diff(rows[order]) == 0]
    width = float(np.clip(np.median(gaps) if len(gaps) else 0.0, 5e-4, 0.02))
    columns = round(2.0 * np.pi / width)
    width = 2.0 * np.pi / columns
    col = ((azimuth + np.pi) / width).astype(np.int64) % columns
    count = int(rows.max()) + 1
    index = np.full((count, columns), -1, np.int64)
    reach = np.linalg.norm(xyz, axis=1)
    far_first = np.argsort(-reach, kind="stable")  # of several points of a cell the nearest stays
    index[rows[far_first], col[far_first]] = far_first
    index = _without_single_holes(index)
    image = np.where(index >= 0, reach[np.maximum(index, 0)], np.inf)
    height = np.array([np.median(elevation[rows == row]) if (rows == row).any() else 0.0 for row in range(count)])
    return _RangeImage(image, index, azimuth, height, width)


def _without_single_holes(index: Ints) -> Ints:
    """Fill cells without a point whose left and right neighbours have one: the beams do not keep to the columns."""
    left, right = np.roll(index, 1, axis=1), np.roll(index, -1, axis=1)
    return np.where((index < 0) & (left >= 0) & (right >= 0), left, index)


def _shifted(image: Floats, side: int, by: int = 1) -> Floats:
    """Return the image whose every cell holds its neighbour on a side; NaN beyond the lowest and highest row."""
    d_row, d_col = (by * d for d in _SIDES[side])
    moved = np.roll(image, (-d_row, -d_col), axis=(0, 1))
    if d_row > 0:
        moved[-d_row:] = np.nan
    elif d_row < 0:
        moved[:-d_row] = np.nan
    return moved


def _steps_on(image: _RangeImage, side: int, max_range: float) -> NDArray[np.bool_]:
    """Tell of which cells (R, C) the depth jumps on a side."""
    near, far, other = image.range, _shifted(image.range, side), _shifted(image.range, side, -1)
    across = side in (LEFT, RIGHT)
    with np.errstate(invalid="ignore"):
        jump = far - near
        uneven = np.abs(near - other)
        steps = np.isfinite(far) & (jump > _LEAST_JUMP + _JUMP_PER_RANGE * near) & (uneven < _SMOOTH * jump)
        if side != DOWN:
            steps |= _is_upright(image) & _against_sky(image, side) & (uneven < _flat(image, across))
    return np.asarray(steps & np.isfinite(other) & (near < max_range))


def _against_sky(image: _RangeImage, side: int) -> NDArray[np.bool_]:
    """Tell beside which cells (R, C) several rays found nothing."""
    if side == UP:
        above = _shifted(image.range, UP)
        return np.asarray(np.isinf(above) & np.isinf(np.roll(above, 1, axis=1)) & np.isinf(np.roll(above, -1, axis=1)))
    return np.asarray(np.logical_and.reduce([np.isinf(_shifted(image.range, side, k)) for k in range(1, _GAP + 1)]))


def _is_upright(image: _RangeImage) -> NDArray[np.bool_]:
    """Tell which cells (R, C) lie on a surface steeper than 45 degrees by the row below or above: not the ground."""
    limit = _flat(image, across=False)
    below, above = _shifted(image.range, DOWN), _shifted(image.range, UP)
    return np.asarray((np.abs(image.range - below) < limit) | (np.abs(image.range - above) < limit))


def _flat(image: _RangeImage, across: bool) -> Floats:
    """Return metres (R, C) by which the range differs to the next cell of a surface at 45 degrees."""
    if across:
        return 0.1 + image.range * image.width
    spacing = np.abs(np.gradient(image.height)) if len(image.height) > 1 else np.zeros(1)
    return np.asarray(0.1 + np.where(np.isfinite(image.range), image.range, 0.0) * spacing[:, None])


def _lasting(steps: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Keep of steps (R, C) those that go on along the outline: in a neighbouring row, or beside."""
    padded = np.pad(steps, 2)
    rows, cols = steps.shape
    around = [(r, c) for r in (-1, 1) for c in (-1, 0, 1)] if side in (LEFT, RIGHT) else [
        (r, c) for c in (-2, -1, 1, 2) for r in (-1, 0, 1)
    ]  # fmt: skip
    beside = [padded[2 + r : 2 + r + rows, 2 + c : 2 + c + cols] for r, c in around]
    return np.asarray(steps & np.logical_or.reduce(beside))


def _towards(image: _RangeImage, at: Floats, cell: tuple[Ints, Ints], side: int) -> tuple[Floats, Floats]:
    """Return unit vectors (E, 3) from points to a side, across the line of sight, and radians (E,) to the next ray.

    Args:
        image: the scan.
        at: float64 (E, 3) the points.
        cell: rows and columns (E,) of the image in which they lie.
        side: of the outlines.
    """
    row, col = cell
    flat = np.hypot(at[:, 0], at[:, 1])
    azimuth, elevation = np.arctan2(at[:, 1], at[:, 0]), np.arctan2(at[:, 2], flat)
    if side in (LEFT, RIGHT):
        sign = 1.0 if side == LEFT else -1.0
        direction = sign * np.column_stack([-np.sin(azimuth), np.cos(azimuth), np.zeros(len(at))])
        return direction, _width_to_next(image, row, col, 1 if side == LEFT else -1) * np.cos(elevation)
    sign = 1.0 if side == UP else -1.0
    sine = np.sin(elevation)
    direction = sign * np.column_stack([-sine * np.cos(azimuth), -sine * np.sin(azimuth), np.cos(elevation)])
    next_row = np.clip(row + int(sign), 0, len(image.height) - 1)
    return direction, np.abs(image.height[next_row] - image.height[row])


def _width_to_next(image: _RangeImage, row: Ints, col: Ints, towards: int) -> Floats:
    """Return radians (E,) of azimuth to the point in the next column, a column's width where there is none.

    The beams do not keep to the columns: a cell may hold a copy of its neighbour, and two steps lie between.
    """
    here, there = image.index[row, col], image.index[row, (col + towards) % image.index.shape[1]]
    turn = towards * (image.azimuth[there] - image.azimuth[here])
    turn = (turn + np.pi) % (2.0 * np.pi) - np.pi
    return np.where(there >= 0, np.clip(turn, 0.5 * image.width, 2.5 * image.width), image.width)
