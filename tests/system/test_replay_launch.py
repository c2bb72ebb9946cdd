"""launch/replay.launch.py on a tiny drive: obstacles come, a loop is survived, nothing is left."""

import time
from pathlib import Path

import launch_pytest
import pytest
from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from rclpy.serialization import deserialize_message

from perception_core.types import Mode
from perception_interfaces.msg import ObstacleArray
from perception_nodes.bag_reader import header_stamp_ns
from perception_tools.monitor import Monitor

pytestmark = pytest.mark.system

OBSTACLES = "/perception/obstacles"
TOPICS = {OBSTACLES: "perception_interfaces/msg/ObstacleArray", "/clock": "rosgraph_msgs/msg/Clock"}
NODES = ("camera_node", "lidar_node", "fusion_node", "tracking_node")


@launch_pytest.fixture(scope="module")
def stack(tiny_drive):
    """The demo profile, with a player that begins again at the end of the drive."""
    file = Path(get_package_share_directory("perception_bringup")) / "launch" / "replay.launch.py"
    arguments = {"profile": "demo", "bag": str(tiny_drive), "loop": "true"}
    included = IncludeLaunchDescription(PythonLaunchDescriptionSource(str(file)), launch_arguments=arguments.items())
    return LaunchDescription([included, launch_pytest.actions.ReadyToTest()])


@pytest.mark.launch(fixture=stack)
def test_the_nodes_become_active_and_obstacles_come_for_two_rounds(stack):
    with Monitor(TOPICS) as monitor:
        assert monitor.wait_active(NODES, lambda: True, 60.0) == []
        arrays = wait_for_two_rounds(monitor, 60.0)
    # With weights at hand the camera takes part.
    named = [a for a in arrays if a.mode in (Mode.FUSED, Mode.LIDAR_ONLY) and a.obstacles]
    assert len(named) >= 15
    assert {a.header.frame_id for a in named} == {"odom"}
    assert {s.name for s in named[-1].sensors} == {"front", "top"}


@pytest.mark.launch(fixture=stack, shutdown=True)
def test_nothing_is_left(stack, left_behind):
    assert left_behind() == []


def wait_for_two_rounds(monitor, timeout_s):
    """Wait until the stamps have gone back once and ten more arrays have come; return all arrays."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        stamps = [header_stamp_ns(m.data) for m in list(monitor.received) if m.topic == OBSTACLES]
        back = [i for i in range(1, len(stamps)) if stamps[i] < stamps[i - 1] - 1_000_000_000]
        if back and len(stamps) - back[0] > 10:
            break
        time.sleep(0.1)
    else:
        pytest.fail(f"no second round in {timeout_s:g} s; stamps: {stamps[-30:]}")
    return [deserialize_message(m.data, ObstacleArray) for m in monitor.received if m.topic == OBSTACLES]
