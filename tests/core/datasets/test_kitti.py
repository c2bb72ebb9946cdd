"""KITTI folders: made here from a few numbers, and the real ones where they are."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.datasets import kitti
from perception_core.datasets.calibration import load_rig
from perception_core.errors import DatasetError

CAM_TO_CAM = """calib_time: 09-Jan-2012 13:57:47
S_rect_02: 4.0e+01 2.0e+01
R_rect_00: 1 0 0 0 1 0 0 0 1
P_rect_02: 100 0 20 6 0 100 10 0 0 0 1 0
"""
# Camera 0 stands 0.3 m before and 0.1 m below the velodyne, its axes x right, y down, z forward.
VELO_TO_CAM = "calib_time: 15-Mar-2012 11:37:16\nR: 0 -1 0 0 0 -1 1 0 0\nT: 0 -0.1 -0.3\n"
OBJECT_CALIB = """P2: 100 0 20 6 0 100 10 0 0 0 1 0
R0_rect: 1 0 0 0 1 0 0 0 1
Tr_velo_to_cam: 0 -1 0 0 0 0 -1 -0.1 1 0 0 -0.3
"""
LABEL = "Car 0 0 0 1 2 3 4 1.5 1.6 4.0 0.0 1.63 9.7 -1.5707963267948966\n"


def write_frame(image: Path, scan: Path) -> None:
    image.parent.mkdir(parents=True, exist_ok=True)
    scan.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(image), np.full((20, 40, 3), 7, dtype=np.uint8))
    np.array([[1.0, 2.0, 3.0, 0.5]], dtype=np.float32).tofile(scan)


@pytest.fixture
def drive(tmp_path):
    day = tmp_path / "2011_09_26"
    folder = day / "2011_09_26_drive_0001_sync"
    for i in range(3):
        write_frame(folder / "image_02/data" / f"{i:010d}.png", folder / "velodyne_points/data" / f"{i:010d}.bin")
    lines = [f"2011-09-26 13:02:2{i}.594360375\n" for i in range(3)]
    for sensor in ("image_02", "velodyne_points"):
        (folder / sensor / "timestamps.txt").write_text("".join(lines))
    (day / "calib_cam_to_cam.txt").write_text(CAM_TO_CAM)
    (day / "calib_velo_to_cam.txt").write_text(VELO_TO_CAM)
    return folder


@pytest.fixture
def objects(tmp_path):
    folder = tmp_path / "training"
    for name in ("000003", "000007"):
        write_frame(folder / "image_2" / f"{name}.png", folder / "velodyne" / f"{name}.bin")
        for kind, text in (("calib", OBJECT_CALIB), ("label_2", LABEL)):
            (folder / kind).mkdir(exist_ok=True)
            (folder / kind / f"{name}.txt").write_text(text)
    return folder


def test_a_raw_drive_by_hand(drive):
    found = kitti.read(drive)
    assert [frame.name for frame in found.frames] == ["0000000000", "0000000001", "0000000002"]
    assert found.frames[1].stamp_ns == 1317042141_594360375
    assert found.frames[1].image_stamp_ns == 1317042141_594360375
    assert (found.skipped, found.odometry, found.notes) == (0, None, ())
    calibration = found.frames[0].calibration
    assert (calibration.camera.width, calibration.camera.height) == (40, 20)
    # Camera 2 is 6 / 100 = 0.06 m to the left of camera 0, so 0.06 m to the left of the velodyne.
    np.testing.assert_allclose(calibration.T_velo_camera[:3, 3], [0.3, 0.06, -0.1], atol=1e-12)
    np.testing.assert_allclose(calibration.T_velo_camera[:3, 2], [1.0, 0.0, 0.0], atol=1e-12)  # it looks ahead
    np.testing.assert_allclose(calibration.T_base_velo[:3, 3], [0.0, 0.0, 1.73])


def test_points_project_as_kitti_projects_them(drive):
    calibration = kitti.read(drive).frames[0].calibration
    point = np.array([10.3, 1.0, -0.2, 1.0])  # in the velodyne: 10 m before camera 0
    pixel, valid = calibration.camera.project((np.linalg.inv(calibration.T_velo_camera) @ point)[None, :3])
    # Camera 0 has it at (-1, 0.1, 10): u = (100 * -1 + 20 * 10 + 6) / 10 = 10.6, v = (100 * 0.1 + 10 * 10) / 10 = 11.
    assert valid[0]
    np.testing.assert_allclose(pixel[0], [10.6, 11.0], atol=1e-9)


def test_an_object_folder_by_hand(objects):
    found = kitti.read(objects)
    assert [(frame.name, frame.stamp_ns) for frame in found.frames] == [("000003", 10**9), ("000007", 2 * 10**9)]
    labels = kitti.load_labels(found.frames[0])
    assert labels is not None
    # 9.7 m before camera 0 is 10 m before the velodyne; its bottom is 1.63 m below camera 0, 1.73 m below the velodyne.
    np.testing.assert_allclose(labels.centre, [[10.0, 0.0, 0.75]], atol=1e-9)
    assert found.frames[0].calibration.camera.width == 40


def test_the_root_of_the_benchmark_stands_for_its_training_folder(objects):
    assert [frame.image_path for frame in kitti.read(objects.parent).frames] == [
        objects / "image_2/000003.png",
        objects / "image_2/000007.png",
    ]


def test_objects_without_labels_say_so(objects):
    for path in (objects / "label_2").iterdir():
        path.unlink()
    (objects / "label_2").rmdir()
    found = kitti.read_object(objects)
    assert kitti.load_labels(found.frames[0]) is None
    assert "no labels" in found.notes[0]


def test_frames_without_a_scan_are_skipped_and_counted(drive):
    (drive / "velodyne_points/data/0000000001.bin").unlink()
    found = kitti.read_raw(drive)
    assert [frame.name for frame in found.frames] == ["0000000000", "0000000002"]
    assert found.frames[1].stamp_ns == 1317042142_594360375
    assert found.skipped == 1
    assert "skipped 1 of 3" in found.notes[0]


def test_frames_without_an_image_are_skipped_too(drive):
    (drive / "image_02/data/0000000002.png").unlink()
    found = kitti.read_raw(drive)
    assert [frame.name for frame in found.frames] == ["0000000000", "0000000001"]
    assert found.skipped == 1


def test_timestamps_may_be_listed_for_the_existing_scans_alone(drive):
    (drive / "velodyne_points/data/0000000000.bin").unlink()
    path = drive / "velodyne_points/timestamps.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    assert kitti.read_raw(drive).frames[0].stamp_ns == 1317042141_594360375


def test_odometry_where_there_are_records(drive):
    write_records(drive)
    (drive.parent / "calib_imu_to_velo.txt").write_text("R: 1 0 0 0 1 0 0 0 1\nT: 0 0 0\n")
    poses = kitti.read_raw(drive).odometry
    assert poses is not None
    assert poses.stamp_ns[2] == 1317042142_594360375
    np.testing.assert_allclose(poses.T_odom_base, np.broadcast_to(np.eye(4), (3, 4, 4)), atol=1e-9)


def test_records_without_their_extrinsics_give_a_note(drive):
    write_records(drive)
    found = kitti.read_raw(drive)
    assert found.odometry is None
    assert "calib_imu_to_velo.txt" in found.notes[0]


def write_records(drive: Path) -> None:
    (drive / "oxts/data").mkdir(parents=True)
    for i in range(3):
        (drive / "oxts/data" / f"{i:010d}.txt").write_text("49.0 8.4 110.0 0.0 0.0 0.5")
    (drive / "oxts/timestamps.txt").write_text((drive / "image_02/timestamps.txt").read_text())


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("image_02/timestamps.txt", None, r"image_02/timestamps\.txt: cannot read"),
        ("image_02/timestamps.txt", "2011-09-26 13:02:20.5\n", r"1 timestamps for 3 files"),
        ("image_02/timestamps.txt", "x\ny\nz\n", r"timestamps\.txt: timestamp 'x'"),
        ("image_02/timestamps.txt", "2011-09-26 13:02:20\n" * 3, "do not rise"),
        ("velodyne_points/timestamps.txt", "", "0 timestamps for 3 files"),
        ("../calib_cam_to_cam.txt", None, r"2011_09_26: no calib_cam_to_cam\.txt"),
        ("../calib_velo_to_cam.txt", None, r"calib_velo_to_cam\.txt: cannot read"),
        ("../calib_velo_to_cam.txt", "R: 1 2 3\n", "R: expected 9 finite numbers"),
        ("../calib_velo_to_cam.txt", VELO_TO_CAM.replace("0 -1 0", "0 -2 0"), "R: .* is no rotation"),
        ("../calib_cam_to_cam.txt", CAM_TO_CAM.replace("P_rect_02: 100", "P_rect_02: 0"), "focal lengths 0, 100"),
        ("../calib_cam_to_cam.txt", "S_rect_02: 40 20\n", "P_rect_02: missing key"),
    ],
)
def test_broken_raw_drives_are_refused_in_one_line(drive, path, text, message):
    target = drive / path
    target.unlink() if text is None else target.write_text(text)
    with pytest.raises(DatasetError, match=message) as error:
        kitti.read(drive)
    assert "\n" not in str(error.value)


def test_folders_of_another_kind_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="neither a raw drive"):
        kitti.read(tmp_path)
    with pytest.raises(DatasetError, match="no such folder"):
        kitti.read(tmp_path / "nowhere")
    (tmp_path / "image_02" / "data").mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"image_02/data: no \.png or \.jpg files"):
        kitti.read(tmp_path)


def test_a_labelled_folder_must_label_every_frame(objects):
    (objects / "label_2/000007.txt").unlink()
    with pytest.raises(DatasetError, match=r"000007\.txt: no labels for frame 000007"):
        kitti.read(objects)


def test_scans_by_hand(tmp_path):
    path = tmp_path / "scan.bin"
    np.array([[1, 2, 3, 0.25], [4, 5, 6, 0.5]], dtype="<f4").tofile(path)
    points = kitti.read_points(path)
    assert points.dtype == np.float32
    assert points.tolist() == [[1, 2, 3, 0.25], [4, 5, 6, 0.5]]
    path.write_bytes(b"")
    assert kitti.read_points(path).shape == (0, 4)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_scan_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("scan") / "0000000000.bin"
    path.write_bytes(data)
    if len(data) % 16:
        with pytest.raises(DatasetError, match=rf"0000000000\.bin: {len(data)} bytes"):
            kitti.read_points(path)
    else:
        assert kitti.read_points(path).tobytes() == data


def test_images_that_are_none_are_refused(tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(b"not a picture")
    with pytest.raises(DatasetError, match=r"image\.png: missing or no image"):
        kitti.read_image(path)


@given(st.datetimes(), st.integers(0, 999_999_999))
def test_stamps_keep_every_digit(moment, nanoseconds):
    text = moment.strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0") + f".{nanoseconds:09d}"
    stamp = kitti.parse_stamp(text)
    assert stamp % 10**9 == nanoseconds
    whole = moment.replace(microsecond=0)
    days = (whole.date() - type(whole)(1970, 1, 1).date()).days
    assert stamp // 10**9 == days * 86400 + whole.hour * 3600 + whole.minute * 60 + whole.second


@pytest.mark.parametrize("text", ["", "2011-09-26", "2011-13-26 13:02:25.0", "2011-09-26 13:02:25.0x"])
def test_malformed_stamps_are_refused(text):
    with pytest.raises(DatasetError, match="timestamp"):
        kitti.parse_stamp(text)


def test_the_calibration_folder_holds_the_real_day(perception_data):
    day = perception_data / "kitti_raw/2011_09_26"
    if not day.is_dir():
        pytest.skip(f"{day} is not there: other recordings")
    drive = kitti.read(next(p.parent for p in sorted(day.glob("*/velodyne_points"))))
    rig = load_rig(Path(__file__).parents[3] / "calibration/kitti")
    calibration = drive.frames[0].calibration
    assert len(drive.frames) > 0
    np.testing.assert_allclose(
        rig.extrinsics.lookup("velo_link", "camera_color_left"), calibration.T_velo_camera, atol=1e-7
    )
    np.testing.assert_allclose(rig.extrinsics.lookup("base_link", "velo_link"), calibration.T_base_velo, atol=1e-12)
    np.testing.assert_allclose(rig.cameras["camera_color_left"].matrix, calibration.camera.matrix)


def test_real_labels_hold_real_points(perception_data):
    frame = kitti.read(next(p.parent for p in sorted(perception_data.rglob("label_2")))).frames[0]
    labels = kitti.load_labels(frame)
    assert labels is not None
    points = kitti.read_points(frame.points_path)[:, :3] + [0.0, 0.0, 1.73]
    away = points - labels.centre[0]
    c, s = np.cos(labels.yaw[0]), np.sin(labels.yaw[0])
    local = np.column_stack([c * away[:, 0] + s * away[:, 1], c * away[:, 1] - s * away[:, 0], away[:, 2]])
    assert (np.abs(local) < labels.size[0] / 2).all(axis=1).sum() > 350  # the pedestrian of 000000, 8.7 m ahead
