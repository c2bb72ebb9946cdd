"""perception calibrate check: simulated recordings, right and disturbed, and recordings that lack something."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from perception_core.calibration.config import CalibrationCheckConfig
from perception_core.errors import BagError, ConfigError, TransformError
from perception_tools.bags import BagReader, BagWriter
from perception_tools.calibrating import load_drive
from perception_tools.calibrating_source import source_of_bag, source_of_profile
from perception_tools.cli import main
from perception_tools.profile import load_profile
from perception_tools.simulated_bag import simulate_bag

POINTS, IMAGE, INFO = (
    "/sensors/lidar_top/points",
    "/sensors/camera_front/image_raw",
    "/sensors/camera_front/camera_info",
)
CONFIG = CalibrationCheckConfig()


@pytest.fixture(scope="module")
def demo():
    return load_profile("demo")


@pytest.fixture(scope="module")
def city_bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of the scenario `city`."""
    path = tmp_path_factory.mktemp("city") / "city.mcap"
    simulate_bag("city", path, duration=0.5)
    return path


@pytest.fixture(scope="module")
def turned_bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, whose transforms say that the camera is turned by 1.2 degrees more to the left than it is."""
    path = tmp_path_factory.mktemp("turned") / "turned.mcap"
    simulate_bag("city", path, duration=0.5, overrides={"disturbances.camera_turn": [0.0, 0.0, 1.2]})
    return path


@pytest.fixture(scope="module")
def rails_bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scans of the scenario `highway`."""
    path = tmp_path_factory.mktemp("highway") / "highway.mcap"
    simulate_bag("highway", path, duration=0.3)
    return path


