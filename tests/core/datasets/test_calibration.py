"""Calibration folders: what is read, and that nothing impossible is."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.datasets.calibration import load_body, load_camera_info, load_extrinsics, load_rig
from perception_core.errors import CalibrationError

CALIBRATION = Path(__file__).parents[3] / "calibration"

EXTRINSICS = """
base_frame: base_link
transforms:
  - parent: base_link
    child: lidar
    translation: [1.0, 2.0, 3.0]
    quaternion: [0.0, 0.0, 0.70710678, 0.70710678]
  - parent: lidar
    child: camera
    translation: [1.0, 0.0, 0.0]
    quaternion: [0.0, 0.0, 0.0, 1.0]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "extrinsics.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_transforms_are_chained(tmp_path):
    tree = load_extrinsics(write(tmp_path, EXTRINSICS))
    # lidar is turned by 90 degrees: its x axis is base's y axis, so the camera lies at (1, 3, 3).
    np.testing.assert_allclose(tree.lookup("base_link", "camera")[:3, 3], [1.0, 3.0, 3.0], atol=1e-7)
    np.testing.assert_allclose(tree.lookup("camera", "lidar")[:3, 3], [-1.0, 0.0, 0.0], atol=1e-7)
    np.testing.assert_allclose(tree.lookup("lidar", "lidar"), np.eye(4), atol=1e-12)


def test_an_empty_tree_holds_the_base_alone(tmp_path):
    tree = load_extrinsics(write(tmp_path, "base_frame: base_link\ntransforms: []\n"))
    np.testing.assert_array_equal(tree.lookup("base_link", "base_link"), np.eye(4))
    with pytest.raises(CalibrationError, match="no frame 'lidar', known: base_link"):
        tree.lookup("base_link", "lidar")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.70710678, 0.70710678", "0.7, 0.9", r"transforms\[0\].*1\.1402"),
        ("[1.0, 2.0, 3.0]", "[1.0, 2.0]", r"transforms\[0\]\.translation: expected 3 numbers, got \[1\.0, 2\.0\]"),
        ("[0.0, 0.0, 0.0, 1.0]", "[0.0, 0.0, 1.0]", r"transforms\[1\]\.quaternion: expected 4 numbers"),
        ("[1.0, 2.0, 3.0]", "[1.0, 2.0, .nan]", r"translation: expected 3 finite numbers"),
        ("[1.0, 2.0, 3.0]", "[1.0, 2.0, high]", r"translation: expected 3 finite numbers, got .*'high'"),
        ("    child: lidar\n", "", r"transforms\[0\]\.child: missing key"),
        ("base_frame: base_link\n", "", "base_frame: missing key"),
        (
            "    child: lidar\n",
            "    child: lidar\n    roll: 0.1\n",
            r"transforms\[0\]\.roll: unknown key \(value 0\.1\)",
        ),
        ("child: camera", "child: lidar", "'lidar' has two parents"),
        ("parent: base_link", "parent: camera", "does not hang on base_frame 'base_link'"),
        ("child: camera", "child: 7", r"transforms\[1\]\.child: expected a name, got 7"),
    ],
)
def test_what_cannot_be_right_is_refused_by_name(tmp_path, old, new, message):
    path = write(tmp_path, EXTRINSICS.replace(old, new, 1))
    with pytest.raises(CalibrationError, match=message) as error:
        load_extrinsics(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: [", "just words"])
def test_files_that_are_no_mapping_are_refused(tmp_path, text):
    with pytest.raises(CalibrationError, match="extrinsics"):
        load_extrinsics(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CalibrationError, match=r"nowhere/extrinsics\.yaml: cannot read"):
        load_rig(tmp_path / "nowhere")


def test_numbers_may_be_written_as_python_prints_them(tmp_path):
    tree = load_extrinsics(write(tmp_path, EXTRINSICS.replace("[1.0, 2.0, 3.0]", "[1e-05, 2, 3.0]")))
    np.testing.assert_allclose(tree.lookup("base_link", "lidar")[:3, 3], [1e-5, 2.0, 3.0])


@given(st.lists(st.floats(-2.0, 2.0), min_size=4, max_size=4))
def test_quaternions_are_taken_when_unit_and_only_then(tmp_path_factory, quaternion):
    path = write(
        tmp_path_factory.mktemp("q"), EXTRINSICS.replace("0.0, 0.0, 0.70710678, 0.70710678", str(quaternion)[1:-1])
    )
    if abs(np.linalg.norm(quaternion) - 1.0) > 1e-3:
        with pytest.raises(CalibrationError, match="norm"):
            load_extrinsics(path)
    else:
        R = load_extrinsics(path).lookup("base_link", "lidar")[:3, :3]
        np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("data: [570.0,", "data: [0.0,", "camera_matrix: focal lengths 0, 570"),
        ("image_width: 960", "image_width: 0", "image size 0 x 400"),
        ("image_width: 960", "image_width: wide", "image_width: expected a whole number, got 'wide'"),
        ("distortion_model: plumb_bob", "distortion_model: bent", "unknown distortion model 'bent'"),
        ("distortion_model: plumb_bob\n", "", "distortion_model: missing key"),
        ("  cols: 5\n", "  cols: 4\n", r"distortion_coefficients\.data: expected 4 numbers"),
        ("  cols: 4\n", "  cols: 3\n", "projection_matrix: 3 x 3, expected 3 x 4"),
        ("camera_name: camera_front", "camera_name: camera_back", "'camera_back' is no frame of extrinsics"),
    ],
)
def test_camera_info_that_cannot_be_right_is_refused(tmp_path, old, new, message):
    rig = tmp_path / "rig"
    shutil.copytree(CALIBRATION / "demo", rig)
    path = rig / "camera_front.yaml"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(CalibrationError, match=message):
        load_rig(rig)


