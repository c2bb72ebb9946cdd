"""Anchors of a 4 x 2 m box seen from the origin."""

import numpy as np

from perception_core.tracking.anchoring import (
    LOOSE_SIGMA,
    NEW,
    RIGID,
    SETTLED,
    SMALL_SIGMA,
    anchor_offset,
    anchored_innovation,
    quarter_turns,
    visible_sides,
)

SIZE = np.array([4.0, 2.0, 1.5])


def sides(x: float, y: float, yaw: float = 0.0) -> np.ndarray:
    return visible_sides(np.array([[x, y, 0.0]]), SIZE[None], np.array([yaw]), np.zeros(2), 0.1)[0]


def compare(
    centre: list[float],
    size: list[float],
    yaw: float,
    side: list[float],
    lidar: bool = True,
    loose: tuple[tuple[int, int], ...] = ((0, 0), (0, 0)),
    known: tuple[tuple[int, int], ...] = ((1, 1), (1, 1)),
    familiar: int = NEW,
    end_variance: float = np.inf,
):
    """Innovation and its noise against a track of 4 x 2 m at (10, 0); centre variance 1, face variance 0.01."""
    innovation, noise = np.empty(3), np.empty((3, 3))
    track = np.array([10.0, 0, 0]), SIZE, 0.0, np.array(side), np.array(known, bool), familiar
    seen = np.array([*centre, 0.0]), np.array([*size, 1.5]), yaw, np.eye(3), lidar, np.array(loose, bool)
    anchored_innovation(*track, *seen, 0.01, end_variance, innovation, noise)
    return innovation, noise


def test_straight_ahead_only_the_rear_is_seen() -> None:
    np.testing.assert_array_equal(sides(10.0, 0.0), [-1.0, 0.0])


def test_beside_only_the_side_is_seen() -> None:
    np.testing.assert_array_equal(sides(0.0, 5.0), [0.0, -1.0])


def test_diagonally_ahead_the_near_corner_is_seen() -> None:
    np.testing.assert_array_equal(sides(10.0, 5.0), [-1.0, -1.0])


def test_a_grazed_face_counts_in_part() -> None:
    # the side's plane passes the sensor at 0.05 x 10.0499 m: half of the grazing sine 0.1
    y = 1.0 + 0.05 * np.hypot(10.0, 1.5)
    np.testing.assert_allclose(sides(10.0, y)[1], -0.5, atol=0.01)


def test_inside_the_box_nothing_is_seen_from_outside() -> None:
    np.testing.assert_array_equal(sides(0.5, 0.5), [0.0, 0.0])


def test_offset_of_the_rear_face_of_a_box_turned_left() -> None:
    offset = anchor_offset(SIZE[None], np.array([np.pi / 2]), np.array([[-1.0, 0.0]]))
    np.testing.assert_allclose(offset, [[0.0, -2.0]], atol=1e-12)


def test_the_rear_alone_at_the_right_place_is_no_innovation() -> None:
    # rear face of the track at x = 8; the slab seen reaches from 8.0 to 8.2
    innovation, noise = compare([8.1, 0.0], [0.2, 2.0], 0.0, [-1.0, 0.0])
    np.testing.assert_allclose(innovation, 0.0, atol=1e-12)
    np.testing.assert_allclose(np.diag(noise), [0.01, 1.0, 1.0])


def test_the_same_slab_named_by_its_long_side() -> None:
    innovation, _ = compare([8.1, 0.0], [2.0, 0.2], np.pi / 2, [-1.0, 0.0])
    np.testing.assert_allclose(innovation, 0.0, atol=1e-12)
    assert quarter_turns(np.pi / 2, 0.0) == -1


def test_a_missing_part_may_lie_on_either_end() -> None:
    """Width 1 of 2 seen, no side face: 0.5 m of room, evenly: 0.5^2 / 3, and for ten looks on end; 0.7 is 0.2 out."""
    for y, expected in ((0.5, 0.0), (-0.3, 0.0), (0.7, 0.2)):
        innovation, noise = compare([8.1, y], [0.2, 1.0], 0.0, [-1.0, 0.0])
        np.testing.assert_allclose(innovation, [0.0, expected, 0.0], atol=1e-12)
        np.testing.assert_allclose(noise[1, 1], 1.0 + 10.0 * 0.25 / 3.0)


