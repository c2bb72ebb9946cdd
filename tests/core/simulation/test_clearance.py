"""Circles that cover bodies tell whether they come near each other."""

import numpy as np
import pytest

from perception_core.simulation.clearance import sweep
from perception_core.simulation.flight import Flight
from perception_core.simulation.route import Ride, Route, Trajectory

STRAIGHT = Route([[0.0, 0.0], [100.0, 0.0]])
CAR = (4.0, 2.0, 1.5)
TIMES = np.arange(0.0, 5.0, 0.1)


def standing(s: float, d: float, heading: float = 0.0, ride: Ride | None = None):
    return sweep(Trajectory(STRAIGHT, [[s, d]], [], heading, ride=ride or Ride()), CAR, TIMES)


def test_the_circles_cover_the_body():
    # 4 m by 2 m: four circles, each over a piece of 1 m by 2 m, half of whose diagonal is sqrt(5) / 2.
    centres, radius = standing(10.0, 0.0).circles()
    assert centres.shape == (50, 4, 2)
    assert centres[0, :, 0].tolist() == [8.5, 9.5, 10.5, 11.5]
    assert radius == pytest.approx(np.sqrt(5.0) / 2.0)


@pytest.mark.parametrize(("gap", "clear"), [(0.0, True), (0.85, True), (0.9, False)])
def test_the_gap_is_kept(gap, clear):
    # Side by side at 3 m: 2 m from the middle of the one to the side of the other, less a radius of 1.118 m.
    assert standing(10.0, 0.0).clear_of(standing(10.0, 3.0), gap) is clear


def test_a_slim_body_may_stand_close_to_the_end_of_a_wide_one():
    # A walker 0.5 m behind a car: the circles of the walker reach 2 cm beyond him, the car ends where it ends.
    walker = sweep(Trajectory(STRAIGHT, [[12.8, 0.0]], [], np.pi / 2.0), (0.6, 0.6, 1.7), TIMES)
    for a, b in ((walker, standing(10.0, 0.0)), (standing(10.0, 0.0), walker)):
        assert a.clear_of(b, 0.4)
        assert not a.clear_of(b, 0.55)


def test_a_turned_body_reaches_farther():
    assert standing(10.0, 0.0).clear_of(standing(10.0, 2.9), 0.5)
    assert not standing(10.0, 0.0).clear_of(standing(10.0, 2.9, np.pi / 2.0), 0.5)


def test_who_is_over_another_is_clear_of_it():
    above = standing(10.0, 0.0, ride=Ride(flight=Flight([[0.0, 3.0]])))
    just = standing(10.0, 0.0, ride=Ride(flight=Flight([[0.0, 1.8]])))
    assert above.clear_of(standing(10.0, 0.0), 1.0)
    assert standing(10.0, 0.0).clear_of(above, 1.0)
    assert not just.clear_of(standing(10.0, 0.0), 1.0)  # 0.3 m of headroom


def test_it_is_enough_to_meet_once():
    crossing = Trajectory(STRAIGHT, [[20, -20], [20, 40]], [[0, 8.0]])
    standing_car = standing(20.0, 0.0)
    assert not sweep(crossing, CAR, TIMES).clear_of(standing_car, 0.0)
    assert sweep(crossing, CAR, TIMES[:10]).clear_of(
        sweep(Trajectory(STRAIGHT, [[20, 0]], []), CAR, TIMES[:10]), 0.0
    )  # 0.9 s: 7 m of 20
