"""Assignment by hand."""

import numpy as np
import pytest

from perception_core.tracking.association import assign


def matches(costs: list[list[float]]) -> list[tuple[int, int]]:
    row, column = assign(np.array(costs, dtype=float).reshape(len(costs), -1))
    return list(zip(row.tolist(), column.tolist(), strict=True))


def test_the_sum_counts_not_the_best_pair() -> None:
    # greedy: -5 and -1 make -6; crosswise: -4 and -4.5 make -8.5
    assert matches([[-5.0, -4.0], [-4.5, -1.0]]) == [(0, 1), (1, 0)]


def test_a_positive_cost_never_matches() -> None:
    assert matches([[0.5]]) == []
    assert matches([[-2.0, -9.0], [np.inf, -8.0]]) == [(0, 0), (1, 1)]
    assert matches([[np.inf, -9.0], [np.inf, -8.0]]) == [(0, 1)]


def test_lone_pairs_and_contested_ones_together() -> None:
    inf = np.inf
    costs = [[-3.0, inf, inf], [inf, -2.0, -7.0], [inf, -6.0, -6.5]]
    assert matches(costs) == [(0, 0), (1, 2), (2, 1)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_match(shape: tuple[int, int]) -> None:
    row, column = assign(np.full(shape, np.inf))
    assert len(row) == len(column) == 0


def test_many_on_a_diagonal() -> None:
    costs = np.full((300, 300), -1.0)
    np.fill_diagonal(costs, -2.0)
    row, column = assign(costs)
    np.testing.assert_array_equal(row, column)
    assert len(row) == 300


CAR = {"x": 10.0, "y": 0.0, "size": (4.2, 1.8, 1.5), "label": "car", "p": 0.9}
PERSON = {"x": 8.3, "y": 0.6, "size": (0.7, 0.6, 1.7)}
"""Within the rear corner of the car."""


def test_a_car_that_is_seen_no_more_does_not_become_the_person_beside_it(objects, tracker) -> None:
    """The car's own cluster went to another track; the person walks off, and no car with him."""
    for k in range(20):
        tracker.update(objects(k / 10, [CAR]), np.eye(4), "odom")
    for k in range(20, 40):
        walking = PERSON | {"y": 0.6 + 0.15 * (k - 19)}
        told = tracker.update(objects(k / 10, [walking]), np.eye(4), "odom")
    seen = told.sensors != 0
    assert seen.sum() == 1
    np.testing.assert_allclose(told.centre[seen][0, :2], [8.3, 3.6], atol=0.3)
    assert told.size[seen][0, :2].max() < 1.3


@pytest.mark.parametrize(
    "piece",
    [
        {"size": (0.7, 0.6, 0.6)},  # as low as a bumper
        {"size": (0.4, 1.8, 1.4)},  # as broad as a rear
    ],
)
def test_what_may_be_a_piece_of_the_car_goes_on_as_the_car(objects, tracker, piece) -> None:
    for k in range(20):
        first = tracker.update(objects(k / 10, [CAR]), np.eye(4), "odom")
    for k in range(20, 23):
        told = tracker.update(objects(k / 10, [PERSON | {"y": 0.0, "x": 8.1} | piece]), np.eye(4), "odom")
    assert told.ids.tobytes() == first.ids.tobytes()
    assert (told.sensors != 0).all()
    assert told.size[0, 0] > 3.5


CRUMB = {"size": (0.7, 0.3, 0.6), "z": 0.5, "sigma": 0.5}
"""Where a beam hits a rail."""


def drive_on(objects, tracker, speed: float, after: list[dict]):
    """Follow a vehicle for 2 s, then see only ``after`` for 1 s, relative to where it would be; what is told then."""
    for k in range(20):
        tracker.update(objects(k / 10, [CAR | {"x": 10.0 + speed * k / 10}]), np.eye(4), "odom")
    for k in range(20, 30):
        boxes = [box | {"x": 10.0 + speed * k / 10 + box["x"]} for box in after]
        told = tracker.update(objects(k / 10, boxes), np.eye(4), "odom")
    return told


def test_a_vehicle_that_is_seen_no_more_does_not_follow_crumbs_of_a_rail(objects, tracker) -> None:
    """They go along with the robot, and with what drove beside it: 0.9 m from its middle, but no piece of it."""
    told = drive_on(objects, tracker, 20.0, [CRUMB | {"x": 0.5, "y": 0.8}])
    assert not ((told.sensors != 0) & (told.size[:, 0] > 2.0)).any()


def test_of_a_vehicle_that_moves_a_side_is_enough(objects, tracker) -> None:
    """Its rear, 1.8 x 0.2 x 1.4 m at its end, is as high and as broad as it is."""
    told = drive_on(objects, tracker, 20.0, [{"x": -2.0, "y": 0.0, "size": (1.8, 0.2, 1.4), "yaw": np.pi / 2}])
    assert len(told) == 1
    assert told.sensors[0] != 0
    np.testing.assert_allclose(told.velocity[0, :2], [20.0, 0.0], atol=0.5)
