"""Nodes as processes: start, refusal, death and return, end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import launch_pytest
import psutil
import pytest
import rclpy
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import ChangeState, GetState

ROOT = Path(__file__).resolve().parents[2]
NODES = ("lidar_node", "camera_node", "fusion_node", "tracking_node")


def command(node, *arguments):
    code = f"import sys; from perception_nodes.{node} import main; sys.exit(main())"
    return [sys.executable, "-c", code, "--ros-args", *arguments]


@pytest.mark.parametrize(
    ("node", "parameter", "text"),
    [
        (
            "lidar_node",
            "lidar.crop.max_range:=5000.0",
            "lidar.crop.max_range: 5000.0 is out of range, expected 5 to 300 m",
        ),
        ("lidar_node", "lidar.crop.maxrange:=50.0", "lidar.crop.maxrange: unknown parameter"),
        ("camera_node", "image_transport:=theora", "image_transport: 'theora' is none of raw, compressed"),
        ("fusion_node", "cameras:=[a, b]", "camera_info_topics: 1 topics, but cameras names 2"),
        ("tracking_node", "objects_timeout:=soon", "objects_timeout: expected float, got 'soon'"),
    ],
)
def test_a_bad_parameter_ends_the_process_with_one_line(node, parameter, text):
    done = subprocess.run(command(node, "-p", parameter), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert text in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_parameter_file_that_is_none_ends_the_process(tmp_path):
    (tmp_path / "bad.yaml").write_text("lidar_node: [")
    arguments = ["--params-file", str(tmp_path / "bad.yaml")]
    done = subprocess.run(command("lidar_node", *arguments), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "bad.yaml" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_node_cleanly(number, peer):
    process = subprocess.Popen(command("fusion_node"), stderr=subprocess.PIPE, text=True)
    peer.until_active("fusion_node")
    process.send_signal(number)
    _, errors = process.communicate(timeout=15)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "invalid" not in errors


def test_without_autostart_a_manager_leads_and_impossible_transitions_are_refused(peer):
    process = subprocess.Popen(command("fusion_node", "-p", "autostart:=false"))
    try:
        assert peer.state("fusion_node") == State.PRIMARY_STATE_UNCONFIGURED
        assert not peer.change("fusion_node", 3)  # activate: not yet configured
        for transition, state in ((1, 2), (3, 3), (4, 2), (2, 1), (1, 2), (3, 3)):
            assert peer.change("fusion_node", transition)
            assert peer.state("fusion_node") == state
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0


@launch_pytest.fixture
def perception():
    """perception.launch.py with the demo profile."""
    source = PythonLaunchDescriptionSource(str(ROOT / "launch" / "perception.launch.py"))
    arguments = {
        "profile": "demo",
        "params_file": str(ROOT / "params" / "demo.yaml"),
        "calibration": str(ROOT / "calibration" / "demo"),
    }
    include = IncludeLaunchDescription(source, launch_arguments=arguments.items())
    return LaunchDescription([include, launch_pytest.actions.ReadyToTest()])


@pytest.mark.launch(fixture=perception)
def test_launched_nodes_are_active_again_after_a_kill(peer):
    for node in NODES:
        peer.until_active(node)
    before = ours("tracking_node")
    assert len(before) == 1
    before[0].send_signal(signal.SIGKILL)
    peer.wait(lambda: [p for p in ours("tracking_node") if p.pid != before[0].pid], "a new tracking_node")
    peer.until_active("tracking_node")
    assert all(len(ours(node)) == 1 for node in NODES)


def ours(node):
    """Return the processes of a node in the ROS domain of this test run."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(word.endswith(f"/{node}") for word in words):
            try:
                if process.environ().get("ROS_DOMAIN_ID") == os.environ["ROS_DOMAIN_ID"]:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
    return found


class Peer:
    """Asks nodes for their lifecycle states."""

    def __init__(self):
        self._context = rclpy.Context()
        rclpy.init(context=self._context, args=[])
        self._node = rclpy.create_node("peer", context=self._context)
        self._executor = rclpy.executors.SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)

    def state(self, node):
        return self._call(GetState, f"/perception/{node}/get_state", GetState.Request()).current_state.id

    def change(self, node, transition):
        request = ChangeState.Request()
        request.transition.id = transition
        return self._call(ChangeState, f"/perception/{node}/change_state", request).success

    def until_active(self, node):
        self.wait(lambda: self.state(node) == State.PRIMARY_STATE_ACTIVE, f"active {node}", 60.0)

    def wait(self, condition, what, seconds=20.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.1)
        raise AssertionError(f"no {what} within {seconds} s")

    def close(self):
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)

    def _call(self, kind, name, request):
        """Ask again where the answer was lost with the process that owed it."""
        for _ in range(20):
            client = self._node.create_client(kind, name)
            if client.wait_for_service(5.0):
                future = client.call_async(request)
                self._executor.spin_until_future_complete(future, timeout_sec=3.0)
                if future.done():
                    self._node.destroy_client(client)
                    return future.result()
            self._node.destroy_client(client)
        raise AssertionError(f"no answer of {name}")


@pytest.fixture
def peer():
    """A node that asks others for their states."""
    asking = Peer()
    yield asking
    asking.close()
