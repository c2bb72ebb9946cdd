"""Overlaps of boxes: by hand, and against OpenCV's intersection of rotated rectangles."""

import cv2
import numpy as np
import pytest

from perception_core.evaluation.box_overlap import box_overlaps


def boxes(*rows):
    """(x, y, z, length, width, height, yaw) as columns."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 7)
    return table[:, :3], table[:, 3:6], table[:, 6]


def test_nobody():
    above, space = box_overlaps(*boxes(), *boxes((0, 0, 0, 4, 2, 1.5, 0)))
    assert above.shape == space.shape == (0, 1)


def test_by_hand():
    """Shifted by half its length 1/3; turned by a quarter 4 of 12 m2; lifted by half its height 1/3; away 0."""
    a = boxes((0, 0, 0, 4, 2, 2, 0.0))
    b = boxes(
        (2, 0, 0, 4, 2, 2, 0.0), (0, 0, 0, 4, 2, 2, np.pi / 2), (0, 0, 1, 4, 2, 2, np.pi), (9, 0, 0, 4, 2, 2, 0.0)
    )
    above, space = box_overlaps(*a, *b)
    assert above[0] == pytest.approx([1 / 3, 1 / 3, 1.0, 0.0])
    assert space[0] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0.0])


def test_boxes_without_extent_overlap_nothing():
    above, space = box_overlaps(*boxes((0, 0, 0, 0, 0, 0, 0)), *boxes((0, 0, 0, 0, 0, 0, 0)))
    assert (above[0, 0], space[0, 0]) == (0.0, 0.0)


def test_the_same_as_opencv():
    rng = np.random.default_rng(7)
    rows = np.column_stack(
        [rng.uniform(-3, 3, (40, 2)), np.zeros(40), rng.uniform(0.5, 6, (40, 2)), np.ones(40), rng.uniform(-3, 3, 40)]
    )
    above, space = box_overlaps(*boxes(*rows[:20]), *boxes(*rows[20:]))
    for i in range(20):
        for j in range(20):
            a, b = rows[i], rows[20 + j]
            rects = [((r[0], r[1]), (r[3], r[4]), np.degrees(r[6])) for r in (a, b)]
            _, outline = cv2.rotatedRectangleIntersection(*rects)
            shared = 0.0 if outline is None else cv2.contourArea(cv2.convexHull(outline))
            expected = shared / (a[3] * a[4] + b[3] * b[4] - shared)
            assert above[i, j] == pytest.approx(expected, abs=2e-4)
    assert space == pytest.approx(above)
