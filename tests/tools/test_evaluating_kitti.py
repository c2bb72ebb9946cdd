"""KITTI's labels as truth, in folders written by hand: the camera looks ahead, 100 pixels of focal length, 40 wide."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from perception_core.errors import DatasetError
from perception_core.evaluation.config import EvaluationConfig
from perception_core.types import Mode, Objects
from perception_core.types.classes import CLASSES, INDEX
from perception_nodes.conversions.boxes import objects_to_cdr
from perception_tools.bags import BagWriter
from perception_tools.evaluating import judge_recording
from perception_tools.evaluating_kitti import kitti_truth
from perception_tools.evaluating_truth import recorded_truth, truth_of
from perception_tools.kitti_bag import convert_kitti

CAM_TO_CAM = "S_rect_02: 4.0e+01 2.0e+01\nR_rect_00: 1 0 0 0 1 0 0 0 1\nP_rect_02: 100 0 20 0 0 100 10 0 0 0 1 0\n"
VELO_TO_CAM = "R: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 0\n"
OBJECT_CALIB = (
    "P2: 100 0 20 0 0 100 10 0 0 0 1 0\nR0_rect: 1 0 0 0 1 0 0 0 1\nTr_velo_to_cam: 0 -1 0 0 0 0 -1 0 1 0 0 0\n"
)
POSE = "<item><tx>{}</tx><ty>0</ty><tz>-1.73</tz><rx>0</rx><ry>0</ry><rz>0.1</rz></item>"
TRACKLETS = (
    "<boost_serialization><tracklets><count>1</count><item><objectType>Car</objectType><h>1.5</h><w>1.6</w><l>4</l>"
    "<first_frame>1</first_frame><poses>{}</poses></item></tracklets></boost_serialization>"
)
IMU_TO_VELO = "R: 1 0 0 0 1 0 0 0 1\nT: 0 0 0\n"


def frame_files(image: Path, scan: Path, points) -> None:
    for file in (image, scan):
        file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(image), np.full((20, 40, 3), 7, dtype=np.uint8))
    np.array([(*p, 0.5) for p in points], dtype=np.float32).tofile(scan)


@pytest.fixture
def raw(tmp_path):
    """Four frames; from the second on a car stands 20 m before the velodyne, a metre nearer in each, with 12 points."""
    day = tmp_path / "2011_09_26"
    folder = day / "drive_sync"
    for k in range(4):
        points = [(20.0 - k + 0.1 * i, 0.0, -1.0) for i in range(12)] + [(5.0, 5.0, 0.0)]
        frame_files(folder / f"image_02/data/{k:010d}.png", folder / f"velodyne_points/data/{k:010d}.bin", points)
    stamps = "".join(f"2011-09-26 13:02:25.{k}00000000\n" for k in range(4))
    for sensor in ("image_02", "velodyne_points"):
        (folder / sensor / "timestamps.txt").write_text(stamps)
    (day / "calib_cam_to_cam.txt").write_text(CAM_TO_CAM)
    (day / "calib_velo_to_cam.txt").write_text(VELO_TO_CAM)
    (folder / "tracklet_labels.xml").write_text(TRACKLETS.format("".join(POSE.format(20 - k) for k in (1, 2, 3))))
    return folder


def add_oxts(folder: Path) -> None:
    """The robot stands still: the same record four times."""
    (folder / "oxts/data").mkdir(parents=True)
    for k in range(4):
        (folder / f"oxts/data/{k:010d}.txt").write_text("49.0 8.4 110 0 0 0 0 0 0 0 0")
    (folder / "oxts/timestamps.txt").write_text((folder / "image_02/timestamps.txt").read_text())
    (folder.parent / "calib_imu_to_velo.txt").write_text(IMU_TO_VELO)


def test_tracklets_by_hand(raw):
    truth = kitti_truth(raw, "base_link")
    assert [len(t) for t in truth.truths] == [0, 1, 1, 1]
    assert (truth.tracked, truth.frame) == (True, "base_link")
    car = truth.truths[2]
    assert (car.ids.tolist(), CLASSES[car.class_ids[0]], car.point_count.tolist()) == ([1], "car", [12])
    assert car.centre[0] == pytest.approx([18.0, 0.0, 0.75])
    assert car.yaw[0] == pytest.approx(0.1)
    assert np.isnan(car.velocity).all()
    assert truth.view_half_angle == pytest.approx(np.degrees(np.arctan(20 / 100)))


def test_tracklets_in_odom_have_velocities(raw):
    """A metre nearer in a tenth of a second."""
    add_oxts(raw)
    truth = kitti_truth(raw, "odom")
    assert truth.truths[2].velocity[0] == pytest.approx([-10.0, 0.0, 0.0], abs=1e-6)
    assert truth.truths[2].centre[0] == pytest.approx([18.0, 0.0, 0.75], abs=1e-6)
    assert truth.poses("odom", "base_link")(truth.truths[0].stamp_ns) == pytest.approx(np.eye(4), abs=1e-9)
    assert truth.notes == ()


def test_scans_outside_the_records_of_the_odometry_are_left_out(raw):
    """Records 50 ms after each scan: nobody knows where the robot stood at the first."""
    add_oxts(raw)
    stamps = "".join(f"2011-09-26 13:02:25.{k}50000000\n" for k in range(4))
    (raw / "oxts/timestamps.txt").write_text(stamps)
    truth = kitti_truth(raw, "odom")
    assert [len(t) for t in truth.truths] == [1, 1, 1]
    assert truth.notes == ("1 scans are left out: they lie outside the drive's GPS/IMU records",)
    assert truth.truths[1].velocity[0] == pytest.approx([-10.0, 0.0, 0.0], abs=1e-6)


@pytest.fixture
def labelled(tmp_path):
    """One frame: a car 20 m ahead with 12 points, and a region nobody cares for in the left quarter of the image."""
    folder = tmp_path / "training"
    points = [(20.0 + 0.1 * i, 0.0, -1.0) for i in range(12)]
    frame_files(folder / "image_2/000004.png", folder / "velodyne/000004.bin", points)
    lines = (
        "Car 0 0 0 1 2 30 18 1.5 1.6 4.0 0.0 1.73 20.0 -1.5707963\nDontCare -1 -1 -10 0 0 10 20 -1 -1 -1 -1 -1 -1 -10\n"
    )
    for kind, text in (("calib", OBJECT_CALIB), ("label_2", lines)):
        (folder / kind).mkdir()
        (folder / kind / "000004.txt").write_text(text)
    return folder


def objects(stamp_ns, *places, kind="car") -> Objects:
    n = len(places)
    return Objects(
        stamp_ns=stamp_ns, frame="base_link", centre=np.array([(x, y, 0.75) for x, y in places]).reshape(n, 3),
        size=np.tile((4.0, 1.6, 1.5), (n, 1)), yaw=np.zeros(n), covariance=np.tile(np.eye(6) * 0.01, (n, 1, 1)),
        class_probabilities=np.tile(np.eye(len(CLASSES))[INDEX[kind]], (n, 1)), existence=np.full(n, 0.9),
        sensors=np.ones(n, np.uint8), point_count=np.full(n, 12, np.int32), mode=Mode.FUSED,
    )  # fmt: skip


def test_labels_of_unrelated_frames_are_held_against_untracked_objects(labelled, tmp_path):
    """One is right; one is in the DontCare region; one is in view and false; one is out of view."""
    found = objects(10**9, (20.2, 0.0), (20.0, 3.0), (20.0, -2.5), (20.0, -15.0))
    with BagWriter(tmp_path / "r.mcap") as bag:
        bag.add_topic("/perception/objects", "vision_msgs/msg/Detection3DArray")
        bag.write("/perception/objects", 10**9, objects_to_cdr(found))
    judged = judge_recording(tmp_path / "r.mcap", truth_of(f"kitti:{labelled}"), EvaluationConfig())
    counts = judged.evaluation.counts
    assert (counts.asked, counts.reported, counts.kept, counts.held, counts.excused) == (1, 3, 1, 1, 1)
    assert (judged.tracked, judged.topic) == (False, "/perception/objects")
    assert judged.evaluation.accuracy.position == pytest.approx(0.2)
    assert judged.evaluation.naming.right == 1.0


def test_converted_labels_are_a_truth_too(labelled, tmp_path):
    convert_kitti(labelled, tmp_path / "k.mcap")
    truth = recorded_truth(tmp_path / "k.mcap")
    assert (truth.frame, truth.tracked, len(truth.truths[0])) == ("base_link", False, 1)


def test_kitti_folders_that_do_not_fit(raw, labelled, tmp_path):
    with pytest.raises(DatasetError, match="kitti:DIR"):
        truth_of("kitti")
    with pytest.raises(DatasetError, match="no such folder"):
        truth_of("kitti:none")("base_link")
    with pytest.raises(DatasetError, match="has no GPS/IMU records"):
        kitti_truth(raw, "odom")
    with pytest.raises(DatasetError, match="results in frame 'map'"):
        kitti_truth(raw, "map")
    (raw / "tracklet_labels.xml").unlink()
    with pytest.raises(DatasetError, match="no labels: neither label_2/"):
        kitti_truth(raw, "base_link")
