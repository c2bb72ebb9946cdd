"""What planners take besides the obstacles: an occupancy grid and the nearest range a sector."""

from perception_core.planning.occupancy import OccupancyConfig, OccupancyGrid, OccupancyGridData
from perception_core.planning.sectors import SectorConfig, SectorRanges, sector_ranges

__all__ = [
    "OccupancyConfig",
    "OccupancyGrid",
    "OccupancyGridData",
    "SectorConfig",
    "SectorRanges",
    "sector_ranges",
    "warm_up",
]


def warm_up() -> None:
    """Compile what numba compiles, so that nothing does so in the first scan."""
    from perception_core.planning import occupancy, sectors

    occupancy.warm_up()
    sectors.warm_up()
