"""What is cut, what stays whole."""

import numpy as np

from perception_core.lidar.split import split_components

SENSOR = np.array([0.0, 0.0, 1.7])


def split(*lines, max_length=20.0, max_width=4.0):
    """Split one component made of straight lines (x0, y0, x1, y1) with a cell every 0.2 m."""
    parts = []
    for x0, y0, x1, y1 in lines:
        n = int(np.hypot(x1 - x0, y1 - y0) / 0.2) + 1
        parts.append(np.stack([np.linspace(x0, x1, n), np.linspace(y0, y1, n)]))
    x, y = np.concatenate(parts, axis=1)
    n = len(x)
    azimuth, reach = np.arctan2(y, x), np.hypot(x, y)
    piece, headings = split_components(
        x, y, azimuth, reach, np.full(n, 5, np.int32), np.zeros(n, np.int32), 1, SENSOR, max_length, max_width
    )
    return x, y, piece, headings


def test_the_two_near_sides_of_a_truck_stay_whole() -> None:
    *_, headings = split((8, -2, 18, -2), (8, -2, 8, -4.5))
    assert len(headings) == 1


def test_the_two_far_walls_of_a_yard_are_cut() -> None:
    _, _, _, headings = split((4, 6, 16, 6), (16, 6, 16, -5))
    assert len(headings) >= 2


def test_a_trailer_in_front_of_a_fence_is_cut_off_it() -> None:
    x, y, piece, _ = split((-6, -4, 7.6, -4), (7.6, -4, 7.6, -2.5), (7.6, -2.5, 10, -2.5))
    trailer = set(piece[(y > -3.5)])
    fence = set(piece[(x < 5)])
    assert not trailer & fence


def test_a_straight_wall_is_cut_at_the_longest_length_only() -> None:
    x, _, piece, headings = split((-30, 8, 30, 8))
    assert len(headings) == 4
    for k in range(4):
        assert np.ptp(x[piece == k]) <= 20.0


def test_a_wall_that_leads_away_from_another_is_cut_off_it_and_a_truck_stays_whole() -> None:
    x, y, piece, _ = split((-9, -4, 9, -4), (0, -4.2, 0, -7.5))
    for k in set(piece.tolist()):
        assert min(np.ptp(x[piece == k]), np.ptp(y[piece == k])) < 0.8
    *_, headings = split((6, -2, 17, -2), (6, -2, 6, -4.55))
    assert len(headings) == 1


def test_two_cars_in_one_are_cut_between_them_and_not_through_both() -> None:
    # Bonnets from y = 4 and 3.8, sides at x = -3 and 0, a person between them at -0.5: 4.8 m wide, and 4.2 m. No cut
    # saves 0.3 of that: between the cars it is (4.8 * 4.2 - 1.8 * 4 - 2.4 * 3.2) / 20.2 = 0.26.
    left = [(-3, 4 + 0.4 * k, -1.2, 4 + 0.4 * k) for k in range(5)]
    right = [(0, 3.8 + 0.4 * k, 1.8, 3.8 + 0.4 * k) for k in range(5)]
    x, _, piece, _ = split(*left, (-3, 4, -3, 8), (-0.6, 5, -0.4, 5), *right, (0, 3.8, 0, 7))
    cars = set(piece[x < -1]), set(piece[x > -0.1])
    assert [len(car) for car in cars] == [1, 1]
    assert cars[0] != cars[1]


def test_what_is_too_wide_and_has_no_gap_is_cut_in_the_middle() -> None:
    # A full square of 4.8 m: nothing is gained anywhere.
    rows = [(-2.4, 5 + k * 0.2, 2.4, 5 + k * 0.2) for k in range(25)]
    x, y, piece, headings = split(*rows)
    assert len(headings) == 2
    for k in range(2):
        assert 2.2 <= min(np.ptp(x[piece == k]), np.ptp(y[piece == k])) <= 2.6


def test_no_cells_are_no_pieces() -> None:
    empty = np.empty(0)
    ints = np.empty(0, np.int32)
    piece, headings = split_components(empty, empty, empty, empty, ints, ints, 0, SENSOR, 20.0, 4.0)
    assert len(piece) == len(headings) == 0
