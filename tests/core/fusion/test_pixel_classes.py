"""Classes of pixels in fusion, on the scenes of fusion_scenes.py: the camera at 1.5 m looks along +x, f = 500 px.

The rear of a car 10 m ahead fills columns 277 to 363 and rows 242 to 313.
"""

import dataclasses

import numpy as np
import pytest
from fusion_scenes import CAMERA, REAR_OF_CAR, T_CAMERA_BASE, Box, clusters_of, named, pixel_box, view_of

from perception_core.errors import ImageError
from perception_core.fusion import CameraView, Fusion, FusionConfig
from perception_core.fusion.pixel_classes import agreement, class_counts, closest_box, labels_at, match_support
from perception_core.fusion.views import project_clusters
from perception_core.types import SEGMENTS, Mode, Objects, Segmentation, Sensor
from perception_core.types.classes import ANIMAL, CAR, CYCLIST, INDEX, PERSON, UNKNOWN
from perception_core.types.segments import SEGMENT_INDEX

HEDGE: Box = (10.0, 0.0, 0.75, 1.0, 1.9, 1.5)
"""As large as a car."""


def painted(*parts: tuple[Box | None, str]) -> Segmentation:
    """A label image in which the pixels of some boxes (None: all) have a class; later ones lie on top."""
    labels = np.zeros((480, 640), np.uint8)
    for seen, name in parts:
        x0, y0, x1, y1 = (0, 0, 640, 480) if seen is None else np.round(pixel_box(seen)).astype(int)
        labels[max(y0, 0) : y1, max(x0, 0) : x1] = SEGMENT_INDEX[name]
    return Segmentation(1_000, "front", labels)


def with_labels(view: CameraView, *parts: tuple[Box | None, str]) -> CameraView:
    return CameraView(view.name, view.model, view.T_camera_base, view.detections, painted(*parts))


def fused(clusters, *views: CameraView, trust: float = 0.7) -> Objects:
    return Fusion(FusionConfig(segmentation_trust=trust)).fuse(clusters, views)


def test_a_point_takes_the_class_of_its_pixel() -> None:
    """Half a metre to the left at 10 m is column 295, and 0.75 m above ground row 277.5, whose pixel is 278."""
    clusters = clusters_of((10.0, 0.5, 0.75, 0.0, 0.0, 0.0), per_cluster=3)
    labels = np.zeros((480, 640), np.uint8)
    labels[278, 295] = SEGMENT_INDEX["vehicle"]
    projected = project_clusters(clusters, view_of())
    assert labels_at(projected, Segmentation(1_000, "front", labels)).tolist() == [SEGMENT_INDEX["vehicle"]] * 3


def test_points_at_the_border_have_a_pixel() -> None:
    """320 - 500 y / 10 = -0.4 and 639.4: the outermost pixels."""
    edges = [(10.0, y, 1.5, 0.0, 0.0, 0.0) for y in (6.408, -6.388)]
    projected = project_clusters(clusters_of(*edges, per_cluster=3), view_of())
    assert projected.count.tolist() == [3, 3]
    assert (labels_at(projected, painted((None, "sky"))) == SEGMENT_INDEX["sky"]).all()


@pytest.mark.parametrize(
    ("what", "pixels", "support"),
    [
        (CAR, "vehicle", 1.0),
        (CAR, "other", 1.0),
        (CAR, "unknown", 1.0),
        (CAR, "vegetation", 0.3),
        (CAR, "person", 0.3),
        (PERSON, "person", 1.0),
        (PERSON, "structure", 0.3),
        (CYCLIST, "vehicle", 1.0),
        (CYCLIST, "person", 1.0),
        (UNKNOWN, "structure", 1.0),
        (ANIMAL, "vegetation", 1.0),
    ],
)
def test_pixels_of_another_class_speak_against_a_match(what: str, pixels: str, support: float) -> None:
    """The box is twice as high as the cluster in it, and shows its own class in the upper half."""
    own = {CAR: "vehicle", PERSON: "person", CYCLIST: "person"}.get(what, "other")
    x0, y0, x1, y1 = pixel_box(REAR_OF_CAR)
    view = view_of((x0, 2 * y0 - y1, x1, y1, what, 0.9))
    projected = project_clusters(clusters_of(REAR_OF_CAR), view)
    found = match_support(projected, view, painted((None, own), (REAR_OF_CAR, pixels)), 0.7)
    np.testing.assert_allclose(found, [[support]], atol=0.03)


