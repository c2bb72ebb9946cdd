"""What moves where: projection, its derivatives, the correction and its opposite."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from perception_core.calibration.problem import (
    UNKNOWNS,
    EdgePoints,
    Views,
    corrected_mount,
    exp_twists,
    poses_under,
    project,
    score_frame,
)
from perception_core.errors import PerceptionError
from perception_core.geometry.transforms import apply, invert
from perception_core.lidar.ego_path import exp_se3

K = np.array([[500.0, 0.0, 320.0], [0.0, 500.0, 240.0], [0.0, 0.0, 1.0]])
MOUNT = np.eye(4)
MOUNT[:3, :3] = [[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]
MOUNT[:3, 3] = 0.5, 0.0, 1.5
TWIST = np.array([10.0, 0.2, -0.1, 0.02, -0.03, 0.4])

small = st.floats(-0.04, 0.04)
unknowns = st.tuples(*[small] * 3, *[st.floats(-0.2, 0.2)] * 3, st.floats(-0.1, 0.1)).map(np.array)


def views(twist: np.ndarray = TWIST) -> Views:
    return Views(MOUNT[None], K[None], twist[None])


def pixel(point: tuple[float, float, float], x: np.ndarray | None = None) -> np.ndarray:
    poses = poses_under(views(), np.zeros(UNKNOWNS) if x is None else x)
    return project(poses.T_camera_base[0], K, np.array([point]))[0]


def x_of(index: int, value: float) -> np.ndarray:
    x = np.zeros(UNKNOWNS)
    x[index] = value
    return x


def test_a_point_straight_ahead_lies_on_the_principal_point():
    assert np.allclose(pixel((10.5, 0.0, 1.5)), (320.0, 240.0))


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (x_of(0, 0.01), (320.0, 240.0)),  # rolling about the view leaves the middle where it is
        (x_of(1, 0.01), (320.0, 240.0 - 500.0 * np.tan(0.01))),  # the camera looks down: things rise in the image
        (x_of(2, 0.01), (320.0 + 500.0 * np.tan(0.01), 240.0)),  # it looks to the left: things go to the right
        (x_of(3, 0.10), (320.0, 240.0)),
        (x_of(4, 0.10), (325.0, 240.0)),  # 0.1 m to the left at 10 m: 5 pixels
        (x_of(5, 0.10), (320.0, 245.0)),
    ],
)
def test_each_correction_moves_the_point_as_the_camera_does(x, expected):
    assert np.allclose(pixel((10.5, 0.0, 1.5), x), expected, atol=1e-9)


def test_a_camera_that_exposed_later_is_nearer():
    near, far = (pixel((20.5, 2.0, 1.5), x_of(6, c))[0] for c in (0.1, 0.0))
    assert far == pytest.approx(320.0 - 500.0 * 2.0 / 20.0)
    # 1.98 m to the left at 19 m, seen by a camera that has turned to the left by 0.04
    assert near == pytest.approx(320.0 - 500.0 * (1.98 / 19.0 - 0.04), abs=1.5)


def test_points_behind_the_camera_have_no_pixel():
    assert np.isnan(pixel((-3.0, 0.0, 1.5))).all()


@settings(deadline=None)
@given(unknowns)
def test_the_corrected_mount_projects_as_the_correction_does(x):
    x = x.copy()
    x[6] = 0.0
    points = np.array([[10.0, 1.0, 2.0], [30.0, -5.0, 0.0]])
    seen = apply(invert(corrected_mount(MOUNT, x)), points)
    poses = poses_under(views(), x)
    assert np.allclose(points @ poses.T_camera_base[0, :, :3].T + poses.T_camera_base[0, :, 3], seen)


@given(st.tuples(*[st.floats(-2.0, 2.0)] * 3, *[st.floats(-0.1, 0.1)] * 3).map(np.array))
def test_small_twists_agree_with_the_exact_exponential(twist):
    R, t = exp_twists(twist[None])
    exact = exp_se3(twist[None])[0]
    assert np.allclose(R[0], exact[:3, :3], atol=1e-12)
    assert np.allclose(t[0], exact[:3, 3], atol=1e-3)  # |w|^3 / 24 of 3.5 m at 0.17 rad


def smooth_edges() -> np.ndarray:
    """A score that is no straight line, but changes slowly from pixel to pixel."""
    v, u = np.mgrid[:480, :640]
    return np.stack([np.sin(u / 60.0) + np.cos(v / 70.0), np.cos(u / 80.0 + v / 90.0)]).astype(np.float32)


def scored(points: np.ndarray, x: np.ndarray) -> np.ndarray:
    poses, out = poses_under(views(), x), np.empty((len(points), 1 + UNKNOWNS))
    channel = np.arange(len(points), dtype=np.uint8) % 2
    score_frame(
        smooth_edges(), 1.0, points, channel, poses.T_camera_base[0], poses.R_camera_base[0], poses.place[0], TWIST,
        K, out,
    )  # fmt: skip
    return out


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(unknowns.map(lambda x: 0.3 * x))
def test_the_gradient_is_that_of_the_score(x):
    rng = np.random.default_rng(5)
    points = rng.uniform((8.0, -2.0, 0.5), (25.0, 2.0, 2.5), (40, 3))
    gradient = scored(points, x).sum(axis=0)[1:]
    for k, step in enumerate([2e-3] * 3 + [2e-2] * 3 + [2e-3]):
        e = x_of(k, step)
        difference = (scored(points, x + e)[:, 0].sum() - scored(points, x - e)[:, 0].sum()) / (2.0 * step)
        assert gradient[k] == pytest.approx(difference, rel=0.05, abs=0.03 * np.abs(gradient[:3]).max() + 0.5)


def test_points_outside_of_the_image_score_nothing():
    points = np.array([[10.0, 30.0, 1.5], [-5.0, 0.0, 1.5], [10.0, 0.0, 40.0], [0.55, 0.0, 1.5]])
    assert not scored(points, np.zeros(UNKNOWNS)).any()


def test_a_smaller_image_scores_the_same_place():
    """Pixel 320 of the full image is pixel (320.5) / 4 - 0.5 of one a quarter as wide."""
    edges = np.zeros((2, 120, 160), np.float32)
    edges[0] = np.arange(160)
    poses, out = poses_under(views(), np.zeros(UNKNOWNS)), np.empty((1, 8))
    score_frame(
        edges, 0.25, np.array([[10.5, 0.0, 1.5]]), np.zeros(1, np.uint8), poses.T_camera_base[0],
        poses.R_camera_base[0], poses.place[0], TWIST, K, out,
    )  # fmt: skip
    assert out[0, 0] == pytest.approx(320.5 / 4.0 - 0.5)


def test_a_turn_is_taken_about_the_camera():
    x = x_of(2, np.pi / 6)
    T = corrected_mount(MOUNT, x)
    assert np.allclose(T[:3, 3], MOUNT[:3, 3])
    assert np.allclose(T[:3, :3], Rotation.from_rotvec([0, 0, np.pi / 6]).as_matrix() @ MOUNT[:3, :3])


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(PerceptionError, match=r"edges.group: expected shape \(2\), got \(1,\)"):
        EdgePoints(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(2), np.zeros(2, np.uint8), np.zeros(1, np.int64))
    with pytest.raises(PerceptionError, match=r"views.twists: expected shape \(1, 6\), got \(2, 6\)"):
        Views(MOUNT[None], K[None], np.zeros((2, 6)))
