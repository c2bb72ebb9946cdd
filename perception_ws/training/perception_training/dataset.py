"""Render training data: ``python -m perception_training.dataset OUT --worlds 200 --views 25 --first-seed 1000``.

Runs in the project's own environment. A world is one street by a seed, a shard ``world_SEED.npz`` its views; shards
that are there already are kept, so a stopped run goes on where it was. The same seed gives the same bytes.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from perception_core.simulation.camera import Camera, camera_model
from perception_core.simulation.labels import PictureLabels, picture_labels
from perception_core.simulation.random_street import (
    DURATION,
    random_camera,
    random_light,
    random_rain,
    random_scenario,
)
from perception_core.simulation.repaint import repaint
from perception_core.simulation.rig import camera_pose
from perception_core.simulation.world import World, build_world
from perception_core.types import classes
from perception_training.task import CLASSES, HEIGHT, WIDTH

SUPERSAMPLING = (1.0, 1.5, 2.0)
"""Factors on the size that is rendered; shrunk like a camera's image by the stack's pre-processing."""

_INSIDE = 0.6
"""An object that covers this share of a picture is one the camera stands in."""


def main() -> None:
    """Render the shards that are asked for and not there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--views", type=int, default=25)
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--step", type=int, default=1, help="every how many worlds, to share them among processes")
    parser.add_argument("--offset", type=int, default=0)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for seed in range(given.first_seed + given.offset, given.first_seed + given.worlds, given.step):
        path = given.out / f"world_{seed}.npz"
        if not path.exists():
            write_shard(path, seed, given.views)
            print(path, flush=True)


def write_shard(path: Path, seed: int, views: int) -> None:
    """Render the views of one world into a file, whole or not at all."""
    rng = np.random.default_rng([seed, 0x5A])
    world = repaint(build_world(random_scenario(seed), seed), rng)
    samples = [render_view(world, rng) for _ in range(views)]
    partial = path.with_suffix(".part.npz")
    np.savez_compressed(
        partial,
        images=np.stack([image for image, _ in samples]),
        segments=np.stack([labels.segments for _, labels in samples]),
        boxes=np.concatenate([labels.boxes for _, labels in samples]).astype(np.float32),
        class_ids=np.concatenate([network_classes(labels.class_ids) for _, labels in samples]),
        visible=np.concatenate([labels.visible_fraction for _, labels in samples]).astype(np.float32),
        counts=np.array([len(labels.boxes) for _, labels in samples]),
    )
    partial.rename(path)


def render_view(world: World, rng: np.random.Generator) -> tuple[NDArray[np.uint8], PictureLabels]:
    """Return one image uint8 (HEIGHT, WIDTH, 3) and its labels; views out of somebody's inside are drawn again."""
    while True:
        image, labels, most = _view(world, rng)
        if most < _INSIDE:
            return image, labels


def _view(world: World, rng: np.random.Generator) -> tuple[NDArray[np.uint8], PictureLabels, float]:
    """Return a view with a camera, a light and a moment of its own, and the largest share that one object covers."""
    scale = float(rng.choice(SUPERSAMPLING))
    config = random_camera(rng, round(WIDTH * scale), round(HEIGHT * scale))
    camera = Camera(config, random_light(rng), camera_model(config), camera_pose(config), random_rain(rng))
    picture = camera.render(world, float(rng.uniform(0.0, DURATION)), rng)
    labels = picture_labels(world, picture)
    image = cv2.resize(picture.pixels, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    segments = cv2.resize(labels.segments, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    shrunk = PictureLabels(labels.boxes / scale, labels.class_ids, labels.visible_fraction, segments)
    things = picture.objects[picture.objects >= 0]
    return image, shrunk, float(np.bincount(things, minlength=1).max()) / picture.objects.size


def network_classes(class_ids: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the network's numbers of classes of the stack."""
    table = np.full(len(classes.CLASSES), -1, dtype=np.int32)
    table[[classes.INDEX.get(name, classes.INDEX[classes.UNKNOWN]) for name in CLASSES]] = np.arange(len(CLASSES))
    return np.asarray(table[class_ids], dtype=np.int32)


if __name__ == "__main__":
    main()
