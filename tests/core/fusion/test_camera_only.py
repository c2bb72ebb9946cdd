"""Ranges of detections by foot and height, their errors, and what stands beside the LiDAR's clusters."""

import dataclasses

import numpy as np
import pytest
from fusion_scenes import CAMERA, T_CAMERA_BASE, Box, clusters_of, named, view_of
from hypothesis import given
from hypothesis import strategies as st

from perception_core.fusion import CameraView, Fusion, FusionConfig, camera_only
from perception_core.fusion.config import CameraOnlyConfig
from perception_core.fusion.ground import GroundPlane, base_plane, plane_under
from perception_core.fusion.priors import SIZE_PRIORS
from perception_core.types import Clusters, Mode, Sensor
from perception_core.types.classes import CAR, PERSON

CONFIG = CameraOnlyConfig()
LENGTH, WIDTH, HEIGHT = (float(x) for x in SIZE_PRIORS[CAR].mean)
DEPTH = (LENGTH + WIDTH) / 2


def standing(distance: float, height: float = 1.73, name: str = PERSON, score: float = 0.8):
    """The box of something 0.6 m wide straight ahead on level ground."""
    foot, half = 240 + 500 * 1.5 / distance, 500 * 0.3 / distance
    return (320 - half, foot - 500 * height / distance, 320 + half, foot, name, score)


def test_foot_and_height_agree_on_level_ground() -> None:
    for distance in (10.0, 25.0):
        found = camera_only.ranges(view_of(standing(distance)), base_plane(CONFIG.ground_sigma), CONFIG)
        np.testing.assert_allclose(found.distance, [distance], rtol=1e-6)
        assert not found.foot_covered.any()


def test_the_error_of_the_foot_grows_with_the_square_of_the_range() -> None:
    """Cut off at the top, only the foot tells: (r^2 / h + h) hypot(pitch, pixels / f), and r / h of its height."""
    boxes = [standing(r) for r in (10.0, 20.0, 40.0)]
    view = view_of(*[(b[0], 0.0, *b[2:]) for b in boxes])
    found = camera_only.ranges(view, base_plane(CONFIG.ground_sigma), CONFIG)
    for r, sigma, box in zip((10.0, 20.0, 40.0), found.sigma, view.detections.boxes, strict=True):
        pixels = np.hypot(CONFIG.pixel_sigma, CONFIG.edge_sigma * (box[3] - box[1]))
        angle = (r**2 / 1.5 + 1.5) * np.hypot(CONFIG.pitch_sigma, pixels / 500.0)
        assert sigma == pytest.approx(np.hypot(angle, r * 0.05 / 1.5))


def test_the_error_of_the_height_grows_with_the_range() -> None:
    """A floating foot on the horizon tells nothing; 0.18 m of 1.73 m is a tenth of the range."""
    view = view_of((310.0, 240.0 - 50.0, 330.0, 240.0, PERSON, 0.8))
    found = camera_only.ranges(view, base_plane(CONFIG.ground_sigma), CONFIG)
    assert found.distance[0] == pytest.approx(500 * 1.73 / 50)
    relative = np.hypot(0.18 / 1.73, 1.4 * np.hypot(2.0, 2.5) / 50)
    assert found.sigma[0] == pytest.approx(found.distance[0] * relative)


def test_a_box_that_a_nearer_one_covers_may_be_nearer_than_it_looks() -> None:
    far, near = standing(20.0), standing(9.0)
    found = camera_only.ranges(view_of(far, near), base_plane(CONFIG.ground_sigma), CONFIG)
    assert found.foot_covered.tolist() == [True, False]


def test_uphill_the_foot_is_where_the_slope_is() -> None:
    """Ground that rises by 5 %: a foot at 20 m and 1 m height; on level ground it would be at 60 m."""
    slope = GroundPlane(np.array([0.0, 0.05, 0.0]), seen=True)
    foot = 240 + 500 * (1.5 - 1.0) / 20.0
    view = view_of((310.0, foot - 500 * 1.73 / 20, 330.0, foot, PERSON, 0.8))
    found = camera_only.ranges(view, slope, CONFIG)
    assert found.distance[0] == pytest.approx(20.0, rel=1e-3)
    assert found.sigma[0] < camera_only.ranges(view, base_plane(CONFIG.ground_sigma), CONFIG).sigma[0]
    _, centre, _ = camera_only.place(view, found, slope, CONFIG)
    assert centre[0, 2] == pytest.approx(1.0 + 0.02 + 1.73 / 2, abs=0.03)


