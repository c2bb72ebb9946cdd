"""A grid around the robot: occupied, free, or nobody looked."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.config import Config, param
from perception_core.geometry import transforms
from perception_core.planning import memory
from perception_core.planning.drawing import EXPECTED, NOTHING, PASSING, STANDING, Codes, clear, occupy
from perception_core.planning.memory import Cells, Odds, fading, remember
from perception_core.planning.outlines import Outlines, checked_coverage, outlines
from perception_core.planning.sectors import nearest_in_sectors
from perception_core.types import Motion, Obstacles

_SHADOW_SECTORS = 720
"""Directions, at least, in which the first obstacle is looked for."""
_JUMP_NS = 1_000_000_000
"""Stamps that go back by more are another time; by less, a message out of order."""


@dataclass(frozen=True)
class OccupancyConfig(Config):
    """Parameters of the occupancy grid."""

    extent: float = param(80.0, "side of the square grid", unit="m", low=2.0, high=400.0)
    resolution: float = param(0.25, "side of a cell", unit="m", low=0.05, high=2.0)
    position_sigmas: float = param(1.0, "obstacles are widened by this many sigma of their position", low=0.0, high=5.0)
    max_margin: float = param(1.0, "upper bound of that", unit="m", low=0.0, high=10.0)
    occupied_memory: float = param(
        10.0,
        "what stood there and is no longer looked at is unknown after this; needs odometry; 0 remembers nothing",
        unit="s",
        low=0.0,
        high=600.0,
    )
    free_memory: float = param(
        1.0,
        "what was seen free and is no longer looked at is unknown after this: something may come in; needs odometry",
        unit="s",
        low=0.0,
        high=60.0,
    )


@dataclass(frozen=True, slots=True)
class OccupancyGridData:
    """A square grid whose axes are those of the fixed frame.

    Attributes:
        cells: int8 (H, W): 100 occupied, 0 free, -1 unknown; row along y, column along x.
        resolution: metres a cell.
        origin: (x, y, z) metres in the fixed frame of the outer corner of cell [0, 0]; x and y are whole
            multiples of the resolution, so that cells stay on the ground while the robot moves.
        frame: the fixed frame.
        stamp_ns: nanoseconds.
    """

    cells: Cells
    resolution: float
    origin: tuple[float, float, float]
    frame: str
    stamp_ns: int


class OccupancyGrid:
    """The grid of one robot: it rolls along with it and remembers for a while what it saw.

    A cell is occupied while it touches a footprint widened by the obstacle's position uncertainty, and free when its
    middle was seen and no footprint stands before it. What stands still is remembered when nobody looks, what moves or
    may move leaves nothing behind: seen free it is free at once, not seen it is unknown. Free and occupied both fade to
    unknown.
    """

    def __init__(self, config: OccupancyConfig, base_frame: str = "base_link") -> None:
        """Start without memory; obstacles in ``base_frame`` come without odometry, and nothing is remembered."""
        self._config = config
        self._base_frame = base_frame
        self._side = math.ceil(config.extent / config.resolution)
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._odds: Odds = np.zeros((self._side, self._side), np.float32)
        self._first = (0, 0)
        self._frame = ""
        self._stamp_ns = 0

    def update(
        self, obstacles: Obstacles, T_fixed_base: transforms.Transform, coverage: NDArray[np.floating] | None
    ) -> OccupancyGridData:
        """Draw obstacles and coverage, and what is remembered around them.

        Args:
            obstacles: in the fixed frame.
            T_fixed_base: (4, 4) pose of the base frame.
            coverage: (S,) metres up to which each sector of the base frame was seen (sector 0 starts at -pi,
                counter-clockwise), 0 where nothing was; None: nothing was seen anywhere.

        Raises:
            PerceptionError: coverage of a wrong shape.
        """
        resolution, robot = self._config.resolution, T_fixed_base[:3, 3]
        column, row = np.round(robot[:2] / resolution - self._side / 2.0).astype(int).tolist()
        corner = np.array([column, row]) * resolution
        seen = self._seen_now(obstacles, T_fixed_base, checked_coverage(coverage), corner)
        keep = self._keep(obstacles)
        shift = (row - self._first[0], column - self._first[1])
        self._odds, cells = remember(self._odds, shift, keep, seen)
        self._first, self._frame, self._stamp_ns = (row, column), obstacles.frame, obstacles.stamp_ns
        origin = (float(corner[0]), float(corner[1]), float(robot[2]))
        return OccupancyGridData(cells, resolution, origin, obstacles.frame, obstacles.stamp_ns)

    def _keep(self, obstacles: Obstacles) -> memory.Fading:
        """Return what remains of the memory up to the stamp of the obstacles."""
        config, elapsed_ns = self._config, obstacles.stamp_ns - self._stamp_ns
        if obstacles.frame in (self._base_frame, "") or obstacles.frame != self._frame or elapsed_ns < -_JUMP_NS:
            return memory.Fading(0.0, 0.0)
        return fading(max(elapsed_ns, 0) * 1e-9, config.occupied_memory, config.free_memory)

    def _seen_now(
        self,
        obstacles: Obstacles,
        T_fixed_base: transforms.Transform,
        coverage: NDArray[np.float64],
        corner: NDArray[np.float64],
    ) -> Codes:
        config = self._config
        shapes = outlines(obstacles, config.position_sigmas, config.max_margin)
        cells = np.full((self._side, self._side), NOTHING, np.uint8)
        finer = math.ceil(_SHADOW_SECTORS / len(coverage))
        shadow = nearest_in_sectors(shapes, T_fixed_base, finer * len(coverage))
        limit = np.minimum(np.repeat(coverage, finer), shadow)
        place, yaw = frozen(T_fixed_base[:2, 3]), transforms.yaw_of(T_fixed_base)
        clear(cells, corner, config.resolution, place, yaw, limit)
        occupy(cells, corner, config.resolution, shapes.corners, shapes.starts, shapes.margin, _codes(obstacles))
        return cells


def _codes(obstacles: Obstacles) -> Codes:
    """Return (T,) how each obstacle is drawn: STANDING and PASSING were seen by a sensor, EXPECTED ones not."""
    stands = obstacles.motion == Motion.STATIC
    return np.where(obstacles.sensors == 0, EXPECTED, np.where(stands, STANDING, PASSING)).astype(np.uint8)


def warm_up() -> None:
    """Compile the loops."""
    cells = np.zeros((4, 4), np.uint8)
    shapes = Outlines(np.eye(3)[:, :2].copy(), np.array([0, 3]), np.zeros(1))
    corner = np.zeros(2)
    clear(cells, corner, 1.0, frozen(corner), 0.0, np.ones(4))
    occupy(cells, corner, 1.0, shapes.corners, shapes.starts, shapes.margin, np.array([STANDING]))
    memory.warm_up()
