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


@kernel
def sector_turns(x: float, y: float) -> float:
    """Azimuth of (x, y) as a fraction of a turn in [0, 1), 0 at -x, counter-clockwise.

    The arctangent is the polynomial 4.4.49 of Abramowitz and Stegun, error below 1e-5 rad: far finer than a sector.
    """
    ax, ay = abs(x), abs(y)
    high, low = max(ax, ay), min(ax, ay)
    t = low / max(high, 1e-12)
    s = t * t
    a = t * (0.9998660 + s * (-0.3302995 + s * (0.1801410 + s * (-0.0851330 + s * 0.0208351))))
    if ay > ax:
        a = 1.5707963267948966 - a
    if x > 0.0:
        a = 3.141592653589793 - a
    if y > 0.0:
        a = 6.283185307179586 - a
    turns = a * 0.15915494309189535
    return turns if turns < 1.0 else 0.0
