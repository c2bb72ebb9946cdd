"""Results of the raw image in pixels of the undistorted one."""

import numpy as np
import pytest

from perception_core.camera import CameraResult, Undistortion
from perception_core.errors import CalibrationError, ImageError
from perception_core.geometry.camera_model import CameraModel
from perception_core.types import Detections2D, InstanceMasks, Segmentation

K = np.array([[100.0, 0, 99.5], [0, 100.0, 49.5], [0, 0, 1]])  # the middle of 200 x 100


def camera(distortion: tuple[float, ...] = (), matrix: np.ndarray = K, **keys) -> CameraModel:
    return CameraModel(200, 100, matrix, distortion, frame="c", **keys)


def result(boxes: list, instances: np.ndarray | None = None, labels: np.ndarray | None = None) -> CameraResult:
    n = len(boxes)
    found = Detections2D(
        7, "c", np.array(boxes, float).reshape(-1, 4), np.linspace(0.9, 0.5, n), np.arange(n), (200, 100)
    )
    masks = None if instances is None else InstanceMasks(7, "c", instances.astype(np.uint16))
    return CameraResult(found, masks, None if labels is None else Segmentation(7, "c", labels.astype(np.uint8)))


def test_without_distortion_nothing_moves():
    rng = np.random.default_rng(0)
    seen = result([[10, 20, 30, 40], [0, 0, 200, 100]], rng.integers(0, 3, (100, 200)), rng.integers(0, 8, (100, 200)))
    moved = Undistortion(camera(), camera())(seen)
    np.testing.assert_allclose(moved.detections.boxes, seen.detections.boxes, atol=1e-9)
    np.testing.assert_array_equal(moved.masks.instances, seen.masks.instances)
    np.testing.assert_array_equal(moved.segmentation.labels, seen.segmentation.labels)
    assert (moved.detections.stamp_ns, moved.detections.frame) == (7, "c")


def test_a_longer_focal_length_enlarges_about_the_middle_and_drops_what_is_outside():
    twice = np.diag([2.0, 2.0, 1.0]) @ (K - [[0, 0, 99.5], [0, 0, 49.5], [0, 0, 0]])
    twice[:2, 2] = 99.5, 49.5
    instances = np.zeros((100, 200), int)
    instances[0:10, 0:10], instances[40:60, 90:110] = 1, 2
    seen = result([[0, 0, 10, 10], [90, 40, 110, 60]], instances)
    moved = Undistortion(camera(), camera(matrix=twice))(seen)
    np.testing.assert_allclose(moved.detections.boxes, [[80, 30, 120, 70]], atol=1e-9)
    np.testing.assert_allclose(moved.detections.scores, [0.5])
    assert moved.detections.class_ids.tolist() == [1]
    assert set(np.unique(moved.masks.instances)) == {0, 1}
    assert moved.masks.mask(0).sum() == 40 * 40


def test_a_barrel_is_straightened():
    # k1 = -0.2: what lies at r = 0.5 off the axis is seen at 0.5 (1 - 0.2 * 0.25) = 0.475.
    moved = Undistortion(camera((-0.2, 0, 0, 0)), camera())
    x = 100 + 47.5
    (box,) = moved(result([[100, 49, x, 51]])).detections.boxes
    assert box[0] == pytest.approx(100, abs=1e-6)
    assert box[2] == pytest.approx(150, abs=0.02)


def test_labels_are_looked_up_where_the_raw_camera_sees_the_pixel():
    labels = np.zeros((100, 200), int)
    labels[:, 147:] = 5  # behind 47.5 pixels from the middle
    moved = Undistortion(camera((-0.2, 0, 0, 0)), camera())(result([], None, labels)).segmentation.labels
    assert moved[49, 148] == 0
    assert moved[49, 152] == 5


def test_where_the_raw_image_does_not_look_is_unknown():
    wide = K * [[0.5, 1, 1], [1, 0.5, 1], [1, 1, 1]]
    moved = Undistortion(camera(), camera(matrix=wide))(result([], None, np.full((100, 200), 6)))
    labels = moved.segmentation.labels
    assert labels[0, 0] == labels[99, 199] == 0
    assert labels[49, 99] == 6
    assert len(moved.detections) == 0


def test_a_result_without_boxes_stays_without():
    only = CameraResult(None, None, Segmentation(7, "c", np.ones((100, 200), np.uint8)))
    moved = Undistortion(camera(), camera())(only)
    assert moved.detections is None
    assert moved.segmentation.labels.all()


def test_models_and_sizes_that_do_not_fit_are_named():
    with pytest.raises(CalibrationError, match="camera 'c': the undistorted image has a distortion"):
        Undistortion(camera(), camera((0.1, 0, 0, 0)))
    small = CameraResult(None, None, Segmentation(7, "c", np.ones((10, 20), np.uint8)))
    with pytest.raises(ImageError, match="a result of 20x10 pixels, the calibration is of 200x100"):
        Undistortion(camera(), camera())(small)
