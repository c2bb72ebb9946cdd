"""Bird's-eye cells, and what hangs overhead."""

import numpy as np

from perception_core.lidar.bev import collect_cells, collect_hanging
from perception_core.types import PointClass


def collect(points, clearance=2.5):
    xyz = np.array(points, np.float32).reshape(-1, 3)
    return collect_cells(
        xyz,
        xyz[:, 2].copy(),
        np.hypot(xyz[:, 0], xyz[:, 1]),
        np.where(xyz[:, 2] > 0.15, PointClass.OBSTACLE, PointClass.GROUND).astype(np.uint8),
        clearance=clearance,
        cell_size=0.2,
        max_range=80.0,
        centre=np.zeros(3),
    )


def test_points_of_a_cell_are_summed_up_and_cells_sorted_by_place() -> None:
    cells = collect([[5.01, 0.01, 0.5], [5.05, 0.09, 1.5], [5.01, 0.05, 0.1], [-7.0, 3.0, 0.3], [5.05, -0.3, 1.0]])
    assert len(cells) == 3
    np.testing.assert_array_equal(cells.count, [1, 1, 2])
    np.testing.assert_allclose([cells.x[2], cells.y[2]], [5.03, 0.05], atol=1e-6)
    np.testing.assert_allclose(cells.reach[0], np.hypot(7, 3), atol=1e-5)
    np.testing.assert_allclose(cells.azimuth, np.arctan2([3, -0.3, 0.05], [-7, 5.05, 5.03]), atol=1e-4)
    np.testing.assert_allclose(cells.bounds[2], [5.01, 0.01, 5.05, 0.09], atol=1e-6)
    np.testing.assert_allclose([cells.bottom[2], cells.top[2]], [0.5, 1.5])
    np.testing.assert_allclose(cells.levels[2], [0.5, 1.5])
    np.testing.assert_array_equal(cells.points, [3, 4, 0, 1])
    np.testing.assert_array_equal(cells.starts, [0, 1, 2, 4])
    assert (np.diff(cells.index[:, 0]) >= 0).all()


def test_what_hangs_above_the_clearance_is_overhead() -> None:
    cells = collect([[5, 0, 2.6], [6, 0, 4.0]])
    assert (len(cells), len(cells.points), cells.overhead) == (0, 0, 2)


def test_a_column_without_a_hole_keeps_its_top_and_a_bridge_over_a_car_goes() -> None:
    truck = [[5, 0, z] for z in (0.5, 1.2, 1.9, 2.6, 3.2)]
    car_under_bridge = [[9, 0, z] for z in (0.5, 1.2, 4.6, 4.9)]
    cells = collect(truck + car_under_bridge)
    assert cells.overhead == 2
    np.testing.assert_allclose(cells.top, [3.2, 1.2])


def test_near_the_robot_a_small_hole_parts_what_hangs_and_far_away_it_does_not() -> None:
    # A roof at 1.6 m and branches from 2.6 m on: at 10 m 0.6 m may be empty, at 60 m the beams lie farther apart.
    for x, overhead in ((10.0, 2), (60.0, 0)):
        assert collect([[x, 0, 1.2], [x, 0, 1.6], [x, 0, 2.6], [x, 0, 2.9]]).overhead == overhead


def test_nothing_above_ground_is_no_cell() -> None:
    assert len(collect(np.empty((0, 3)))) == 0
    assert len(collect([[4, 4, 0.1]])) == 0


def test_what_hangs_has_cells_of_its_own_beside_those_that_stand() -> None:
    # A car under a bridge, a truck that keeps its roof, and something too high for anybody.
    points = [[9, 0, z] for z in (0.5, 1.2, 4.6, 4.9)] + [[5, 0, z] for z in (0.5, 1.2, 1.9, 2.6)] + [[9, 0, 31.0]]
    xyz = np.array(points, np.float32)
    reach = np.hypot(xyz[:, 0], xyz[:, 1])
    standing = collect(points)
    hanging = collect_hanging(
        xyz,
        xyz[:, 2].copy(),
        reach,
        standing,
        low=2.5,
        high=30.0,
        cell_size=0.2,
        max_range=80.0,
        centre=np.zeros(3),
    )
    assert sorted(hanging.points.tolist()) == [2, 3]
    assert (len(standing), len(hanging), standing.overhead) == (2, 1, 3)
    both = standing.beside(hanging)
    assert (len(both), both.overhead) == (3, 1)
    np.testing.assert_allclose(both.bottom, [0.5, 0.5, 4.6])
    np.testing.assert_array_equal(both.starts, [0, 4, 6, 8])
    np.testing.assert_array_equal(np.diff(both.starts), both.count)
    for k, cell in enumerate(both.count):
        own = both.xyz[both.starts[k] : both.starts[k] + cell]
        assert own[:, 2].min() == both.bottom[k]
