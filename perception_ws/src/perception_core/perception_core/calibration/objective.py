"""The score of depth steps laid over spread image edges, of all frames together, under a correction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.calibration.image_edges import spread_edges
from perception_core.calibration.problem import UNKNOWNS, EdgePoints, Views, poses_under, score_frame

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Level:
    """Spread edges of all frames at one scale: float32 (2, h, w) each."""

    scale: float
    edges: tuple[NDArray[np.float32], ...]


class Objective:
    """Depth steps of all frames, ready to be scored."""

    def __init__(
        self, views: Views, points: Sequence[EdgePoints], clusters: Sequence[Ints], stripes: Sequence[Ints]
    ) -> None:
        """Take the views and depth steps of each frame.

        Args:
            views: how the frames are looked at as calibrated.
            points: of each frame.
            clusters: int64 (E,) of each frame, numbers from 0 on of the parts of the recording that err on their own.
            stripes: int64 (E,) of each frame, numbers from 0 on of the upright stripes of the image.
        """
        self.views = views
        self.points = tuple(points)
        self.stripes = np.concatenate(stripes)
        self.clusters = np.concatenate(clusters)
        self.groups = np.concatenate([p.group for p in points])
        self.starts = np.cumsum([0, *map(len, points)])

    def __len__(self) -> int:
        """Return the number of depth steps."""
        return int(self.starts[-1])

    def thinned(self, most: int) -> "Objective":
        """Return the same of no more than some ``most`` points, evenly taken from all frames."""
        every = 1 + (len(self) - 1) // most
        return self if every <= 1 else self._of([np.arange(0, len(e), every) for e in self.points])

    def only(self, wanted: NDArray[np.bool_]) -> "Objective":
        """Return the same of the points that are wanted (points,)."""
        parts = zip(self.starts[:-1], self.starts[1:], strict=True)
        return self._of([np.flatnonzero(wanted[a:b]) for a, b in parts])

    def _of(self, chosen: Sequence[Ints]) -> "Objective":
        """Return the same of the chosen points of each frame."""
        points = [
            EdgePoints(e.points[k], e.outward[k], e.step[k], e.channel[k], e.group[k])
            for e, k in zip(self.points, chosen, strict=True)
        ]
        at = [start + k for start, k in zip(self.starts[:-1], chosen, strict=True)]
        return Objective(self.views, points, [self.clusters[k] for k in at], [self.stripes[k] for k in at])

    def rows(self, level: Level, x: Floats, shifts: Sequence[Floats] | None = None) -> Floats:
        """Return float64 (points, 8): the score of each and its gradient by the unknowns.

        Args:
            level: of the edges.
            x: the unknowns (7,).
            shifts: metres (E, 3) of each frame by which the points are moved before.
        """
        poses = poses_under(self.views, x)
        rows = np.empty((len(self), 1 + UNKNOWNS))
        for k, edges in enumerate(self.points):
            score_frame(
                level.edges[k],
                level.scale,
                edges.points if shifts is None else edges.points + shifts[k],
                edges.channel,
                poses.T_camera_base[k],
                poses.R_camera_base[k],
                poses.place[k],
                self.views.twists[k],
                self.views.K[k],
                rows[self.starts[k] : self.starts[k + 1]],
            )
        return rows

    def total(self, level: Level, x: Floats) -> Floats:
        """Return float64 (8,): the score and its gradient."""
        return np.asarray(self.rows(level, x).sum(axis=0))


def make_level(strengths: Sequence[NDArray[np.uint8]], scale: float, widths: tuple[float, float]) -> Level:
    """Spread the edges of all frames at one scale.

    Args:
        strengths: uint8 (2, H, W) of each frame, 255 for an edge that counts in full.
        scale: of the level, one over a whole number.
        widths: standard deviations of upright and level edges in pixels of the full image.
    """
    spread = (widths[0] * scale, widths[1] * scale)
    return Level(scale, tuple(spread_edges(_scaled(strength, scale), spread) for strength in strengths))


def _scaled(strength: NDArray[np.uint8], scale: float) -> NDArray[np.float32]:
    """Return a smaller image of the edges in which a line is as strong as it was, one pixel wide."""
    full = strength.astype(np.float32) / np.float32(255.0)
    k = round(1.0 / scale)
    if k == 1:
        return full
    h, w = (max(1, n // k) for n in full.shape[1:])
    padded = np.zeros((2, h * k, w * k), np.float32)
    padded[:, : full.shape[1], : full.shape[2]] = full[:, : h * k, : w * k]
    return np.asarray(padded.reshape(2, h, k, w, k).sum(axis=(2, 4)) / k, np.float32)
