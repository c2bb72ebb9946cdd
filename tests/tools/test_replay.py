"""Offline replay."""

import copy
import subprocess
import sys

import numpy as np
import pytest
from nav_msgs.msg import Odometry
from rclpy.serialization import deserialize_message

from perception_core.errors import BagError, CalibrationError
from perception_interfaces.msg import ObstacleArray, SensorStatus
from perception_nodes.bag_reader import BagReader, header_stamp_ns
from perception_nodes.conversions.cloud import cloud_from_msg, cloud_to_msg
from perception_nodes.conversions.time import ns_from_msg
from perception_tools.bags import BagWriter
from perception_tools.profile import load_profile, write_with_model
from perception_tools.replay import percentiles, replay
from perception_tools.simulated_bag import simulate_bag

START_NS = 1_000_000_000_000
POINTS, IMAGE = "/sensors/lidar_top/points", "/sensors/camera_front/image_raw"
INFO = "/sensors/camera_front/camera_info"


@pytest.fixture(autouse=True)
def no_weights(monkeypatch):
    monkeypatch.delenv("PERCEPTION_MODELS", raising=False)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo's profile with a network whose weights are not there: the camera takes no part."""
    return load_profile(str(write_with_model("demo", "yolox_nano", tmp_path_factory.mktemp("blind"))))


def test_the_network_that_comes_along_takes_part(tiny_bag, tmp_path):
    statistics = replay(tiny_bag, load_profile("demo"), tmp_path / "out.mcap")
    assert statistics.scans_in == statistics.arrays_out
    assert set(statistics.modes) <= {"FUSED", "LIDAR_ONLY"}
    assert statistics.modes["FUSED"] >= statistics.scans_in - 1
    assert not any("no detections" in note for note in statistics.notes)


def test_every_scan_gives_an_array_with_its_stamp(tiny_bag, demo, tmp_path):
    statistics = replay(tiny_bag, demo, tmp_path / "out.mcap")
    with BagReader(tiny_bag) as bag:
        scans = [header_stamp_ns(m.data) for m in bag.messages([demo.lidar.points_topic])]
    with BagReader(tmp_path / "out.mcap") as bag:
        for topic in ("obstacles", "objects", "lidar/top/clusters", "obstacle_scan"):
            stamps = [header_stamp_ns(m.data) for m in bag.messages([f"/perception/{topic}"])]
            assert stamps == scans, topic
        assert bag.topics["/perception/markers"].count == len(scans)
        arrays = [deserialize_message(m.data, ObstacleArray) for m in bag.messages(["/perception/obstacles"])]
    assert statistics.scans_in == statistics.arrays_out == len(scans)
    assert statistics.modes == {"LIDAR_ONLY": len(scans)}
    assert any("no detections" in note for note in statistics.notes)
    assert len(arrays[-1].obstacles) > 0
    assert arrays[-1].header.frame_id == "odom"
    front = next(s for s in arrays[-1].sensors if s.name == "front")
    assert front.state == SensorStatus.FAULTY
    assert "no detections: " in front.reason


def test_two_replays_give_the_same_bytes(tiny_bag, tmp_path):
    for name in ("one", "two"):
        replay(tiny_bag, load_profile("demo"), tmp_path / f"{name}.mcap")
    assert (tmp_path / "one.mcap").read_bytes() == (tmp_path / "two.mcap").read_bytes()


WATCHED = """
import sys
from pathlib import Path
from perception_core.compiling import CompileWatch
from perception_core.lidar import decoding
from perception_core.pipeline import Pipeline
from perception_tools.profile import load_profile
from perception_tools.replay import replay

warm_up, watches = Pipeline.warm_up, []

def watched(pipeline):
    warm_up(pipeline)
    decoding.warm_up()  # as lidar_node does
    watches.append(CompileWatch())

Pipeline.warm_up = watched
statistics = replay(Path(sys.argv[1]), load_profile("demo"), Path(sys.argv[2]))
assert statistics.modes["FUSED"] > 0
print(*watches[0].late())
"""