@pytest.mark.parametrize(("filled", "expected"), [(0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (1.0, 1.0)])
def test_a_box_is_confirmed_by_half_of_its_pixels(filled: float, expected: float) -> None:
    """A quarter of 64 rows shows a person: half as many as a person fills."""
    labels = np.zeros((480, 640), np.uint8)
    labels[100 : 100 + int(64 * filled), 200:264] = SEGMENT_INDEX["person"]
    segmentation = Segmentation(1_000, "front", labels)
    view = view_of((200.0, 100.0, 264.0, 164.0, PERSON, 0.9), (700.0, 0.0, 720.0, 20.0, PERSON, 0.9))
    np.testing.assert_allclose(agreement(view, segmentation), [expected, 0.0])


def test_where_the_label_image_shows_no_such_thing_it_says_nothing() -> None:
    view = view_of((*pixel_box(REAR_OF_CAR), CAR, 0.9))
    projected = project_clusters(clusters_of(REAR_OF_CAR), view)
    np.testing.assert_allclose(match_support(projected, view, painted((None, "structure")), 0.7), [[1.0]])


def test_points_outside_of_the_box_do_not_count() -> None:
    view = view_of((0.0, 0.0, 100.0, 100.0, CAR, 0.9))
    projected = project_clusters(clusters_of(REAR_OF_CAR), view)
    np.testing.assert_allclose(match_support(projected, view, painted((None, "sky")), 0.7), [[1.0]])


def test_returns_are_counted_by_class_of_pixel() -> None:
    projected = project_clusters(clusters_of(REAR_OF_CAR, HEDGE), view_of())
    counts = class_counts(projected, painted((None, "sky"), (REAR_OF_CAR, "vehicle")))
    assert counts.shape == (2, len(SEGMENTS))
    assert counts.sum(axis=1).tolist() == [60, 60]
    assert counts[0, SEGMENT_INDEX["vehicle"]] == 60


def test_a_point_belongs_to_the_box_whose_middle_is_nearest_in_half_widths() -> None:
    """Boxes from 0 to 100 and from 80 to 120: 85 is 0.7 half widths from the first middle, 0.75 from the second."""
    boxes = np.array([[0.0, 0.0, 100.0, 50.0], [80.0, 0.0, 120.0, 50.0]])
    pixels = np.array([[85.0, 10.0], [90.0, 10.0], [110.0, 50.0], [110.0, 51.0], [121.0, 10.0]])
    ids = np.array([INDEX[CAR], INDEX[PERSON]], np.int32)
    assert closest_box(pixels, boxes, ids, None).tolist() == [0, 1, 1, -1, -1]


def test_a_point_belongs_to_no_box_whose_class_its_pixel_does_not_show() -> None:
    boxes = np.array([[0.0, 0.0, 100.0, 50.0]] * 3)
    ids = np.array([INDEX[PERSON], INDEX[CYCLIST], INDEX[CAR]], np.int32)
    pixels = np.array([[50.0, 10.0]])
    assert closest_box(pixels, boxes, ids, painted((None, "person"))).tolist() == [0]
    assert closest_box(pixels, boxes, ids, painted((None, "vehicle"))).tolist() == [1]
    assert closest_box(pixels, boxes, ids, painted((None, "sky"))).tolist() == [-1]


# -- what becomes of it in fusion --------------------------------------------------------------------------------------


def test_a_car_shaped_hedge_is_hardly_completed_to_a_car() -> None:
    """Leaves are seen more often on nameless things than on vehicles' outlines; the obstacle stays an obstacle."""
    plain = fused(clusters_of(HEDGE), view_of())
    assert plain.class_probabilities[0, INDEX[CAR]] > 0
    objects = fused(clusters_of(HEDGE), with_labels(view_of(), (None, "vegetation")))
    assert named(objects.class_probabilities[0]) == UNKNOWN
    assert np.linalg.norm(objects.centre[0, :2] - HEDGE[:2]) < np.linalg.norm(plain.centre[0, :2] - HEDGE[:2])
    assert objects.size[0, 0] < plain.size[0, 0]
    np.testing.assert_allclose(objects.existence, plain.existence)  # an obstacle all the same


def test_pixels_of_vehicles_name_a_thing_where_the_camera_has_nothing_but_pixels() -> None:
    """One that finds objects, and found none there, may have meant what stands behind."""
    view = with_labels(view_of(), (None, "vehicle"))
    plain = fused(clusters_of(HEDGE), view_of())
    detecting = fused(clusters_of(HEDGE), view)
    assert named(detecting.class_probabilities[0]) == UNKNOWN
    np.testing.assert_allclose(detecting.size, plain.size, rtol=1e-3)
    labelling = fused(clusters_of(HEDGE), dataclasses.replace(view, finds_objects=False))
    assert named(labelling.class_probabilities[0]) == CAR
    assert labelling.size[0, 0] > plain.size[0, 0]


def test_a_box_takes_the_cluster_that_shows_its_class() -> None:
    """A box from 296 to 396, around a post at 366 to 394 and four fifths of a person at 292 to 314."""
    person: Box = (9.0, 0.3, 0.85, 0.3, 0.4, 1.7)
    post: Box = (9.2, -1.1, 0.9, 0.1, 0.5, 1.8)
    _, y0, x1, y1 = pixel_box(post)
    view = view_of((296.0, y0, x1, y1, PERSON, 0.9))
    blind = fused(clusters_of(person, post), view)
    assert [named(p) for p in blind.class_probabilities] == [UNKNOWN, PERSON]
    labels = ((None, "structure"), (person, "person"))
    objects = fused(clusters_of(person, post), with_labels(view, *labels), trust=1.0)
    assert [named(p) for p in objects.class_probabilities] == [PERSON, UNKNOWN]
    np.testing.assert_allclose(objects.centre[1], post[:3], atol=0.05)  # the post is left standing


def test_what_shows_leaves_is_no_part_of_the_car() -> None:
    """A bush in the box of the car, beside its rear: without labels it is taken for a piece of it."""
    bush: Box = (10.4, 0.0, 1.3, 0.3, 0.5, 0.3)
    view = view_of((*pixel_box(REAR_OF_CAR, 4.0), CAR, 0.9))
    assert len(fused(clusters_of(REAR_OF_CAR, bush), view)) == 1
    labelled = with_labels(view, (REAR_OF_CAR, "vehicle"), ((10.4, 0.0, 1.3, 0.3, 0.55, 0.35), "vegetation"))
    objects = fused(clusters_of(REAR_OF_CAR, bush), labelled)
    assert objects.point_count.max() == 60


def test_a_network_that_sees_no_car_does_not_take_a_good_match_away() -> None:
    view = view_of((*pixel_box(REAR_OF_CAR), CAR, 0.9))
    objects = fused(clusters_of(REAR_OF_CAR), with_labels(view, (None, "structure")))
    assert named(objects.class_probabilities[0]) == CAR
    assert objects.sensors[0] == Sensor.LIDAR | Sensor.CAMERA


def test_without_trust_label_images_change_nothing() -> None:
    view = view_of((*pixel_box(REAR_OF_CAR), CAR, 0.9))
    clusters = clusters_of(REAR_OF_CAR, HEDGE)
    with_it = fused(clusters, with_labels(view, (None, "vegetation")), trust=0.0)
    without = fused(clusters, view)
    for name in ("centre", "size", "class_probabilities", "existence", "covariance"):
        assert getattr(with_it, name).tobytes() == getattr(without, name).tobytes()


def test_label_images_without_boxes_and_without_clusters() -> None:
    view = with_labels(view_of(), (None, "sky"))
    assert len(fused(clusters_of(), view)) == 0
    assert fused(clusters_of(REAR_OF_CAR), view).mode is Mode.FUSED


def test_a_label_image_of_another_size_is_refused() -> None:
    small = Segmentation(1_000, "front", np.zeros((240, 320), np.uint8))
    with pytest.raises(ImageError, match="label image of 320x240, the camera has 640x480"):
        CameraView("front", CAMERA, T_CAMERA_BASE, view_of().detections, small)
