"""Clusters of several objects, on the scenes of fusion_scenes.py."""

import dataclasses

import numpy as np
from fusion_scenes import Box, clusters_of, named, pixel_box, view_of

from perception_core.fusion import CameraView, Fusion, FusionConfig, splitting
from perception_core.types import Clusters, InstanceMasks, Objects, Segmentation
from perception_core.types.classes import CAR, PERSON
from perception_core.types.segments import SEGMENT_INDEX

LEFT: Box = (8.0, 0.45, 0.85, 0.3, 0.5, 1.7)
RIGHT: Box = (8.0, -0.25, 0.85, 0.3, 0.5, 1.7)
SIDE: Box = (8.3, 0.0, 0.75, 0.2, 4.2, 1.4)
LEANING: Box = (7.95, 0.6, 0.87, 0.35, 0.45, 1.7)


def joined(*seen: Box, per_cluster: int = 120) -> Clusters:
    """One cluster of the points of several boxes."""
    parts = clusters_of(*seen, per_cluster=per_cluster)
    low, high = parts.points.min(axis=0), parts.points.max(axis=0)
    one = clusters_of((*((low + high) / 2).tolist(), *(high - low).tolist()), per_cluster=len(parts.points))
    return dataclasses.replace(one, points=parts.points)


def fused(clusters: Clusters, view: CameraView) -> Objects:
    return Fusion(FusionConfig()).fuse(clusters, [view])


def masks(*seen: Box) -> InstanceMasks:
    """Each box's pixels belong to the detection of the same number; earlier ones lie on top."""
    instances = np.zeros((480, 640), np.uint16)
    for number in range(len(seen), 0, -1):
        x0, y0, x1, y1 = np.round(pixel_box(seen[number - 1])).astype(int)
        instances[max(y0, 0) : y1, max(x0, 0) : x1] = number
    return InstanceMasks(1_000, "front", instances)


def test_two_people_side_by_side_are_two() -> None:
    """Boxes are enough: 1.2 m across is more than a person."""
    boxes = [(*pixel_box(b), PERSON, 0.8) for b in (LEFT, RIGHT)]
    objects = fused(joined(LEFT, RIGHT), view_of(*boxes))
    assert [named(p) for p in objects.class_probabilities] == [PERSON, PERSON]
    np.testing.assert_allclose(np.sort(objects.centre[:, 1]), [-0.25, 0.45], atol=0.1)
    assert objects.point_count.sum() == 240


def test_no_return_is_lost_and_the_pieces_keep_their_ground() -> None:
    clusters = joined(LEFT, RIGHT)
    boxes = [(*pixel_box(b), PERSON, 0.8) for b in (LEFT, RIGHT)]
    objects = fused(clusters, view_of(*boxes))
    assert objects.point_count.sum() == len(clusters.points)
    np.testing.assert_allclose(objects.centre[:, 2], 0.85, atol=0.1)


def test_one_box_cuts_nothing() -> None:
    assert len(fused(joined(LEFT, RIGHT), view_of((*pixel_box(LEFT), PERSON, 0.8)))) == 1


def test_two_boxes_of_one_person_cut_nothing() -> None:
    boxes = [(*pixel_box(LEFT), PERSON, 0.8), (*pixel_box(LEFT, grow=6.0), PERSON, 0.6)]
    assert len(fused(clusters_of(LEFT, per_cluster=200), view_of(*boxes))) == 1


VAN: Box = (9.0, 0.0, 1.1, 0.5, 5.4, 2.1)
FRONT_HALF: Box = (9.0, 1.4, 1.1, 0.5, 2.6, 2.1)
REAR_HALF: Box = (9.0, -1.4, 1.1, 0.5, 2.6, 2.1)


def test_two_boxes_upon_the_halves_of_a_van_cut_nothing() -> None:
    """5.4 m are longer than a car of two deviations, and too short for two cars in a row."""
    boxes = [(*pixel_box(b), CAR, 0.7) for b in (FRONT_HALF, REAR_HALF)]
    assert len(fused(clusters_of(VAN, per_cluster=400), view_of(*boxes))) == 1