def upright(distance: float, bottom: float, height: float, name: str) -> tuple:
    """The box of something 1.8 m wide straight ahead whose foot is ``bottom`` metres above level ground."""
    (y0, y1), half = (240 - 500 * (z - 1.5) / distance for z in (bottom + height, bottom)), 500 * 0.9 / distance
    return (320 - half, y0, 320 + half, y1, name, 0.9)


@pytest.mark.parametrize(("distance", "bottom"), [(40.0, 4.0), (25.0, 2.5), (15.0, 5.0), (40.0, -4.0), (20.0, -1.5)])
def test_what_stands_on_a_hill_or_in_a_dip_is_told_with_an_error_that_covers_it(distance: float, bottom: float) -> None:
    """The plane that it does not stand on contradicts its height: place and height within 2 of the sigmas told."""
    plane = base_plane(CONFIG.ground_sigma)
    view = view_of(upright(distance, bottom, HEIGHT, CAR))
    found = camera_only.ranges(view, plane, CONFIG)
    _, centre, covariance = camera_only.place(view, found, plane, CONFIG)
    error = np.array([distance + DEPTH / 2, 0.0, bottom + HEIGHT / 2]) - centre[0]
    assert (np.abs(error) < 2.0 * np.sqrt(np.diagonal(covariance[0]))).all()


def test_on_level_ground_foot_and_height_are_surer_than_each() -> None:
    """Where they agree, being wrong is one of twenty: the deviation is hardly more than that of the weighted mean."""
    whole, cut = standing(10.0), standing(10.0)
    plane = base_plane(CONFIG.ground_sigma)
    foot_only = camera_only.ranges(view_of((cut[0], 0.0, *cut[2:])), plane, CONFIG).sigma[0]
    both = camera_only.ranges(view_of(whole), plane, CONFIG)
    assert both.sigma[0] < foot_only
    assert both.off_ground[0] == pytest.approx(0.025 / 1.05, rel=1e-3)


def test_two_that_differ_are_a_mixture() -> None:
    """By hand: 10 +- 1 and 20 +- 1 differ by 100 / 2 = 50: one of them is wrong, 15 +- sqrt(1 + 25)."""
    far = camera_only.reconciled(*(np.array([x]) for x in (10.0, 1.0, 20.0, 1.0, 0.0)))
    assert (far.mean[0], far.sigma[0], far.first_wrong[0]) == pytest.approx((15.0, np.sqrt(26.0), 0.5))
    # 10 +- 1 and 10 +- 2 agree: (20 of 21) 10 +- sqrt(0.8), and each alone 1 of 42.
    near = camera_only.reconciled(*(np.array([x]) for x in (10.0, 1.0, 10.0, 2.0, 0.0)))
    assert (near.mean[0], near.sigma[0]) == pytest.approx((10.0, np.sqrt(20 / 21 * 0.8 + (1.0 + 4.0) / 42)))
    # The first is wrong for sure: what is left is the second.
    second = camera_only.reconciled(*(np.array([x]) for x in (10.0, 1.0, 20.0, 2.0, 1.0)))
    assert (second.mean[0], second.sigma[0], second.first_wrong[0]) == pytest.approx((20.0, 2.0, 1.0))


@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 200.0), st.floats(0.05, 1e3), st.floats(0.0, 200.0), st.floats(0.05, 1e3), st.floats(0, 1)
        ),
        max_size=5,
    ),
    st.sampled_from([None, 0, 1]),
)
def test_together_they_are_between_both_and_never_surer_than_both_agreeing(
    values: list[tuple[float, float, float, float, float]], none: int | None
) -> None:
    a, a_sigma, b, b_sigma, wrong = np.array(values).reshape(-1, 5).T
    if none is not None:
        (a_sigma, b_sigma)[none][:] = np.inf
    joined = camera_only.reconciled(a, a_sigma, b, b_sigma, wrong)
    with np.errstate(divide="ignore"):
        least = 1.0 / np.sqrt(1.0 / a_sigma**2 + 1.0 / b_sigma**2)
    assert (joined.sigma >= least - 1e-9).all()
    if none is None:
        assert (joined.mean >= np.minimum(a, b) - 1e-9).all()
        assert (joined.mean <= np.maximum(a, b) + 1e-9).all()
    else:
        np.testing.assert_allclose(joined.mean, (b, a)[none], atol=1e-9)
        np.testing.assert_allclose(joined.sigma, (b_sigma, a_sigma)[none])


