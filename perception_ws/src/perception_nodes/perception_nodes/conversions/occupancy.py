"""nav_msgs/OccupancyGrid of the core's occupancy grid."""

import array

from nav_msgs.msg import OccupancyGrid
from perception_core.planning.occupancy import OccupancyGridData

from perception_nodes.conversions.bytes import fill_bytes
from perception_nodes.conversions.header import header_to_msg


def occupancy_to_msg(grid: OccupancyGridData, stamp_ns: int, frame: str) -> OccupancyGrid:
    """Return cells of 100 occupied, 0 free, -1 unknown; row 0 lies at the origin, rows grow along its y axis."""
    msg = OccupancyGrid(header=header_to_msg(stamp_ns, frame))
    msg.info.map_load_time = msg.header.stamp
    msg.info.height, msg.info.width = grid.cells.shape
    return msg


def _cells(grid: OccupancyGridData) -> "array.array[int]":
    data = array.array("b")
    fill_bytes(data, grid.cells)
    return data
