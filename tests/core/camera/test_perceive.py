"""Every task through a real network: boxes, masks and classes of pixels, in batches, in the image's own pixels."""

import numpy as np
import pytest

from perception_core.camera import CameraConfig, CameraDetector, draw_result
from perception_core.camera.detector import owners_of, segment_table
from perception_core.camera.overlay import colour_labels
from perception_core.errors import ImageError, ModelError
from perception_core.inference import create_backend
from perception_core.inference.model_card import InputSpec
from perception_core.types import CLASSES, SEGMENTS, Image, Segmentation

SURFACES = {"segments": ("road", "sky", "bird"), "segment_labels": ("ground", "sky", "")}
LABELS = {"labels": ("person", "bicycle", "car")}


@pytest.fixture
def build(tmp_path, networks):
    """Build a detector around a network that always returns ``outputs``."""

    def build_around(family, outputs, input_shape=(1, 3, 64, 64), config=None, **keys) -> CameraDetector:
        path = networks.write(tmp_path / "tiny.onnx", outputs, input_shape)
        return CameraDetector(create_backend(path), networks.model_card(family, **LABELS | keys), config)

    return build_around


def image(width: int, height: int, stamp_ns: int = 7) -> Image:
    return Image(np.full((height, width, 3), 100, np.uint8), stamp_ns, "front")


def surfaces(batch: int = 1) -> np.ndarray:
    """Return scores (batch, 3, 16, 16): sky above row 8 of 16, road below, a bird in the corner."""
    out = np.zeros((batch, 3, 16, 16), np.float32)
    out[:, 1, :8], out[:, 0, 8:], out[:, 2, 0, 0] = 1, 1, 2
    return out


def boxes(*rows, anchors: int = 84) -> np.ndarray:
    """Return a YOLOv8 output with these rows: x, y, width, height, then three scores."""
    out = np.zeros((1, len(rows[0]) if rows else 7, anchors), np.float32)
    for i, row in enumerate(rows):
        out[0, :, i] = row
    return out


def test_segmentation_alone(build):
    detector = build("class_map", {"out": surfaces()}, task="segmentation", classes=0, **SURFACES | {"labels": ()})
    detector.warm_up()
    result = detector.perceive(image(128, 128))
    assert result.detections is None
    assert result.masks is None
    assert (result.segmentation.stamp_ns, result.segmentation.frame) == (7, "front")
    labels = result.segmentation.labels
    assert labels.shape == (128, 128)
    assert [SEGMENTS[labels[y, x]] for y, x in ((20, 50), (63, 50), (64, 50), (127, 127))] == [
        "sky",
        "sky",
        "ground",
        "ground",
    ]
    assert (labels[:8, :8] == 0).all()  # the bird is of no class here
    with pytest.raises(ModelError, match=r"tiny\.onnx: a network for segmentation detects no objects"):
        detector.detect(image(64, 64))


def test_two_tasks_in_one_network(build):
    keys = {"task": "multitask", "segmentation_output": "map"}
    outputs = {"boxes": boxes([32, 32, 16, 8, 0, 0, 0.9]), "map": surfaces()}
    result = build("yolov8", outputs, **keys | SURFACES).perceive(image(64, 64))
    np.testing.assert_allclose(result.detections.boxes, [[24, 28, 40, 36]])
    assert SEGMENTS[result.segmentation.labels[40, 40]] == "ground"


def instances(*rows) -> dict[str, np.ndarray]:
    """Return YOLOv8 boxes with two weights each, and prototypes: everywhere, and the left half."""
    prototypes = np.full((1, 2, 16, 16), -1, np.float32)
    prototypes[0, 0], prototypes[0, 1, :, :8] = 1, 1
    return {"output0": boxes(*rows), "output1": prototypes}


