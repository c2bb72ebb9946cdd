"""Transforms against values worked out by hand, and their group laws."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.errors import CalibrationError, TransformError
from perception_core.geometry import transforms

angles = st.floats(-math.pi, math.pi)
metres = st.floats(-1e4, 1e4)


@st.composite
def poses(draw: st.DrawFn) -> np.ndarray:
    """Draw any rigid transform."""
    q = np.array([draw(st.floats(-1, 1)) for _ in range(3)] + [draw(st.floats(0.1, 1))])
    return transforms.from_quaternion([draw(metres) for _ in range(3)], q / np.linalg.norm(q))


def test_quarter_turn_about_z_moves_x_to_y() -> None:
    T = transforms.from_quaternion([1.0, 2.0, 3.0], [0.0, 0.0, math.sqrt(0.5), math.sqrt(0.5)])
    np.testing.assert_allclose(transforms.apply(T, np.array([[1.0, 0.0, 0.0]])), [[1.0, 3.0, 3.0]], atol=1e-12)


def test_from_yaw_equals_the_quaternion_of_the_same_turn() -> None:
    half = math.radians(15.0)
    by_quaternion = transforms.from_quaternion([0, 0, 0], [0, 0, math.sin(half), math.cos(half)])
    np.testing.assert_allclose(transforms.from_yaw(math.radians(30.0)), by_quaternion, atol=1e-12)
    assert transforms.yaw_of(by_quaternion) == pytest.approx(math.radians(30.0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_few_vectors_turn_as_they_do_among_many(dtype: type) -> None:
    T = transforms.from_quaternion((1.0, 2.0, 3.0), np.array([0.1, -0.2, 0.3, 0.9]) / np.sqrt(0.95))
    many = np.random.default_rng(0).uniform(-50.0, 50.0, (1000, 3)).astype(dtype)
    turned = transforms.rotate(T, many)
    assert turned.dtype == dtype
    np.testing.assert_allclose(turned, many @ T[:3, :3].T, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(transforms.rotate(T, many[100:110]), turned[100:110])
    assert transforms.rotate(T, many[:0]).shape == (0, 3)


def test_rotate_ignores_the_translation() -> None:
    T = transforms.from_yaw(math.pi / 2, (5.0, 5.0, 5.0))
    np.testing.assert_allclose(transforms.rotate(T, np.array([[2.0, 0.0, 1.0]])), [[0.0, 2.0, 1.0]], atol=1e-12)


def test_apply_keeps_float32_and_the_empty_cloud() -> None:
    out = transforms.apply(transforms.identity(), np.empty((0, 3), dtype=np.float32))
    assert out.shape == (0, 3)
    assert out.dtype == np.float32


@given(poses())
def test_inverse_undoes(T: np.ndarray) -> None:
    np.testing.assert_allclose(transforms.invert(T) @ T, np.eye(4), atol=1e-8)


@given(poses())
def test_quaternion_round_trip(T: np.ndarray) -> None:
    np.testing.assert_allclose(transforms.from_quaternion(*transforms.to_quaternion(T)), T, atol=1e-9)


@given(st.floats(-1e6, 1e6))
def test_wrapped_angle_is_in_range_and_the_same_direction(angle: float) -> None:
    wrapped = float(transforms.wrap_angle(angle))
    assert -math.pi <= wrapped < math.pi
    assert math.cos(wrapped) == pytest.approx(math.cos(angle), abs=1e-6)


@pytest.mark.parametrize(
    ("quaternion", "message"),
    [
        ([0, 0, 0, 2], "norm 2.0000"),
        ([0, 0, 0, 0], "norm 0.0000"),
        ([0, 0, 1], r"expected shape \(4,\), got \(3,\)"),
        ([0, 0, math.nan, 1], "not finite"),
    ],
)
def test_a_quaternion_that_is_none_is_refused_by_name(quaternion: list[float], message: str) -> None:
    with pytest.raises(CalibrationError, match=message) as caught:
        transforms.from_quaternion([0, 0, 0], quaternion, name="base_link -> lidar")
    assert "base_link -> lidar.rotation" in str(caught.value)


def test_interpolation_half_way_is_half_the_turn_and_half_the_way() -> None:
    T = transforms.interpolate(transforms.identity(), 100, transforms.from_yaw(1.0, (2.0, 0.0, 0.0)), 300, 200)
    assert transforms.yaw_of(T) == pytest.approx(0.5)
    np.testing.assert_allclose(T[:3, 3], [1.0, 0.0, 0.0])


def test_interpolation_refuses_to_extrapolate() -> None:
    with pytest.raises(TransformError, match="301 ns lies outside"):
        transforms.interpolate(transforms.identity(), 100, transforms.identity(), 300, 301)
