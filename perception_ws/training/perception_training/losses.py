"""Which cells answer for which object, and what their answers cost.

Task-aligned assignment (Feng et al., "TOOD", arXiv:2108.07755, section 3.2): the cells answer that already score and
overlap best. Objectness learns that alignment by the varifocal loss (Zhang et al., arXiv:2008.13367), boxes the
generalised IoU (Rezatofighi et al., arXiv:1902.09630).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from perception_training.network import decode

_TOP = 10
_SCORE_POWER, _OVERLAP_POWER = 0.5, 4.0
_REACH = 1.0
"""Cells up to so many strides from an object's middle may answer for it, where it holds the centre of none."""

_WEIGHTS = {"objectness": 1.0, "class": 0.7, "box": 2.0, "segments": 1.0}


@dataclass(frozen=True, slots=True)
class Targets:
    """A batch of B images with up to M objects each.

    Attributes:
        boxes: (B, M, 4) pixels.
        classes: int64 (B, M).
        valid: bool (B, M) objects to be found.
        ignored: bool (B, M) objects too hidden or too small: finding them is neither right nor wrong.
        segments: int64 (B, H / 4, W / 4), 255 where nothing is known.
    """

    boxes: Tensor
    classes: Tensor
    valid: Tensor
    ignored: Tensor
    segments: Tensor


def loss(cells: Tensor, logits: Tensor, targets: Targets, grid_cells: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Return the loss of a batch and its parts."""
    cells, logits = cells.float(), logits.float()
    boxes = decode(cells, grid_cells)
    owner, quality, spared = assign(cells.detach(), boxes.detach(), targets, grid_cells)
    positive = owner >= 0
    total = quality.sum().clamp(min=1.0)
    images = torch.arange(len(cells), device=cells.device)[:, None].expand_as(owner)[positive]
    wanted_boxes = targets.boxes[images, owner[positive]]
    wanted_classes = functional.one_hot(targets.classes[images, owner[positive]], cells.shape[2] - 5).float()
    weight = quality[positive]
    objectness = cells[..., 4]
    with torch.no_grad():
        scale = torch.where(positive, quality, 0.75 * objectness.sigmoid() ** 2)
        scale[spared] = 0.0
    known = functional.binary_cross_entropy_with_logits(objectness, quality, scale, reduction="sum")
    named = functional.binary_cross_entropy_with_logits(cells[..., 5:][positive], wanted_classes, reduction="none")
    parts = {
        "objectness": known / total,
        "class": (named.sum(1) * weight).sum() / total,
        "box": ((1.0 - generalised_iou(boxes[positive], wanted_boxes)) * weight).sum() / total,
        "segments": functional.cross_entropy(logits, targets.segments, ignore_index=255),
    }
    whole = torch.stack([_WEIGHTS[name] * part for name, part in parts.items()]).sum()
    return whole, {name: part.item() for name, part in parts.items()}


@torch.no_grad()
def assign(cells: Tensor, boxes: Tensor, targets: Targets, grid_cells: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return (B, A) the object each cell answers for or -1, how well it does, and cells of which nothing is asked."""
    centres, stride = (grid_cells[:, :2] + 0.5) * grid_cells[:, 2:], grid_cells[:, 2]
    inside = _inside(centres, targets.boxes)
    middle = (targets.boxes[..., :2] + targets.boxes[..., 2:]) / 2
    reach = _REACH * stride
    close = (centres[:, 0] - middle[..., :1]).abs() < reach
    close &= (centres[:, 1] - middle[..., 1:]).abs() < reach
    eligible = (inside | close) & targets.valid[..., None]
    score = cells[..., 4].sigmoid()[:, None] * cells[..., 5:].sigmoid().transpose(1, 2).gather(
        1, targets.classes[..., None].expand(-1, -1, cells.shape[1])
    )
    overlap = pairwise_iou(targets.boxes, boxes)
    metric = (score**_SCORE_POWER * overlap**_OVERLAP_POWER + 1e-9) * eligible
    best, where = metric.topk(_TOP, dim=2)
    chosen = torch.zeros_like(metric).scatter_(2, where, (best > 0).float()).bool()
    contest = torch.where(chosen, overlap + 1e-6, torch.zeros_like(overlap))
    strongest, owner = contest.max(1)
    positive = strongest > 0
    chosen &= (owner[:, None] == torch.arange(metric.shape[1], device=owner.device)[:, None]) & positive[:, None]
    metric = metric * chosen
    top_metric = metric.amax(2, keepdim=True).clamp(min=1e-9)
    top_overlap = (overlap * chosen).amax(2, keepdim=True)
    quality = (metric / top_metric * top_overlap).amax(1)
    spared = (inside & targets.ignored[..., None]).any(1) & ~positive
    return torch.where(positive, owner, -1), quality * positive, spared


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """Return (B, M, A) of boxes (B, M, 4) and (B, A, 4)."""
    shared = torch.ones(1, device=a.device)
    for axis in (0, 1):
        low = torch.maximum(a[:, :, None, axis], b[:, None, :, axis])
        high = torch.minimum(a[:, :, None, 2 + axis], b[:, None, :, 2 + axis])
        shared = shared * (high - low).clamp_(min=0)
    return shared / (_area(a)[:, :, None] + _area(b)[:, None] - shared).clamp(min=1e-6)


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Return (N,) of boxes (N, 4) and (N, 4)."""
    shared = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(-1)
    union = (_area(a) + _area(b) - shared).clamp(min=1e-6)
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(-1).clamp(min=1e-6)
    return shared / union - (hull - union) / hull


def _inside(centres: Tensor, boxes: Tensor) -> Tensor:
    """Return bool (B, M, A) where centres (A, 2) lie in boxes (B, M, 4)."""
    x, y = centres[:, 0], centres[:, 1]
    return (x > boxes[..., 0:1]) & (y > boxes[..., 1:2]) & (x < boxes[..., 2:3]) & (y < boxes[..., 3:4])


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)
