"""The robot's own boxes, in any frame of its calibration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.errors import CalibrationError, ConfigError
from perception_core.geometry.transforms import apply, from_quaternion, from_yaw, invert
from perception_core.lidar.body import around_sensor, body_table, reach_of
from perception_core.lidar.config import CropConfig
from perception_core.lidar.polar import polar_grid
from perception_core.lidar.scan_grid import grid_scan
from perception_core.types.body import BodyBox

GRID = polar_grid(80.0)
NOTHING = CropConfig(min_range=0.0, body_min=(0.0, 0.0, 40.0), body_max=(0.1, 0.1, 40.1))


def dropped(points: list[list[float]], *boxes: BodyBox, crop: CropConfig = NOTHING) -> int:
    scan = grid_scan(np.array(points, np.float32), np.eye(4), GRID, crop, None, body_table(crop, boxes))
    return scan.dropped["body"]


def test_the_box_of_the_parameters_is_one_of_them() -> None:
    crop = CropConfig(min_range=0.0, body_min=(-1.0, -1.0, 0.0), body_max=(2.0, 1.0, 1.0))
    inside = [[0.5, 0.5, 0.5], [-1.0, -1.0, 0.0], [2.0, 1.0, 1.0]]
    outside = [[2.01, 0, 0.5], [0, 1.01, 0.5], [0, 0, 1.01], [0, 0, -0.01], [-1.01, 0, 0.5]]
    assert dropped(inside + outside, crop=crop) == 3


def test_several_boxes_each_in_its_own_frame() -> None:
    rack = BodyBox(from_yaw(0.0, (1.0, 0.0, 2.0)), np.array([0.0, -0.1, 0.0]), np.array([1.0, 0.1, 0.2]))
    # A mount turned by 90 degrees to the left at (0, 3, 0): its x axis is the base's y.
    arm = BodyBox(from_yaw(np.pi / 2, (0.0, 3.0, 0.0)), np.array([0.0, 0.0, -1.0]), np.array([2.0, 0.5, 1.0]))
    points = [[1.5, 0.0, 2.1], [1.5, 0.0, 2.3], [-0.3, 4.0, 0.0], [0.3, 4.0, 0.0], [-0.3, 5.1, 0.0], [5, 5, 5]]
    assert dropped(points, rack, arm) == 2
    assert dropped(points, rack) == 1


@given(
    st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1),
    st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    st.integers(0, 1000),
)
def test_a_turned_box_holds_the_points_that_it_holds_in_its_own_frame(
    q: list[float], t: list[float], seed: int
) -> None:
    T_base_box = from_quaternion(t, np.array(q) / np.linalg.norm(q))
    box = BodyBox(T_base_box, np.array([-1.0, -0.5, -0.2]), np.array([0.5, 1.0, 0.8]))
    points = np.random.default_rng(seed).uniform(-6, 6, (200, 3))
    local = apply(invert(T_base_box), points)
    margin = np.minimum(local - box.low, box.high - local).min(axis=1)
    clear = np.abs(margin) > 1e-4
    assert dropped(points[clear].tolist(), box) == int((margin[clear] > 0).sum())


def test_no_point_beyond_the_reach_can_be_the_robots() -> None:
    table = body_table(CropConfig())
    # The far corner of (-2.7, -1.4) .. (2.2, 1.4) lies 3.04 m from the base's origin.
    assert 3.04 < reach_of(table, np.zeros(3)) < 3.5
    assert reach_of(table[:0], np.zeros(3)) == 0.0


def test_the_column_around_another_sensor() -> None:
    column = around_sensor(from_yaw(0.0, (2.0, 1.0, 0.5)), 0.3, 5.0)
    points = np.array([[2.2, 1.2, -4.0], [2.2, 1.2, 6.0], [2.4, 1.0, 0.5]], np.float32)
    scan = grid_scan(points, np.eye(4), GRID, NOTHING, None, np.concatenate([body_table(NOTHING), column]))
    assert scan.dropped["body"] == 1


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        ([0, 0, 0], [1, 0, 1], "min .* below max"),
        ([0, 0, 0], [1, np.nan, 1], "not finite"),
        ([0, 0], [1, 1, 1], "shape"),
    ],
)
def test_boxes_that_cannot_be_are_refused(low: list[float], high: list[float], text: str) -> None:
    with pytest.raises(CalibrationError, match=text):
        BodyBox(np.eye(4), np.array(low), np.array(high))


def test_corners_have_three_coordinates() -> None:
    with pytest.raises(ConfigError, match="body_min: expected x, y, z"):
        CropConfig(body_min=(1.0, 2.0))
