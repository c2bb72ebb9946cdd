"""Simulated drives become recordings."""

import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import PointCloud2
from tf2_msgs.msg import TFMessage

from perception_core.errors import ConfigError
from perception_core.simulation import Simulation, load_scenario
from perception_interfaces.msg import ObstacleArray
from perception_nodes.bag_reader import BagReader, header_stamp_ns
from perception_tools.drive_writer import VISIBILITY, VISIBILITY_TOPIC
from perception_tools.evaluating_truth import recorded_truth
from perception_tools.simulated_bag import TOPICS, camera_topics, points_topic, simulate_bag

SMALL = {"width": 32, "height": 16, "focal": 20.0, "centre": [15.5, 7.5]}
COARSE = {"lidar.columns": 64, "camera": SMALL}


def test_sensors_poses_and_truth_are_recorded(tiny_bag):
    with BagReader(tiny_bag) as bag:
        counts = {topic.name: topic.count for topic in bag.topics.values()}
    assert [counts[t] for t in (TOPICS.image, TOPICS.camera_info, TOPICS.points, "/ground_truth/obstacles")] == [10] * 4
    assert counts["/tf_static"] == 1
    assert counts["/tf"] > 40  # 50 Hz


def test_truth_has_the_stamps_of_the_scans_and_ids_that_stay(tiny_bag):
    with BagReader(tiny_bag) as bag:
        scans = [header_stamp_ns(m.data) for m in bag.messages([TOPICS.points])]
        truth = [deserialize_message(m.data, ObstacleArray) for m in bag.messages(["/ground_truth/obstacles"])]
    assert scans == [t.header.stamp.sec * 10**9 + t.header.stamp.nanosec for t in truth]
    ids = {tuple(bytes(o.id.uuid) for o in array.obstacles) for array in truth}
    assert len(ids) == 1
    moving = [o for o in truth[0].obstacles if o.motion == o.MOVING]
    assert moving
    assert all(array.header.frame_id == "odom" for array in truth)


def test_what_could_be_seen_stands_beside_the_truth(tiny_bag):
    with BagReader(tiny_bag) as bag:
        clouds = [deserialize_message(m.data, PointCloud2) for m in bag.messages([VISIBILITY_TOPIC])]
        truth = [deserialize_message(m.data, ObstacleArray) for m in bag.messages(["/ground_truth/obstacles"])]
    assert len(clouds) == len(truth) == 10
    frame = Simulation(load_scenario("tiny")).frame(4)
    assert clouds[4].header == truth[4].header
    assert (clouds[4].height, clouds[4].width) == (1, len(truth[4].obstacles))
    rows = np.frombuffer(bytes(clouds[4].data), VISIBILITY)
    positions = [(o.pose.pose.position.x, o.pose.pose.position.y) for o in truth[4].obstacles]
    np.testing.assert_allclose(np.column_stack([rows["x"], rows["y"]]), positions, atol=1e-5)
    assert rows["point_count"].tolist() == frame.truth.point_count.tolist()
    np.testing.assert_allclose(rows["visible_fraction"], frame.truth.visible_fraction, atol=1e-6)
    assert rows["point_count"].max() > 10


def test_the_truth_is_read_back(tiny_bag):
    read = recorded_truth(tiny_bag).truths
    for ours, theirs in zip(Simulation(load_scenario("tiny", {"duration": 1.0})), read, strict=True):
        assert ours.truth.stamp_ns == theirs.stamp_ns
        for name in ("ids", "class_ids", "point_count"):
            assert getattr(ours.truth, name).tolist() == getattr(theirs, name).tolist()
        for name in ("centre", "size", "yaw", "velocity", "yaw_rate"):
            np.testing.assert_allclose(getattr(ours.truth, name), getattr(theirs, name), atol=1e-9)
        np.testing.assert_allclose(ours.truth.visible_fraction, theirs.visible_fraction, atol=1e-6)


def test_every_camera_has_its_topics(tmp_path):
    rear = {**SMALL, "yaw": 180.0, "rate": 20.0}
    simulate_bag("tiny", tmp_path / "a.mcap", duration=0.5, overrides={**COARSE, "cameras.rear": rear})
    with BagReader(tmp_path / "a.mcap") as bag:
        counts = {topic.name: topic.count for topic in bag.topics.values()}
    assert counts[camera_topics("rear").image] == counts[camera_topics("rear").camera_info] == 10
    assert counts[camera_topics("front").image] == counts[TOPICS.image] == 5


def test_messages_are_recorded_when_they_arrive(tmp_path):
    wrong = {"disturbances.camera_delay": 0.25, "disturbances.lidar_dead": [0.35, 0.55], "disturbances.camera_lost": 0}
    simulate_bag("tiny", tmp_path / "a.mcap", duration=1.0, overrides={**COARSE, **wrong})
    with BagReader(tmp_path / "a.mcap") as bag:
        images = [(m.log_ns, header_stamp_ns(m.data)) for m in bag.messages([TOPICS.image])]
        infos = [(m.log_ns, header_stamp_ns(m.data)) for m in bag.messages([TOPICS.camera_info])]
        scans = [(m.log_ns, header_stamp_ns(m.data)) for m in bag.messages([TOPICS.points])]
        truth = [header_stamp_ns(m.data) for m in bag.messages(["/ground_truth/obstacles"])]
    assert len(images) == 10
    assert images == infos
    assert {log_ns - stamp_ns for log_ns, stamp_ns in images} == {250_000_000}
    assert all(log_ns == stamp_ns for log_ns, stamp_ns in scans)
    start = truth[0] - 100_000_000
    assert [round((stamp_ns - start) / 1e9, 3) for _, stamp_ns in scans] == [0.1, 0.2, 0.3, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert len(truth) == 10


def test_the_same_seed_gives_the_same_bytes(tiny_bag, tmp_path):
    simulate_bag("tiny", tmp_path / "again.mcap", duration=1.0)
    assert (tmp_path / "again.mcap").read_bytes() == tiny_bag.read_bytes()


def test_each_lidar_has_its_topic_and_its_mount(tmp_path):
    simulate_bag("yard", tmp_path / "yard.mcap", duration=1.5)
    with BagReader(tmp_path / "yard.mcap") as bag:
        counts = {topic.name: topic.count for topic in bag.topics.values()}
        mounts = [deserialize_message(m.data, TFMessage) for m in bag.messages(["/tf_static"])]
    # 15 frames at 10 Hz; `front` is first due at 0.13 s, `rear` at 0.22 s with 5 Hz.
    assert [counts[points_topic(name)] for name in ("top", "front", "rear")] == [15, 14, 7]
    frames = {transform.child_frame_id for transform in mounts[0].transforms}
    assert frames == {"lidar_top", "lidar_front", "lidar_rear", "camera_front"}


@pytest.mark.parametrize(
    ("scenario", "options", "message"),
    [
        ("tiny", {"overrides": {"lidar.beams": 3}}, r"tiny\.lidar\.beams: unknown parameter"),
        ("moon", {}, "scenario 'moon'"),
        ("tiny", {"duration": -1.0}, "duration"),
        ("tiny", {"seed": -1}, "tiny.seed: -1 is out of range, expected 0 to 2147483648"),
        ("tiny", {"seed": 10**22}, "tiny.seed: 10000000000000000000000 is out of range, expected 0 to 2147483648"),
    ],
)
def test_bad_input_is_named(tmp_path, scenario, options, message):
    with pytest.raises(ConfigError, match=message):
        simulate_bag(scenario, tmp_path / "a.mcap", **options)
    assert not list(tmp_path.iterdir())
