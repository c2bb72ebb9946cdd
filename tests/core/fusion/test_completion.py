"""Whole boxes from visible ones."""

import numpy as np
import pytest
from fusion_scenes import REAR_OF_CAR, Box, clusters_of
from hypothesis import given
from hypothesis import strategies as st

from perception_core.fusion import completion
from perception_core.fusion.completion import Boxes
from perception_core.fusion.extents import extents, seen_of
from perception_core.types import CLASSES
from perception_core.types.classes import CAR, INDEX, PERSON, UNKNOWN


def completed(thing: Box, named: bool = True, **probabilities: float) -> Boxes:
    clusters = clusters_of(thing)
    boxes = completion.visible_boxes(clusters)
    seen = seen_of(boxes.centre, boxes.size, boxes.yaw, clusters.top.astype(float), clusters.point_count)
    p = np.zeros((1, len(CLASSES)))
    for name, share in probabilities.items():
        p[0, INDEX[name]] = share
    p[0, INDEX[UNKNOWN]] += 1.0 - p.sum()
    return completion.complete(boxes, seen, clusters.bottom.astype(float), extents(seen), p, np.array([named]))


def test_what_is_unknown_stays_as_it_was_seen() -> None:
    box = completed(REAR_OF_CAR)
    np.testing.assert_allclose(box.centre[0], REAR_OF_CAR[:3])
    np.testing.assert_allclose(sorted(box.size[0, :2]), [0.1, 1.7])
    np.testing.assert_allclose(box.covariance[0, :3, :3], 0.01 * np.eye(3))


def test_a_class_as_likely_as_not_moves_the_centre_half_way_and_doubts_the_rest() -> None:
    """The near face at 9.95 m stays in both."""
    whole, half = completed(REAR_OF_CAR, car=1.0), completed(REAR_OF_CAR, car=0.5)
    assert half.centre[0, 0] - 10.0 == pytest.approx((whole.centre[0, 0] - 10.0) / 2)
    for box in (whole, half):
        length = box.size[0, 0] if abs(np.cos(box.yaw[0])) > 0.7 else box.size[0, 1]
        assert box.centre[0, 0] - length / 2 == pytest.approx(9.95)
    moved = whole.centre[0, 0] - 10.0
    assert half.covariance[0, 0, 0] > (moved / 2) ** 2 > whole.covariance[0, 0, 0]


def test_what_a_camera_names_lies_as_far_along_as_across_when_both_are_as_likely() -> None:
    """A corner of 1.6 m by 1.6 m, straight ahead of it: the length may hide behind either face.

    Each way moves the middle by half of what is missing of 4.1 m, about 1.3 m, along its own axis: together by half of
    of that along both. Without a name one of the ways is taken as a whole.
    """
    corner: Box = (10.0, 10.0, 0.7, 1.6, 1.6, 1.4)
    both, one = completed(corner, car=1.0), completed(corner, named=False, car=1.0)
    moved, other = both.centre[0, :2] - 10.0, one.centre[0, :2] - 10.0
    assert moved[0] == pytest.approx(moved[1])
    assert 0.5 < moved[0] < 0.8
    assert moved.sum() == pytest.approx(other.sum())
    assert abs(other[0] - other[1]) > 0.9
    np.testing.assert_allclose(both.centre[0, :2] - both.size[0, :2] / 2, [9.2, 9.2])


def test_what_stands_reaches_the_ground() -> None:
    """The rear is seen from 0.05 to 1.45 m; the roof may lie a little higher."""
    box = completed(REAR_OF_CAR, car=1.0)
    assert box.centre[0, 2] - box.size[0, 2] / 2 == pytest.approx(0.0, abs=1e-6)
    assert 1.45 <= box.size[0, 2] < 1.75


def test_a_person_grows_little_and_to_both_sides() -> None:
    person: Box = (8.0, 0.0, 0.9, 0.3, 0.5, 1.7)
    box = completed(person, person=1.0)
    assert (box.size[0, :2] < [1.0, 0.8]).all()
    assert abs(box.centre[0, 0] - 8.0) < 0.1
    assert np.sqrt(box.covariance[0, 0, 0]) < 0.2


SIDES = st.floats(0.05, 8.0)


@given(SIDES, SIDES, st.floats(0.3, 4.0), st.floats(-40, 40), st.floats(2, 40), st.sampled_from([CAR, PERSON, "bus"]))
def test_boxes_only_grow_and_covariances_are_positive_definite(
    dx: float, dy: float, dz: float, x: float, y: float, name: str
) -> None:
    thing: Box = (x, y, dz / 2, dx, dy, dz)
    box = completed(thing, **{name: 0.7})
    assert (np.sort(box.size[0, :2]) >= np.sort([dx, dy]) - 1e-6).all()
    assert box.size[0, 0] >= box.size[0, 1] - 1e-9
    assert np.linalg.eigvalsh(box.covariance[0]).min() > 0.0
    corners = np.abs(box.centre[0, :2] - [x, y])
    assert (corners <= np.abs(box.size[0, :1] + max(dx, dy)) / 2 + 1e-6).all()


def test_the_boxes_of_two_parts_in_line_become_one() -> None:
    """Two metres from 9 to 11 and from 12 to 15: six from 9 to 15, along the longer part."""
    parts = clusters_of((10.0, 4.0, 1.0, 2.0, 1.0, 2.0), (13.5, 4.2, 1.0, 3.0, 1.0, 1.0))
    centre, size, yaw, _ = completion.merge_boxes(completion.visible_boxes(parts), [0, 1], [10, 20])
    np.testing.assert_allclose(centre, [12.0, 4.1, 1.0])
    np.testing.assert_allclose(size, [6.0, 1.2, 2.0])
    assert yaw == pytest.approx(0.0)