def test_masks_belong_to_the_detections(build):
    outputs = instances([16, 32, 16, 16, 0, 0, 0.8, 1, 0], [48, 32, 32, 16, 0, 0, 0.9, 1, 0])
    result = build("yolov8", outputs, task="instances").perceive(image(128, 128))
    np.testing.assert_allclose(result.detections.boxes, [[64, 48, 128, 80], [16, 48, 48, 80]])
    for i, box in enumerate(result.detections.boxes.astype(int)):
        mask = result.masks.mask(i)
        assert mask[box[1] : box[3], box[0] : box[2]].all()
        assert mask.sum() == (box[3] - box[1]) * (box[2] - box[0])


def test_masks_that_nobody_asks_for_are_not_drawn(build):
    result = build("yolov8", instances([16, 32, 16, 16, 0, 0, 0.8, 1, 0]), task="instances").perceive(
        image(128, 128), pixels=False
    )
    assert len(result.detections) == 1
    assert result.masks is None


def test_a_rider_s_mask_is_of_both_parts(build):
    # A person of 8 x 18 on a bicycle of 16 x 10, as in the tests of riders.
    outputs = instances([32, 32, 16, 10, 0, 0.6, 0, 1, 0], [32, 24, 8, 18, 0.9, 0, 0, 1, 0])
    result = build("yolov8", outputs, task="instances").perceive(image(64, 64))
    assert [CLASSES[c] for c in result.detections.class_ids] == ["cyclist"]
    assert result.masks.mask(0).sum() == 16 * 10 + 8 * 18 - 8 * 6


def test_masks_in_windows_of_a_wide_image(build):
    # 256 x 64 in two stacked windows of 147 columns at 64 / 147; a box in the lower one.
    outputs = instances([32, 44, 16, 16, 0, 0, 0.8, 1, 0])
    result = build("yolov8", outputs, task="instances").perceive(image(256, 64))
    (box,) = result.detections.boxes
    rows, columns = np.nonzero(result.masks.mask(0))
    assert columns.min() > 128
    edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert edges == np.round(box).astype(int).tolist()


@pytest.mark.parametrize(("declared", "runs"), [("batch", 1), (2, 2), (1, 3)])
def test_batches_open_too_small_and_single(build, networks, tmp_path, declared, runs):
    """Three images of different sizes; the network answers with its image's place in the batch."""
    each = {"batch": 3, 2: 2, 1: 1}[declared]
    raw = np.zeros((each, 7, 84), np.float32)
    for i in range(each):
        raw[i, :, 0] = [32, 32, 16, 16, 0, 0, 0.5 + 0.1 * i]
    detector = build("yolov8", {"o": raw}, (declared, 3, 64, 64))
    counted = []
    run = detector.backend.run
    detector.backend.run = lambda feeds: counted.append(len(feeds["images"])) or run(feeds)
    sizes = [(64, 64), (128, 128), (32, 16)]
    results = detector.perceive_batch([image(w, h, i) for i, (w, h) in enumerate(sizes)])
    assert len(counted) == runs
    assert set(counted) == {each}
    assert [r.detections.stamp_ns for r in results] == [0, 1, 2]
    assert [r.detections.image_size for r in results] == sizes
    scores = [0.5 + 0.1 * (i % each) for i in range(3)]
    np.testing.assert_allclose([r.detections.scores[0] for r in results], scores, atol=1e-6)
    np.testing.assert_allclose(results[1].detections.boxes, [[48, 48, 80, 80]])
    assert detector.perceive_batch([]) == []


def test_each_image_of_a_batch_is_seen_in_its_place(tmp_path, networks):
    # The network returns the mean of each of its images as the score.
    nodes = [
        networks.helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=1),
        networks.helper.make_node("Reshape", ["mean", "shape"], ["score"]),
        networks.helper.make_node("Concat", ["box", "score"], ["output"], axis=1),
    ]
    constants = {
        "shape": np.array([2, 1, 1]),
        "box": np.tile(np.array([[[32], [32], [16], [16]]], np.float32), (2, 1, 1)),
    }
    arrays = [networks.numpy_helper.from_array(value, name) for name, value in constants.items()]
    path = networks.save(tmp_path / "mean.onnx", nodes, arrays, (2, 3, 64, 64), [2, 5, 1])
    card = networks.model_card("yolov8", 1, input=InputSpec(width=64, height=64, scale=1 / 255))
    detector = CameraDetector(create_backend(path), card)
    pictures = [Image(np.full((64, 64, 3), grey, np.uint8), 0, "c") for grey in (102, 204)]
    scores = [r.detections.scores.tolist() for r in detector.perceive_batch(pictures)]
    np.testing.assert_allclose(scores, [[0.4], [0.8]], atol=1e-6)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (8000, 6000)])
