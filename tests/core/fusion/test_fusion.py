"""Fusion on the scenes of fusion_scenes.py, worked out by hand."""

import dataclasses

import numpy as np
import pytest
from fusion_scenes import REAR_OF_CAR, T_CAMERA_BASE, Box, clusters_of, named, pixel_box, view_of

from perception_core.fusion import Fusion, FusionConfig
from perception_core.types import Mode, Sensor
from perception_core.types.classes import CAR, INDEX, PERSON, UNKNOWN


@pytest.fixture
def fusion() -> Fusion:
    """Fusion with default parameters."""
    return Fusion(FusionConfig())


def test_nothing_in_nothing_out_and_the_mode_says_why(fusion: Fusion) -> None:
    assert len(fusion.fuse(clusters_of(), [])) == 0
    assert fusion.fuse(clusters_of(), []).mode is Mode.LIDAR_ONLY
    assert fusion.fuse(clusters_of(), [view_of()]).mode is Mode.FUSED


def test_a_seen_rear_becomes_a_car_behind_it(fusion: Fusion) -> None:
    """The near face at x = 9.95 stays, so that the centre is half a length behind it.

    The class is as good as certain, so the length is nearly that of a car (4.1 m), and the face turns out its width.
    """
    objects = fusion.fuse(clusters_of(REAR_OF_CAR), [view_of((*pixel_box(REAR_OF_CAR), CAR, 0.9))])
    assert named(objects.class_probabilities[0]) == CAR
    assert objects.sensors[0] == Sensor.LIDAR | Sensor.CAMERA
    assert 3.7 < objects.size[0, 0] < 4.2
    assert objects.size[0, 1] == pytest.approx(1.75, abs=0.1)
    np.testing.assert_allclose(objects.centre[0, :2], [9.95 + objects.size[0, 0] / 2, 0.0], atol=0.02)
    assert abs(np.sin(objects.yaw[0])) < 1e-9
    sigma = np.sqrt(np.diag(objects.covariance[0]))
    assert sigma[0] > 0.25 > sigma[1]


def test_the_side_of_a_car_keeps_its_length(fusion: Fusion) -> None:
    """A side 4.0 m long, 9 m ahead and 5 m to the left: the near side stays, the width grows away from us."""
    side: Box = (9.0, 5.0, 0.75, 4.0, 0.2, 1.4)
    box = (320 - 500 * 5.1 / 7, 240 + 500 * 0.75 * 0.08, 320 - 500 * 4.9 / 11, 240 + 500 * 1.45 / 7, CAR, 0.9)
    objects = fusion.fuse(clusters_of(side), [view_of(box)])
    assert named(objects.class_probabilities[0]) == CAR
    assert objects.size[0, 0] == pytest.approx(4.1, abs=0.1)
    assert 1.3 < objects.size[0, 1] < 1.8
    assert objects.centre[0, 1] - objects.size[0, 1] / 2 == pytest.approx(4.9, abs=0.02)


def test_a_wall_stays_what_was_seen_of_it(fusion: Fusion) -> None:
    """Nine metres could be the side of a bus or truck, which is rare: an eighth of their width (2.6 m) at most."""
    wall: Box = (15.0, 8.0, 1.5, 9.0, 0.4, 3.0)
    objects = fusion.fuse(clusters_of(wall), [view_of()])
    assert named(objects.class_probabilities[0]) == UNKNOWN
    np.testing.assert_allclose(objects.centre[0], wall[:3], atol=0.16)
    np.testing.assert_allclose(objects.size[0], wall[3:], atol=0.32)


def test_two_people_side_by_side_take_their_own_boxes(fusion: Fusion) -> None:
    left: Box = (8.0, 0.5, 0.85, 0.4, 0.5, 1.7)
    right: Box = (8.0, -0.5, 0.85, 0.4, 0.5, 1.7)
    boxes = [(*pixel_box(right), PERSON, 0.6), (*pixel_box(left), PERSON, 0.8)]
    objects = fusion.fuse(clusters_of(left, right), [view_of(*boxes)])
    assert [named(p) for p in objects.class_probabilities] == [PERSON, PERSON]
    assert objects.class_probabilities[0, INDEX[PERSON]] > objects.class_probabilities[1, INDEX[PERSON]]


