"""Polar grid around the sensor whose cells grow with range, as the spacing of LiDAR returns does.

Azimuth 0 is along -x (sector 0 starts at -pi, counter-clockwise); ring widths grow linearly with range, as in the
concentric zones of Patchwork (Lim et al., "Patchwork: Concentric Zone-based Region-wise Ground Segmentation with
Ground Likelihood Estimation Using a 3D LiDAR Sensor", RA-L 2021).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
