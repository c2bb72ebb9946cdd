"""The whole LiDAR path on streets with known obstacles, and on clouds nobody would send."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from perception_core.errors import CalibrationError
from perception_core.lidar import LidarConfig, LidarProcessor
from perception_core.lidar.processor import LidarResult
from perception_core.types import PointClass, PointCloud


def nearest(result: LidarResult, x: float, y: float) -> int:
    return int(np.hypot(result.clusters.centre[:, 0] - x, result.clusters.centre[:, 1] - y).argmin())


def test_an_empty_street_has_no_obstacle_and_is_seen_to_the_end(cast, processor, T_base_sensor) -> None:
    result = processor.process(cast(), T_base_sensor)
    assert len(result.clusters) == 0
    assert len(result.ground_points) > 60_000
    assert result.coverage.shape == (360,)
    assert (result.coverage > 40.0).all()


def test_a_car_is_one_box_where_it_stands(cast, block, processor, T_base_sensor) -> None:
    # Rear face at x = 10, left side at y = -2.1; 4.4 x 1.8 x 1.5 m on the ground, heading along x.
    result = processor.process(cast([block(12.2, -3.0, 4.4, 1.8, 0.0, 1.5)]), T_base_sensor)
    clusters = result.clusters
    assert len(clusters) == 1
    np.testing.assert_allclose(clusters.centre[0, :2], [12.2, -3.0], atol=0.15)
    np.testing.assert_allclose(clusters.size[0, :2], [4.4, 1.8], atol=0.2)
    assert clusters.centre[0, 2] + clusters.size[0, 2] / 2 == pytest.approx(1.5, abs=0.1)
    assert abs(np.sin(clusters.yaw[0])) < 0.05
    assert clusters.stamp_ns == 7
    assert clusters.frame == "base_link"


def test_a_turned_car_has_its_heading(cast, block, processor, T_base_sensor) -> None:
    yaw = np.radians(30.0)
    clusters = processor.process(cast([block(12.0, 4.0, 4.4, 1.8, 0.0, 1.5, yaw)]), T_base_sensor).clusters
    assert len(clusters) == 1
    assert abs(np.sin(clusters.yaw[0] - yaw)) < np.sin(np.radians(4.0))


def test_two_people_side_by_side_are_two(cast, block, processor, T_base_sensor) -> None:
    people = [block(12.0, y, 0.4, 0.45, 0.0, 1.75) for y in (-0.4, 0.4)]
    clusters = processor.process(cast(people), T_base_sensor).clusters
    assert len(clusters) == 2
    np.testing.assert_allclose(sorted(clusters.centre[:, 1]), [-0.4, 0.4], atol=0.1)


@pytest.mark.parametrize("x", [20.0, 35.0, 50.0])
def test_a_far_car_is_one_cluster(x: float, cast, block, processor, T_base_sensor) -> None:
    clusters = processor.process(cast([block(x, 3.0, 4.4, 1.8, 0.2, 1.5)]), T_base_sensor).clusters
    assert len(clusters) == 1


def test_a_pole_and_a_child_beside_a_parked_car_stay_apart(cast, block, processor, T_base_sensor) -> None:
    car, pole, child = (
        block(12.0, 3.0, 4.4, 1.8, 0.0, 1.5),
        block(20.0, -4.0, 0.12, 0.12, 0.0, 3.0),
        block(13.0, 1.4, 0.3, 0.35, 0.0, 1.1),
    )
    result = processor.process(cast([car, pole, child]), T_base_sensor)
    assert len(result.clusters) == 3
    for thing in (car, pole, child):
        k = nearest(result, thing.x, thing.y)
        assert np.hypot(*(result.clusters.centre[k, :2] - [thing.x, thing.y])) < 0.4


def test_a_trailer_at_a_fence_is_not_the_fence(cast, block, processor, T_base_sensor) -> None:
    fence, trailer = block(5.0, -4.15, 40.0, 0.1, 0.0, 2.2), block(9.0, -3.3, 2.4, 1.5, 0.3, 1.6)
    result = processor.process(cast([fence, trailer]), T_base_sensor)
    k = nearest(result, 9.0, -3.3)
    np.testing.assert_allclose(result.clusters.centre[k, :2], [9.0, -3.3], atol=0.25)
    np.testing.assert_allclose(result.clusters.size[k, :2], [2.4, 1.5], atol=0.3)


def test_a_long_wall_comes_in_pieces(cast, block, processor, T_base_sensor) -> None:
    clusters = processor.process(cast([block(0.0, 8.0, 60.0, 0.3, 0.0, 3.0)]), T_base_sensor).clusters
    assert len(clusters) >= 3
    assert clusters.size[:, 0].max() <= 20.5
    assert clusters.size[:, 1].max() < 0.5


def test_the_walls_of_a_yard_leave_the_yard_free(cast, block, processor, T_base_sensor) -> None:
    walls = [block(10.0, 6.0, 14.0, 0.3, 0.0, 2.5), block(17.0, 0.0, 0.3, 12.0, 0.0, 2.5)]
    clusters = processor.process(cast(walls), T_base_sensor).clusters
    assert clusters.size[:, 1].max() < 0.8


def test_a_bridge_overhead_is_no_obstacle_and_its_pier_is(cast, block, processor, T_base_sensor) -> None:
    bridge, pier = block(30.0, 0.0, 6.0, 60.0, 2.6, 3.1), block(30.0, 8.0, 1.0, 1.0, 0.0, 2.6)
    result = processor.process(cast([bridge, pier]), T_base_sensor)
    assert result.dropped["overhead"] > 50
    assert len(result.clusters) >= 1
    assert (np.abs(result.clusters.centre[:, 1] - 8.0) < 0.6).all()


def test_a_beam_at_the_height_of_the_robot_is_an_obstacle(cast, block, processor, T_base_sensor) -> None:
    result = processor.process(cast([block(12.0, 0.0, 0.3, 3.0, 1.2, 1.5)]), T_base_sensor)
    assert len(result.clusters) == 1
    assert result.clusters.centre[0, 2] == pytest.approx(1.35, abs=0.1)


def test_a_truck_keeps_its_height_above_the_clearance(cast, block, processor, T_base_sensor) -> None:
    result = processor.process(cast([block(40.0, 0.0, 8.0, 2.5, 0.3, 3.0)]), T_base_sensor)
    k = nearest(result, 36.0, 0.0)
    assert result.clusters.centre[k, 2] + result.clusters.size[k, 2] / 2 == pytest.approx(3.0, abs=0.25)


def test_the_robots_own_body_is_cropped(processor, T_base_sensor) -> None:
    xyz = np.random.default_rng(0).uniform([-2, -1, -1.0], [2, 1, 0.3], (500, 3)).astype(np.float32)
    result = processor.process(PointCloud(xyz, 0, "velo"), T_base_sensor)
    assert len(result.clusters.points) == 0
    assert result.dropped["body"] + result.dropped["range"] == 500


def test_the_unseen_side_is_uncertain_and_the_seen_one_is_not(cast, block, processor, T_base_sensor) -> None:
    # A car seen from behind at the sensor's own height: its length is hidden, its width and its rear face are not.
    clusters = processor.process(cast([block(15.2, 0.0, 4.4, 1.8, 0.0, 2.4)]), T_base_sensor).clusters
    assert len(clusters) == 1
    sigma = np.sqrt(np.diag(clusters.covariance[0]))
    assert sigma[0] > 0.5
    assert sigma[1] < 0.2
    assert sigma[2] < 0.3


def test_coverage_ends_at_what_hides_the_rest(cast, block, processor, T_base_sensor) -> None:
    result = processor.process(cast([block(12.0, 0.0, 2.0, 6.0, 0.0, 3.5)]), T_base_sensor)
    ahead = result.coverage[[178, 179, 180, 181]]
    np.testing.assert_allclose(ahead, 11.0, atol=0.5)
    assert result.coverage[0] > 40.0


def test_nothing_seen_is_no_coverage(processor, T_base_sensor) -> None:
    result = processor.process(PointCloud(np.empty((0, 3), np.float32), 3, "velo"), T_base_sensor)
    assert len(result.clusters) == 0
    assert not result.coverage.any()
    assert result.ground_points.shape == (0, 3)


def test_the_same_scan_gives_the_same_answer(cast, block, processor, T_base_sensor) -> None:
    cloud = cast([block(12.0, -3.0, 4.4, 1.8, 0.0, 1.5), block(9.0, 4.0, 0.4, 0.4, 0.0, 1.7)])
    a, b = (processor.process(cloud, T_base_sensor).clusters for _ in range(2))
    for name in ("centre", "size", "yaw", "covariance", "point_count", "points", "labels"):
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes()


def test_the_order_of_the_points_changes_no_box(cast, block, processor, T_base_sensor) -> None:
    cloud = cast([block(12.0, -3.0, 4.4, 1.8, 0.0, 1.5), block(9.0, 4.0, 0.4, 0.4, 0.0, 1.7)])
    shuffled = PointCloud(np.random.default_rng(4).permutation(cloud.xyz), 7, "velo")
    a, b = (processor.process(c, T_base_sensor).clusters for c in (cloud, shuffled))
    assert len(a) == len(b)
    ka, kb = np.lexsort(a.centre.T), np.lexsort(b.centre.T)
    np.testing.assert_allclose(a.centre[ka], b.centre[kb], atol=0.05)
    np.testing.assert_array_equal(a.point_count[ka], b.point_count[kb])


@pytest.mark.parametrize("T", [np.eye(3), np.full((4, 4), np.nan)])
def test_a_transform_that_is_none_is_refused(T, processor) -> None:
    with pytest.raises(CalibrationError, match="T_base_sensor"):
        processor.process(PointCloud(np.zeros((1, 3), np.float32), 0, "velo"), T)


SPECIAL = st.sampled_from([0.0, 1.0, -1.0, 5.0, 79.99, 80.0, -80.0, 1e4, -1e4, 1e-30, -1.73])


@settings(deadline=None, max_examples=80)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(0, 60), st.just(3)),
        elements=st.one_of(SPECIAL.map(np.float32), st.floats(-100, 100, width=32)),
    ),
    st.integers(1, 40),
)
def test_nasty_clouds_give_finite_answers(points, repeat: int) -> None:
    cloud = PointCloud(np.repeat(points, repeat, axis=0), 1, "velo")
    T = np.eye(4)
    T[2, 3] = 1.73
    check_finite(LidarProcessor(LidarConfig()).process(cloud, T), len(cloud))


@pytest.mark.parametrize("kind", ["one", "equal", "collinear", "vertical", "grid", "huge"])
def test_degenerate_clouds_give_finite_answers(kind: str, processor, T_base_sensor) -> None:
    t = np.linspace(3.0, 60.0, 5000)
    clouds = {
        "one": np.array([[5.0, 0.0, 0.0]]),
        "equal": np.full((5000, 3), 6.0),
        "collinear": np.stack([t, 0.5 * t, 0.0 * t], axis=1),
        "vertical": np.stack([0 * t + 5, 0 * t + 5, t / 20 - 1.7], axis=1),
        "grid": np.stack([np.round(t, 0), np.round(t * 7 % 30, 0), 0 * t], axis=1),
        "huge": np.stack([t * 1e9, t * 1e9, t * 1e9], axis=1),
    }
    cloud = PointCloud(clouds[kind].astype(np.float32), 0, "velo")
    check_finite(processor.process(cloud, T_base_sensor), len(cloud))


def check_finite(result: LidarResult, count: int) -> None:
    clusters = result.clusters
    for array in (clusters.centre, clusters.size, clusters.yaw, clusters.covariance, clusters.points):
        assert np.isfinite(array).all()
    assert np.isfinite(result.coverage).all()
    assert np.isfinite(result.ground_points).all()
    assert (clusters.size >= 0).all()
    assert (np.linalg.eigvalsh(clusters.covariance) > 0).all() if len(clusters) else True
    assert clusters.labels.max(initial=-1) == len(clusters) - 1
    assert len(result.height) == len(clusters.points)
    assert len(clusters.points) + len(result.ground_points) + sum(result.dropped.values()) == count
    assert len(result.point_class) == len(result.point_height) == count
    cropped = result.point_class == PointClass.DROPPED
    np.testing.assert_array_equal(np.isnan(result.point_height), cropped)
    assert cropped.sum() == sum(result.dropped[reason] for reason in ("range", "height", "body"))
    assert (result.point_class == PointClass.GROUND).sum() == len(result.ground_points)
    assert (result.point_class == PointClass.OBSTACLE).sum() == (clusters.labels >= 0).sum()
    assert (clusters.labels >= 0).all()
    assert (result.point_class == PointClass.SPECK).sum() == result.dropped["speck"]
    assert (result.point_class == PointClass.BELOW_GROUND).sum() == result.dropped["below_ground"]
    assert (result.point_class == PointClass.OVERHEAD).sum() == result.dropped["overhead"]