def test_a_person_does_not_take_the_name_of_the_car_behind(fusion: Fusion) -> None:
    """The box is that of a parked car whose returns did not come; the person before it is no car."""
    person: Box = (10.0, 0.3, 0.85, 0.4, 0.5, 1.7)
    car: Box = (14.0, 0.0, 0.75, 0.1, 1.7, 1.4)
    objects = fusion.fuse(clusters_of(person), [view_of((*pixel_box(car, grow=20.0), CAR, 0.9))])
    on_person = np.hypot(*(objects.centre[:, :2] - person[:2]).T) < 0.5
    assert on_person.sum() == 1
    assert objects.class_probabilities[on_person][0, INDEX[CAR]] < 0.05
    assert (objects.size[on_person][0] < [1.0, 0.7, 1.9]).all()


def test_a_far_car_does_not_steal_the_points_of_the_near_one(fusion: Fusion) -> None:
    """The far car's box lies wholly inside the near car's picture, but only the far car fits its pixel height."""
    near: Box = (8.0, 0.0, 0.75, 0.1, 1.7, 1.4)
    far: Box = (30.0, 0.0, 1.1, 0.1, 1.7, 0.7)
    boxes = [(*pixel_box((30.0, 0.0, 0.75, 0.1, 1.7, 1.4)), CAR, 0.5), (*pixel_box(near), CAR, 0.9)]
    objects = fusion.fuse(clusters_of(near, far), [view_of(*boxes)])
    assert [named(p) for p in objects.class_probabilities] == [CAR, CAR]
    assert objects.class_probabilities[0, INDEX[CAR]] > objects.class_probabilities[1, INDEX[CAR]]


def test_two_pieces_of_one_truck_become_one_object(fusion: Fusion) -> None:
    cabin: Box = (20.0, 3.0, 1.3, 2.0, 2.4, 2.4)
    bed: Box = (23.8, 3.0, 1.3, 4.5, 2.4, 2.4)
    whole: Box = (22.5, 3.0, 1.3, 7.0, 2.4, 2.4)
    objects = fusion.fuse(clusters_of(cabin, bed), [view_of((*pixel_box(whole), "truck", 0.9))])
    assert len(objects) == 1
    assert objects.point_count[0] == 120
    np.testing.assert_allclose(objects.size[0, :2], [7.5, 2.5], atol=0.5)
    assert named(objects.class_probabilities[0]) == "truck"


def test_a_miscalibrated_camera_costs_the_name_and_not_the_place(fusion: Fusion) -> None:
    turned = T_CAMERA_BASE.copy()
    c, s = np.cos(0.5), np.sin(0.5)
    turned[:3] = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ turned[:3]
    seen = clusters_of((12.0, 2.0, 0.6, 0.3, 0.3, 0.9))
    alone = fusion.fuse(seen, [])
    objects = fusion.fuse(seen, [view_of((*pixel_box(REAR_OF_CAR), CAR, 0.9), T=turned)])
    np.testing.assert_array_equal(objects.centre, alone.centre)
    np.testing.assert_array_equal(objects.size, alone.size)


def test_camera_only_places_a_person_on_the_ground_by_foot_and_height(fusion: Fusion) -> None:
    """A person 1.73 m tall at 10 m: feet at v = 240 + 500 * 1.5 / 10 = 315, head 86.5 px above."""
    objects = fusion.camera_only([view_of((300.0, 315 - 86.5, 340.0, 315.0, PERSON, 0.8))], 5, "base_link")
    assert objects.mode is Mode.CAMERA_ONLY
    assert objects.sensors[0] == Sensor.CAMERA
    assert objects.centre[0, 0] == pytest.approx(10.0 + 0.62 / 2, abs=0.1)
    assert objects.centre[0, 1] == pytest.approx(0.0, abs=0.05)
    sigma = np.sqrt(np.diag(objects.covariance[0]))
    assert 0.3 < sigma[0] < 2.0
    assert sigma[1] < sigma[0]


