"""What planners take besides the obstacles: an occupancy grid and the nearest range a sector."""

from perception_core.planning.bands import Bands, band_ranges
from perception_core.planning.occupancy import OccupancyConfig, OccupancyGrid, OccupancyGridData
from perception_core.planning.sectors import SectorConfig, SectorRanges, sector_ranges

__all__ = [
    "Bands",
    "OccupancyConfig",
    "OccupancyGrid",
    "OccupancyGridData",
    "SectorConfig",
    "SectorRanges",
    "band_ranges",
    "sector_ranges",
    "warm_up",
]


def warm_up(with_bands: bool) -> None:
    """Compile what numba compiles, that of the bands only if they are wanted, so that nothing does so in a scan."""
    from perception_core.planning import bands, occupancy, sectors

    if with_bands:
        bands.warm_up()
    occupancy.warm_up()
    sectors.warm_up()
