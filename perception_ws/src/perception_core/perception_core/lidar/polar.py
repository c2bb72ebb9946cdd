"""Polar grid around the sensor whose cells grow with range, as the spacing of LiDAR returns does.

Azimuth 0 is along -x (sector 0 starts at -pi, counter-clockwise); ring widths grow linearly with range, as in the
concentric zones of Patchwork (Lim et al., "Patchwork: Concentric Zone-based Region-wise Ground Segmentation with
Ground Likelihood Estimation Using a 3D LiDAR Sensor", RA-L 2021).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.lidar.jit import kernel

SECTORS = 180
FIRST_WIDTH = 0.4
WIDTH_GROWTH = 0.03
TABLE_STEP = 0.1


@dataclass(frozen=True, slots=True)
class PolarGrid:
    """Rings of a polar grid.

    Attributes:
        sectors: number of azimuth sectors.
        edges: float32 (R + 1,) metres, inner edges of the rings and the outer edge of the last.
        centres: float32 (R,) metres.
        table: int16 (T,) ring of each ``TABLE_STEP`` of range, by its middle.
    """

    sectors: int
    edges: NDArray[np.float32]
    centres: NDArray[np.float32]
    table: NDArray[np.int16]

    @property
    def rings(self) -> int:
        """Number of rings."""
        return len(self.centres)


def polar_grid(max_range: float) -> PolarGrid:
    """Build the grid out to ``max_range`` metres."""
    edges = [0.0]
    while edges[-1] <= max_range:
        edges.append(edges[-1] + FIRST_WIDTH + WIDTH_GROWTH * edges[-1])
    edge_array = np.array(edges, np.float32)
    middles = (np.arange(int(max_range / TABLE_STEP) + 2) + 0.5) * TABLE_STEP
    table = np.clip(np.searchsorted(edge_array, middles, side="right") - 1, 0, len(edges) - 2).astype(np.int16)
    return PolarGrid(SECTORS, edge_array, ((edge_array[:-1] + edge_array[1:]) / 2).astype(np.float32), table)


_TINY = np.float32(1e-12)
_PER_TURN = np.float32(0.5 / np.pi)
_ONE, _PI, _HALF_PI, _TWO_PI = np.float32(1.0), np.float32(np.pi), np.float32(np.pi / 2), np.float32(2 * np.pi)
_ARCTAN = tuple(np.float32(c) for c in (0.9998660, -0.3302995, 0.1801410, -0.0851330, 0.0208351))


@kernel
def sector_turns(x: np.float32, y: np.float32) -> np.float32:
    """Azimuth of float32 (x, y) as a fraction of a turn in [0, 1), 0 at -x, counter-clockwise.

    The arctangent is the polynomial 4.4.49 of Abramowitz and Stegun, error below 1e-5 rad: far finer than a sector.
    """
    ax, ay = abs(x), abs(y)
    t = min(ax, ay) / max(ax, ay, _TINY)
    s = t * t
    a = t * (_ARCTAN[0] + s * (_ARCTAN[1] + s * (_ARCTAN[2] + s * (_ARCTAN[3] + s * _ARCTAN[4]))))
    a = _HALF_PI - a if ay > ax else a
    a = _PI - a if x > 0.0 else a
    a = _TWO_PI - a if y > 0.0 else a
    turns = a * _PER_TURN
    return turns if turns < _ONE else turns - _ONE
