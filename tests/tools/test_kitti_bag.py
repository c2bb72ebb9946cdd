"""KITTI drives become recordings; the drives are written by the tests."""

import json

import cv2
import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from tf2_msgs.msg import TFMessage

from perception_core.errors import DatasetError
from perception_interfaces.msg import ObstacleArray
from perception_nodes.bag_reader import BagReader
from perception_nodes.conversions.cloud import cloud_from_msg
from perception_nodes.conversions.image import image_from_msg
from perception_tools.kitti_bag import TOPICS, convert_kitti

P = "50 0 31.5 {} 0 50 23.5 0 0 0 1 0"
CAMERAS = f"S_rect_02: 64 48\nR_rect_00: 1 0 0 0 1 0 0 0 1\nP_rect_02: {P.format(3.0)}\n"
# x right, y down, z forward of the camera are -y, -z, x of the velodyne
VELO = "R: 0 -1 0 0 0 -1 1 0 0\nT: 0 -0.08 -0.27\n"
CLOUD = np.array([[5.0, 1.0, -1.0, 0.25], [6.0, -2.0, 0.5, 0.75]], np.float32)


def pixels(k):
    return np.full((48, 64, 3), (10 * k, 20, 30), np.uint8)


@pytest.fixture
def raw_drive(tmp_path):
    drive = tmp_path / "2011_09_26" / "drive_sync"
    for folder in ("image_02/data", "velodyne_points/data"):
        (drive / folder).mkdir(parents=True)
    (drive.parent / "calib_cam_to_cam.txt").write_text(CAMERAS)
    (drive.parent / "calib_velo_to_cam.txt").write_text(VELO)
    for k in range(2):
        cv2.imwrite(str(drive / f"image_02/data/{k:010}.png"), pixels(k))
        CLOUD.tofile(drive / f"velodyne_points/data/{k:010}.bin")
    stamps = "2011-09-26 13:02:25.000000000\n2011-09-26 13:02:25.100000000\n"
    for folder in ("image_02", "velodyne_points"):
        (drive / folder / "timestamps.txt").write_text(stamps)
    return drive


@pytest.fixture
def object_folder(tmp_path):
    folder = tmp_path / "training"
    for name in ("image_2", "velodyne", "calib", "label_2"):
        (folder / name).mkdir(parents=True)
    tr = "0 -1 0 0 0 0 -1 -0.08 1 0 0 -0.27"
    for name in ("000004", "000009"):
        cv2.imwrite(str(folder / f"image_2/{name}.png"), pixels(1))
        CLOUD.tofile(folder / f"velodyne/{name}.bin")
        text = f"P2: {P.format(0.0)}\nR0_rect: 1 0 0 0 1 0 0 0 1\nTr_velo_to_cam: {tr}\n"
        (folder / f"calib/{name}.txt").write_text(text)
        # a car of 1.5 x 1.6 x 4 m whose bottom centre is 20 m ahead of the camera and 1.65 m below it, heading ahead
        (folder / f"label_2/{name}.txt").write_text("Car 0 0 0 1 2 30 40 1.5 1.6 4.0 0.0 1.65 20.0 -1.5707963\n")
    return folder


def read(path, topic, kind):
    with BagReader(path) as bag:
        return [deserialize_message(m.data, kind) for m in bag.messages([topic])]


def test_a_raw_drive(raw_drive, tmp_path):
    summary = convert_kitti(raw_drive, tmp_path / "out.mcap")
    assert (summary["frames"], summary["skipped"], summary["labels"]) == (2, 0, None)
    clouds = read(tmp_path / "out.mcap", TOPICS.points, PointCloud2)
    decoded = cloud_from_msg(clouds[1]).cloud
    np.testing.assert_array_equal(decoded.xyz, CLOUD[:, :3])
    np.testing.assert_array_equal(decoded.intensity, CLOUD[:, 3])
    assert (decoded.frame, decoded.stamp_ns) == ("velo_link", 1_317_042_145_100_000_000)
    image = image_from_msg(read(tmp_path / "out.mcap", TOPICS.image, Image)[1])
    np.testing.assert_array_equal(image.pixels, pixels(1))
    info = read(tmp_path / "out.mcap", TOPICS.camera_info, CameraInfo)[0]
    assert (info.width, info.height, info.k[0], info.header.frame_id) == (64, 48, 50.0, "camera_color_left")


def test_frames_of_a_raw_drive(raw_drive, tmp_path):
    convert_kitti(raw_drive, tmp_path / "out.mcap")
    (message,) = read(tmp_path / "out.mcap", "/tf_static", TFMessage)
    tree = {(t.header.frame_id, t.child_frame_id): t.transform.translation for t in message.transforms}
    assert tree["base_link", "velo_link"].z == pytest.approx(1.73)
    # P says that camera 2 sees the origin of camera 0 at 3 px / 50 px = 0.06 m to the right, so it is 0.06 m left of
    # it; camera 0 is 0.27 m ahead of and 0.08 m below the velodyne
    optical = tree["velo_link", "camera_color_left"]
    assert (optical.x, optical.y, optical.z) == pytest.approx((0.27, 0.06, -0.08))


def test_labels_of_an_object_folder(object_folder, tmp_path):
    summary = convert_kitti(object_folder, tmp_path / "out.mcap")
    assert summary["frames"] == 2
    first, second = read(tmp_path / "out.mcap", "/ground_truth/obstacles", ObstacleArray)
    (car,) = first.obstacles
    # 20 m ahead of the camera, that is 20.27 m ahead of the velodyne; the bottom 1.65 + 0.08 m below it is the ground
    centre = car.pose.pose.position
    assert (centre.x, centre.y, centre.z) == pytest.approx((20.27, 0.0, 0.75), abs=1e-6)
    assert (car.size.x, car.size.y, car.size.z) == (4.0, 1.6, 1.5)
    assert car.classes[0].label == "car"
    assert (first.header.frame_id, first.header.stamp.sec, second.header.stamp.sec) == ("base_link", 1, 2)
    assert bytes(car.id.uuid) != bytes(second.obstacles[0].id.uuid)
    labels = json.loads((tmp_path / "out.labels.json").read_text())
    assert [f["name"] for f in labels["frames"]] == ["000004", "000009"]
    assert labels["frames"][0]["objects"][0]["centre"] == [20.27, 0.0, 0.75]


def test_a_folder_that_is_no_drive_is_named_and_leaves_nothing(tmp_path):
    (tmp_path / "holiday").mkdir()
    for name in ("holiday", "gone"):
        with pytest.raises(DatasetError, match=name):
            convert_kitti(tmp_path / name, tmp_path / "out.mcap")
    assert [p.name for p in tmp_path.iterdir()] == ["holiday"]


def test_a_broken_scan_leaves_no_half_recording(raw_drive, tmp_path):
    (raw_drive / "velodyne_points/data/0000000001.bin").write_bytes(b"123")
    with pytest.raises(DatasetError, match="3 bytes, expected a multiple of 16"):
        convert_kitti(raw_drive, tmp_path / "out.mcap")
    assert not list(tmp_path.glob("*.mcap"))
    assert not list(tmp_path.glob(".*"))
