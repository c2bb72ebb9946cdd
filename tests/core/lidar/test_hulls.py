"""Convex footprints, by hand and against SciPy."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from perception_core.lidar.hulls import footprint_hulls


def hulls(*groups):
    """Hulls of clusters of points; a cell is 0.2 m."""
    xyz = np.concatenate([np.reshape(g, (-1, 2)) for g in groups]).astype(np.float32)
    label = np.repeat(np.arange(len(groups)), [len(g) for g in groups])
    places = np.column_stack([np.floor(xyz / 0.2), label])
    _, cell = np.unique(places, axis=0, return_inverse=True)
    order = np.argsort(cell.ravel(), kind="stable")
    xyz, cell, label = xyz[order], cell.ravel()[order], label[order]
    starts = np.searchsorted(cell, np.arange(cell.max() + 2)).astype(np.int32)
    parts = [xyz[a:b] for a, b in itertools.pairwise(starts)]
    bounds = np.array([[*p.min(axis=0), *p.max(axis=0)] for p in parts], np.float32)
    mean = np.array([p.astype(np.float64).mean(axis=0) for p in parts])
    of_cell = label[starts[:-1]].astype(np.int32)
    xyz = np.column_stack([xyz, np.zeros(len(xyz), np.float32)])
    corners, start = footprint_hulls(xyz, starts, bounds, mean[:, 0].copy(), mean[:, 1].copy(), of_cell, len(groups))
    return [corners[a:b] for a, b in itertools.pairwise(start)]


def test_a_square_with_points_inside_has_four_corners_counter_clockwise() -> None:
    grid = np.stack(np.meshgrid(np.arange(1.0, 4.01, 0.125), np.arange(2.0, 4.01, 0.125)), axis=-1).reshape(-1, 2)
    (hull,) = hulls(grid)
    np.testing.assert_array_equal(hull, [[1, 2], [4, 2], [4, 4], [1, 4]])


def test_one_point_two_points_and_a_line() -> None:
    line = np.column_stack([np.linspace(0, 5, 41), np.linspace(1, 6, 41)])
    one, twice, two, many = hulls([[1.0, 2.0]], [[3.0, 3.0]] * 20, [[5.0, 1.0], [4.0, 1.0]], line)
    np.testing.assert_array_equal(one, [[1, 2]])
    np.testing.assert_array_equal(twice, [[3, 3]])
    np.testing.assert_array_equal(two, [[4, 1], [5, 1]])
    np.testing.assert_allclose(many[[0, -1]], [[0, 1], [5, 6]])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 1000), st.integers(4, 400), st.floats(0.05, 10.0), st.floats(0.001, 3.0))
def test_the_hull_is_that_of_all_points(seed: int, count: int, length: float, width: float) -> None:
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (rng.uniform(-0.5, 0.5, (count, 2)) * [length, width] @ turn + [7.0, -3.0]).astype(np.float32)
    (hull,) = hulls(points)
    area = 0.5 * np.sum(hull[:, 0] * np.roll(hull[:, 1], -1) - hull[:, 1] * np.roll(hull[:, 0], -1))
    np.testing.assert_allclose(area, ConvexHull(points.astype(np.float64)).volume, rtol=1e-6, atol=1e-9)