def test_camera_only_grows_less_certain_with_distance(fusion: Fusion) -> None:
    def sigma_at(distance: float) -> float:
        foot = 240 + 500 * 1.5 / distance
        box = (310.0, foot - 500 * 1.73 / distance, 330.0, foot, PERSON, 0.8)
        objects = fusion.camera_only([view_of(box)], 5, "base_link")
        return float(np.sqrt(objects.covariance[0, 0, 0]))

    assert sigma_at(8.0) < sigma_at(20.0) < sigma_at(50.0)
    assert sigma_at(50.0) > 3.0


def test_camera_only_above_the_horizon_falls_back_on_the_height(fusion: Fusion) -> None:
    objects = fusion.camera_only([view_of((300.0, 100.0, 340.0, 186.5, PERSON, 0.8))], 5, "base_link")
    assert np.hypot(*objects.centre[0, :2]) == pytest.approx(10.0, abs=0.5)


def test_without_any_camera_the_fallback_is_blind(fusion: Fusion) -> None:
    objects = fusion.camera_only([], 5, "base_link")
    assert len(objects) == 0
    assert objects.mode is Mode.BLIND


def test_no_detection_means_no_certain_class(fusion: Fusion) -> None:
    objects = fusion.fuse(clusters_of(REAR_OF_CAR), [])
    assert named(objects.class_probabilities[0]) == UNKNOWN
    assert objects.class_probabilities[0].sum() == pytest.approx(1.0)


@pytest.mark.parametrize("score", [0.0, 0.3, 1.0])
def test_class_probabilities_are_probabilities(fusion: Fusion, score: float) -> None:
    objects = fusion.fuse(clusters_of(REAR_OF_CAR), [view_of((*pixel_box(REAR_OF_CAR), CAR, score))])
    assert objects.class_probabilities[0].sum() == pytest.approx(1.0)
    assert objects.class_probabilities.min() >= 0.0
    assert 0.0 <= objects.existence[0] <= 1.0
    eigenvalues = np.linalg.eigvalsh(objects.covariance[0])
    assert eigenvalues.min() > 0.0


def test_a_doubtful_truck_that_fits_a_car_is_hardly_longer_than_one(fusion: Fusion) -> None:
    """A trailer's rear, as wide and high as a car's, named truck with score 0.45: a car's shape outweighs the label."""
    rear: Box = (9.0, 0.0, 0.8, 0.2, 1.6, 1.4)
    objects = fusion.fuse(clusters_of(rear), [view_of((*pixel_box(rear), "truck", 0.45))])
    assert objects.size[0, 0] < 4.4
    assert np.sqrt(objects.covariance[0, 0, 0]) > 0.7
    high: Box = (9.0, 0.0, 1.6, 0.2, 2.4, 3.0)
    sure = fusion.fuse(clusters_of(high), [view_of((*pixel_box(high), "truck", 0.9))])
    assert sure.size[0, 0] > 6.0


def test_what_has_no_class_keeps_the_footprint_that_was_seen(fusion: Fusion) -> None:
    """A hedge around a corner of three points: its hull is a triangle, half of its box; a car's is that of its box."""
    hedge: Box = (10.0, 8.0, 0.5, 6.0, 4.0, 0.9)
    triangle = [[7.0, 6.0], [13.0, 6.0], [13.0, 10.0]]
    rear = clusters_of(REAR_OF_CAR).hull
    both = clusters_of(hedge, REAR_OF_CAR)
    found = dataclasses.replace(both, hull=np.vstack([triangle, rear]), hull_start=[0, 3, 7])
    objects = fusion.fuse(found, [view_of((*pixel_box(REAR_OF_CAR), CAR, 0.9))])
    assert [named(p) for p in objects.class_probabilities] == [UNKNOWN, CAR]
    np.testing.assert_array_equal(objects.hull, triangle)
    np.testing.assert_array_equal(objects.hull_start, [0, 3, 3])
