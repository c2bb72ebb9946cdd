"""Shards of rendered images as an endless, shuffled, augmented stream of batches."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from perception_training.losses import Targets
from perception_training.task import MEAN, PAD, STD, is_asked

_SEGMENT_SHIFT = 1
"""Ids of the stack begin with `unknown`; the network's with the first class."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One image uint8 (H, W, 3), its labels' boxes float32 (M, 4), classes (M,), visible (M,), segments (H, W)."""

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    classes: NDArray[np.int32]
    visible: NDArray[np.float32]
    segments: NDArray[np.uint8]


def load_shards(folder: Path, known: set[Path]) -> list[Sample]:
    """Return the samples of the shards of ``folder`` that are not ``known`` yet, and note them there."""
    samples = []
    for path in sorted(set(folder.glob("world_*.npz")) - known):
        if path.name.endswith(".part.npz"):
            continue
        known.add(path)
        with np.load(path) as shard:
            images, segments = shard["images"], shard["segments"]
            ends = np.cumsum(shard["counts"])
            columns = [np.split(shard[name], ends[:-1]) for name in ("boxes", "class_ids", "visible")]
        samples += [Sample(images[i], *(c[i] for c in columns), segments[i]) for i in range(len(images))]
    return samples


def batch(samples: list[Sample], rng: np.random.Generator | None) -> tuple[Tensor, Targets]:
    """Return normalised images (B, 3, H, W) and their targets; augmented where there is an ``rng``."""
    made = [augmented(sample, rng) if rng is not None else sample for sample in samples]
    most = max(1, *(len(sample.boxes) for sample in made))
    boxes = torch.zeros(len(made), most, 4)
    classes = torch.zeros(len(made), most, dtype=torch.int64)
    valid, ignored = torch.zeros(2, len(made), most, dtype=torch.bool)
    for i, sample in enumerate(made):
        count = len(sample.boxes)
        boxes[i, :count] = torch.from_numpy(sample.boxes)
        classes[i, :count] = torch.from_numpy(sample.classes).long()
        asked = torch.from_numpy(is_asked(sample.boxes, sample.visible))
        valid[i, :count], ignored[i, :count] = asked, ~asked
    images = torch.from_numpy(np.stack([sample.image for sample in made])).permute(0, 3, 1, 2).float()
    segments = torch.from_numpy(np.stack([sample.segments[2::4, 2::4] for sample in made])).long() - _SEGMENT_SHIFT
    segments[segments < 0] = 255
    return (images - MEAN) / STD, Targets(boxes, classes, valid, ignored, segments)


def augmented(sample: Sample, rng: np.random.Generator) -> Sample:
    """Return the sample mirrored, moved, scaled, in other colours, blurred and noisy, each by chance."""
    height, width = sample.image.shape[:2]
    scale = float(np.exp(rng.uniform(np.log(0.65), np.log(1.7)))) if rng.uniform() < 0.7 else 1.0
    stretch = float(rng.uniform(0.92, 1.08))
    sx, sy = scale * stretch, scale / stretch
    x = float(rng.uniform(min(0.0, width - width * sx), max(0.0, width - width * sx)))
    y = float(rng.uniform(min(0.0, height - height * sy), max(0.0, height - height * sy)))
    flip = rng.uniform() < 0.5
    matrix = np.array([[-sx if flip else sx, 0.0, width - 1 - x if flip else x], [0.0, sy, y]])
    image = cv2.warpAffine(sample.image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(PAD, PAD, PAD))
    segments = cv2.warpAffine(sample.segments, matrix, (width, height), flags=cv2.INTER_NEAREST, borderValue=0)
    boxes = sample.boxes * np.array([sx, sy, sx, sy], np.float32) + np.array([x, y, x, y], np.float32)
    if flip:
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1)
    inside = np.clip(boxes, 0.0, [width, height, width, height]).astype(np.float32)
    share = np.prod(inside[:, 2:] - inside[:, :2], axis=1) / np.maximum(
        np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), 1.0
    )
    visible = np.where(share > 0.2, sample.visible, 0.0).astype(np.float32)
    kept = share > 0.0
    return Sample(_recoloured(image, rng), inside[kept], sample.classes[kept], visible[kept], segments)


def _recoloured(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    if rng.uniform() < 0.8:
        level = np.arange(256, dtype=np.float32) / 255.0
        gain, gamma, lift = rng.uniform(0.75, 1.3), np.exp(rng.uniform(-0.35, 0.35)), rng.uniform(-0.06, 0.06)
        tints = rng.uniform(0.9, 1.1, 3)
        tables = np.stack([np.clip((level * gain * tint) ** gamma + lift, 0.0, 1.0) for tint in tints], 1)
        image = cv2.LUT(image, np.rint(tables * 255.0).astype(np.uint8)[:, None])
    if rng.uniform() < 0.15:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None].astype(np.float32)
        image = np.rint(image + float(rng.uniform(0.3, 1.0)) * (grey - image)).astype(np.uint8)
    if rng.uniform() < 0.15:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.2)))
    if rng.uniform() < 0.2:
        noise = rng.normal(0.0, float(rng.uniform(2.0, 12.0)), image.shape).astype(np.float32)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return image
