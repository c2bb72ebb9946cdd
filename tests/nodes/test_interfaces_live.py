"""What a user may change from outside: names, QoS, and the profiles as the nodes read them."""

import time
from pathlib import Path

import pytest
import rclpy
from rclpy.qos import ReliabilityPolicy
from running import street
from vision_msgs.msg import Detection3DArray

from perception_nodes.camera_node import CameraNode
from perception_nodes.config import NODE_CONFIGS
from perception_nodes.fusion_node import FusionNode
from perception_nodes.lidar_node import LidarNode
from perception_nodes.tracking_node import TrackingNode

ROOT = Path(__file__).resolve().parents[2]
CLASSES = {"camera_node": CameraNode, "lidar_node": LidarNode, "fusion_node": FusionNode, "tracking_node": TrackingNode}


@pytest.mark.parametrize("profile", ["vehicle", "drone", "kitti", "demo"])
@pytest.mark.parametrize("node", NODE_CONFIGS)
def test_every_profile_fits_every_node(profile, node):
    context = rclpy.Context()
    rclpy.init(context=context, args=["--ros-args", "--params-file", str(ROOT / "params" / f"{profile}.yaml")])
    made = CLASSES[node](context=context)
    try:
        if node in ("fusion_node", "tracking_node"):
            assert made.config.fixed_frame == ("" if profile == "kitti" else "odom")
        if node == "lidar_node":
            expected = "/kitti/velo/pointcloud" if profile == "kitti" else "/sensors/lidar_top/points"
            assert made.config.points_topic == expected
    finally:
        made.destroy_node()
        rclpy.shutdown(context=context)


def test_two_instances_live_side_by_side(stack):
    for side in ("left", "right"):
        stack.listen(Detection3DArray, f"/{side}/lidar/top/clusters")
        stack.start(LidarNode, namespace=f"/{side}", points_topic=f"/sensors/{side}/points")
    stack.publish_mounts()
    stamp = time.time_ns()
    stack.publish("/sensors/left/points", street(stamp))
    stack.of_stamp("/left/lidar/top/clusters", stamp)
    assert not stack.received["/right/lidar/top/clusters"]


def test_qos_of_every_endpoint_may_be_overridden(stack):
    topic = "/sensors/lidar_top/points"
    clusters = "/perception/lidar/top/clusters"
    node = stack.start(
        LidarNode,
        **{
            f"qos_overrides.{topic}.subscription.reliability": "reliable",
            f"qos_overrides.{clusters}.publisher.reliability": "best_effort",
        },
    )
    (subscription,) = node.get_subscriptions_info_by_topic(topic)
    (publisher,) = node.get_publishers_info_by_topic(clusters)
    assert subscription.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert publisher.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT


def test_sensor_inputs_are_best_effort_and_results_reliable_by_default(stack):
    node = stack.start(LidarNode)
    (subscription,) = node.get_subscriptions_info_by_topic("/sensors/lidar_top/points")
    (publisher,) = node.get_publishers_info_by_topic("/perception/lidar/top/clusters")
    assert subscription.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert publisher.qos_profile.reliability == ReliabilityPolicy.RELIABLE
