"""nav_msgs/OccupancyGrid of the core's occupancy grid."""

import array

from nav_msgs.msg import OccupancyGrid

from perception_core.planning.occupancy import OccupancyGridData
from perception_nodes.conversions.bytes import fill_bytes
from perception_nodes.conversions.header import header_to_msg, pose_to_msg


def occupancy_to_msg(grid: OccupancyGridData) -> OccupancyGrid:
    """Return cells of 100 occupied, 0 free, -1 unknown; row 0 lies at the origin, rows grow along y."""
    msg = OccupancyGrid(header=header_to_msg(grid.stamp_ns, grid.frame))
    msg.info.map_load_time = msg.header.stamp
    msg.info.resolution = grid.resolution
    msg.info.height, msg.info.width = grid.cells.shape
    msg.info.origin = pose_to_msg(*grid.origin, 0.0)
    data = array.array("b")
    fill_bytes(data, grid.cells)
    msg.data = data
    return msg
