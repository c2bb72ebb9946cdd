"""Offline replay of several cameras and of classes of pixels: what the live nodes would have given."""

import copy
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection3DArray, LabelInfo

from perception_core.errors import ConfigError
from perception_core.types import SEGMENTS
from perception_interfaces.msg import ObstacleArray, SensorStatus
from perception_nodes.bag_reader import BagReader, header_stamp_ns
from perception_nodes.conversions.segmentation import segmentation_from_msg
from perception_tools.bags import BagWriter
from perception_tools.profile import load_profile
from perception_tools.replay import replay

IMAGES = {name: f"/sensors/camera_{name}/image_raw" for name in ("front", "rear")}
INFOS = {name: f"/sensors/camera_{name}/camera_info" for name in ("front", "rear")}
SEGMENTATION, LABELS = "/perception/camera/front/segmentation", "/perception/camera/front/labels"
BOTH = """\
name: both
task: multitask
family: yolov8
file: both.onnx
segmentation_output: map
score_threshold: 0.3
nms_iou: 0.45
classes: [car]
input: {width: 64, height: 64, colour: bgr, scale: 1.0, mean: [0.0, 0.0, 0.0], std: [1.0, 1.0, 1.0],
        letterbox: stretch, pad: 0.0}
segments: [tree: vegetation, sky: sky]
"""
NODES = """
/**/camera_node:
  ros__parameters:
    camera.model: both
    other_cameras: [rear]
    other_image_topics: [/sensors/camera_rear/image_raw]
    other_camera_info_topics: [/sensors/camera_rear/camera_info]
/**/fusion_node:
  ros__parameters:
    fixed_frame: odom
    fusion.segmentation_trust: TRUST
    cameras: [front, rear]
    camera_info_topics: [/sensors/camera_front/camera_info, /sensors/camera_rear/camera_info]
/**/tracking_node: {ros__parameters: {fixed_frame: odom, cameras: [front, rear]}}
/**/lidar_node: {ros__parameters: {fixed_frame: odom}}
"""


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    """PERCEPTION_MODELS names a folder with `both`: no boxes, and sky above leaves."""
    source = Path(__file__).parents[1] / "core" / "networks.py"
    spec = importlib.util.spec_from_file_location("networks", source)
    networks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(networks)
    scores = np.zeros((1, 2, 16, 16), np.float32)
    scores[:, 1, :4], scores[:, 0, 4:] = 1, 1
    networks.write(tmp_path / "both.onnx", {"boxes": np.zeros((1, 5, 84), np.float32), "map": scores})
    (tmp_path / "both.yaml").write_text(BOTH)
    monkeypatch.setenv("PERCEPTION_MODELS", str(tmp_path))


def profile(folder, trust=0.7, text=NODES):
    path = folder / "two.yaml"
    path.write_text(text.replace("TRUST", str(trust)))
    return load_profile(str(path))


def with_rear(drive, until=10):
    """Give the drive a second camera, whose images stop."""
    for topics in (INFOS, IMAGES):
        for _, stamp, message in [m for m in drive.messages if m[0] == topics["front"]][:until]:
            drive.messages.append((topics["rear"], stamp, copy.deepcopy(message)))
    drive.messages.sort(key=lambda m: m[1])
    return drive


def write(drive, path):
    with BagWriter(path) as bag:
        for topic, log_ns, message in drive.messages:
            kind = type(message)
            bag.add_topic(topic, f"{kind.__module__.partition('.')[0]}/msg/{kind.__name__}")
            bag.write(topic, log_ns, message)
    return path


def messages(path, topic, kind):
    with BagReader(path) as bag:
        return [deserialize_message(m.data, kind) for m in bag.messages([topic])]


def test_the_cameras_of_one_node_are_cameras_of_the_profile(tmp_path):
    two = profile(tmp_path)
    assert two.rig.cameras == ("front", "rear")
    assert two.input_topics["image rear"] == IMAGES["rear"]
    assert [c.camera.model for c in two.cameras] == ["both", "both"]


def test_a_camera_without_its_topics_is_named(tmp_path):
    text = NODES.replace("    other_image_topics: [/sensors/camera_rear/image_raw]\n", "")
    with pytest.raises(ConfigError, match=r"two\.yaml: other_image_topics: 0 topics"):
        profile(tmp_path, text=text)


def test_two_replays_of_two_cameras_give_the_same_bytes_and_one_may_stop(drive, tmp_path):
    bag = write(with_rear(drive, until=5), tmp_path / "in.mcap")
    for name in ("one", "two"):
        statistics = replay(bag, profile(tmp_path), tmp_path / f"{name}.mcap")
    assert (tmp_path / "one.mcap").read_bytes() == (tmp_path / "two.mcap").read_bytes()
    assert (statistics.images_in, statistics.detections_out, statistics.segmentations_out) == (15, 15, 15)
    assert (statistics.arrays_out, dict(statistics.modes)) == (10, {"FUSED": 10})
    with BagReader(tmp_path / "one.mcap") as out:
        counts = {name: topic.count for name, topic in out.topics.items()}
    assert counts["/perception/camera/rear/segmentation"] == counts["/perception/camera/rear/detections"] == 5


