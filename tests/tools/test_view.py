"""`perception view`: the scan that was asked for, what replay finds in it, and clear errors."""

import json
import struct

import cv2
import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import Imu, PointField
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection3DArray

from perception_core.geometry.transforms import apply
from perception_nodes.bag_reader import BagReader, header_stamp_ns
from perception_tools.bags import BagWriter
from perception_tools.cli import main
from perception_tools.pictures.style import PAPER
from perception_tools.profile import load_profile
from perception_tools.replay import replay
from perception_tools.view.camera import viewpoint
from perception_tools.view.drawing import CLUSTERS, GROUND, rgb
from perception_tools.view.picture import HEIGHT, WIDTH

OWN = ["--renderer", "own"]
START_NS, PERIOD_NS = 1_000_000_000_000, 100_000_000  # of the handmade drive
POINTS, INFO = "/sensors/lidar_top/points", "/sensors/camera_front/camera_info"


@pytest.fixture
def bag(drive, tmp_path):
    return drive.write(tmp_path / "in.mcap")


def view(capsys, *words):
    """The object that the command prints."""
    assert main(["view", *map(str, words), *OWN, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *words):
    """The line that the command prints."""
    assert main(["view", *map(str, words)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1, captured.err
    return captured.err


@pytest.mark.parametrize(
    ("at", "index"),
    [("first", 0), ("0", 0), ("0.25", 3), ("0.3", 3), ("50%", 5), ("last", 9), ("100%", 9), ("1000.41", 5),
     (str(START_NS + 7 * PERIOD_NS - 1), 7)],
)  # fmt: skip
def test_the_scan_is_the_first_at_or_after_the_moment(bag, tmp_path, capsys, at, index):
    found = view(capsys, bag, "--profile", "demo", "--at", at, "--output", tmp_path / "a.png")
    assert found["stamp_ns"] == START_NS + index * PERIOD_NS
    assert found["at_s"] == index / 10


def test_the_picture_shows_the_wall_and_the_ground_where_they_are(bag, tmp_path, capsys):
    found = view(capsys, bag, "--profile", "demo", "--output", tmp_path / "a.png", "--view", "chase")
    assert found["renderer"] == "own renderer"
    assert found["points"] == 6400 + 400
    assert len(found["clusters"]) == 1  # 1 m x 1 m, 10 m ahead, its bottom 0.1 m above ground
    assert found["clusters"][0]["centre"] == pytest.approx([10.0, 0.0, 0.6], abs=0.1)
    assert sum(found["classes"].values()) == found["points"]
    pixels = cv2.cvtColor(cv2.imread(str(tmp_path / "a.png")), cv2.COLOR_BGR2RGB)
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    eye = viewpoint("chase", 40.0, 0.0, WIDTH, HEIGHT)
    places = np.array([[10.0, 0.2, 0.6], [5.0, 5.0, 0.0], [12.25, 8.25, 0.0]])  # wall, ground, between points
    uv, _ = eye.model.project(apply(eye.T_camera_base, places))
    wall, ground, nothing = (
        pixels[v - 2 : v + 3, u - 2 : u + 3].reshape(-1, 3).astype(int) for u, v in np.rint(uv).astype(int)
    )
    assert np.abs(wall - rgb(CLUSTERS[0])).sum(axis=1).min() == 0
    assert np.abs(ground - rgb(GROUND)).sum(axis=1).min() < 30
    assert (nothing == rgb(PAPER)).all()


@pytest.mark.parametrize("kind", ["bird", "chase", "side"])
def test_two_pictures_of_a_scan_are_the_same_bytes(bag, tmp_path, kind):
    # The title carries the milliseconds, which differ: the part below it is compared.
    for name in ("one", "two"):
        words = ["view", bag, "--profile", "demo", "--view", kind, "--output", tmp_path / f"{name}.png", *OWN]
        assert main([str(word) for word in words]) == 0
    one, two = (cv2.imread(str(tmp_path / f"{name}.png"))[60:] for name in ("one", "two"))
    assert (one == two).all()
    assert one.std() > 3.0


def test_the_truth_of_a_simulated_drive_is_no_second_lidar(tiny_bag, tmp_path, capsys):
    assert view(capsys, tiny_bag, "--at", "0.3", "--output", tmp_path / "a.png")["topic"] == POINTS


def test_the_clusters_are_those_of_the_replay(tiny_bag, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("PERCEPTION_MODELS", raising=False)
    replay(tiny_bag, load_profile("demo"), tmp_path / "out.mcap")
    found = view(capsys, tiny_bag, "--profile", "demo", "--at", "0.5", "--output", tmp_path / "a.png")
    np.testing.assert_allclose([c["centre"] for c in found["clusters"]], replayed_centres(tmp_path, found), atol=1e-3)


def test_the_scans_of_several_lidars_are_joined_and_moved_as_in_the_replay(drive, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("PERCEPTION_MODELS", raising=False)
    profile = tmp_path / "two.yaml"
    names = "other_lidars: [left]"
    profile.write_text(
        f"lidar_node: {{ros__parameters: {{{names}, other_points_topics: [/left/points], imu_topic: /imu}}}}\n"
        f"fusion_node: {{ros__parameters: {{{names}}}}}\ntracking_node: {{ros__parameters: {{{names}}}}}\n"
    )
    bag = tmp_path / "two.mcap"
    with BagWriter(bag) as writer:
        kinds = {"/tf_static": "tf2_msgs/msg/TFMessage", POINTS: "sensor_msgs/msg/PointCloud2"}
        writer.add_topic("/left/points", kinds[POINTS])
        writer.add_topic("/imu", "sensor_msgs/msg/Imu")
        for topic, log_ns, message in drive.messages:
            if topic in kinds:
                writer.add_topic(topic, kinds[topic])
                writer.write(topic, log_ns, message)
            if topic == POINTS:
                writer.write("/imu", log_ns, Imu(header=message.header))
                writer.write("/left/points", log_ns + 20_000_000, message)
    found = view(capsys, bag, "--profile", profile, "--at", "0.5", "--output", tmp_path / "a.png")
    assert (found["points"], found["lidars_missing"]) == (13600, [])
    assert set(found["deskewed"]) == {"top", "left"}
    assert view(capsys, bag, "--profile", profile, "--topic", POINTS, "--output", tmp_path / "a.png")["points"] == 6800
    replay(bag, load_profile(str(profile)), tmp_path / "out.mcap")
    np.testing.assert_allclose([c["centre"] for c in found["clusters"]], replayed_centres(tmp_path, found), atol=1e-3)


def replayed_centres(folder, found):
    """The centres of the clusters in out.mcap for the scan that the command found."""
    with BagReader(folder / "out.mcap") as results:
        messages = [m.data for m in results.messages(["/perception/lidar/top/clusters"])]
    data = next(data for data in messages if header_stamp_ns(data) == found["stamp_ns"])
    boxes = [detection.bbox for detection in deserialize_message(data, Detection3DArray).detections]
    return [[box.center.position.x, box.center.position.y, box.center.position.z] for box in boxes]


def test_people_get_a_table(bag, tmp_path, capsys):
    assert main(["view", str(bag), "--profile", "demo", "--output", str(tmp_path / "a.png"), *OWN]) == 0
    out = capsys.readouterr().out
    assert f"{POINTS} at 0.000 s, stamp {START_NS} ns, profile demo" in out
    assert "6800 points, 1 clusters in base_link" in out
    assert "stage" in out
    assert "bird, rendered by own renderer" in out


def test_the_recorded_obstacles_are_drawn_when_asked_for(tiny_bag, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("PERCEPTION_MODELS", raising=False)
    replay(tiny_bag, load_profile("demo"), tmp_path / "out.mcap")
    both = tmp_path / "both.mcap"
    with BagWriter(both) as writer:
        for source, wanted in ((tiny_bag, None), (tmp_path / "out.mcap", ["/perception/obstacles"])):
            with BagReader(source) as reader:
                for message in reader.messages(wanted):
                    writer.add_topic(message.topic, message.type)
                    writer.write(message.topic, message.log_ns, message.data)
    words = [both, "--profile", "demo", "--at", "last", "--output"]
    view(capsys, *words, tmp_path / "without.png")
    view(capsys, *words, tmp_path / "with.png", "--recorded")
    without, drawn = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("without", "with"))
    assert (without[60:] != drawn[60:]).any()
    line = refused(capsys, tiny_bag, "--profile", "demo", "--recorded")
    assert "no messages on /perception/obstacles" in line


def test_a_foreign_recording_needs_no_profile(drive, tmp_path, capsys):
    (cloud, *_), (static, *_) = drive.of(POINTS), drive.of("/tf_static")
    cloud.header.frame_id = static.transforms[0].child_frame_id = "velodyne"
    store = get_typestore(Stores.ROS2_JAZZY)
    with Writer(tmp_path / "foreign", version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        for topic, kind, message in (
            ("/tf_static", "tf2_msgs/msg/TFMessage", static),
            ("/velodyne_points", "sensor_msgs/msg/PointCloud2", cloud),
        ):
            connection = writer.add_connection(topic, kind, typestore=store)
            writer.write(connection, START_NS, serialize_message(message))
    found = view(capsys, tmp_path / "foreign", "--output", tmp_path / "a.png")
    assert (found["topic"], found["profile"], len(found["clusters"])) == ("/velodyne_points", "defaults", 1)


def test_stamps_of_another_clock_are_found_by_the_recordings_own(drive, tmp_path, capsys):
    for cloud in drive.of(POINTS):
        cloud.header.stamp.sec -= 900
    bag = drive.write(tmp_path / "in.mcap")
    found = view(capsys, bag, "--at", "0.4", "--height", "1.8", "--output", tmp_path / "a.png")
    assert found["stamp_ns"] == START_NS + 4 * PERIOD_NS - 900_000_000_000
    assert any("900.0 s off" in note for note in found["notes"])
    assert len(found["clusters"]) == 1


def test_files_of_points_need_only_the_height(drive, tmp_path, capsys):
    import open3d

    xyz = np.frombuffer(bytes(drive.of(POINTS)[0].data), "<f4").reshape(-1, 4)[:, :3]
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(xyz.astype(np.float64)))
    for suffix in ("pcd", "ply"):
        open3d.io.write_point_cloud(str(tmp_path / f"a.{suffix}"), cloud)
    (tmp_path / "a.bin").write_bytes(np.column_stack([xyz, np.zeros(len(xyz), np.float32)]).astype("<f4").tobytes())
    for suffix in ("pcd", "ply", "bin"):
        words = (tmp_path / f"a.{suffix}", "--height", "1.8", "--output", tmp_path / "a.png")
        found = view(capsys, *words)
        assert (found["points"], found["topic"], len(found["clusters"])) == (6800, None, 1), suffix
    assert "--height" in refused(capsys, tmp_path / "a.pcd")


@pytest.mark.parametrize("name", ["a.pcd", "a.ply", "a.bin"])
@pytest.mark.parametrize("content", [b"", b"nonsense", struct.pack("<4f", float("nan"), 0.0, 0.0, 0.0)])
def test_files_without_points_are_refused(name, content, tmp_path, capfd):
    (tmp_path / name).write_bytes(content)
    assert name in refused(capfd, tmp_path / name, "--height", "1.8")
    assert "no such file" in refused(capfd, tmp_path / f"none_{name}", "--height", "1.8")


def test_what_is_wrong_with_a_recording_is_one_line(drive, bag, tmp_path, capsys):
    demo = ("--profile", "demo")
    assert "none.mcap: no such bag" in refused(capsys, "none.mcap")
    assert "outside the recording, which goes from 0 to 0.900 s" in refused(capsys, bag, *demo, "--at", "0.95")
    assert "expected seconds" in refused(capsys, bag, *demo, "--at", "noon")
    assert "no messages on /kitti/velo/pointcloud" in refused(capsys, bag, "--profile", "kitti")
    assert "profile 'moon'" in refused(capsys, bag, "--profile", "moon")
    assert f"{INFO} is a sensor_msgs/msg/CameraInfo" in refused(capsys, bag, "--topic", INFO)
    assert "--range: 1.0 is out of range" in refused(capsys, bag, "--range", "1")
    assert "--height: nan is out of range" in refused(capsys, bag, "--height", "nan")
    drive.messages = [m for m in drive.messages if m[0] != POINTS or m[1] < START_NS + 5 * PERIOD_NS]
    short = drive.write(tmp_path / "short.mcap")
    assert "no scan on /sensors/lidar_top/points at or after it" in refused(capsys, short, *demo, "--at", "0.7")
    drive.drop("/tf_static")
    line = refused(capsys, drive.write(tmp_path / "tf.mcap"))
    assert "base_link" in line
    assert "lidar_top" in line
    drive.drop(POINTS)
    assert "no PointCloud2 is recorded" in refused(capsys, drive.write(tmp_path / "blind.mcap"))
    assert "no messages on /sensors/lidar_top/points" in refused(capsys, tmp_path / "blind.mcap", *demo)


def test_a_cloud_that_cannot_be_read_is_one_line(drive, tmp_path, capsys):
    drive.of(POINTS)[0].fields[0].datatype = PointField.UINT8
    assert "field x" in refused(capsys, drive.write(tmp_path / "a.mcap"), "--profile", "demo")


def test_static_transforms_hold_from_when_they_were_sent(drive, tmp_path, capsys):
    late = START_NS + 5 * PERIOD_NS
    drive.messages = [(t, late if t == "/tf_static" else at, m) for t, at, m in drive.messages]
    assert isinstance(drive.of("/tf_static")[0], TFMessage)
    bag = drive.write(tmp_path / "a.mcap")
    assert "lidar_top" in refused(capsys, bag, "--profile", "demo", "--at", "0.4")
    assert view(capsys, bag, "--profile", "demo", "--at", "0.5", "--output", tmp_path / "a.png")["stamp_ns"] == late


def test_several_clouds_must_be_told_apart(drive, tmp_path, capsys):
    bag = tmp_path / "two.mcap"
    with BagWriter(bag) as writer:
        for topic in ("/left/points", "/right/points"):
            writer.add_topic(topic, "sensor_msgs/msg/PointCloud2")
            writer.write(topic, START_NS, drive.of(POINTS)[0])
    assert "2 topics of clouds, name one with --topic: /left/points, /right/points" in refused(capsys, bag)
    words = (bag, "--topic", "/right/points", "--height", "1.8", "--output", tmp_path / "a.png")
    assert view(capsys, *words)["topic"] == "/right/points"


def test_a_window_without_a_display_is_one_line(bag, capsys, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "--window: there is no display" in refused(capsys, bag, "--profile", "demo", "--window")
    for display in (":76543", ":", "somewhere", "127.0.0.1:59000"):
        monkeypatch.setenv("DISPLAY", display)
        assert f"the display {display} does not answer" in refused(capsys, bag, "--profile", "demo", "--window")
