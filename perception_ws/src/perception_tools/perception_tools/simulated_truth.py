"""Average precision of a network on images of a simulated drive, whose boxes are known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from perception_core.camera.detector import CameraConfig, CameraDetector, class_table
from perception_core.evaluation.detections import ImageBoxes, detection_scores
from perception_core.inference.backend import Backend
from perception_core.inference.layout import lay_out
from perception_core.inference.model_card import InputSpec, ModelCard
from perception_core.simulation.camera import Camera, camera_model
from perception_core.simulation.labels import PictureLabels, picture_labels
from perception_core.simulation.rig import camera_pose
from perception_core.simulation.scenario import load_scenario
from perception_core.simulation.world import build_world
from perception_core.types import Image

_EVERY = 1.0
_START = 0.1
_LEAST_SCORE = 0.01
"""Low, since the curve of precision over recall needs the doubtful ones too."""

_LEAST_WIDTH, _LEAST_HEIGHT = 3.0, 6.0
"""Pixels of the network's input; smaller boxes are neither asked for nor held against the network."""

_LEAST_VISIBLE = 0.3


@dataclass(frozen=True, slots=True)
class View:
    """One image and what is in it."""

    image: Image
    labels: PictureLabels


@dataclass(frozen=True, slots=True)
class Precision:
    """Means over the classes that are there; see :mod:`perception_core.evaluation.detections`."""

    map50: float
    map50_95: float


def simulated_views(name: str) -> list[View]:
    """Return an image a second of a scenario, as its camera takes them, with their labels.

    Raises:
        ConfigError: there is no such scenario.
    """
    scenario = load_scenario(name)
    config = scenario.config
    world = build_world(scenario, config.seed)
    camera = Camera(config.camera, config.light, camera_model(config.camera), camera_pose(config.camera), config.rain)
    views = []
    for i, time in enumerate(np.arange(_START, config.duration, _EVERY)):
        picture = camera.render(world, float(time), np.random.default_rng([config.seed, i]))
        image = Image(picture.pixels, round(float(time) * 1e9), "camera")
        views.append(View(image, picture_labels(world, picture)))
    return views


def precision(load: Callable[[], Backend], card: ModelCard, views: Sequence[View]) -> Precision:
    """Return the average precision of one network over the classes that its card has and that are there."""
    detector = CameraDetector(load(), card, CameraConfig(score_threshold=_LEAST_SCORE))
    try:
        images = [_boxes(detector, card.input, view) for view in views]
    finally:
        detector.close()
    known = set(class_table(card).tolist()) - {-1}
    there = {int(i) for view in views for i in view.labels.class_ids}
    scores = detection_scores(images, sorted(known & there))
    return Precision(scores.map50, scores.map50_95)


def _boxes(detector: CameraDetector, spec: InputSpec, view: View) -> ImageBoxes:
    found, labels = detector.detect(view.image), view.labels
    height, width = view.image.pixels.shape[:2]
    scale = np.array(lay_out(spec, width, height, CameraConfig().split_wide)[0].scale)
    size = (labels.boxes[:, 2:] - labels.boxes[:, :2]) * scale
    asked = (size >= (_LEAST_WIDTH, _LEAST_HEIGHT)).all(axis=1) & (labels.visible_fraction >= _LEAST_VISIBLE)
    return ImageBoxes(found.boxes, found.scores, found.class_ids, labels.boxes, labels.class_ids, ~asked)
