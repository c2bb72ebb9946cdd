"""Elevation of the ground in polar cells, from the sensor outwards.

Everything is measured from the plane around the robot (start_plane.py): points are sheared by it, so that tilt and
slope are gone to first order and straight lines of sight stay straight. Then

1. each sector is filtered as a terrain profile: a Kalman filter over (height, slope) predicts the next ring from the
   three cells inside of it, takes the lowest reliable points of the cell when they agree with the prediction, and else
   lets the uncertainty grow until ground is seen again. The slope is an Ornstein-Uhlenbeck process: out of sight it
   fades into the plane, and its uncertainty stays bounded; a surprise (foot of a ramp) sets it free again.
   Far from the last ground seen nearly everything could be ground by its height; there, points beside which the beam
   goes on to lower ground behind are those of a thing.
   Ideas taken: lowest points of region-wise cells and removal of reflected noise (Patchwork++: Lee, Lim, Myung, IROS
   2022), profiles along rays (Himmelsbach, von Hundelshausen, Wuensche, "Fast Segmentation of 3D Point Clouds for
   Ground Vehicles", IV 2010);
2. a robust smoothing of the whole field follows (a membrane in the sense of Markov random fields, with the weights of
   Geman and McClure), in which cells that stand out above their neighbours lose their weight;
3. the surface within a cell is a plane whose slopes are limited by those to both neighbours (minmod; van Leer, "Towards
   the ultimate conservative difference scheme V", 1979), so that a kerb stays a step;
4. what is ground is decided by the noise of the ground measured around there (asphalt or grass), by what is not known
   where none was seen, and by how high a step the robot drives over.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.lidar.config import GroundConfig
from perception_core.lidar.ground_profile import FREE_SLOPE_SIGMA, propagate
from perception_core.lidar.ground_smoothing import smooth
from perception_core.lidar.ground_surface import heights_and_classes, surface_of
from perception_core.lidar.jit import F32, F64, I32, kernel
from perception_core.lidar.polar import PolarGrid
from perception_core.lidar.scan_grid import GriddedScan
from perception_core.lidar.start_plane import UNKNOWN_SIGMA, start_plane

STEP_GATE = 0.2
"""Metres a step (kerb) may rise between neighbouring cells and still be ground."""
THING_DOUBT = 0.05
"""Metres, standard deviation of the ground under such a thing as far as the class of its points is concerned."""
START_SLOPE_SIGMA = 0.02
"""Slope that remains when the plane under the robot is known."""
SWEEPS = 4
"""Sweeps of the smoothing, outwards and inwards in turn."""


@dataclass(frozen=True, slots=True)
class GroundModel:
    """The ground in the cells of the polar grid.

    Attributes:
        grid: the polar grid.
        plane: float64 (3,) a, b, c of the plane z = a + b x + c y around the robot, x and y from the sensor, base axes.
        rise: float32 (R, S) metres of the ground above that plane at the cell centres, finite everywhere.
        sigma: float32 (R, S) metres, standard deviation of ``rise`` before smoothing; at most ``THING_DOUBT`` where
            something stands.
        noise: float32 (R, S) metres, standard deviation of points on the ground.
        seen: bool (R, S) ground was measured there, not only predicted.
    """

    grid: PolarGrid
    plane: NDArray[np.float64]
    rise: NDArray[np.float32]
    sigma: NDArray[np.float32]
    noise: NDArray[np.float32]
    seen: NDArray[np.bool_]

    @property
    def height(self) -> NDArray[np.float32]:
        """float32 (R, S) metres of the ground at the cell centres in the base frame."""
        azimuth = 2.0 * np.pi * (np.arange(self.grid.sectors) + 0.5) / self.grid.sectors - np.pi
        slope = self.plane[1] * np.cos(azimuth) + self.plane[2] * np.sin(azimuth)
        height: F64 = self.rise + self.plane[0] + self.grid.centres[:, None] * slope[None, :]
        return height.astype(np.float32)


def fit_ground(scan: GriddedScan, grid: PolarGrid, config: GroundConfig) -> GroundModel:
    """Estimate the ground under and around a scan; z = 0 under the robot within ``config.start_sigma``."""
    plane, spread, nearest = start_plane(scan.lowest, grid.centres, grid.sectors, config.start_sigma)
    starts, z, reach = _sort_relative(scan.xyz, scan.range, scan.cell, scan.counts, plane, scan.sensor)
    rise, slope, variance, noise, seen, things = propagate(
        z,
        reach,
        starts,
        grid.centres,
        grid.sectors,
        float(scan.sensor[2] - plane[0]),
        spread,
        START_SLOPE_SIGMA if config.start_sigma <= UNKNOWN_SIGMA else FREE_SLOPE_SIGMA,
        nearest,
        config.slope_change,
        config.max_slope,
        max(STEP_GATE, config.max_step),
    )
    smooth(rise, slope, variance, seen, grid.centres, SWEEPS)
    sigma = np.sqrt(variance)
    sigma[things] = np.minimum(sigma[things], THING_DOUBT)
    return GroundModel(grid, plane, rise, sigma, np.sqrt(noise), seen)


def above_ground(
    scan: GriddedScan, model: GroundModel, config: GroundConfig
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return float32 (K,) metres of each point above ground, and uint8 (K,) what it therefore is.

    The class is GROUND, OBSTACLE or BELOW_GROUND of :class:`~perception_core.types.PointClass`. On steps higher than
    ``config.max_step`` heights count from the lower side.
    """
    surface = surface_of(
        model.rise,
        model.sigma,
        model.noise,
        model.seen,
        config.obstacle_height,
        config.height_per_range,
        config.max_step,
        model.grid.centres,
    )
    return heights_and_classes(
        scan.xyz,
        scan.range,
        scan.sector,
        scan.cell,
        surface,
        model.grid.centres,
        model.plane,
        scan.sensor,
    )


def height_above_ground(scan: GriddedScan, model: GroundModel) -> NDArray[np.float32]:
    """Return float32 (K,) metres of each point above the ground."""
    return above_ground(scan, model, GroundConfig())[0]


@kernel
def _sort_relative(xyz: F32, reach: F32, cell: I32, counts: I32, plane: F64, sensor: F64) -> tuple[I32, F32, F32]:
    """Counting sort by cell of the heights above ``plane`` and of the ranges; return where cells begin, z, range."""
    starts = np.empty(len(counts) + 1, np.int32)
    starts[0] = 0
    for c in range(len(counts)):
        starts[c + 1] = starts[c] + counts[c]
    place = starts[:-1].copy()
    z, r = np.empty(len(cell), np.float32), np.empty(len(cell), np.float32)
    ahead, left = np.float32(plane[1]), np.float32(plane[2])
    origin = np.float32(plane[0] - plane[1] * sensor[0] - plane[2] * sensor[1])
    for i in range(len(cell)):
        k = place[cell[i]]
        z[k], r[k] = xyz[i, 2] - (origin + ahead * xyz[i, 0] + left * xyz[i, 1]), reach[i]
        place[cell[i]] = k + 1
    return starts, z, r
