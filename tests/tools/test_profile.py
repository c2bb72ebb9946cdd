"""Profiles read as the nodes read them."""

import pytest

from perception_core.errors import ConfigError
from perception_tools.profile import load_profile, write_with_model


@pytest.mark.parametrize("name", ["vehicle", "drone", "kitti", "demo"])
def test_the_profiles_of_the_project_load_and_their_nodes_agree(name):
    profile = load_profile(name)
    assert profile.name == name
    assert len(profile.cameras) == len(profile.fusion.cameras)
    assert profile.lidar.points_topic in profile.input_topics.values()
    assert profile.pipeline.tracking == profile.tracking.tracking


def test_without_odometry_the_fixed_frame_is_the_base_frame():
    assert load_profile("kitti").rig.fixed_frame == "base_link"
    assert load_profile("demo").rig.fixed_frame == "odom"


def write(path, text):
    file = path / "rig.yaml"
    file.write_text(text)
    return str(file)


def test_what_a_file_does_not_say_keeps_its_default_and_wildcards_hold_for_all(tmp_path):
    text = """
/**: {ros__parameters: {use_sim_time: true, max_age: 2.0}}
/perception:
  lidar_node: {ros__parameters: {points_topic: /points, qos_overrides./points.subscription.depth: 3}}
"""
    profile = load_profile(write(tmp_path, text))
    assert profile.lidar.points_topic == "/points"
    assert (profile.lidar.max_age, profile.fusion.max_age) == (2.0, 2.0)
    assert profile.tracking == profile.tracking.__class__(max_age=2.0)


def test_several_cameras_are_several_nodes(tmp_path):
    text = """
/**/camera_node_left: {ros__parameters: {camera_name: left, image_topic: /l, camera_info_topic: /li}}
/**/camera_node_right: {ros__parameters: {camera_name: right, image_topic: /r, camera_info_topic: /ri}}
/**/fusion_node: {ros__parameters: {cameras: [left, right], camera_info_topics: [/li, /ri]}}
/**/tracking_node: {ros__parameters: {cameras: [left, right]}}
"""
    profile = load_profile(write(tmp_path, text))
    assert profile.rig.cameras == ("left", "right")
    assert profile.input_topics["image right"] == "/r"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lidar_node: {ros__parameters: {no_such: 1}}", r"lidar_node: no_such: unknown parameter"),
        ("lidar_node: {ros__parameters: {max_age: -1.0}}", r"max_age: -1\.0 is out of range"),
        ("lidar_node: {ros__parameters: {lidar_name: roof}}", "lidar_name: the nodes disagree: roof, top"),
        ("tracking_node: {ros__parameters: {fixed_frame: odom}}", "fixed_frame: the nodes disagree"),
        ("- a list", "expected node names"),
        ("lidar_node: {}\nlidar_node: {ros__parameters: {}}", "cannot be read: repeated key 'lidar_node'"),
        ("lidar_node: {ros__parameters: {max_age: 1.0, max_age: 2.0}}", "cannot be read: repeated key 'max_age'"),
        ("lidar_node: [", "cannot be read"),
        ("lidar_node: 3", "expected ros__parameters, got 3"),
    ],
)
def test_mistakes_in_a_file_are_named(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load_profile(write(tmp_path, text))


def test_a_profile_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ConfigError, match=r"profile 'moon': unknown; known: demo, drone, kitti, vehicle"):
        load_profile("moon")
    with pytest.raises(ConfigError, match=r"moon\.yaml: no such parameter file"):
        load_profile("moon.yaml")


def test_another_network_for_all_cameras_of_a_profile(tmp_path):
    written = write_with_model("demo", "mine.onnx", tmp_path)
    assert written == tmp_path / "demo.yaml"
    ours, theirs = load_profile(str(written)), load_profile("demo")
    assert [camera.camera.model for camera in ours.cameras] == ["mine.onnx"]
    assert ours.name == theirs.name
    assert (ours.lidar, ours.fusion, ours.tracking) == (theirs.lidar, theirs.fusion, theirs.tracking)
    assert ours.cameras[0].image_topic == theirs.cameras[0].image_topic


def test_another_network_for_a_profile_without_cameras_is_refused(tmp_path):
    path = tmp_path / "blind.yaml"
    path.write_text("lidar_node: {ros__parameters: {lidar_name: top}}")
    with pytest.raises(ConfigError, match="no camera_node"):
        write_with_model(str(path), "mine.onnx", tmp_path / "out")
