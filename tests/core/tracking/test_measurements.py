"""Objects become measurements in the fixed frame."""

import dataclasses

import numpy as np

from perception_core.geometry import transforms
from perception_core.tracking.config import MeasurementConfig
from perception_core.tracking.measurements import from_objects
from perception_core.types import Sensor

CONFIG = MeasurementConfig(min_sigma=0.03)


def test_turned_and_shifted_by_hand(objects) -> None:
    scan = objects(0.0, [{"x": 10.0, "y": 0.0, "z": 0.5}])
    covariance = scan.covariance.copy()
    covariance[0, :3, :3] = np.diag([4.0, 0.25, 0.01])
    scan = dataclasses.replace(scan, covariance=covariance)
    seen, dropped = from_objects(scan, transforms.from_yaw(np.pi / 2, (1.0, 2.0, 3.0)), CONFIG)
    assert dropped == 0
    np.testing.assert_allclose(seen.centre, [[1.0, 12.0, 3.5]])
    np.testing.assert_allclose(seen.noise[0], np.diag([0.25, 4.0, 0.01]), atol=1e-12)
    np.testing.assert_allclose(seen.yaw, [np.pi / 2])
    np.testing.assert_allclose(seen.range, [10.0])


def test_no_objects(objects) -> None:
    seen, dropped = from_objects(objects(0.0, []), np.eye(4), CONFIG)
    assert (len(seen), dropped) == (0, 0)


def test_what_is_not_finite_is_left_out(objects) -> None:
    scan = objects(0.0, [{"x": np.nan, "y": 0.0}, {"x": 1.0, "y": 0.0}, {"x": 2.0, "y": np.inf}])
    seen, dropped = from_objects(scan, np.eye(4), CONFIG)
    assert dropped == 2
    np.testing.assert_allclose(seen.centre[:, 0], [1.0])


def test_covariances_that_are_none_get_mended(objects) -> None:
    scan = objects(0.0, [{"x": 1.0, "y": 0.0}] * 3)
    covariance = scan.covariance.copy()
    covariance[0] = 0.0
    covariance[1, 0, 1] = covariance[1, 1, 0] = 5.0
    covariance[2, 0, 0] = -1.0
    seen, _ = from_objects(dataclasses.replace(scan, covariance=covariance), np.eye(4), CONFIG)
    assert np.linalg.eigvalsh(seen.noise).min() >= 0.03**2 * 0.1
    np.testing.assert_allclose(seen.noise[0], np.eye(3) * 0.03**2)


def test_of_a_face_hit_by_few_points_chance_decides_which_part(objects) -> None:
    """4 cm and 2 mm a metre, 20 m away: 0.08^2; a relief of 1 m by 25 points: 1 / 25 m^2."""
    person = {"x": 20.0, "y": 0.0, "size": (0.6, 0.5, 1.7)}
    photographed = {"x": 20.0, "y": 0.0, "sensors": Sensor.CAMERA}
    scan = objects(0.0, [{"x": 20.0, "y": 0.0}, {"x": 20.0, "y": 0.0}, person, photographed])
    scan = dataclasses.replace(scan, point_count=np.array([25, 10_000, 25, 0], dtype=np.int32))
    seen, _ = from_objects(scan, np.eye(4), CONFIG)
    np.testing.assert_allclose(seen.relief_variance, [0.04, 0.0001, 0.0, 0.0])
    np.testing.assert_allclose(seen.face_variance(CONFIG), [0.0464, 0.0065, 0.0064, 0.0064])
