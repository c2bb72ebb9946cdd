"""What a pipeline gives."""

from dataclasses import dataclass

from perception_core.lidar.processor import LidarResult
from perception_core.planning.bands import Bands
from perception_core.planning.occupancy import OccupancyGridData
from perception_core.planning.sectors import SectorRanges
from perception_core.types import Objects, Obstacles


@dataclass(frozen=True, slots=True)
class PipelineResult:
    """All that one scan (or, without LiDAR, one image) gave.

    ``lidar`` is None when the cameras stood alone, ``occupancy`` where the pipeline was told to make none.
    """

    stamp_ns: int
    lidar: LidarResult | None
    objects: Objects
    obstacles: Obstacles
    occupancy: OccupancyGridData | None
    sectors: SectorRanges
    bands: Bands


@dataclass(frozen=True, slots=True)
class BlindResult:
    """What is said while neither scans nor images come: the obstacles as they may be by now, and that nothing is seen.

    ``sectors`` and ``occupancy`` are None, and ``bands`` empty, where nobody knows where the robot is.
    """

    stamp_ns: int
    obstacles: Obstacles
    occupancy: OccupancyGridData | None
    sectors: SectorRanges | None
    bands: Bands
