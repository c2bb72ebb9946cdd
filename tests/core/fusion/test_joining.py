"""Parts of one object found and joined."""

import numpy as np
from fusion_scenes import CAMERA, T_CAMERA_BASE, Box, clusters_of, named, pixel_box, view_of

from perception_core.fusion import CameraView, Fusion, FusionConfig
from perception_core.fusion.occlusion import horizon
from perception_core.types import Detections2D, Objects
from perception_core.types.classes import BUS, CAR, INDEX, PERSON, UNKNOWN

FRONT: Box = (20.0, 3.2, 1.6, 2.4, 4.0, 3.0)
REAR: Box = (20.0, -3.2, 1.6, 2.4, 4.4, 3.0)
WHOLE: Box = (20.0, -0.1, 1.6, 2.4, 10.6, 3.0)
PILLAR: Box = (9.0, 0.1, 1.5, 0.4, 1.3, 3.0)
"""A bus across our path, seen on both sides of a pillar that hides 2.2 m of it."""


def fused(*seen: Box) -> Objects:
    return Fusion(FusionConfig()).fuse(clusters_of(*seen), [view_of((*pixel_box(WHOLE), BUS, 0.9))])


def test_a_bus_behind_a_pillar_is_one_bus() -> None:
    objects = fused(FRONT, REAR, PILLAR)
    assert sorted(named(p) for p in objects.class_probabilities) == [BUS, UNKNOWN]
    bus = [named(p) for p in objects.class_probabilities].index(BUS)
    assert objects.point_count[bus] == 120
    assert abs(objects.centre[bus, 1] + 0.1) < 0.8
    assert objects.size[bus, 0] > 10.0


def test_without_anything_before_the_gap_there_are_two_things() -> None:
    assert len(fused(FRONT, REAR)) == 2


def test_what_is_hidden_is_told_by_what_stands_before_it() -> None:
    around = horizon(clusters_of(FRONT, REAR, PILLAR))
    assert around.hidden_gap(0, 1)
    assert around.hidden_gap(1, 0)
    assert not horizon(clusters_of(FRONT, REAR)).hidden_gap(0, 1)
    right, left = 0, 1
    covered = around.covered()
    assert covered[0].tolist() == [True, False]
    assert covered[1, left]
    assert not covered[1, right]
    assert not covered[2].any()


def turned_view(name: str, degrees: float, box: tuple[float, float, float, float]) -> CameraView:
    """A camera turned to the left with one box of a bus."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.eye(4)
    turn[:2, :2] = [[c, s], [-s, c]]
    detections = Detections2D(1_000, "front", np.array([box]), [0.9], [INDEX[BUS]], (640, 480))
    return CameraView(name, CAMERA, T_CAMERA_BASE @ turn, detections)


def test_halves_that_two_cameras_see_are_one_where_their_boxes_end_at_the_images_border() -> None:
    """The cameras look 30 degrees to either side; each cluster is in the image of one of them alone."""
    left: Box = (12.0, 1.6, 1.6, 2.4, 2.6, 3.0)
    right: Box = (12.0, -1.6, 1.6, 2.4, 2.6, 3.0)
    views = [
        turned_view("left", 35.0, (445.0, 150.0, 640.0, 320.0)),
        turned_view("right", -35.0, (0.0, 150.0, 195.0, 320.0)),
    ]
    objects = Fusion(FusionConfig()).fuse(clusters_of(left, right), views)
    assert [named(p) for p in objects.class_probabilities] == [BUS]
    assert abs(objects.centre[0, 1]) < 0.5


def test_two_people_in_one_box_stay_two_and_two_halves_of_one_do_not() -> None:
    """Together they are 1.1 m wide, more than a person and one deviation; the halves are 0.6 m."""
    for gap, expected in ((0.55, 2), (0.3, 1)):
        left, right = (8.0, gap / 2, 0.85, 0.3, gap - 0.05, 1.7), (8.0, -gap / 2, 0.85, 0.3, gap - 0.05, 1.7)
        both: Box = (8.0, 0.0, 0.85, 0.3, 2 * gap, 1.7)
        objects = Fusion(FusionConfig()).fuse(clusters_of(left, right), [view_of((*pixel_box(both), PERSON, 0.9))])
        assert len(objects) == expected


def test_a_child_beside_a_car_in_one_box_stays_a_body_and_a_low_bit_of_the_car_does_not() -> None:
    """The car's rear ends 0.85 m to the left; from 1.25 m on stands something 0.3 m wide, 1.1 m or 0.5 m high."""
    rear: Box = (10.0, 0.0, 0.75, 0.2, 1.7, 1.4)
    both: Box = (10.0, 0.35, 0.75, 0.2, 2.4, 1.4)
    for height, expected in ((1.1, 2), (0.5, 1)):
        beside: Box = (10.0, 1.4, height / 2, 0.3, 0.3, height)
        objects = Fusion(FusionConfig()).fuse(clusters_of(rear, beside), [view_of((*pixel_box(both), CAR, 0.9))])
        assert len(objects) == expected
