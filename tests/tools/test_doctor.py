"""The doctor's findings on recordings that are broken on purpose."""

import dataclasses

import pytest

from perception_core.errors import BagError
from perception_tools.commands.doctor import _check_bag
from perception_tools.doctor.environment import check_environment
from perception_tools.doctor.findings import Level
from perception_tools.profile import load_profile

POINTS, IMAGE, INFO = (
    "/sensors/lidar_top/points",
    "/sensors/camera_front/image_raw",
    "/sensors/camera_front/camera_info",
)


@pytest.fixture(scope="module")
def demo():
    return load_profile("demo")


def wrong(path, profile, level=Level.ERROR):
    return [f for f in _check_bag(path, profile) if f.level >= level]


def shift(messages, seconds):
    for message in messages:
        message.header.stamp.sec += seconds


def test_nothing_is_wrong_with_a_good_recording(drive, demo, tiny_bag, tmp_path):
    assert wrong(tiny_bag, demo, Level.WARNING) == []
    assert wrong(tiny_bag, None, Level.WARNING) == []
    assert wrong(drive.write(tmp_path / "a.mcap"), demo, Level.WARNING) == []
    assert wrong(drive.write(tmp_path / "a.mcap"), None, Level.WARNING) == []


def no_lidar(drive):
    drive.drop(POINTS)


def zero_intrinsics(drive):
    for info in drive.of(INFO):
        info.k[:] = 0.0


def smaller_image(drive):
    for info in drive.of(INFO):
        info.width, info.height = 128, 96


def wrong_step(drive):
    drive.of(IMAGE)[0].step = 5


def unknown_encoding(drive):
    for image in drive.of(IMAGE):
        image.encoding = "purple8"


def wrong_size_of_cloud(drive):
    drive.of(POINTS)[0].width += 1


def no_static_frames(drive):
    drive.of("/tf_static")[0].transforms = []


def poses_end_early(drive):
    drive.messages = [m for m in drive.messages if m[0] != "/tf" or m[1] < 1_000_500_000_000]


def no_unit_quaternion(drive):
    drive.of("/tf_static")[0].transforms[0].transform.rotation.w = 0.5


def time_goes_back(drive):
    shift(drive.of(POINTS)[5:], -3)


def from_the_past(drive):
    shift(drive.of(POINTS), -3)


def from_the_future(drive):
    shift(drive.of(POINTS), 3)


def no_stamps(drive):
    for cloud in drive.of(POINTS):
        cloud.header.stamp.sec = cloud.header.stamp.nanosec = 0


def repeated_stamp(drive):
    drive.of(POINTS)[5].header.stamp = drive.of(POINTS)[4].header.stamp


def no_frame(drive):
    for cloud in drive.of(POINTS):
        cloud.header.frame_id = ""


def few_points(drive):
    for cloud in drive.of(POINTS):
        cloud.width, cloud.row_step, cloud.data = 3, 3 * cloud.point_step, cloud.data[: 3 * cloud.point_step]


@pytest.mark.parametrize(
    ("breakage", "subject", "text"),
    [
        (no_lidar, POINTS, "no messages"),
        (zero_intrinsics, INFO, "focal"),
        (smaller_image, IMAGE, "images are 64x48, but /sensors/camera_front/camera_info says 128x96"),
        (wrong_step, IMAGE, "step"),
        (unknown_encoding, IMAGE, "purple8"),
        (wrong_size_of_cloud, POINTS, "bytes"),
        (no_static_frames, "base_link <- lidar_top", "missing at 10 of 10 stamps"),
        (poses_end_early, "odom <- base_link", "missing at 5 of 10 stamps"),
        (no_unit_quaternion, "/tf", "norm 0.5"),
        (time_goes_back, POINTS, "time goes back 1 times, first by 2.900 s at message 5"),
        (from_the_past, POINTS, "recorded 3.000 s after its stamp"),
        (from_the_future, POINTS, "stamped 3.000 s after it was recorded"),
        (no_stamps, POINTS, "10 of 10 messages have no stamp"),
        (repeated_stamp, POINTS, "1 messages repeat the stamp"),
        (no_frame, POINTS, "frame_id is empty"),
        (few_points, POINTS, "only 3 points"),
    ],
)
def test_what_is_wrong_is_named_with_how_to_mend_it(drive, demo, tmp_path, breakage, subject, text):
    breakage(drive)
    findings = wrong(drive.write(tmp_path / "a.mcap"), demo)
    matching = [f for f in findings if f.subject.startswith(subject) and text in f.text]
    assert matching, findings
    assert all(f.mend for f in findings)


def test_warnings_for_gaps_and_cameras_that_are_late(drive, demo, tmp_path):
    lost = {1_000_300_000_000, 1_000_400_000_000}
    drive.messages = [m for m in drive.messages if m[0] != POINTS or m[1] not in lost]
    for image in drive.of(IMAGE):
        image.header.stamp.nanosec = (image.header.stamp.nanosec + 50_000_000) % 1_000_000_000
    found = wrong(drive.write(tmp_path / "a.mcap"), demo, Level.WARNING)
    assert any("1 gaps, the longest 0.30 s at 10.0 Hz" in f.text for f in found)


def test_a_topic_of_another_type_is_named(drive, demo, tmp_path):
    lidar = dataclasses.replace(demo.lidar, points_topic=IMAGE)
    found = wrong(drive.write(tmp_path / "a.mcap"), dataclasses.replace(demo, lidar=lidar))
    assert any("expected sensor_msgs/msg/PointCloud2" in f.text for f in found)


def test_no_recording_at_all(tmp_path):
    with pytest.raises(BagError, match="no such bag"):
        _check_bag(tmp_path / "none.mcap", None)


def test_the_machine_is_checked(demo, tmp_path):
    good = {"ROS_DISTRO": "jazzy", "RMW_IMPLEMENTATION": "rmw_fastrtps_cpp"}
    found = list(check_environment(demo, good))
    assert [f.subject for f in found if f.level == Level.ERROR] == ["middleware"]
    assert [f.level for f in found if f.subject == "weights front"] == [Level.OK]  # the demo's come with the stack
    bad = {**good, "ROS_DISTRO": "humble", "FASTRTPS_DEFAULT_PROFILES_FILE": str(tmp_path / "gone.xml")}
    texts = " ".join(f.text for f in check_environment(None, bad) if f.level == Level.ERROR)
    assert "'humble'" in texts
    assert "gone.xml" in texts


def test_weights_that_are_not_there_are_named(demo):
    front = dataclasses.replace(demo.cameras[0], camera=dataclasses.replace(demo.cameras[0].camera, model="yolox_nano"))
    found = check_environment(dataclasses.replace(demo, cameras=(front,)), {})
    (finding,) = [f for f in found if f.subject == "weights front"]
    assert finding.level == Level.WARNING
    assert "yolox_nano.onnx" in finding.text


def test_a_segmentation_model_that_is_not_there_is_named(demo):
    front = dataclasses.replace(
        demo.cameras[0], camera=dataclasses.replace(demo.cameras[0].camera, segmentation_model="gone")
    )
    found = check_environment(dataclasses.replace(demo, cameras=(front,)), {})
    (finding,) = [f for f in found if f.subject == "weights front, pixels"]
    assert finding.level == Level.WARNING
    assert "'gone'" in finding.text
    assert "no label images" in finding.text