@pytest.mark.parametrize("task", ["segmentation", "instances"])
def test_any_size_of_image(build, width, height, task):
    if task == "segmentation":
        detector = build("class_map", {"out": surfaces()}, task=task, classes=0, **SURFACES | {"labels": ()})
        assert detector.perceive(image(width, height)).segmentation.labels.shape == (height, width)
    else:
        detector = build("yolov8", instances([32, 32, 64, 64, 0, 0, 0.9, 1, 0]), task=task)
        assert detector.perceive(image(width, height)).masks.instances.shape == (height, width)


def test_a_segment_label_outside_the_vocabulary_is_named(build):
    with pytest.raises(ModelError, match="label 'heaven' of segment 'sky' is none of unknown, ground"):
        build(
            "class_map",
            {"out": surfaces()},
            task="segmentation",
            classes=0,
            labels=(),
            segments=("road", "sky", "bird"),
            segment_labels=("", "heaven", ""),
        )


def test_unknown_is_what_nobody_names(networks):
    table = segment_table(networks.model_card("yolov8"))
    assert table.shape == (256,)
    assert not table.any()


def test_wholes_own_their_parts():
    wholes = np.array([[0, 0, 10, 10], [0, 0, 4, 4], [20, 20, 30, 30]], float)
    parts = np.array([[20, 20, 30, 30], [1, 1, 3, 3], [5, 5, 9, 9], [8, 8, 12, 12]], float)
    assert owners_of(parts, wholes).tolist() == [2, 1, 0, -1]
    assert owners_of(parts, np.empty((0, 4))).tolist() == [-1] * 4
    assert owners_of(np.empty((0, 4)), wholes).tolist() == []


def test_the_picture_shows_surfaces_masks_and_boxes(build):
    keys = {"task": "multitask", "segmentation_output": "map"}
    picture = image(64, 64)
    outputs = {"boxes": boxes([32, 32, 16, 8, 0, 0, 0.9]), "map": surfaces()}
    result = build("yolov8", outputs, **keys | SURFACES).perceive(picture)
    canvas = draw_result(picture, result)
    assert (picture.pixels == 100).all()
    sky = 0.6 * 100 + 0.4 * colour_labels(Segmentation(0, "c", np.full((1, 1), 6, np.uint8)))[0, 0]
    np.testing.assert_allclose(canvas[10, 60], sky, atol=1)
    assert (canvas[:4, :4] == 100).all()  # unknown stays as it is
    with pytest.raises(ImageError, match="the label image has 64x64 pixels, the image 32x64"):
        draw_result(image(32, 64), result)


def test_the_picture_of_masks_and_of_nothing(build):
    picture = image(64, 64)
    result = build("yolov8", instances([32, 48, 32, 16, 0, 0, 0.9, 1, 0]), task="instances").perceive(picture)
    canvas = draw_result(picture, result)
    np.testing.assert_allclose(canvas[50, 30], [0.5 * 100 + 0.5 * c for c in (80, 200, 60)], atol=1)
    assert (canvas[5, 5] == 100).all()
    empty = build("yolov8", {"o": boxes()})
    np.testing.assert_array_equal(draw_result(picture, empty.perceive(picture)), picture.pixels)


def test_thresholds_hold_for_every_family(build):
    outputs = {"o": boxes([32, 32, 16, 16, 0, 0, 0.5])}
    assert len(build("yolov8", outputs).detect(image(64, 64))) == 1
    strict = CameraConfig(score_threshold=0.6)
    assert len(build("yolov8", outputs, config=strict).detect(image(64, 64))) == 0
