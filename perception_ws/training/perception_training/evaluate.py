"""Judge a model on what it has not seen: ``python -m perception_training.evaluate MODEL [--picture P.png] [--json]``.

Runs in the project's own environment, through the stack's own camera detector: pre-processing, decoding, suppression.
Random streets have seeds that the training set does not reach; the package's scenarios were never trained on.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from perception_core.camera.detector import CameraConfig, CameraResult, build_detector
from perception_core.evaluation.detections import ImageBoxes, detection_scores
from perception_core.evaluation.segmentation import SegmentationScores, segmentation_scores
from perception_core.simulation import load_scenario
from perception_core.simulation.camera import Camera, camera_model
from perception_core.simulation.labels import PictureLabels, picture_labels
from perception_core.simulation.random_street import random_scenario
from perception_core.simulation.repaint import repaint
from perception_core.simulation.rig import camera_pose
from perception_core.simulation.world import build_world
from perception_core.types import Image, classes, segments
from perception_training.dataset import render_view
from perception_training.task import CLASSES, HEIGHT, SEGMENTS, WIDTH, is_asked

FIRST_UNSEEN_SEED = 900_000
SCENARIOS = ("city", "junction", "hills", "yard", "car_park")

LARGE = 20.0
"""Height in pixels of the input, from which on an object is large: a person at 23 m in the demo's camera."""

_LEAST_SCORE = 0.01
"""Curves of precision need the doubtful detections too."""

_CLASS_IDS = [classes.INDEX.get(name, classes.INDEX[classes.UNKNOWN]) for name in CLASSES]
_SEGMENT_IDS = tuple(segments.SEGMENT_INDEX[name] for name in SEGMENTS)
_COLOURS = ((255, 120, 0), (0, 140, 255), (255, 0, 255), (0, 0, 255), (0, 255, 255), (255, 255, 255))
_PALETTE = np.array(
    [[0, 0, 0], [128, 64, 128], [200, 60, 0], [0, 0, 220], [40, 160, 40], [90, 90, 90], [220, 180, 120], [0, 255, 255]],
    np.uint8,
)


@dataclass(frozen=True, slots=True)
class View:
    """One image uint8 (H, W, 3) and what is to be seen in it."""

    image: NDArray[np.uint8]
    labels: PictureLabels


