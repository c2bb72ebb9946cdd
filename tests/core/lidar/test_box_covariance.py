"""Which side of an object was seen, in the covariance of its box's centre."""

import numpy as np
import pytest

from perception_core.lidar.box_covariance import centre_covariance, hidden_ends

SENSOR = np.array([0.0, 0.0, 1.7])


def covariance(centre, size, yaw=0.0, bottom=0.1, top=1.5, hidden=(False, False)):
    return centre_covariance(
        np.array([centre]),
        np.array([size]),
        np.array([yaw]),
        np.array([bottom], np.float32),
        np.array([top], np.float32),
        np.array([hidden]),
        SENSOR,
    )[0]


def test_the_hidden_length_of_a_car_seen_from_behind_is_uncertain_and_its_width_is_not() -> None:
    # 1.8 m wide and 0.3 m deep: 4.3 - 0.3 = 4 m are missing, the centre lies 2 m farther, and cars differ by a quarter.
    sigma = np.sqrt(np.diag(covariance((10.0, 0.0, 0.8), (1.8, 0.3, 1.2), np.pi / 2)))
    assert sigma[0] == pytest.approx(np.hypot(2.0, 0.5), rel=0.02)
    assert sigma[1] < 0.3


def test_both_near_sides_of_a_car_leave_the_lengths_of_cars_to_guess() -> None:
    # Cars differ by 0.5 m in length and 0.2 m in width: half of that at the centre.
    sigma = np.sqrt(np.diag(covariance((10.0, 5.0, 0.8), (4.4, 1.8, 1.4))))
    assert sigma[0] == pytest.approx(0.25, abs=0.03)
    assert (sigma[1:] < 0.17).all()


def test_an_end_behind_a_nearer_thing_is_uncertain_across_the_line_of_sight() -> None:
    free = covariance((0.0, 10.0, 0.8), (2.6, 1.8, 1.4))
    hidden = covariance((0.0, 10.0, 0.8), (2.6, 1.8, 1.4), hidden=(True, False))
    assert hidden[0, 0] > free[0, 0] + 0.9 * (4.3 - 2.6) ** 2 / 12
    assert hidden[1, 1] < free[1, 1] + 0.1


def test_a_person_is_where_it_is_seen() -> None:
    assert np.sqrt(np.diag(covariance((8.0, 3.0, 0.9), (0.5, 0.4, 1.7), top=1.75))).max() < 0.25


def test_what_is_seen_beside_a_nearer_thing_may_be_the_end_of_a_car() -> None:
    free = covariance((20.0, 0.0, 0.8), (0.6, 0.3, 1.2), np.pi / 2)
    hidden = covariance((20.0, 0.0, 0.8), (0.6, 0.3, 1.2), np.pi / 2, hidden=(True, False))
    assert hidden[0, 0] == pytest.approx(free[0, 0] + 2.5**2 / 12, rel=0.02)
    assert hidden[1, 1] > free[1, 1] + 0.1


def test_no_boxes_have_no_covariance() -> None:
    none, nothing = np.empty((0, 3)), np.empty(0, np.float32)
    ends = np.empty((0, 2), np.bool_)
    assert centre_covariance(none, none, np.empty(0), nothing, nothing, ends, SENSOR).shape == (0, 3, 3)


def test_a_nearer_thing_hides_the_end_beside_it_and_no_other() -> None:
    # A wall across the view at x = 10 from y = -2 to 2, and a pole 5 m ahead to the right, beside the wall's end.
    y = np.append(np.arange(-2.0, 2.01, 0.2), -1.15)
    x = np.append(np.full(21, 10.0), 5.0)
    labels = np.append(np.zeros(21, np.int32), np.int32(1)).astype(np.int32)
    hidden = hidden_ends(np.arctan2(y, x), np.hypot(x, y), labels, 2, 0.2)
    np.testing.assert_array_equal(hidden, [[True, False], [False, False]])