def refused(capsys, words):
    """Run a command that must be refused, and return its one line."""
    assert main(["calibrate", "check", *map(str, words)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


def test_a_process_says_that_it_fits_and_draws_why(city_bag, tmp_path):
    picture = tmp_path / "before_and_after.png"
    command = [sys.executable, "-m", "perception_tools.cli", "calibrate", "check", str(city_bag), "--profile", "demo"]
    done = subprocess.run([*command, "--json", "--report", picture], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert answer["verdict"] == "fits"
    assert answer["frames"] == 5
    assert answer["ego_motion"] == "odometry on /tf"
    assert list(answer["correction"]) == ["roll", "pitch", "yaw", "x", "y", "z", "offset"]
    assert all(abs(answer["correction"][name]["value"]) < 0.25 for name in ("roll", "pitch", "yaw"))
    assert [row["time"] for row in answer["scores"]] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5], abs=0.011)
    assert answer["pictures"] == [str(picture)]
    drawn = cv2.imread(str(picture))
    assert drawn.shape[1] == 1600
    assert drawn.std() > 20.0


def test_a_turned_camera_does_not_fit_and_is_put_right(turned_bag, tmp_path, capsys):
    words = ["calibrate", "check", str(turned_bag), "--profile", "demo", "--report", str(tmp_path / "report")]
    assert main([*words, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["verdict"] == "does not fit"
    assert answer["correction"]["yaw"]["value"] == pytest.approx(-1.2, abs=0.2)
    assert answer["correction"]["yaw"]["state"] == "off"
    assert answer["corrected_mount"]["child"] == "camera_front"
    assert answer["corrected_mount"]["quaternion"] == pytest.approx([-0.5, 0.5, -0.5, 0.5], abs=0.003)
    assert answer["score_corrected"] > answer["score"] + 0.05
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == [
        "before_and_after_0.png", "before_and_after_1.png", "before_and_after_2.png", "scores.png",
    ]  # fmt: skip


def test_people_read_a_table(turned_bag, capsys):
    assert main(["calibrate", "check", str(turned_bag), "--frames", "3"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"does not fit: {POINTS} and {IMAGE}"
    assert lines[1].startswith("  yaw -1.")
    assert any(line.startswith("corrected: base_link -> camera_front: [0.") for line in lines)


def test_who_cannot_tell_states_no_correction(tiny_bag, tmp_path, capsys):
    words = ["calibrate", "check", str(tiny_bag), "--profile", "demo"]
    assert main([*words, "--json", "--report", str(tmp_path / "a.png")]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["verdict"] == "cannot tell"
    assert answer["correction"] == {}
    assert answer["corrected_mount"] is None
    assert answer["score"] is not None
    assert answer["score_corrected"] is None
    assert all(row["score_corrected"] is None for row in answer["scores"])
    assert (tmp_path / "a.png").is_file()
    assert main(words) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "cannot tell: top and front"
    assert not [line for line in lines if line.startswith(("corrected", "roll", "pitch", "yaw", "the camera is off"))]
    assert any(line.startswith("score ") and line.endswith(" as calibrated (0 is chance)") for line in lines)


def test_beside_guard_rails_level_lines_alone_do_not_decide(rails_bag, capsys):
    """The creases of the rails are lines beside their edges: a roll of 1.2 degrees scores best though all is right."""
    assert main(["calibrate", "check", str(rails_bag), "--frames", "3", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["verdict"] == "cannot tell"
    assert answer["reasons"][0].startswith("quite another correction scores nearly as well")
    assert any(reason.startswith("upright outlines alone say roll ") for reason in answer["reasons"])


def test_black_images_cannot_tell(drive, tmp_path, capsys):
    for message in drive.of(IMAGE):
        message.data = bytes(len(message.data))
    bag = drive.write(tmp_path / "black.mcap")
    assert main(["calibrate", "check", str(bag), "--profile", "demo", "--report", str(tmp_path / "a.png")]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("cannot tell: top and front\n  the images show nothing")
    assert (tmp_path / "a.png").is_file()


@pytest.mark.parametrize("topic", [POINTS, IMAGE, INFO])
def test_a_topic_that_is_not_there_is_named(drive, tmp_path, capsys, topic):
    drive.drop(topic)
    bag = drive.write(tmp_path / "a.mcap")
    assert f"no messages on {topic}; recorded: " in refused(capsys, [bag, "--profile", "demo"])
    named = {POINTS: "no PointCloud2 is recorded", IMAGE: "no image is recorded", INFO: f"no messages on {INFO}"}
    assert named[topic] in refused(capsys, [bag])


def test_an_empty_recording_is_refused(drive, tmp_path, capsys):
    drive.messages.clear()
    bag = drive.write(tmp_path / "empty.mcap")
    assert "recorded: nothing" in refused(capsys, [bag, "--profile", "demo"])
    assert "no image is recorded; recorded: nothing" in refused(capsys, [bag])


def test_missing_transforms_are_named(drive, tmp_path, capsys):
    drive.drop("/tf_static")
    bag = drive.write(tmp_path / "a.mcap")
    assert "no pair of scan and image can be used" in refused(capsys, [bag])
    assert "camera_front" in refused(capsys, [bag])


def test_a_calibration_folder_stands_in_for_tf_static(drive, tmp_path, demo):
    drive.drop("/tf_static")
    loaded = load_drive(drive.write(tmp_path / "a.mcap"), CONFIG, demo)
    assert len(loaded.frames) == 10
    assert any("static transforms from" in note for note in loaded.notes)


def test_images_far_from_every_scan_are_refused(drive, tmp_path, demo):
    for message in drive.of(IMAGE):
        message.header.stamp.sec += 5
    with pytest.raises(BagError, match=r"within 0.06 s of an image on .*; the nearest are 4.100 s apart"):
        load_drive(drive.write(tmp_path / "a.mcap"), CONFIG, demo)


def test_an_uncalibrated_camera_is_refused(drive, tmp_path, demo):
    for message in drive.of(INFO):
        message.k[:] = np.zeros(9)
    with pytest.raises(TransformError, match="camera matrix"):
        load_drive(drive.write(tmp_path / "a.mcap"), CONFIG, demo)


def test_a_cut_off_message_is_left_out_and_named(tiny_bag, tmp_path, demo):
    """The second image ends after 200 bytes."""
    seen = 0
    with BagReader(tiny_bag) as bag, BagWriter(tmp_path / "cut.mcap") as cut:
        for topic in bag.topics.values():
            cut.add_topic(topic.name, topic.type)
        for message in bag.messages(list(bag.topics)):
            seen += message.topic == IMAGE
            short = message.topic == IMAGE and seen == 2
            cut.write(message.topic, message.log_ns, bytes(message.data[:200] if short else message.data))
    whole, loaded = load_drive(tiny_bag, CONFIG, demo), load_drive(tmp_path / "cut.mcap", CONFIG, demo)
    assert len(loaded.frames) == len(whole.frames) - 1
    (note,) = set(loaded.notes) - set(whole.notes)
    assert note.startswith("1 messages left out: ")
    assert f"{IMAGE} at " in note


def test_unknown_names_are_refused(drive, tmp_path, capsys, demo):
    with pytest.raises(ConfigError, match="no camera 'rear'; known: front"):
        source_of_profile(demo, "rear")
    with pytest.raises(ConfigError, match="no LiDAR 'rear'; known: top"):
        source_of_profile(demo, None, "rear")
    with BagReader(drive.write(tmp_path / "a.mcap")) as bag, pytest.raises(BagError, match="no image on /rear"):
        source_of_bag(bag, "/rear")
    assert "--masks needs a --profile" in refused(capsys, [tmp_path / "a.mcap", "--masks"])
    assert "max_frames: 0 is out of range" in refused(capsys, [tmp_path / "a.mcap", "--frames", "0"])


def test_without_a_profile_the_only_topics_are_taken(drive, tmp_path):
    with BagReader(drive.write(tmp_path / "a.mcap")) as bag:
        source = source_of_bag(bag)
    assert (source.points, source.image, source.camera_info) == (POINTS, IMAGE, INFO)


def test_fewer_frames_are_spread_over_the_recording(tiny_bag, demo):
    every = load_drive(tiny_bag, CONFIG, demo).frames
    some = load_drive(tiny_bag, CalibrationCheckConfig(max_frames=3), demo).frames
    assert [f.stamp_ns for f in some] == [every[k].stamp_ns for k in (0, round((len(every) - 1) / 2), len(every) - 1)]


def test_ego_motion_is_that_of_the_odometry(tiny_bag, demo):
    frame = load_drive(tiny_bag, CONFIG, demo).frames[3]
    assert frame.twist is not None
    assert frame.twist[0] == pytest.approx(8.0, abs=4.0)
    assert np.abs(frame.twist[1:]).max() < 0.3
