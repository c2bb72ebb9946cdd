import numpy as np

from perception_core.planning.occupancy import OccupancyGridData
from perception_nodes.conversions.occupancy import occupancy_to_msg


def test_two_by_three_cells():
    cells = np.array([[0, 100, -1], [-1, 0, 100]], dtype=np.int8)
    msg = occupancy_to_msg(OccupancyGridData(cells, 0.5, (-1.0, 2.0, 0.1), "odom", 1_000_000_002))
    assert (msg.info.width, msg.info.height, msg.info.resolution) == (3, 2, 0.5)
    assert list(msg.data) == [0, 100, -1, -1, 0, 100]
    origin = msg.info.origin
    assert (origin.position.x, origin.position.y, origin.position.z, origin.orientation.w) == (-1.0, 2.0, 0.1, 1.0)
    assert (msg.header.frame_id, msg.header.stamp.sec, msg.header.stamp.nanosec) == ("odom", 1, 2)