def test_an_end_that_grows_alone_is_no_motion() -> None:
    """A wall known from x = 8 to 12 is seen to 12.6, then as a whole 0.2 m farther: only that is motion."""
    grown, _ = compare([10.3, 0.0], [4.6, 2.0], 0.0, [0.0, -1.0])
    np.testing.assert_allclose(grown, 0.0, atol=1e-12)
    moved, _ = compare([10.2, 0.0], [4.0, 2.0], 0.0, [0.0, -1.0])
    np.testing.assert_allclose(moved, [0.2, 0.0, 0.0], atol=1e-12)


def test_the_end_of_a_thin_wall_is_no_face() -> None:
    """Seen from its end, of the track 4 m long 3 m are seen, 0.1 m thick: they may lie anywhere along it."""
    innovation, noise = compare([10.5, 0.0], [3.0, 0.1], 0.0, [-1.0, 0.0])
    np.testing.assert_allclose(innovation[0], 0.0, atol=1e-12)
    assert noise[0, 0] > 1.0
    innovation, noise = compare([9.8, 0.0], [3.0, 2.0], 0.0, [-1.0, 0.0])  # a broad one: the rear is 0.3 m farther
    np.testing.assert_allclose([innovation[0], noise[0, 0]], [0.3, 0.01], atol=1e-12)


def test_how_the_middle_lies_in_the_object_is_no_matter_for_its_motion() -> None:
    _, noise = compare([8.1, 0.0], [0.2, 2.0], 0.0, [-1.0, 0.0], end_variance=0.04)
    np.testing.assert_allclose(np.diag(noise), [0.01, 0.04, 1.0])


def test_a_part_of_the_height_does_not_climb() -> None:
    """The upper 0.9 m of 1.5 m: its middle is 0.3 m higher, which the track's box holds."""
    innovation, noise = np.empty(3), np.empty((3, 3))
    track = np.array([10.0, 0.0, 0.0]), SIZE, 0.0, np.zeros(2), np.ones((2, 2), bool), False
    seen = np.array([10.0, 0.0, 0.3]), np.array([4.0, 2.0, 0.9]), 0.0, np.eye(3), True, np.zeros((2, 2), bool)
    anchored_innovation(*track, *seen, 0.01, np.inf, innovation, noise)
    np.testing.assert_allclose(innovation, 0.0, atol=1e-12)
    assert noise[2, 2] > 1.0


def test_small_things_are_followed_by_their_middle() -> None:
    innovation, noise = np.empty(3), np.empty((3, 3))
    track = (
        np.array([10.0, 0.0, 0.0]),
        np.array([0.6, 0.5, 1.8]),
        0.0,
        np.array([-1.0, 0.0]),
        np.ones((2, 2), bool),
        NEW,
    )
    seen = np.array([10.1, 0.0, 0.0]), np.array([1.0, 0.5, 1.8]), 0.0, np.eye(3), True, np.zeros((2, 2), bool)
    anchored_innovation(*track, *seen, 0.01, np.inf, innovation, noise)
    np.testing.assert_allclose(innovation, [0.1, 0.0, 0.0], atol=1e-12)  # the rear face has moved the other way
    np.testing.assert_allclose(noise[0, 0], SMALL_SIGMA**2 + 0.01)


def test_what_touches_the_near_end_moves_nothing() -> None:
    """Rear at 8 seen, front at 12: a post 1.5 m behind joins, the rear jumps to 6.5, the front stays; and back."""
    joined = [9.25, 0.0], [5.5, 2.0], 0.0, [-1.0, 0.0]
    np.testing.assert_allclose(compare(*joined)[0][0], -1.5)  # a young track: it might come this way
    np.testing.assert_allclose(compare(*joined, familiar=SETTLED)[0], 0.0, atol=1e-12)
    shorter = [10.75, 0.0], [2.5, 2.0], 0.0, [-1.0, 0.0]
    np.testing.assert_allclose(compare(*shorter, familiar=SETTLED)[0], 0.0, atol=1e-12)
    across = [10.0, 0.5], [4.0, 3.0], 0.0, [0.0, 1.0]
    np.testing.assert_allclose(compare(*across, familiar=SETTLED)[0], 0.0, atol=1e-12)


