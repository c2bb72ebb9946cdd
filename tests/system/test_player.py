"""player_node over DDS: the recorded bytes, /clock, pauses, and recordings that cannot be played."""

import subprocess
import sys
import time

import pytest
import rclpy
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.context import Context
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from rosgraph_msgs.msg import Clock

from perception_nodes.bag_reader import BagReader
from perception_tools.latency import read_publish_log
from perception_tools.monitor import Monitor

pytestmark = pytest.mark.system

POINTS, INFO = "/sensors/lidar_top/points", "/sensors/camera_front/camera_info"
TOPICS = {
    POINTS: "sensor_msgs/msg/PointCloud2",
    INFO: "sensor_msgs/msg/CameraInfo",
    "/clock": "rosgraph_msgs/msg/Clock",
}


def player(bag, **parameters):
    words = [word for key, value in {"bag": bag, **parameters}.items() for word in ("-p", f"{key}:={value}")]
    command = [sys.executable, "-m", "perception_nodes.player_node", "--ros-args", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def data_of(monitor, topic):
    return [m.data for m in monitor.received if m.topic == topic]


def test_the_bytes_arrive_as_recorded_in_simulated_time(tiny_drive, tmp_path):
    log = tmp_path / "log.csv"
    with Monitor(TOPICS) as monitor:
        process = player(tiny_drive, rate=4.0, publish_log=log, wait_for_topics=f"['{POINTS}','{INFO}']")
        output, _ = process.communicate(timeout=60)
        time.sleep(0.3)
    assert process.returncode == 0, output
    with BagReader(tiny_drive) as bag:
        recorded = {topic: [m.data for m in bag.messages([topic])] for topic in (POINTS, INFO)}
        end_ns = bag.end_ns
    for topic, messages in recorded.items():
        received = data_of(monitor, topic)
        assert len(received) == len(messages), topic
        for came, sent in zip(received, messages, strict=True):  # DDS fills up to whole words
            assert came[: len(sent)] == sent
            assert len(came) - len(sent) < 4
    clock = [deserialize_message(data, Clock).clock for data in data_of(monitor, "/clock")]
    times = [c.sec * 10**9 + c.nanosec for c in clock]
    assert times == sorted(times)
    assert len(times) > 50
    assert end_ns - 50_000_000 <= times[-1] <= end_ns
    published = read_publish_log(log)[POINTS]
    assert len(published) == len(recorded[POINTS])
    took = (published.monotonic_ns[-1] - published.monotonic_ns[0]) / 1e9
    assert took == pytest.approx((published.stamp_ns[-1] - published.stamp_ns[0]) / 4e9, abs=0.2)


def test_a_paused_player_waits(tiny_drive):
    with Monitor(TOPICS) as monitor:
        process = player(tiny_drive, rate=10.0, paused="true", wait_for_topics=f"['{POINTS}']")
        time.sleep(3.0)
        assert data_of(monitor, POINTS) == []
        set_parameter("paused", False)
        assert process.wait(60) == 0
        time.sleep(0.3)
        assert len(data_of(monitor, POINTS)) == 20


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"bag": "none.mcap"}, "none.mcap: no such bag"),
        ({"bag": "''"}, "names no recording"),
        ({"rate": "0.0"}, "rate: 0.0 is out of range"),
        ({"topics": "['/moon']"}, "no messages on /moon; recorded:"),
    ],
)
def test_what_cannot_be_played_is_one_line_and_status_2(tiny_drive, parameters, text):
    process = player(**{"bag": tiny_drive, **parameters})
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert text in output
    assert len(output.strip().splitlines()) == 1


def set_parameter(name, value):
    context = Context()
    rclpy.init(context=context)
    node = Node("setter", context=context)
    executor = rclpy.executors.SingleThreadedExecutor(context=context)
    executor.add_node(node)
    client = node.create_client(SetParameters, "/perception/player_node/set_parameters")
    assert client.wait_for_service(20.0)
    parameter = Parameter(name=name, value=ParameterValue(type=ParameterType.PARAMETER_BOOL, bool_value=value))
    future = client.call_async(SetParameters.Request(parameters=[parameter]))
    executor.spin_until_future_complete(future, 10.0)
    assert future.result().results[0].successful
    context.try_shutdown()
