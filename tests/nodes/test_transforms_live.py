"""TF that is missing, late or broken."""

import math
import time

from nav_msgs.msg import OccupancyGrid
from running import MOUNTS, street
from sensor_msgs.msg import LaserScan
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection3DArray

from perception_core.geometry import transforms
from perception_interfaces.msg import ObstacleArray
from perception_nodes.conversions import tf
from perception_nodes.fusion_node import FusionNode
from perception_nodes.lidar_node import LidarNode
from perception_nodes.tracking_node import TrackingNode

POINTS = "/sensors/lidar_top/points"
CLUSTERS = "/perception/lidar/top/clusters"


def test_without_its_transform_a_scan_is_dropped_and_counted(stack):
    stack.listen(Detection3DArray, CLUSTERS)
    stack.start(LidarNode, transform_timeout=0.1)
    for _ in range(3):
        stack.publish(POINTS, street(time.time_ns()))
        time.sleep(0.15)
    status = stack.diagnostics("lidar_node", lambda values: values.get("transform_failures") == "3")
    assert status.level == b"\x02"
    assert "base_link <- lidar_top" in status.message
    assert not stack.received[CLUSTERS]


def test_a_scan_waits_for_a_transform_that_is_on_its_way(stack):
    stack.listen(Detection3DArray, CLUSTERS)
    stack.start(LidarNode, transform_timeout=5.0)
    stamps = [time.time_ns(), time.time_ns() + 1]
    for stamp in stamps:
        stack.publish(POINTS, street(stamp))
    time.sleep(0.3)
    assert not stack.received[CLUSTERS]
    stack.publish_mounts()
    for stamp in stamps:
        assert len(stack.of_stamp(CLUSTERS, stamp).detections) == 1


def test_a_transform_of_zeros_is_refused_and_named(stack):
    stack.start(LidarNode, transform_timeout=0.1)
    bad = tf.transform_to_msg(MOUNTS["lidar_top"], "base_link", "lidar_top")
    bad.transform.rotation.w = 0.0
    stack.publish("/tf", TFMessage(transforms=[bad]))
    stack.publish(POINTS, street(time.time_ns()))
    status = stack.diagnostics(
        "lidar_node", lambda v: v.get("drops.bad_calibration") == "1" and v.get("transform_failures") == "1"
    )
    assert status.level == b"\x02"


def test_obstacles_stand_still_in_the_fixed_frame_while_the_robot_drives(stack):
    stack.listen(ObstacleArray, "/perception/obstacles")
    stack.start(LidarNode)
    stack.start(FusionNode, fixed_frame="odom")
    stack.start(TrackingNode, fixed_frame="odom")
    stack.publish_mounts()
    stack.publish("/tf", TFMessage(transforms=[odometry(time.time_ns(), 0.0)]))
    for x in (100.0, 101.0, 102.0, 103.0, 104.0, 105.0):
        stamp = time.time_ns()
        stack.publish("/tf", TFMessage(transforms=[odometry(stamp, x)]))
        stack.publish(POINTS, street(stamp))
        time.sleep(0.1)
    last = stack.of_stamp("/perception/obstacles", stamp)
    assert last.header.frame_id == "odom"
    assert any(115.0 < o.pose.pose.position.x < 118.0 for o in last.obstacles)


def test_without_odometry_at_its_stamp_nothing_is_tracked(stack):
    stack.listen(ObstacleArray, "/perception/obstacles")
    for node, parameters in (
        (LidarNode, {}),
        (FusionNode, {"fixed_frame": "odom"}),
        (TrackingNode, {"fixed_frame": "odom"}),
    ):
        stack.start(node, **parameters)
    stack.publish_mounts()
    stack.publish("/tf", TFMessage(transforms=[odometry(time.time_ns() - 10**9, 0.0)]))  # a second ago, and no more
    for _ in range(4):
        stack.publish(POINTS, street(time.time_ns()))
        time.sleep(0.1)
    status = stack.diagnostics("tracking_node", lambda v: int(v.get("transform_failures", 0)) >= 2)
    assert "odom <- base_link" in {v.key: v.value for v in status.values}["last_error"]
    assert {m.mode for m in stack.received["/perception/obstacles"]} <= {ObstacleArray.BLIND}
    assert not any(m.obstacles for m in stack.received["/perception/obstacles"])


def test_blind_with_odometry_that_runs_behind_the_free_space_is_told_all_the_same(stack):
    """Each pose is 30 ms old when it comes, as live ones are: none is there yet of the moment that is spoken of."""
    stack.listen(ObstacleArray, "/perception/obstacles")
    stack.listen(LaserScan, "/perception/obstacle_scan")
    stack.listen(OccupancyGrid, "/perception/occupancy")
    stack.start(TrackingNode, fixed_frame="odom")
    for k in range(60):
        stack.publish("/tf", TFMessage(transforms=[odometry(time.time_ns() - 30_000_000, 0.1 * k)]))
        time.sleep(0.02)
    told = stack.wait(lambda: len(stack.received["/perception/obstacles"]) > 4, "BLIND") and stack.received
    assert {m.mode for m in told["/perception/obstacles"]} == {ObstacleArray.BLIND}
    assert len(told["/perception/obstacle_scan"]) > 4
    assert len(told["/perception/occupancy"]) > 4
    assert not any(math.isinf(r) for r in told["/perception/obstacle_scan"][-1].ranges)  # nothing is free unseen


def test_blind_with_odometry_that_has_stopped_only_the_obstacles_go_on(stack):
    stack.listen(ObstacleArray, "/perception/obstacles")
    stack.listen(LaserScan, "/perception/obstacle_scan")
    stack.start(TrackingNode, fixed_frame="odom")
    stack.publish("/tf", TFMessage(transforms=[odometry(time.time_ns() - 10**9, 0.0)]))
    stack.wait(lambda: len(stack.received["/perception/obstacles"]) > 4, "BLIND")
    assert not stack.received["/perception/obstacle_scan"]


def odometry(stamp_ns, x):
    return tf.transform_to_msg(transforms.from_yaw(0.0, (x, 0.0, 0.0)), "odom", "base_link", stamp_ns)