def test_a_piece_deep_inside_a_parked_car_does_not_pull_it() -> None:
    """Rear at 8, hidden behind a crest; what is seen is 1 m of roof, anywhere within, and the same for ten looks."""
    piece = [10.2, 0.0], [1.0, 1.8], 0.0, [-1.0, 0.0]
    np.testing.assert_allclose(compare(*piece, familiar=SETTLED)[0][0], 9.7 - 8.0)  # drives off, or shows less
    innovation, noise = compare(*piece, familiar=RIGID)
    np.testing.assert_allclose(innovation[0], 0.0, atol=1e-12)
    np.testing.assert_allclose(noise[0, 0], 1.0 + 10.0 * 1.5**2 / 3.0)  # 1.5 m of room to either side
    out = [12.7, 0.0], [1.0, 1.8], 0.0, [-1.0, 0.0]
    np.testing.assert_allclose(compare(*out, familiar=RIGID)[0][0], 2.7 - 1.5)  # it sticks out: that is motion


def test_a_parked_car_that_sets_off_takes_its_rear_along() -> None:
    # 0.4 m on within a scan, as fast as cars start; or a rear farther on by more, but more than half of it in sight
    for centre, size in (([8.9, 0.0], [1.0, 2.0]), ([10.0, 0.0], [2.5, 2.0])):
        rear = centre[0] - size[0] / 2.0
        np.testing.assert_allclose(compare(centre, size, 0.0, [-1.0, 0.0], familiar=RIGID)[0][0], rear - 8.0)


def test_what_moves_moves_with_both_ends() -> None:
    # 1.5 m on, the far end completed to 0.6 m less or more
    for length in (3.4, 4.6):
        innovation, _ = compare([9.5 + length / 2.0, 0.0], [length, 2.0], 0.0, [-1.0, 0.0], familiar=SETTLED)
        np.testing.assert_allclose(innovation[0], 1.5)


def test_a_camera_box_is_compared_by_its_centre() -> None:
    innovation, noise = compare([8.1, 0.0], [0.2, 2.0], 0.0, [-1.0, 0.0], lidar=False)
    np.testing.assert_allclose(innovation, [-1.9, 0.0, 0.0])
    np.testing.assert_array_equal(noise, np.eye(3))


def test_a_hidden_end_leaves_the_other_one_as_the_anchor() -> None:
    # the left half of the rear, y 0..1, its right end hidden: the left end is where the track has it
    innovation, noise = compare([8.1, 0.5], [0.2, 1.0], 0.0, [-1.0, 0.0], loose=((0, 0), (1, 0)))
    np.testing.assert_allclose(innovation, 0.0, atol=1e-12)
    np.testing.assert_allclose(np.diag(noise), [0.01, 0.01, 1.0])


def test_the_other_end_is_no_anchor_where_the_track_does_not_know_it() -> None:
    part = {"loose": ((0, 0), (1, 0)), "known": ((1, 1), (1, 0))}
    innovation, noise = compare([8.1, 0.8], [0.2, 1.0], 0.0, [-1.0, 0.0], **part)
    # y 0.3..1.3 leaves the track's -1..1 by 0.3 m
    np.testing.assert_allclose(innovation, [0.0, 0.3, 0.0], atol=1e-12)
    np.testing.assert_allclose(noise[1, 1], LOOSE_SIGMA**2)


def test_a_part_with_two_hidden_ends_may_lie_anywhere_within_the_track() -> None:
    inside, _ = compare([8.1, 0.4], [0.2, 1.0], 0.0, [-1.0, 0.0], loose=((0, 0), (1, 1)))
    np.testing.assert_allclose(inside, 0.0, atol=1e-12)


def test_hidden_ends_turn_with_the_names_of_the_axes() -> None:
    # the same slab named by its length along y: its upper end lies at y = 1 (yaw 90 degrees) or at y = -1 (-90)
    left, _ = compare([8.1, 0.2], [1.0, 0.2], np.pi / 2, [-1.0, 0.0], loose=((0, 1), (0, 0)))
    right, _ = compare([8.1, 0.2], [1.0, 0.2], -np.pi / 2, [-1.0, 0.0], loose=((0, 1), (0, 0)))
    # what is left to compare: the lower end, y = -0.3 against -1, and y = 0.7 against 1
    np.testing.assert_allclose([left[1], right[1]], [0.7, -0.3], atol=1e-12)
