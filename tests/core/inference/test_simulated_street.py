"""The network that comes with the package: its card, what it sees of streets it has not seen, and that it repeats."""

import numpy as np
import pytest

from perception_core.camera.detector import CameraConfig, build_detector
from perception_core.evaluation.segmentation import segmentation_scores
from perception_core.inference.registry import find_model, sha256_of
from perception_core.simulation import load_scenario
from perception_core.simulation.camera import Camera, camera_model
from perception_core.simulation.labels import picture_labels
from perception_core.simulation.random_street import random_scenario
from perception_core.simulation.rig import camera_pose
from perception_core.simulation.world import build_world
from perception_core.types import Image, classes
from perception_core.types.segments import OTHER, SEGMENT_INDEX, SEGMENTS, UNKNOWN

NAME = "simulated_street"
UNSEEN_SEEDS = (900_100, 900_101, 900_102)
"""Beyond those of the training set, and not those of the published figures either."""

LEAST_MEAN_IOU = 0.7


@pytest.fixture(scope="module")
def detector():
    made = build_detector(CameraConfig(model=NAME))
    yield made
    made.close()


def look(scenario, time):
    config = scenario.config
    world = build_world(scenario, config.seed)
    camera = Camera(config.camera, config.light, camera_model(config.camera), camera_pose(config.camera))
    picture = camera.render(world, time, np.random.default_rng(0))
    return Image(picture.pixels, 0, "camera"), picture_labels(world, picture)


@pytest.fixture(scope="module")
def city():
    return look(load_scenario("city"), 1.0)


def test_it_is_found_without_any_folder_and_is_what_its_card_says():
    path, card = find_model(NAME)
    assert path.name == card.file
    assert card.sha256 == (sha256_of(path),)
    assert card.size == path.stat().st_size <= 3_000_000
    assert card.task == "multitask"


def test_weights_that_the_user_brings_come_first(tmp_path):
    packaged, card = find_model(NAME)
    (tmp_path / card.file).write_bytes(packaged.read_bytes())
    assert find_model(NAME, [tmp_path])[0] == tmp_path / card.file


def test_the_card_says_that_it_knows_only_simulated_images():
    path, _ = find_model(NAME)
    text = (path.parents[1] / "cards" / f"{NAME}.yaml").read_text()
    assert "ONLY SIMULATED IMAGES" in text


def test_the_car_ahead_is_found(detector, city):
    image, labels = city
    found = detector.detect(image)
    # Of the cars in our half of the middle of the image the nearest is the one ahead.
    middle = (labels.boxes[:, 0] + labels.boxes[:, 2]) / 2
    cars = np.flatnonzero((labels.class_ids == classes.INDEX["car"]) & (np.abs(middle - 480) < 100))
    ahead = labels.boxes[cars[np.argmax(labels.boxes[cars, 3])]]
    low, high = np.maximum(found.boxes[:, :2], ahead[:2]), np.minimum(found.boxes[:, 2:], ahead[2:])
    shared = np.prod(np.maximum(high - low, 0.0), axis=1)
    union = np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1) + np.prod(ahead[2:] - ahead[:2]) - shared
    best = int(np.argmax(shared / union))
    assert shared[best] / union[best] > 0.6
    assert found.class_ids[best] == classes.INDEX["car"]


def test_classes_of_pixels_on_streets_it_has_not_seen(detector):
    asked = tuple(SEGMENT_INDEX[name] for name in SEGMENTS if name not in (UNKNOWN, OTHER))
    total = None
    for seed in UNSEEN_SEEDS:
        image, labels = look(random_scenario(seed), 6.0)
        scores = segmentation_scores(detector.perceive(image).segmentation.labels, labels.segments, asked)
        total = scores if total is None else total + scores
    assert total.mean_iou > LEAST_MEAN_IOU


def test_several_cameras_in_one_run_are_what_each_is_alone(detector, city):
    assert detector.batch is None  # any number of images a run
    front, (rear, _) = city[0], look(random_scenario(UNSEEN_SEEDS[0]), 3.0)
    together = detector.perceive_batch([front, rear, front])
    for image, found in zip((front, rear, front), together, strict=True):
        alone = detector.perceive(image)
        np.testing.assert_allclose(found.detections.boxes, alone.detections.boxes, atol=0.01)
        np.testing.assert_allclose(found.detections.scores, alone.detections.scores, atol=1e-4)
        assert np.mean(found.segmentation.labels != alone.segmentation.labels) < 1e-4


@pytest.mark.parametrize(("width", "height"), [(1, 1), (8000, 6000), (20_000, 3), (3, 20_000)])
def test_the_smallest_and_the_largest_images_are_read_to_the_end(detector, width, height):
    found = detector.perceive(Image(np.full((height, width, 3), 90, np.uint8), 0, "camera"))
    assert found.segmentation.labels.shape == (height, width)
    assert (found.detections.boxes >= 0).all()
    assert (found.detections.boxes <= [width, height] * 2).all()


def test_the_same_image_gives_the_same_bytes(detector, city):
    image, _ = city
    first, again = detector.perceive(image), detector.perceive(image)
    assert first.detections.boxes.tobytes() == again.detections.boxes.tobytes()
    assert first.detections.scores.tobytes() == again.detections.scores.tobytes()
    assert first.segmentation.labels.tobytes() == again.segmentation.labels.tobytes()