def test_two_cars_in_a_row_are_two() -> None:
    ahead, behind = (9.0, 2.2, 0.8, 0.5, 4.0, 1.5), (9.0, -2.2, 0.8, 0.5, 4.0, 1.5)
    boxes = [(*pixel_box(b), CAR, 0.8) for b in (ahead, behind)]
    objects = fused(joined(ahead, behind, per_cluster=300), view_of(*boxes))
    assert [named(p) for p in objects.class_probabilities] == [CAR, CAR]


def test_a_piece_with_a_slanting_end_lies_as_its_cluster_did() -> None:
    """Rectangles along each side of a wedge, 4 m by 1.2 m, need the same room; of a slanting line there is no doubt."""
    x, y = np.meshgrid(np.arange(0.0, 4.01, 0.1), np.arange(0.0, 1.21, 0.1))
    low = y <= 1.2 * (1.0 - x / 4.0) + 1e-9
    wedge = np.column_stack([10.0 + x[low], y[low], np.full(low.sum(), 1.0)])
    piece = splitting._piece(wedge, 0.0, 0, 0, 0.0)
    assert abs(piece.yaw) < 1e-9
    np.testing.assert_allclose(piece.size[:2], [4.0, 1.2], atol=1e-6)
    across = np.column_stack([wedge[:, 0], 5.0 * wedge[:, 0], wedge[:, 2]])
    assert abs(splitting._piece(across, 0.0, 0, 0, 0.0).yaw - np.arctan(5.0)) < 1e-6


def leaning() -> CameraView:
    return view_of((*pixel_box(LEANING), PERSON, 0.8), (*pixel_box(SIDE), CAR, 0.9))


def test_masks_part_a_person_from_the_car_he_leans_at() -> None:
    view = dataclasses.replace(leaning(), masks=masks(LEANING, SIDE))
    objects = fused(joined(LEANING, SIDE, per_cluster=300), view)
    assert sorted(named(p) for p in objects.class_probabilities) == [CAR, PERSON]
    person = [named(p) for p in objects.class_probabilities].index(PERSON)
    assert np.hypot(*(objects.centre[person, :2] - LEANING[:2])) < 0.3
    assert objects.size[person, 0] < 1.2


def test_pixels_of_people_part_him_too_where_he_stands_out() -> None:
    labels = np.full((480, 640), SEGMENT_INDEX["structure"], np.uint8)
    for thing, name in ((SIDE, "vehicle"), (LEANING, "person")):
        x0, y0, x1, y1 = np.round(pixel_box(thing)).astype(int)
        labels[y0:y1, x0:x1] = SEGMENT_INDEX[name]
    view = dataclasses.replace(leaning(), segmentation=Segmentation(1_000, "front", labels))
    objects = fused(joined(LEANING, SIDE, per_cluster=300), view)
    assert sorted(named(p) for p in objects.class_probabilities) == [CAR, PERSON]


def test_without_pixels_a_box_inside_another_cuts_nothing() -> None:
    assert len(fused(joined(LEANING, SIDE, per_cluster=300), leaning())) == 1


def test_somebody_behind_the_car_takes_nothing_of_it() -> None:
    """His box ends at the roof: he is 1.7 m high, 30 m away, and not where the car is."""
    behind: Box = (30.0, 0.6, 0.85, 0.3, 0.5, 1.7)
    view = view_of((*pixel_box(behind), PERSON, 0.8), (*pixel_box(SIDE), CAR, 0.9))
    view = dataclasses.replace(view, masks=masks(behind, SIDE))
    objects = fused(clusters_of(SIDE, per_cluster=400), view)
    assert [named(p) for p in objects.class_probabilities] == [CAR]
    assert objects.point_count.tolist() == [400]
