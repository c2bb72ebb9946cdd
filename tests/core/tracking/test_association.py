"""Assignment by hand."""

import numpy as np
import pytest

from perception_core.tracking.association import assign, pair_costs
from perception_core.tracking.config import AssociationConfig, MeasurementConfig
from perception_core.tracking.measurements import from_objects

I4 = np.eye(4)


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


RAIL = {"x": -1.5, "y": -0.8, "z": 0.5, "size": (0.7, 0.3, 0.6)}
"""Where a beam hits a rail, from the middle of a vehicle."""

REAR_OVER_RAIL = {"x": -2.0, "y": 0.0, "z": 1.1, "size": (1.8, 0.2, 0.7), "yaw": np.pi / 2}
CORNER = {"x": -1.4, "y": -0.6, "z": 0.8, "size": (1.4, 0.6, 1.4)}


def drive_on(objects, tracker, after: dict):
    """Follow a car at 20 m/s for 2 s, then see only ``after`` for 1 s, relative to its middle; all that was told then.

    Returns the id that the car had, and (result, where the middle of the car was) of each scan.
    """
    for k in range(20):
        told = tracker.update(objects(k / 10, [CAR | {"x": 10.0 + 2.0 * k, "label": "unknown"}]), np.eye(4), "odom")
    results = []
    for k in range(20, 30):
        middle = 10.0 + 2.0 * k
        seen = after | {"x": middle + after["x"]}
        results.append((tracker.update(objects(k / 10, [seen]), np.eye(4), "odom"), middle))
    return told.ids[0].tobytes(), results


def test_a_vehicle_that_is_seen_no_more_does_not_become_crumbs_of_a_rail(objects, tracker) -> None:
    """They go along with the robot, and with what drove beside it: the car coasts as it was, they get their own id."""
    car, results = drive_on(objects, tracker, RAIL)
    coasted = 0
    for told, middle in results:
        for row in [i for i in range(len(told)) if told.ids[i].tobytes() == car]:
            coasted += 1
            assert told.sensors[row] == 0
            np.testing.assert_allclose(told.size[row], [4.2, 1.8, 1.5], atol=0.1)
            np.testing.assert_allclose(told.centre[row, :2], [middle, 0.0], atol=0.2)
    assert coasted >= 3
    last = results[-1][0]
    assert [row.tobytes() == car for row in last.ids] == [False]
    np.testing.assert_allclose(last.size[0], RAIL["size"], atol=0.1)


@pytest.mark.parametrize("piece", [REAR_OVER_RAIL, CORNER])
def test_of_a_vehicle_that_moves_a_side_or_a_corner_is_enough(objects, tracker, piece) -> None:
    """1.8 x 0.2 x 0.7 m of its rear, or a corner as high as it: the whole car goes on in its place, id and all."""
    car, results = drive_on(objects, tracker, piece)
    for told, middle in results:
        assert [row.tobytes() for row in told.ids] == [car]
        assert told.sensors[0] != 0
        np.testing.assert_allclose(told.size[0, :2], [4.2, 1.8], atol=0.3)
        np.testing.assert_allclose(told.centre[0, :2], [middle, 0.0], atol=0.4)
        np.testing.assert_allclose(told.velocity[0, :2], [20.0, 0.0], atol=1.0)


@pytest.mark.parametrize(("sigma", "van"), [(0.2, True), (1.5, False)])
def test_who_is_lost_is_no_end_of_a_van(objects, tracker, sigma: float, van: bool) -> None:
    """A walker, known to 0.2 m or to 1.5: the van whose end is beside him is far likelier another thing, or he."""
    tracker.update(
        objects(0.0, [{"x": 10.0, "y": 0.0, "size": (0.6, 0.6, 1.7), "label": "person", "p": 0.95}]), I4, "odom"
    )
    tracks = tracker._tracks
    tracks.first_seen_ns -= 1_000_000_000
    tracks.model_covariances[:, :, :2, :2] = np.eye(2) * sigma**2
    tracks.sum_up()
    boxes = [{"x": 12.85, "y": 0.0, "size": (5.5, 2.2, 2.2)}, {"x": 10.2, "y": 0.1, "size": (0.5, 0.5, 1.6)}]
    seen, _ = from_objects(objects(0.1, boxes), I4, MeasurementConfig())
    face = np.full(2, 0.01)
    costs = pair_costs(tracks, np.array([[-1.0, 0.0]]), seen, face, AssociationConfig())
    assert np.isfinite(costs[0]).tolist() == [van, True]