def last_statuses(path):
    return {s.name: (s.state, s.reason) for s in messages(path, "/perception/obstacles", ObstacleArray)[-1].sensors}


def test_images_of_another_size_than_their_camera_info_are_refused_as_by_camera_node(drive, tmp_path):
    for _, _, info in [m for m in drive.messages if m[0] == INFOS["front"]]:
        info.width, info.height = 128, 96
    statistics = replay(write(with_rear(drive, until=0), tmp_path / "in.mcap"), profile(tmp_path), tmp_path / "o.mcap")
    reason = "image of 64x48, but the CameraInfo says 128x96"
    assert dict(statistics.modes) == {"LIDAR_ONLY": 10}
    assert (statistics.drops[f"camera front: {reason}"], statistics.detections_out) == (10, 0)
    assert last_statuses(tmp_path / "o.mcap")["front"] == (SensorStatus.FAULTY, reason)


def test_a_camera_without_camera_info_is_faulty_as_by_fusion_node(drive, tmp_path):
    drive.drop(INFOS["front"])
    statistics = replay(write(drive, tmp_path / "in.mcap"), profile(tmp_path), tmp_path / "o.mcap")
    reason = "no CameraInfo of camera front yet"
    assert dict(statistics.modes) == {"LIDAR_ONLY": 10}
    assert statistics.detections_out == 10  # camera_node needs no intrinsics
    assert last_statuses(tmp_path / "o.mcap")["front"] == (SensorStatus.FAULTY, reason)


def test_an_uncalibrated_camera_is_faulty_and_so_is_one_whose_images_cannot_be_read(drive, tmp_path):
    with_rear(drive)
    for _, _, info in [m for m in drive.messages if m[0] == INFOS["front"]]:
        info.k[:] = 0.0
    for _, _, image in [m for m in drive.messages if m[0] == IMAGES["rear"]]:
        image.step = 7
    statistics = replay(write(drive, tmp_path / "in.mcap"), profile(tmp_path), tmp_path / "o.mcap")
    told = last_statuses(tmp_path / "o.mcap")
    assert (told["front"][0], told["rear"][0]) == (SensorStatus.FAULTY, SensorStatus.FAULTY)
    assert "uncalibrated?" in told["front"][1]
    assert "step" in told["rear"][1]
    assert (statistics.drops["bad_calibration"], statistics.drops["bad_image"]) == (10, 10)


def test_a_recording_whose_lidar_never_sent_is_replayed_by_its_cameras(drive, tmp_path):
    """From the first image on nobody speaks for 0.3 s (as live), then the camera is known to stand alone."""
    drive.drop("/sensors/lidar_top/points")
    statistics = replay(write(drive, tmp_path / "in.mcap"), profile(tmp_path), tmp_path / "o.mcap")
    assert statistics.scans_in == 0
    assert statistics.modes["CAMERA_ONLY"] == statistics.arrays_out > 3
    assert set(statistics.modes) <= {"CAMERA_ONLY", "BLIND"}
    assert "not in the bag: /sensors/lidar_top/points" in statistics.notes
    assert last_statuses(tmp_path / "o.mcap")["top"] == (SensorStatus.MISSING, "nothing received yet")


def test_label_images_and_their_names_are_written(drive, tmp_path):
    bag = write(with_rear(drive), tmp_path / "in.mcap")
    replay(bag, profile(tmp_path), tmp_path / "out.mcap")
    with BagReader(bag) as recorded:
        stamps = [header_stamp_ns(m.data) for m in recorded.messages([IMAGES["front"]])]
    images = [segmentation_from_msg(m) for m in messages(tmp_path / "out.mcap", SEGMENTATION, Image)]
    assert [i.stamp_ns for i in images] == stamps
    assert images[0].labels.shape == (48, 64)
    assert [SEGMENTS[i] for i in (images[0].labels[0, 0], images[0].labels[-1, -1])] == ["sky", "vegetation"]
    (info,) = messages(tmp_path / "out.mcap", LABELS, LabelInfo)
    assert [c.class_name for c in info.class_map] == list(SEGMENTS)


def test_without_trust_there_are_no_label_images_and_more_guesses(drive, tmp_path):
    bag = write(with_rear(drive), tmp_path / "in.mcap")
    statistics = replay(bag, profile(tmp_path, trust=0.0), tmp_path / "out.mcap")
    assert (statistics.segmentations_out, statistics.detections_out) == (0, 20)
    with BagReader(tmp_path / "out.mcap") as out:
        assert SEGMENTATION not in out.topics
    replay(bag, profile(tmp_path), tmp_path / "trusting.mcap")
    guessed = [guesses(tmp_path / name) for name in ("out.mcap", "trusting.mcap")]
    assert guessed[0] >= guessed[1]


def guesses(path):
    arrays = messages(path, "/perception/objects", Detection3DArray)
    return sum(r.hypothesis.class_id == "car" for a in arrays for d in a.detections for r in d.results)
