"""Who is let go of what stands near; distances by hand: at 6 m cells connect within 0.22 + 0.006 * 6 = 0.256 m."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.lidar.bev import collect_cells
from perception_core.lidar.config import ClusterConfig
from perception_core.lidar.connect import components
from perception_core.lidar.upright import free_upright
from perception_core.types.clusters import PointClass

CONFIG = ClusterConfig()
SENSOR = np.array([0.0, 0.0, 1.7])


def wall(x0, y0, x1, y1, *, low=0.1, top=1.4, step=0.05):
    """Points every ``step`` metres of an upright face from (x0, y0) to (x1, y1)."""
    n = round(np.hypot(x1 - x0, y1 - y0) / step) + 1
    z = np.arange(low, top + 1e-6, step)
    x, y = np.repeat(np.linspace(x0, x1, n), len(z)), np.repeat(np.linspace(y0, y1, n), len(z))
    return np.column_stack([x, y, np.tile(z, n)])


def person(x, y, *, low=0.1, top=1.7, step=0.05):
    """Points of an upright cylinder of 0.5 m around (x, y), as it is seen from all sides."""
    turn = np.arange(0.0, 2.0 * np.pi, step / 0.25)
    z = np.arange(low, top + 1e-6, step)
    ring = np.column_stack([x + 0.25 * np.cos(turn), y + 0.25 * np.sin(turn)])
    return np.column_stack([np.repeat(ring, len(z), axis=0), np.tile(z, len(ring))])


def let_go(*things, density=60.0):
    """Return the labels that each thing's points have, and whether something was let go."""
    xyz = np.concatenate(things).astype(np.float32)
    reach = np.hypot(xyz[:, 0], xyz[:, 1])
    classes = np.full(len(xyz), PointClass.OBSTACLE, np.uint8)
    cells = collect_cells(
        xyz, xyz[:, 2], reach, classes, clearance=2.5, cell_size=CONFIG.cell_size, max_range=60.0, centre=SENSOR
    )
    specks = np.zeros(len(cells), np.bool_)
    labels, count = components(
        cells.index,
        cells.bounds,
        specks,
        cell_size=CONFIG.cell_size,
        sensor=SENSOR,
        gap=CONFIG.gap,
        gap_per_range=CONFIG.gap_per_range,
        max_gap=CONFIG.max_gap,
        depth=CONFIG.depth_factor,
    )
    new, n = free_upright(cells, specks, labels, count, SENSOR, density, CONFIG)
    assert sorted(set(new.tolist())) == list(range(n)), "every label has a cell"
    of_point = np.empty(len(xyz), np.int32)
    of_point[cells.points] = np.repeat(new, cells.count)
    ends = np.cumsum([len(t) for t in things])
    told = [set(of_point[e - len(t) : e].tolist()) for e, t in zip(ends, things, strict=True)]
    return told, new is not labels


def test_a_person_two_hands_from_a_car_is_let_go() -> None:
    car = wall(6.0, -1.0, 6.0, 1.0)
    (of_car, of_person), changed = let_go(car, person(5.55, 0.4))  # 0.2 m before it
    assert changed
    assert len(of_car) == len(of_person) == 1
    assert of_car != of_person


def test_two_cars_that_only_a_person_holds_together_come_apart() -> None:
    left, right = wall(6.0, -3.0, 6.0, -0.5), wall(6.0, 0.5, 6.0, 3.0)
    told, _ = let_go(left, right, person(6.1, 0.0))  # a metre apart, 0.25 m on both sides of him
    assert [len(t) for t in told] == [1, 1, 1]
    assert len(set.union(*told)) == 3


def test_people_side_by_side_are_let_go_of_each_other() -> None:
    told, _ = let_go(*[person(6.0, y) for y in (-0.7, 0.0, 0.7)])
    assert len(set.union(*told)) == 3


def test_who_leans_at_the_car_stays_with_it() -> None:
    told, changed = let_go(wall(6.0, -1.0, 6.0, 1.0), person(5.74, 0.4))
    assert not changed
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (wall(5.8, 0.0, 5.8, 0.6), "a strip"),
        (person(5.55, 0.0, low=0.7, top=1.4), "not on the ground"),
        (person(5.55, 0.0, top=1.0), "too low"),
        (person(5.55, 0.0, step=0.18), "too thin"),
        (np.concatenate([person(5.55, y) for y in (0.0, 0.3, 0.6, 0.9)]), "too long"),
    ],
)
def test_what_is_no_person_stays(what: np.ndarray, why: str) -> None:
    (car, other), changed = let_go(wall(6.0, -1.0, 6.0, 1.0, step=0.05), what)
    assert not changed, why
    assert car & other, why


def test_far_away_nobody_is_let_go() -> None:
    _, changed = let_go(wall(18.0, -1.0, 18.0, 1.0), person(17.5, 0.4))
    assert not changed


def test_one_alone_needs_no_letting_go() -> None:
    assert not let_go(person(6.0, 0.0))[1]
    assert not let_go(wall(6.0, -1.0, 6.0, 1.0))[1]


@given(st.lists(st.tuples(st.floats(-14, 14), st.floats(-14, 14)), min_size=1, max_size=8), st.floats(1.0, 200.0))
def test_every_cell_keeps_one_label_and_what_touches_stays_together(places: list, density: float) -> None:
    """Whatever stands wherever: labels are dense, and the points of one upright thing never come apart by it."""
    told, _ = let_go(*[person(x, y) for x, y in places], density=density)
    assert all(len(t) == 1 for t in told)