def test_camera_info_may_be_given_another_frame():
    assert load_camera_info(CALIBRATION / "demo" / "camera_front.yaml").frame == "camera_front"
    assert load_camera_info(CALIBRATION / "demo" / "camera_front.yaml", "other").frame == "other"


def test_kitti_rig_sees_ahead():
    rig = load_rig(CALIBRATION / "kitti")
    T = rig.extrinsics.lookup("camera_color_left", "base_link")
    ahead = T @ [20.0, 0.0, 1.73, 1.0]
    assert ahead[2] == pytest.approx(19.73, abs=0.05)  # 20 m less the 0.27 m the camera stands before the LiDAR
    pixels, valid = rig.cameras["camera_color_left"].project(ahead[None, :3])
    assert valid[0]
    assert pixels[0, 0] == pytest.approx(610.0, abs=10.0)


BODY = (
    EXTRINSICS
    + """
body:
  - frame: base_link
    min: [-2.0, -1.0, 0.0]
    max: [2.0, 1.0, 1.5]
    source: the car itself
  - frame: lidar
    min: [0.0, -0.1, -0.5]
    max: [1.0, 0.1, 0.0]
"""
)


def test_the_robots_own_boxes_are_in_the_frames_of_the_tree(tmp_path):
    write(tmp_path, BODY)
    car, mount = load_body(tmp_path, "base_link")
    np.testing.assert_array_equal(car.T_base_box, np.eye(4))
    np.testing.assert_array_equal((car.low, car.high), ([-2.0, -1.0, 0.0], [2.0, 1.0, 1.5]))
    # 1 m ahead in the turned lidar is 1 m to the left of it: (1, 3, 3) in the base
    np.testing.assert_allclose(mount.T_base_box @ [1.0, 0.0, 0.0, 1.0], [1.0, 3.0, 3.0, 1.0], atol=1e-7)


def test_a_folder_without_extrinsics_or_without_boxes_has_none(tmp_path):
    assert load_body(tmp_path, "base_link") == ()
    write(tmp_path, EXTRINSICS)
    assert load_body(tmp_path, "another") == ()
    assert load_body(tmp_path / "nowhere", "base_link") == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("frame: lidar", "frame: roof", r"body\[1\]: extrinsics: no frame 'roof', known: base_link, lidar, camera"),
        ("min: [-2.0, -1.0, 0.0]", "min: [-2.0, -1.0]", r"body\[0\]\.min: expected 3 numbers, got \[-2\.0, -1\.0\]"),
        ("min: [-2.0, -1.0, 0.0]", "min: [-2.0, 1.0, 0.0]", r"body\[0\]: body: min .* has to lie below max"),
        ("max: [1.0, 0.1, 0.0]", "max: [1.0, .inf, 0.0]", r"body\[1\]\.max: expected 3 finite numbers"),
        ("    max: [1.0, 0.1, 0.0]\n", "", r"body\[1\]\.max: missing key"),
        ("source: the car", "sauce: the car", r"body\[0\]\.sauce: unknown key"),
        ("base_frame: base_link", "base_frame: base", "does not hang on"),
    ],
)
def test_boxes_that_cannot_be_right_are_refused_by_name(tmp_path, old, new, message):
    path = write(tmp_path, BODY.replace(old, new, 1))
    with pytest.raises(CalibrationError, match=message) as error:
        load_body(tmp_path, "base_link")
    assert str(path) in str(error.value)


def test_boxes_of_another_base_frame_are_refused(tmp_path):
    write(tmp_path, BODY)
    with pytest.raises(CalibrationError, match=r"base_frame is 'base_link', but the LiDAR node's is 'base_footprint'"):
        load_body(tmp_path, "base_footprint")


def test_a_body_that_is_no_list_is_refused(tmp_path):
    write(tmp_path, EXTRINSICS + "body: {frame: lidar}\n")
    with pytest.raises(CalibrationError, match="body: expected a list of boxes"):
        load_body(tmp_path, "base_link")