@pytest.mark.slow
def test_in_a_street_nothing_is_compiled_after_the_warm_up(tmp_path):
    """In a process of its own, in which no other test has compiled anything."""
    simulate_bag("city", tmp_path / "city.mcap", duration=1.0)
    command = [sys.executable, "-c", WATCHED, str(tmp_path / "city.mcap"), str(tmp_path / "out.mcap")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_a_recording_without_any_sensor_of_the_profile_is_refused(tiny_bag, tmp_path):
    said = r"no messages on /kitti/velo/pointcloud, /kitti/\S+; recorded: .*/sensors/lidar_top/points"
    with pytest.raises(BagError, match=said):
        replay(tiny_bag, load_profile("kitti"), tmp_path / "out.mcap")
    assert not list(tmp_path.iterdir())


def told(path):
    """Milliseconds since the start, mode and number of obstacles of each array, in order of the log."""
    with BagReader(path) as bag:
        arrays = [deserialize_message(m.data, ObstacleArray) for m in bag.messages(["/perception/obstacles"])]
    return [((ns_from_msg(a.header.stamp) - START_NS) // 1_000_000, a.mode, len(a.obstacles)) for a in arrays]


FUSED_OR_LIDAR, BLIND = (ObstacleArray.FUSED, ObstacleArray.LIDAR_ONLY), ObstacleArray.BLIND


def test_when_both_sensors_fall_silent_it_says_that_it_is_blind_as_tracking_node_does(drive, demo, tmp_path):
    """The last scan is of 0.4 s: the watchdog, which looks every 0.1 s, finds 0.3 s exceeded at 0.8 s."""
    sensors = (POINTS, IMAGE, INFO)
    drive.messages = [m for m in drive.messages if m[0] not in sensors or m[1] <= START_NS + 400_000_000]
    for name in ("one", "two"):
        statistics = replay(drive.write(tmp_path / "in.mcap"), demo, tmp_path / f"{name}.mcap")
    assert (tmp_path / "one.mcap").read_bytes() == (tmp_path / "two.mcap").read_bytes()
    seen = told(tmp_path / "one.mcap")
    assert [ms for ms, mode, _ in seen if mode in FUSED_OR_LIDAR] == [0, 100, 200, 300, 400]
    assert [(ms, count) for ms, mode, count in seen if mode == BLIND] == [(800, seen[4][2])]
    assert seen[4][2] > 0
    assert (statistics.arrays_out, statistics.modes) == (5, {"LIDAR_ONLY": 5, "BLIND": 1})
    assert header_stamps(tmp_path / "one.mcap", "/perception/objects") == [0, 100, 200, 300, 400]
    assert header_stamps(tmp_path / "one.mcap", "/perception/obstacle_scan")[-1] == 800


def header_stamps(path, topic):
    with BagReader(path) as bag:
        return [(header_stamp_ns(m.data) - START_NS) // 1_000_000 for m in bag.messages([topic])]


def test_a_recording_that_goes_on_without_sensors_is_blind_to_its_end(drive, demo, tmp_path):
    """Nothing but a topic that replay does not read tells how long it went on."""
    drive.messages = [m for m in drive.messages if m[1] <= START_NS + 400_000_000]
    drive.messages.append(("/other", START_NS + 1_250_000_000, copy.deepcopy(drive.messages[-1][2])))
    replay(write(drive, tmp_path / "in.mcap", {}), demo, tmp_path / "out.mcap")
    assert [ms for ms, mode, _ in told(tmp_path / "out.mcap") if mode == BLIND] == [800, 900, 1000, 1100, 1200]


@pytest.mark.parametrize("keep", [0, 1])
def test_empty_scans_are_blindness_and_say_why(drive, demo, tmp_path, keep):
    for cloud in drive.of(POINTS)[3:]:
        cloud.width, cloud.row_step = keep, keep * cloud.point_step
        cloud.data = bytes(np.zeros(keep * cloud.point_step, np.uint8))
    statistics = replay(drive.write(tmp_path / "in.mcap"), demo, tmp_path / "out.mcap")
    assert statistics.modes == {"LIDAR_ONLY": 3, "BLIND": 3}
    assert [ms for ms, mode, _ in told(tmp_path / "out.mcap") if mode == BLIND] == [600, 700, 800]
    with BagReader(tmp_path / "out.mcap") as bag:
        last = [deserialize_message(m.data, ObstacleArray) for m in bag.messages(["/perception/obstacles"])][-1]
    top = next(s for s in last.sensors if s.name == "top")
    assert (top.state, top.reason) == (SensorStatus.FAULTY, "no returns from beyond 0.5 m within 80 m: covered?")


def test_a_missing_transform_drops_the_scan_and_says_so(drive, demo, tmp_path):
    drive.drop("/tf")
    statistics = replay(drive.write(tmp_path / "in.mcap"), demo, tmp_path / "out.mcap")
    assert (statistics.scans_in, statistics.arrays_out) == (10, 0)
    assert sum(statistics.drops.values()) == 10
    assert all("odom" in reason for reason in statistics.drops)


def test_static_transforms_come_from_the_calibration_when_the_recording_has_none(drive, demo, tmp_path):
    drive.drop("/tf_static")
    statistics = replay(drive.write(tmp_path / "in.mcap"), demo, tmp_path / "out.mcap")
    assert statistics.arrays_out == 10
    assert any("calibration/" in note for note in statistics.notes)


def test_garbage_is_dropped_and_named_and_the_rest_goes_on(drive, demo, tmp_path):
    clouds = drive.of("/sensors/lidar_top/points")
    clouds[2].width += 5
    clouds[4].fields = clouds[4].fields[1:]
    drive.of("/sensors/camera_front/image_raw")[3].step = 7
    for info in drive.of("/sensors/camera_front/camera_info"):
        info.k[:] = 0.0
    statistics = replay(drive.write(tmp_path / "in.mcap"), demo, tmp_path / "out.mcap")
    assert statistics.drops == {"bad_cloud": 2, "bad_image": 1, "bad_calibration": 10}
    assert statistics.arrays_out == 8
    assert any("step" in note for note in statistics.notes)


def test_old_and_repeated_messages_are_refused_as_the_nodes_do(drive, demo, tmp_path):
    clouds = drive.of("/sensors/lidar_top/points")
    clouds[5].header.stamp.sec -= 10
    clouds[8].header = clouds[7].header
    statistics = replay(drive.write(tmp_path / "in.mcap"), demo, tmp_path / "out.mcap")
    assert statistics.drops == {"too_old": 1, "out_of_order": 1}
    assert statistics.arrays_out == 8


def test_a_recording_without_a_camera_still_gives_obstacles(drive, demo, tmp_path):
    drive.drop("/sensors/camera_front/image_raw")
    drive.drop("/sensors/camera_front/camera_info")
    statistics = replay(drive.write(tmp_path / "in.mcap"), demo, tmp_path / "out.mcap")
    assert statistics.arrays_out == 10
    assert "not in the bag: /sensors/camera_front/image_raw" in statistics.notes


def test_percentiles_by_hand():
    assert percentiles([]) == {"count": 0, "p50": None, "p99": None, "max": None}
    assert percentiles([4.0]) == {"count": 1, "p50": 4.0, "p99": 4.0, "max": 4.0}
    assert percentiles([1.0, 2.0, 3.0]) == {"count": 3, "p50": 2.0, "p99": 2.98, "max": 3.0}


# -- several LiDARs, ego motion, the robot's boxes ---------------------------------------------------------------------

REAR, WHEELS = "/sensors/lidar_rear/points", "/sensors/odometry"
TWO = f"""
/**/lidar_node: {{ros__parameters: {{other_lidars: [rear], other_points_topics: [{REAR}]}}}}
/**/fusion_node: {{ros__parameters: {{other_lidars: [rear]}}}}
/**/tracking_node: {{ros__parameters: {{other_lidars: [rear]}}}}
"""


def profile(tmp_path, text):
    path = tmp_path / "rig.yaml"
    path.write_text(text)
    return load_profile(str(path))


def halve(drive, until):
    """Give what lies behind to a second LiDAR of the same place; the first falls silent at ``until``."""
    halved = []
    for topic, stamp, message in drive.messages:
        if topic != POINTS:
            halved.append((topic, stamp, message))
            continue
        whole = cloud_from_msg(message).cloud
        for side, name in ((whole.xyz[:, 0] > 0, POINTS), (whole.xyz[:, 0] <= 0, REAR)):
            if name == REAR or len([m for m in halved if m[0] == REAR]) < until:
                part = copy.copy(whole)
                object.__setattr__(part, "xyz", whole.xyz[side])
                object.__setattr__(part, "intensity", whole.intensity[side])
                halved.append((name, stamp, cloud_to_msg(part)))
    drive.messages = halved


def write(drive, path, kinds):
    """As the drive's own, with further topics."""
    with BagWriter(path) as bag:
        for topic, log_ns, message in drive.messages:
            bag.add_topic(topic, kinds.get(topic) or _type_of(message))
            bag.write(topic, log_ns, message)
    return path


def _type_of(message):
    package = type(message).__module__.partition(".")[0]
    return f"{package}/msg/{type(message).__name__}"


def test_several_lidars_are_joined_as_the_node_does_and_the_first_may_stop(drive, tmp_path):
    halve(drive, until=5)
    rig = profile(tmp_path, TWO)
    bag = write(drive, tmp_path / "in.mcap", {})
    statistics = replay(bag, rig, tmp_path / "one.mcap")
    replay(bag, rig, tmp_path / "two.mcap")
    assert (tmp_path / "one.mcap").read_bytes() == (tmp_path / "two.mcap").read_bytes()
    assert statistics.arrays_out == 10
    assert statistics.lidars_missing["top"] == 5
    with BagReader(tmp_path / "one.mcap") as out:
        arrays = [deserialize_message(m.data, ObstacleArray) for m in out.messages(["/perception/obstacles"])]
        assert out.topics["/perception/lidar/top/clusters"].count == 10
    states = [{s.name: s.state for s in a.sensors} for a in arrays]
    assert (states[3]["top"], states[3]["rear"]) == (SensorStatus.OK, SensorStatus.OK)
    assert (states[-1]["top"], states[-1]["rear"]) == (SensorStatus.LATE, SensorStatus.OK)
    assert {a.mode for a in arrays} == {ObstacleArray.LIDAR_ONLY}


def with_times(message):
    """The same scan, its points measured over the 0.1 s before the stamp."""
    cloud = cloud_from_msg(message).cloud
    object.__setattr__(cloud, "time_offset_ns", np.linspace(-100_000_000, 0, len(cloud)).astype(np.int64))
    return cloud_to_msg(cloud)


def odometry(stamp_ns):
    msg = Odometry(child_frame_id="base_link")
    msg.header.stamp.sec, msg.header.stamp.nanosec = divmod(stamp_ns, 10**9)
    return msg


def test_a_recordings_odometry_deskews_and_it_is_said(drive, tmp_path):
    messages = []
    for topic, stamp, message in drive.messages:
        messages.append((topic, stamp, with_times(message) if topic == POINTS else message))
        if topic == "/tf":
            messages += [(WHEELS, at, odometry(at)) for at in range(stamp - 100_000_000, stamp, 20_000_000)]
    drive.messages = sorted(messages, key=lambda m: m[1])
    rig = profile(tmp_path, f"lidar_node: {{ros__parameters: {{odometry_topic: {WHEELS}}}}}")
    statistics = replay(write(drive, tmp_path / "in.mcap", {}), rig, tmp_path / "out.mcap")
    assert statistics.deskewed == {"top: yes": 10}
    without = replay(tmp_path / "in.mcap", profile(tmp_path, "lidar_node: {ros__parameters: {}}"), tmp_path / "b.mcap")
    assert list(without.deskewed.values()) == [10]
    assert "no odometry" in next(iter(without.deskewed))


def test_the_robots_boxes_of_the_calibration_hold_in_a_replay_too(drive, tmp_path):
    text = "base_frame: base_link\ntransforms: []\nbody:\n  - {frame: base_link, min: [9, -1, -1], max: [11, 1, 3]}\n"
    (tmp_path / "extrinsics.yaml").write_text(text)
    rig = profile(tmp_path, f"lidar_node: {{ros__parameters: {{calibration: {tmp_path}}}}}")
    bag = drive.write(tmp_path / "in.mcap")
    statistics = replay(bag, rig, tmp_path / "out.mcap")
    assert statistics.points_dropped["body"] >= 10 * 400  # the wall of 1 m x 1 m is the robot's own
    (tmp_path / "extrinsics.yaml").write_text(text.replace("frame: base_link, min", "frame: roof, min"))
    with pytest.raises(CalibrationError, match=r"body\[0\]: extrinsics: no frame 'roof'"):
        replay(bag, rig, tmp_path / "out.mcap")