def main() -> None:
    """Print the scores of a model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--views", type=int, default=15)
    parser.add_argument("--every", type=float, default=1.0, help="seconds between images of the scenarios")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    sets = {"random streets": list(unseen_streets(given.worlds, given.views))}
    sets |= {name: list(drive(name, given.every)) for name in SCENARIOS}
    results = {name: evaluate(given.model, views) for name, views in sets.items()}
    if given.picture is not None:
        chosen = [*sets["random streets"][:: max(1, len(sets["random streets"]) // 5)][:5], sets["city"][3]]
        cv2.imwrite(str(given.picture), draw(given.model, chosen))
    print(json.dumps(results, indent=1) if given.json else table(results))


def unseen_streets(worlds: int, views: int) -> Iterator[View]:
    """Yield views of random streets of the unseen seeds."""
    for seed in range(FIRST_UNSEEN_SEED, FIRST_UNSEEN_SEED + worlds):
        rng = np.random.default_rng([seed, 1])
        world = repaint(build_world(random_scenario(seed), seed), rng)
        for _ in range(views):
            yield View(*render_view(world, rng))


def drive(name: str, every: float) -> Iterator[View]:
    """Yield images of a scenario of the package as its own camera takes them."""
    scenario = load_scenario(name)
    config = scenario.config
    world = build_world(scenario, config.seed)
    pose = camera_pose(config.camera)
    camera = Camera(config.camera, config.light, camera_model(config.camera), pose, config.rain)
    for i, time in enumerate(np.arange(0.1, config.duration, every)):
        picture = camera.render(world, float(time), np.random.default_rng([config.seed, 7, i]))
        yield View(picture.pixels, picture_labels(world, picture))


def evaluate(model: str, views: list[View]) -> dict[str, Any]:
    """Return the figures of one set of images."""
    detector = build_detector(CameraConfig(model=model, score_threshold=_LEAST_SCORE))
    boxes: list[ImageBoxes] = []
    large: list[ImageBoxes] = []
    pixels = SegmentationScores(np.zeros((len(SEGMENTS),) * 2, np.int64), np.zeros(len(SEGMENTS), np.int64))
    for view in views:
        result = detector.perceive(Image(view.image, 0, "camera"))
        boxes.append(_image_boxes(view, result))
        large.append(_image_boxes(view, result, LARGE))
        assert result.segmentation is not None
        pixels += segmentation_scores(result.segmentation.labels, view.labels.segments, _SEGMENT_IDS)
    detector.close()
    scores = detection_scores(boxes, _CLASS_IDS)
    return {
        "images": len(views),
        "map50": scores.map50,
        "map50_95": scores.map50_95,
        "map50_large": detection_scores(large, _CLASS_IDS).map50,
        "ap50": dict(zip(CLASSES, scores.average_precision[:, 0].tolist(), strict=True)),
        "objects": dict(zip(CLASSES, scores.truths.tolist(), strict=True)),
        "miou": pixels.mean_iou,
        "iou": dict(zip(SEGMENTS, pixels.iou.tolist(), strict=True)),
    }


def _image_boxes(view: View, result: CameraResult, least_height: float = 0.0) -> ImageBoxes:
    """Return what is found and what is there; objects lower than ``least_height`` pixels of the input are not asked."""
    found, labels = result.detections, view.labels
    assert found is not None
    height, width = view.image.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height)
    asked = is_asked(labels.boxes, labels.visible_fraction, scale)
    asked &= (labels.boxes[:, 3] - labels.boxes[:, 1]) * scale >= least_height
    return ImageBoxes(found.boxes, found.scores, found.class_ids, labels.boxes, labels.class_ids, ~asked)


def draw(model: str, views: list[View]) -> NDArray[np.uint8]:
    """Return images with what the model says: boxes on the left, classes of pixels on the right."""
    detector = build_detector(CameraConfig(model=model))
    rows = []
    for view in views:
        result = detector.perceive(Image(view.image, 0, "camera"))
        assert result.segmentation is not None
        factor = 2 * WIDTH / view.image.shape[1]
        size = 2 * WIDTH, round(view.image.shape[0] * factor)
        canvas = cv2.resize(view.image, size, interpolation=cv2.INTER_LINEAR)
        labels = cv2.resize(result.segmentation.labels, size, interpolation=cv2.INTER_NEAREST)
        classed = cv2.addWeighted(canvas, 0.35, _PALETTE[labels], 0.65, 0.0)
        _draw_boxes(canvas, result, factor)
        rows.append(np.hstack([canvas, classed]))
    detector.close()
    return np.vstack(rows)


def _draw_boxes(canvas: NDArray[np.uint8], result: CameraResult, factor: float) -> None:
    found = result.detections
    assert found is not None
    for box, score, class_id in zip(found.boxes * factor, found.scores, found.class_ids, strict=True):
        number = _CLASS_IDS.index(int(class_id))
        left, top, right, bottom = np.rint(box).astype(int).tolist()
        cv2.rectangle(canvas, (left, top), (right, bottom), _COLOURS[number], 1, cv2.LINE_AA)
        place, text = (left, max(10, top - 3)), f"{CLASSES[number]} {score:.2f}"
        cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, _COLOURS[number], 1, cv2.LINE_AA)


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return the figures as Markdown."""
    lines = ["| scenes | images | mAP50 | mAP50, large | mAP50-95 | mIoU |", "|---|---|---|---|---|---|"]
    for name, r in results.items():
        figures = (r["map50"], r["map50_large"], r["map50_95"], r["miou"])
        lines.append(f"| {name} | {r['images']} | " + " | ".join(f"{value:.3f}" for value in figures) + " |")
    lines += ["", f"| AP50 | {' | '.join(CLASSES)} |", "|---|" + "---|" * len(CLASSES)]
    lines += [f"| {name} | {_cells(r['ap50'])} |" for name, r in results.items()]
    lines += ["", f"| IoU | {' | '.join(SEGMENTS)} |", "|---|" + "---|" * len(SEGMENTS)]
    lines += [f"| {name} | {_cells(r['iou'])} |" for name, r in results.items()]
    return "\n".join(lines)


def _cells(values: dict[str, float]) -> str:
    return " | ".join("-" if np.isnan(value) else f"{value:.2f}" for value in values.values())


if __name__ == "__main__":
    main()
