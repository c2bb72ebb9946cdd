import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sensor_msgs.msg import CameraInfo

from perception_core.errors import CalibrationError
from perception_core.geometry.camera_model import COEFFICIENTS, CameraModel
from perception_nodes.conversions.camera_info import camera_info_to_msg, camera_model_from_msg, sent_size

K = np.array([[500.0, 0.0, 320.0], [0.0, 510.0, 240.0], [0.0, 0.0, 1.0]])


def info(**changes):
    msg = camera_info_to_msg(CameraModel(640, 480, K, (0.1, 0.0, 0.0, 0.0, 0.0), "plumb_bob", "camera"), 3)
    for name, value in changes.items():
        setattr(msg, name, value)
    return msg


@given(st.sampled_from(sorted(COEFFICIENTS)), st.data(), st.floats(1.0, 5e3), st.integers(1, 8000))
def test_models_come_back(kind, data, focal, width):
    count = max(COEFFICIENTS[kind])
    distortion = tuple(data.draw(st.lists(st.floats(-1, 1), min_size=count, max_size=count)))
    matrix = np.array([[focal, 0.0, 1.5], [0.0, focal, 2.5], [0.0, 0.0, 1.0]])
    back = camera_model_from_msg(camera_info_to_msg(CameraModel(width, 9, matrix, distortion, kind, "c"), 0))
    assert (back.width, back.height, back.distortion, back.model, back.frame) == (width, 9, distortion, kind, "c")
    np.testing.assert_array_equal(back.matrix, matrix)


def test_a_raw_image_obeys_k_and_d_a_rectified_one_p_alone():
    msg = info()
    msg.p[0], msg.p[5] = 450.0, 451.0
    raw, rectified = camera_model_from_msg(msg), camera_model_from_msg(msg, rectified=True)
    assert (raw.matrix[0, 0], raw.distortion[0]) == (500.0, 0.1)
    assert (rectified.matrix[0, 0], rectified.matrix[1, 1], rectified.distortion) == (450.0, 451.0, ())


def test_binning_and_region_of_interest():
    msg = info(binning_x=2, binning_y=2)
    msg.roi.x_offset, msg.roi.y_offset, msg.roi.width, msg.roi.height = 100, 40, 400, 300
    model = camera_model_from_msg(msg)
    assert (model.width, model.height) == sent_size(msg) == (200, 150)
    assert model.matrix.tolist() == [[250.0, 0.0, 110.0], [0.0, 255.0, 100.0], [0.0, 0.0, 1.0]]


def test_zeros_are_refused():
    with pytest.raises(CalibrationError, match="image size 0 x 0"):
        camera_model_from_msg(CameraInfo())
    with pytest.raises(CalibrationError, match="focal"):
        camera_model_from_msg(CameraInfo(width=640, height=480))


def test_a_rectified_image_without_p_is_refused():
    with pytest.raises(CalibrationError, match="focal"):
        camera_model_from_msg(info(p=np.zeros(12)), rectified=True)


def test_the_right_camera_of_a_stereo_pair_is_refused():
    msg = info()
    msg.p[3] = -120.0
    with pytest.raises(CalibrationError, match="stereo offset"):
        camera_model_from_msg(msg, rectified=True)


def test_an_unknown_distortion_model_is_named():
    with pytest.raises(CalibrationError, match="'ftheta'"):
        camera_model_from_msg(info(distortion_model="ftheta"))
