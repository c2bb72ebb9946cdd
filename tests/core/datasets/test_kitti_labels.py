"""KITTI's label lines as boxes in base_link."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.datasets.kitti_labels import CLASS_OF_TYPE, parse_labels, read_labels
from perception_core.errors import DatasetError
from perception_core.types.classes import INDEX

# A camera 1.65 m above base_link, looking along x: camera x is base -y, camera y is base -z, camera z is base x.
T_BASE_RECT = np.array([[0.0, 0.0, 1.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 1.65], [0.0, 0.0, 0.0, 1.0]])
CAR = "Car 0.25 1 -1.6 100.0 120.0 180.0 190.0 1.5 1.6 4.0 2.0 1.65 10.0 -1.5707963267948966"


def test_a_car_ahead_by_hand():
    labels = parse_labels([CAR], T_BASE_RECT)
    # 10 m ahead, 2 m to the right, its bottom on the ground: the middle is 0.75 m up. Its length points along camera z.
    np.testing.assert_allclose(labels.centre, [[10.0, -2.0, 0.75]], atol=1e-12)
    np.testing.assert_allclose(labels.size, [[4.0, 1.6, 1.5]])
    np.testing.assert_allclose(labels.yaw, [0.0], atol=1e-12)
    np.testing.assert_allclose(labels.boxes_2d, [[100.0, 120.0, 180.0, 190.0]])
    assert labels.types == ("Car",)
    assert labels.class_ids.tolist() == [INDEX["car"]]
    assert labels.truncation.tolist() == [0.25]
    assert labels.occlusion.tolist() == [1]


def test_rotation_y_zero_points_to_the_right():
    labels = parse_labels([CAR.replace("-1.5707963267948966", "0.0")], T_BASE_RECT)
    assert labels.yaw[0] == pytest.approx(-np.pi / 2)


def test_dont_care_stands_apart():
    lines = [CAR, "DontCare -1 -1 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10", "", CAR.replace("Car", "Pedestrian")]
    labels = parse_labels(lines, T_BASE_RECT)
    assert labels.types == ("Car", "Pedestrian")
    assert labels.dont_care.tolist() == [[1.0, 2.0, 3.0, 4.0]]


def test_no_lines_give_no_labels():
    labels = parse_labels([], T_BASE_RECT)
    assert len(labels) == 0
    assert labels.centre.shape == (0, 3)
    assert labels.dont_care.shape == (0, 4)


def test_the_score_of_a_result_file_is_passed_over():
    np.testing.assert_array_equal(parse_labels([CAR + " 0.9"], T_BASE_RECT).centre, [[10.0, -2.0, 0.75]])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Car 0 0 0", "labels:2: expected 15 fields, got 4"),
        (CAR.replace("Car", "Spaceship"), "labels:2: unknown type 'Spaceship'"),
        (CAR.replace("4.0", "long"), "labels:2: .*'long'"),
        (CAR.replace("4.0", "nan"), "labels:2: .* not finite"),
        (CAR.replace("4.0", "0"), "labels:2: a box of 1.5 x 1.6 x 0 m"),
        (CAR.replace("1.5 1.6", "-1.5 1.6"), "labels:2: a box of -1.5 x 1.6 x 4 m .height, width, length."),
    ],
)
def test_malformed_lines_are_named(line, message):
    with pytest.raises(DatasetError, match=message):
        parse_labels([CAR, line], T_BASE_RECT)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"000001\.txt: cannot read"):
        read_labels(tmp_path / "000001.txt", T_BASE_RECT)


@given(st.lists(st.text(max_size=120), max_size=4))
def test_any_text_is_read_or_refused(lines):
    try:
        labels = parse_labels(lines, T_BASE_RECT)
    except DatasetError:
        return
    assert set(labels.types) <= set(CLASS_OF_TYPE)


@given(st.floats(-80, 80), st.floats(-5, 5), st.floats(0.5, 80), st.floats(-3.1, 3.1), st.floats(0.2, 20.0))
def test_boxes_keep_their_place_and_heading(x, y, z, turn, length):
    line = f"Truck 0 0 0 0 0 1 1 3.0 2.0 {length!r} {x!r} {y!r} {z!r} {turn!r}"
    labels = parse_labels([line], T_BASE_RECT)
    np.testing.assert_allclose(labels.centre[0], [z, -x, 1.65 - y + 1.5], atol=1e-9)
    # Heading (cos, 0, -sin) of the camera is (-sin, -cos) of base's x and y.
    np.testing.assert_allclose(np.exp(1j * labels.yaw[0]), -np.sin(turn) - 1j * np.cos(turn), atol=1e-9)
