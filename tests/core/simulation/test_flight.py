"""Height and tilt of a body that flies."""

import numpy as np
import pytest

from perception_core.errors import ConfigError
from perception_core.simulation.flight import Flight
from perception_core.simulation.route import Ride, Route, Trajectory


def test_nothing_stays_on_the_ground():
    attitude = Flight().at([0.0, 5.0])
    assert not Flight().leaves_ground
    for name in ("altitude", "climb", "pitch", "roll"):
        assert getattr(attitude, name).tolist() == [0.0, 0.0]


def test_one_knot_is_held():
    attitude = Flight([[3.0, 4.5]]).at([0.0, 3.0, 9.0])
    assert attitude.altitude.tolist() == [4.5] * 3
    assert attitude.climb.tolist() == [0.0] * 3


def test_the_curve_goes_through_its_knots_and_stays_beyond_them():
    flight = Flight([[0.0, 3.0], [2.0, 7.0], [4.0, 5.0]], [[1.0, 0.1, -0.2], [3.0, 0.3, 0.2]])
    attitude = flight.at([-1.0, 0.0, 2.0, 4.0, 9.0])
    assert attitude.altitude == pytest.approx([3.0, 3.0, 7.0, 5.0, 5.0])
    assert attitude.climb[[0, 4]].tolist() == [0.0, 0.0]
    assert attitude.climb[2] == pytest.approx(0.0)  # the top is no kink: PCHIP is level there
    assert attitude.pitch == pytest.approx([0.1, 0.1, 0.2, 0.3, 0.3])
    assert attitude.roll == pytest.approx([-0.2, -0.2, 0.0, 0.2, 0.2])


def test_climb_is_the_derivative_of_the_height():
    flight = Flight([[0.0, 3.0], [2.0, 7.0], [4.0, 5.0]])
    t, h = np.linspace(0.1, 3.9, 39), 1e-5
    slope = (flight.at(t + h).altitude - flight.at(t - h).altitude) / (2.0 * h)
    np.testing.assert_allclose(flight.at(t).climb, slope, atol=1e-4)


@pytest.mark.parametrize(
    ("altitude", "tilt", "message"),
    [
        ([[1.0, 2.0], [1.0, 3.0]], [], "altitude: .*rising times"),
        ([[0.0, -1.0]], [], "altitude: .*heights >= 0"),
        ([], [[2.0, 0.0, 0.0], [1.0, 0.0, 0.0]], "tilt: .*rising times"),
    ],
)
def test_what_cannot_be_flown_is_refused(altitude, tilt, message):
    with pytest.raises(ConfigError, match=message):
        Flight(altitude, tilt)


def test_a_trajectory_flies():
    straight = Route([[0.0, 0.0], [100.0, 0.0]])
    ride = Ride(flight=Flight([[0.0, 2.0], [10.0, 6.0]], [[0.0, 0.0, 0.0], [10.0, 0.2, 0.0]]))
    motion = Trajectory(straight, [[0, 0], [100, 0]], [[0, 5.0]], ride=ride).at([5.0])
    assert motion.z[0] == pytest.approx(4.0)  # two knots: a straight line
    assert motion.climb[0] == pytest.approx(0.4)
    T = motion.poses()[0]
    assert T[:3, 3] == pytest.approx([25.0, 0.0, 4.0])
    assert T[2, 0] == pytest.approx(-np.sin(0.1))  # nose down
