"""Footprints around the middle of their track, by hand."""

import numpy as np

from perception_core.tracking import hulls
from perception_core.tracking.measurements import NO_HULL


def column(*footprints: np.ndarray) -> np.ndarray:
    out = np.full(len(footprints), None, np.object_)
    out[:] = footprints
    return out


def test_corners_lie_around_the_centre_and_none_stay_none() -> None:
    triangle = np.array([[4.0, 2.0], [6.0, 2.0], [4.0, 3.0]])
    moved = hulls.around(column(triangle, NO_HULL), np.array([[5.0, 2.0, 9.0], [1.0, 1.0, 1.0]]))
    np.testing.assert_array_equal(moved[0], [[-1.0, 0.0], [1.0, 0.0], [-1.0, 1.0]])
    assert len(moved[1]) == 0
    assert len(hulls.around(column(), np.empty((0, 2)))) == 0


def test_what_is_seen_in_part_has_no_corners_and_the_given_ones_stay() -> None:
    given = column(np.eye(3, 2), np.eye(3, 2))
    left = hulls.bare(given, np.array([True, False]))
    assert [len(hull) for hull in left] == [0, 3]
    assert [len(hull) for hull in given] == [3, 3]
