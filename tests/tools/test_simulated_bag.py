"""Simulated drives become recordings."""

import pytest
from rclpy.serialization import deserialize_message
from tf2_msgs.msg import TFMessage

from perception_core.errors import ConfigError
from perception_interfaces.msg import ObstacleArray
from perception_nodes.bag_reader import BagReader, header_stamp_ns
from perception_tools.simulated_bag import TOPICS, points_topic, simulate_bag


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
    [("moon", {}, "scenario 'moon'"), ("tiny", {"duration": -1.0}, "duration"), ("tiny", {"seed": -1}, "seed: -1")],
)
def test_bad_input_is_named(tmp_path, scenario, options, message):
    with pytest.raises(ConfigError, match=message):
        simulate_bag(scenario, tmp_path / "a.mcap", **options)
    assert not list(tmp_path.iterdir())