def with_ground(slope: float) -> Clusters:
    """Things all around on ground that rises along x."""
    places = [(x, y) for x in (8.0, 16.0, 24.0) for y in (-6.0, 0.5, 6.0)]
    things: list[Box] = [(x, y, 0.5 + slope * x, 0.5, 0.5, 1.0) for x, y in places]
    seen = clusters_of(*things)
    return dataclasses.replace(seen, bottom=np.zeros(len(seen)), top=np.ones(len(seen)))


def test_the_ground_is_known_from_the_feet_of_what_stands_on_it() -> None:
    plane = plane_under(with_ground(0.05), CONFIG.ground_sigma)
    assert plane.seen
    assert float(plane.height(20.0, 0.0)) == pytest.approx(1.0, abs=0.1)
    assert not plane_under(clusters_of(), CONFIG.ground_sigma).seen


# -- from the air ------------------------------------------------------------------------------------------------------

IN_THE_AIR = dataclasses.replace(CONFIG, ground_sigma=50.0)
PITCH = np.radians(30.0)
LOOKS_DOWN = np.array(
    [
        [0.0, -1.0, 0.0, 0.0],
        [-np.sin(PITCH), 0.0, -np.cos(PITCH), 0.0],
        [np.cos(PITCH), 0.0, -np.sin(PITCH), 0.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
"""A camera in the base frame's origin that looks 30 degrees down ahead."""


def from_above(near: float, far: float, low: float, high: float, name: str = CAR) -> tuple:
    """The box of something from ``near`` to ``far`` metres ahead and from ``low`` to ``high``, as seen from above."""
    corners = np.array([[near, 0.0, low], [far, 0.0, high]])
    seen = corners @ LOOKS_DOWN[:3, :3].T
    v = 240 + 500 * seen[:, 1] / seen[:, 2]
    return (320 - 40.0, v[1], 320 + 40.0, v[0], name, 0.8)


def test_from_the_air_the_size_tells_the_range() -> None:
    """Eight metres up: the foot of the near side is at the lower edge, the far side of the roof at the upper one.

    Of unknown heading a car is as deep as half its length and width together.
    """
    view = view_of(from_above(15.0, 15.0 + DEPTH, -8.0, -8.0 + HEIGHT), T=LOOKS_DOWN)
    found = camera_only.ranges(view, base_plane(IN_THE_AIR.ground_sigma), IN_THE_AIR)
    assert found.distance[0] == pytest.approx(15.0, abs=0.01)
    assert 0.1 * 15.0 < found.sigma[0] < 0.5 * 15.0
    _, centre, covariance = camera_only.place(view, found, base_plane(IN_THE_AIR.ground_sigma), IN_THE_AIR)
    assert centre[0] == pytest.approx([15.0 + DEPTH / 2, 0.0, -8.0 + HEIGHT / 2], abs=0.4)
    # An error of the range is one of the height as well, down along the ray.
    assert covariance[0, 0, 2] < -0.3 * np.sqrt(covariance[0, 0, 0] * covariance[0, 2, 2])
    assert (np.linalg.eigvalsh(covariance[0]) > 0.0).all()


def test_what_is_right_below_has_no_near_and_far_edge() -> None:
    straight_down = np.array([[0.0, -1, 0, 0], [-1, 0, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]])
    view = view_of((300.0, 200.0, 340.0, 280.0, CAR, 0.8), T=straight_down)
    found = camera_only.ranges(view, base_plane(IN_THE_AIR.ground_sigma), IN_THE_AIR)
    assert np.isinf(found.sigma[0])
    assert len(camera_only.place(view, found, base_plane(IN_THE_AIR.ground_sigma), IN_THE_AIR)[0]) == 0


@pytest.mark.parametrize("down", [45.0, 60.0, 75.0, 90.0])
def test_below_a_drone_that_sees_the_ground_a_car_stands_on_it(down: float) -> None:
    """The camera 20 m up looks ``down`` degrees, the car stands on its axis, turned by 0 to 150 degrees about z.

    Its box is that of its eight corners; off by less than its length, and no height from steep rays.
    """
    ground, angle = GroundPlane(np.array([-20.0, 0.0, 0.0]), seen=True), np.radians(down)
    forward, lower = np.array([np.cos(angle), 0.0, -np.sin(angle)]), np.array([-np.sin(angle), 0.0, -np.cos(angle)])
    T = np.eye(4)
    T[:3, :3] = np.stack([np.array([0.0, -1.0, 0.0]), lower, forward])
    place = forward * (20.0 - HEIGHT / 2) / np.sin(angle)
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    for yaw in np.radians([0.0, 30.0, 90.0, 150.0]):
        turn = np.array([[np.cos(yaw), -np.sin(yaw), 0.0], [np.sin(yaw), np.cos(yaw), 0.0], [0.0, 0.0, 1.0]])
        seen = (place + corners * [LENGTH, WIDTH, HEIGHT] @ turn.T) @ T[:3, :3].T
        u, v = 320 + 500 * seen[:, 0] / seen[:, 2], 240 + 500 * seen[:, 1] / seen[:, 2]
        view = dataclasses.replace(view_of((u.min(), v.min(), u.max(), v.max(), CAR, 0.9)), T_camera_base=T)
        found = camera_only.ranges(view, ground, CONFIG)
        _, centre, covariance = camera_only.place(view, found, ground, CONFIG)
        error = centre[0] - place
        assert np.abs(error[:2]).max() < LENGTH
        assert abs(error[2]) < 0.3
        assert (np.abs(error) < 3.0 * np.sqrt(np.diagonal(covariance[0]))).all()


def test_the_ground_below_a_drone_is_where_the_lidar_sees_it() -> None:
    """Eight metres below and tilted by 10 %, far from z = 0: to a vehicle these are things in a pit."""
    seen = with_ground(0.1)
    seen = dataclasses.replace(seen, centre=seen.centre - [0.0, 0.0, 8.0])
    plane = plane_under(seen, IN_THE_AIR.ground_sigma)
    assert plane.seen
    assert plane.known
    assert float(plane.height(0.0, 0.0)) == pytest.approx(-8.0, abs=0.1)
    assert float(plane.height(20.0, 0.0)) == pytest.approx(-6.0, abs=0.15)
    assert not plane_under(clusters_of(), IN_THE_AIR.ground_sigma).known


def test_a_drone_without_lidar_puts_nothing_at_its_own_height() -> None:
    view = view_of(from_above(15.0, 15.0 + DEPTH, -8.0, -8.0 + HEIGHT), T=LOOKS_DOWN)
    config = FusionConfig(camera_only=IN_THE_AIR)
    objects = Fusion(config).camera_only([view], 5, "base_link")
    assert len(objects) == 1
    assert objects.centre[0, 2] == pytest.approx(-8.0 + HEIGHT / 2, abs=0.4)


# -- beside the LiDAR --------------------------------------------------------------------------------------------------


def coverage(metres: float) -> np.ndarray:
    return np.full(360, metres, np.float32)


FAR = standing(45.0, 1.58, CAR)
FAR = (FAR[0] - 8.0, FAR[1], FAR[2] + 8.0, *FAR[3:])


def told(view: CameraView, clusters: Clusters, seen: float | None) -> list[str]:
    objects = Fusion(FusionConfig()).fuse(clusters, [view], None if seen is None else coverage(seen))
    assert objects.mode is Mode.FUSED
    alone = objects.sensors == Sensor.CAMERA
    assert (objects.point_count[alone] == 0).all()
    return [named(p) for p in objects.class_probabilities[alone]]


def test_a_car_beyond_the_lidars_sight_is_told() -> None:
    assert told(view_of(FAR), clusters_of(), 25.0) == [CAR]


def test_nothing_is_invented_where_the_ground_goes_on_behind() -> None:
    assert told(view_of(FAR), clusters_of(), 110.0) == []


def test_nothing_is_told_where_nobody_knows_what_the_lidar_saw() -> None:
    assert told(view_of(FAR), clusters_of(), None) == []


def test_what_the_lidar_has_is_not_told_twice() -> None:
    """The cluster is in the box's directions and within the error of its range, though it took another box."""
    car: Box = (47.0, 0.0, 0.75, 0.5, 1.7, 1.4)
    view = view_of(FAR, (FAR[0] - 1, FAR[1] - 1, FAR[2] + 1, FAR[3] + 1, "truck", 0.5))
    assert told(view, clusters_of(car), 50.0) == []


def test_the_silence_of_a_lidar_that_reaches_there_makes_it_less_probable() -> None:
    def existence(seen: float) -> float:
        objects = Fusion(FusionConfig()).fuse(clusters_of(), [view_of(FAR)], coverage(seen))
        return float(objects.existence[0])

    assert existence(45.0) == pytest.approx(0.4 * existence(20.0))


def test_two_cameras_that_see_one_thing_tell_one() -> None:
    first = view_of(FAR)
    second = CameraView("other", CAMERA, T_CAMERA_BASE, first.detections)
    one = Fusion(FusionConfig()).camera_only([first], 5, "base_link")
    both = Fusion(FusionConfig()).camera_only([first, second], 5, "base_link")
    assert len(one) == len(both) == 1
    assert both.existence[0] > one.existence[0]
    assert both.covariance[0, 0, 0] == pytest.approx(one.covariance[0, 0, 0] / 2)
