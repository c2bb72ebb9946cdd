"""Ages of messages, and simulated time that pauses and jumps back."""

import time

import pytest
from rosgraph_msgs.msg import Clock
from running import street
from vision_msgs.msg import Detection3DArray

from perception_interfaces.msg import ObstacleArray
from perception_nodes.conversions.time import ns_from_msg, time_to_msg
from perception_nodes.fusion_node import FusionNode
from perception_nodes.lidar_node import LidarNode
from perception_nodes.tracking_node import TrackingNode

POINTS = "/sensors/lidar_top/points"
OBSTACLES = "/perception/obstacles"
SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("offset_ns", "reason"), [(-2 * SECOND, "too_old"), (2 * SECOND, "from_future"), (None, "no_stamp")]
)
def test_implausible_stamps_are_dropped_and_counted(stack, offset_ns, reason):
    stack.listen(Detection3DArray, "/perception/lidar/top/clusters")
    stack.start(LidarNode)
    stack.publish_mounts()
    stack.publish(POINTS, street(0 if offset_ns is None else time.time_ns() + offset_ns))
    status = stack.diagnostics("lidar_node", lambda v: v.get(f"drops.{reason}") == "1")
    assert "LiDAR top" in {v.key: v.value for v in status.values}["last_error"]
    assert not stack.received["/perception/lidar/top/clusters"]


def test_a_second_scan_of_the_same_stamp_is_dropped(stack):
    stack.start(LidarNode)
    stack.publish_mounts()
    stamp = time.time_ns()
    for _ in range(2):
        stack.publish(POINTS, street(stamp))
    stack.diagnostics("lidar_node", lambda v: v.get("drops.out_of_order") == "1")


def test_a_recording_that_begins_again_is_followed_again(stack):
    stack.listen(ObstacleArray, OBSTACLES)
    nodes = [stack.start(node, use_sim_time=True) for node in (LidarNode, FusionNode, TrackingNode)]
    stack.publish_mounts()
    begin = 1_300_000_000 * SECOND  # years ago

    def play():
        for i in range(6):
            stamp = begin + i * SECOND // 10
            tick(stack, stamp, nodes)
            stack.publish(POINTS, street(stamp))
            stack.of_stamp(OBSTACLES, stamp)
        assert {m.mode for m in stack.received[OBSTACLES]} == {ObstacleArray.LIDAR_ONLY}  # not blind in between
        return {bytes(o.id.uuid) for o in stack.received[OBSTACLES][-1].obstacles}

    first = play()
    stack.received[OBSTACLES].clear()
    second = play()
    assert len(first) == len(second) == 1
    assert not first & second  # other tracks, and no id given twice
    for node in ("lidar_node", "fusion_node", "tracking_node"):
        stack.diagnostics(node, lambda v: v.get("drops.time_jumps") == "1")


def test_while_simulated_time_stands_still_nothing_ages(stack):
    stack.listen(ObstacleArray, OBSTACLES)
    nodes = [stack.start(node, use_sim_time=True) for node in (LidarNode, FusionNode, TrackingNode)]
    stack.publish_mounts()
    stamp = 1_300_000_000 * SECOND
    for _ in range(4):
        stamp += SECOND // 10
        tick(stack, stamp, nodes)
        stack.publish(POINTS, street(stamp))
        stack.of_stamp(OBSTACLES, stamp)
    count = len(stack.received[OBSTACLES])
    time.sleep(1.0)
    assert len(stack.received[OBSTACLES]) == count
    tick(stack, stamp + SECOND, nodes)  # goes on, and the scans do not
    blind = stack.wait(lambda: stack.received[OBSTACLES][count:], "BLIND")[0]
    assert (blind.mode, ns_from_msg(blind.header.stamp)) == (ObstacleArray.BLIND, stamp + SECOND)


def tick(stack, now_ns, nodes):
    """Set the clock and wait until every node has heard it."""
    stack.publish("/clock", Clock(clock=time_to_msg(now_ns)))
    stack.wait(
        lambda: (
            stack.publish("/clock", Clock(clock=time_to_msg(now_ns))) or all(node.now_ns() == now_ns for node in nodes)
        ),
        "clock",
    )
