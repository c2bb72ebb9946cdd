"""The camera model against OpenCV's projection and by its own inverse."""

import cv2
import numpy as np
import pytest

from perception_core.errors import CalibrationError
from perception_core.geometry.camera_model import CameraModel

K = np.array([[500.0, 0.0, 320.0], [0.0, 510.0, 240.0], [0.0, 0.0, 1.0]])
LENSES = [
    ("plumb_bob", ()),
    ("plumb_bob", (-0.3, 0.1, 0.001, -0.002, 0.01)),
    ("rational_polynomial", (0.1, 0.02, 0.001, 0.001, 0.01, 0.2, 0.03, 0.001)),
    ("equidistant", (0.05, -0.01, 0.002, -0.001)),
]
WITHOUT_RAYS = [(-0.3, 0.07, 0.0, 0.0, -0.01), (0.4, 0.2, 0.0, 0.0, 0.0), (-0.28, 0.07, 0.0, 0.0)]


def _points() -> np.ndarray:
    return np.random.default_rng(0).uniform([-2, -2, 2], [2, 2, 10], (300, 3))


def test_a_point_one_metre_right_at_ten_metres_lands_fifty_pixels_right_of_the_centre() -> None:
    pixels, valid = CameraModel(640, 480, K).project(np.array([[1.0, 0.0, 10.0]]))
    assert valid.all()
    np.testing.assert_allclose(pixels, [[370.0, 240.0]])


@pytest.mark.parametrize(("model", "distortion"), LENSES)
def test_projection_agrees_with_opencv(model: str, distortion: tuple[float, ...]) -> None:
    pixels, valid = CameraModel(640, 480, K, distortion, model).project(_points())
    d = np.array(distortion or (0.0,) * 4)
    zero = np.zeros(3)
    project = cv2.fisheye.projectPoints if model == "equidistant" else cv2.projectPoints
    expected = project(_points()[:, None], zero, zero, K, d)[0][:, 0]
    assert valid.sum() > 150
    np.testing.assert_allclose(pixels[valid], expected[valid], atol=1e-9)


@pytest.mark.parametrize(("model", "distortion"), LENSES)
def test_rays_invert_the_projection(model: str, distortion: tuple[float, ...]) -> None:
    camera = CameraModel(640, 480, K, distortion, model)
    pixels, valid = camera.project(_points())
    directions = _points()[valid] / np.linalg.norm(_points()[valid], axis=1, keepdims=True)
    np.testing.assert_allclose(camera.rays(pixels[valid]), directions, atol=1e-6)


@pytest.mark.parametrize(("model", "distortion"), LENSES)
def test_what_is_visible_is_what_projects_into_the_image(model: str, distortion: tuple[float, ...]) -> None:
    camera = CameraModel(640, 480, K, distortion, model)
    pixels, valid = camera.project(_points())
    rows, seen = camera.visible(_points())
    np.testing.assert_array_equal(rows, np.flatnonzero(valid))
    np.testing.assert_array_equal(seen, pixels[valid])


def test_half_the_angle_of_view_is_that_of_the_farthest_corner() -> None:
    """From the centre it is 320 pixels to the left border, 240 upwards."""
    expected = np.arctan(np.hypot(320.0 / 500.0, 240.0 / 510.0))
    assert CameraModel(640, 480, K).half_angle() == pytest.approx(expected)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("distortion", WITHOUT_RAYS)
def test_where_no_ray_is_known_at_the_border_the_cone_holds_all_that_can_be_seen(distortion: tuple[float, ...]) -> None:
    """A wide image whose border the polynomial reaches from nowhere, or that the steps back do not reach."""
    wide = CameraModel(640, 480, np.array([[250.0, 0, 320.0], [0, 250.0, 240.0], [0, 0, 1.0]]), distortion)
    points = np.random.default_rng(0).uniform([-9.0, -9.0, 0.1], [9.0, 9.0, 9.0], (5000, 3))
    seen = points[wide.project(points)[1]]
    assert len(seen) > 500
    off_axis = np.arctan2(np.hypot(seen[:, 0], seen[:, 1]), seen[:, 2])
    assert off_axis.max() <= wide.half_angle()


def test_points_behind_outside_and_folded_back_are_not_valid() -> None:
    strong = CameraModel(640, 480, K, (-0.4, 0.0, 0.0, 0.0))
    points = np.array([[0.0, 0.0, -5.0], [0.0, 0.0, 0.0], [9.0, 0.0, 1.0], [0.0, 0.0, 5.0]])
    pixels, valid = strong.project(points)
    assert valid.tolist() == [False, False, False, True]
    assert np.isnan(pixels[:3]).all()


def test_no_points_project_to_none() -> None:
    pixels, valid = CameraModel(640, 480, K).project(np.empty((0, 3)))
    assert pixels.shape == (0, 2)
    assert valid.shape == (0,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"matrix": np.zeros((3, 3))}, "uncalibrated"),
        ({"width": 0}, "image size 0 x 480"),
        ({"model": "mirror"}, "unknown distortion model 'mirror'"),
        ({"distortion": (0.1, 0.2, 0.3)}, "got 3"),
        ({"distortion": (0.1, 0.2, 0.3, float("nan"))}, "not finite"),
        ({"matrix": np.eye(4)}, "finite"),
    ],
)
def test_a_calibration_that_cannot_be_right_is_refused(changes: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"width": 640, "height": 480, "matrix": K, "frame": "front"} | changes
    with pytest.raises(CalibrationError, match=message) as caught:
        CameraModel(**arguments)  # type: ignore[arg-type]
    assert "front" in str(caught.value)
