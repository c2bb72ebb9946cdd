"""Offline replay."""

import pytest
from rclpy.serialization import deserialize_message

from perception_core.errors import BagError
from perception_interfaces.msg import ObstacleArray
from perception_nodes.bag_reader import BagReader, header_stamp_ns
from perception_tools.profile import load_profile
from perception_tools.replay import percentiles, replay


@pytest.fixture(autouse=True)
def no_weights(monkeypatch):
    monkeypatch.delenv("PERCEPTION_MODELS", raising=False)


@pytest.fixture(scope="module")
def demo():
    return load_profile("demo")


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


def test_two_replays_give_the_same_bytes(tiny_bag, demo, tmp_path):
    for name in ("one", "two"):
        replay(tiny_bag, demo, tmp_path / f"{name}.mcap")
    assert (tmp_path / "one.mcap").read_bytes() == (tmp_path / "two.mcap").read_bytes()


def test_a_recording_without_the_lidar_of_the_profile_is_refused(tiny_bag, tmp_path):
    with pytest.raises(BagError, match=r"no messages on /kitti/velo/pointcloud; recorded: .*/sensors/lidar_top/points"):
        replay(tiny_bag, load_profile("kitti"), tmp_path / "out.mcap")
    assert not list(tmp_path.iterdir())


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
