"""What the cameras said lately: the kinds that belong together, sizes, ages, bad boxes."""

import numpy as np
import pytest
from fusion_scenes import CAMERA, REAR_OF_CAR, T_CAMERA_BASE, clusters_of, named, pixel_box, view_of
from test_pixel_classes import painted

from perception_core.fusion import CameraResults, CameraView, Fusion, FusionConfig
from perception_core.types import Detections2D, InstanceMasks, Mode, Segmentation
from perception_core.types.classes import CAR, INDEX, UNKNOWN

MS = 1_000_000


def boxes(stamp_ns: int) -> Detections2D:
    box = np.array([pixel_box(REAR_OF_CAR)])
    return Detections2D(stamp_ns, "front", box, [0.9], [INDEX[CAR]], (640, 480))


def masks(stamp_ns: int, size: tuple[int, int] = (480, 640)) -> InstanceMasks:
    return InstanceMasks(stamp_ns, "front", np.ones(size, np.uint16))


def labels(stamp_ns: int, size: tuple[int, int] = (480, 640)) -> Segmentation:
    return Segmentation(stamp_ns, "front", np.full(size, 2, np.uint8))


@pytest.fixture
def results() -> CameraResults:
    return CameraResults(FusionConfig())


def test_pixels_of_another_image_do_not_belong(results: CameraResults) -> None:
    for result in (boxes(100 * MS), labels(100 * MS), masks(50 * MS)):
        results.add("front", result)
    answer = results.nearest("front", 110 * MS)
    assert answer is not None
    assert (answer.stamp_ns, answer.masks) == (100 * MS, None)
    assert answer.segmentation is not None
    assert answer.view("front", CAMERA, T_CAMERA_BASE, 110 * MS).age == pytest.approx(0.01)


def test_a_camera_without_boxes_answers_with_its_labels(results: CameraResults) -> None:
    results.add("front", labels(100 * MS))
    answer = results.nearest("front", 110 * MS)
    assert answer is not None
    assert (len(answer.detections), answer.finds_objects, results.finds_objects("front")) == (0, False, False)
    objects = Fusion(FusionConfig()).fuse(clusters_of(REAR_OF_CAR), [answer.view("front", CAMERA, T_CAMERA_BASE, 0)])
    assert objects.mode is Mode.FUSED
    assert named(objects.class_probabilities[0]) == CAR


def test_pixels_of_another_size_are_told_and_left_out(results: CameraResults) -> None:
    for result in (boxes(0), labels(0, (240, 320)), masks(0, (24, 32))):
        results.add("front", result)
    answer = results.nearest("front", 0)
    assert answer is not None
    assert answer.misfits(CAMERA) == (
        "label image of 320x240, the camera has 640x480",
        "masks of 32x24, the camera has 640x480",
    )
    view = answer.view("front", CAMERA, T_CAMERA_BASE, 0)
    assert (view.segmentation, view.masks) == (None, None)


def test_a_scan_waits_for_either_kind(results: CameraResults) -> None:
    results.add("front", boxes(100 * MS))
    results.add("front", labels(0))
    assert results.waiting_for(("front", "rear"), 100 * MS) == ("front",)
    results.add("front", labels(100 * MS))
    assert results.waiting_for(("front", "rear"), 100 * MS) == ()
    results.clear()
    assert results.nearest("front", 100 * MS) is None


def test_boxes_that_are_none_are_counted_and_cost_nothing_else() -> None:
    good, bad = pixel_box(REAR_OF_CAR), (np.nan, 0.0, 10.0, 10.0)
    flat, inverted = (5.0, 5.0, 5.0, 9.0), (20.0, 20.0, 10.0, 10.0)
    view = view_of(*[(*box, CAR, 0.9) for box in (bad, good, flat, inverted)], (*good, CAR, 1.5))
    fusion = Fusion(FusionConfig())
    objects = fusion.fuse(clusters_of(REAR_OF_CAR), [view])
    assert [named(p) for p in objects.class_probabilities] == [CAR]
    assert fusion.take_dropped() == {"camera front: boxes that are no boxes": 4}
    assert not fusion.take_dropped()


def test_a_late_image_is_laid_over_with_the_play_of_its_age() -> None:
    """A car that was 1.4 m to the side 0.2 s ago: matched by the rules for old images, not by those for fresh ones."""
    x0, y0, x1, y1 = pixel_box(REAR_OF_CAR)
    moved = view_of((x0 + 70.0, y0, x1 + 70.0, y1, CAR, 0.9))
    old = CameraView("front", CAMERA, T_CAMERA_BASE, moved.detections, age=0.2)
    fresh, late = (Fusion(FusionConfig()).fuse(clusters_of(REAR_OF_CAR), [view]) for view in (moved, old))
    assert named(fresh.class_probabilities[0]) == UNKNOWN
    assert named(late.class_probabilities[0]) == CAR
    sure = Fusion(FusionConfig()).fuse(clusters_of(REAR_OF_CAR), [view_of((x0, y0, x1, y1, CAR, 0.9))])
    assert late.class_probabilities[0, INDEX[CAR]] < sure.class_probabilities[0, INDEX[CAR]]


def test_labels_of_pixels_have_the_size_of_the_camera() -> None:
    assert painted((None, "sky")).labels.shape == (CAMERA.height, CAMERA.width)
