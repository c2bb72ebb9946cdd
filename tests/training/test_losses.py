"""Assignment and losses by hand; only where torch is installed, in the training's own environment."""

import pytest
import torch

from perception_training.losses import Targets, assign, generalised_iou, loss, pairwise_iou
from perception_training.network import Exported, MultiTask, decode, grid


def targets(boxes, classes, valid=None):
    count = len(boxes)
    asked = torch.tensor([[True] * count if valid is None else valid])
    return Targets(
        torch.tensor([boxes], dtype=torch.float32),
        torch.tensor([classes]),
        asked,
        ~asked,
        torch.zeros(1, 16, 16, dtype=torch.int64),
    )


def test_cells_lie_scale_by_scale_and_row_by_row():
    cells = grid(64, 64)
    assert cells.shape == (64 + 16 + 4, 3)
    assert cells[9].tolist() == [1.0, 1.0, 8.0]
    assert cells[-1].tolist() == [1.0, 1.0, 32.0]


def test_boxes_by_hand():
    # Cell (2, 1) of stride 16, half a cell on: centre (40, 24); sides of 1 and 2 strides.
    cells = torch.tensor([[[0.5, 0.5, 0.0, 0.6931472]]])
    assert torch.allclose(decode(cells, torch.tensor([[2.0, 1.0, 16.0]])), torch.tensor([[[32.0, 8, 48, 40]]]))


def test_overlaps_by_hand():
    a, b = torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([[5.0, 0, 15, 10]])
    assert pairwise_iou(a[None], b[None]).item() == pytest.approx(1 / 3)
    assert generalised_iou(a, b).item() == pytest.approx(1 / 3)  # their hull is their union
    far = torch.tensor([[20.0, 0, 30, 10]])
    assert generalised_iou(a, far).item() == pytest.approx(-1 / 3)  # a third of the hull of 30 is in neither


def answers(boxes, class_id, cells):
    """Return what a network says that gives ``boxes`` (A, 4) exactly, each with ``class_id``."""
    stride = cells[:, 2:]
    centre, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    scores = torch.full((len(cells), 7), -4.0)
    scores[:, 1 + class_id] = 4.0
    return torch.cat([centre / stride - cells[:, :2], (size / stride).log(), scores], 1)[None]


def test_the_cells_that_fit_best_answer():
    cells = grid(64, 64)
    truth = torch.tensor([16.0, 16, 48, 48])
    said = answers(truth.expand(len(cells), 4), 0, cells)
    owner, quality, spared = assign(said, decode(said, cells), targets([truth.tolist()], [0]), cells)
    centres = (cells[:, :2] + 0.5) * cells[:, 2:]
    inside = ((centres > 16) & (centres < 48)).all(1)
    assert (owner >= 0).sum() == 10
    assert inside[owner[0] >= 0].all()
    assert quality[owner >= 0].min() == pytest.approx(1.0, abs=1e-4)
    assert not spared.any()


def test_nothing_is_asked_inside_what_is_ignored():
    cells = grid(64, 64)
    box = torch.tensor([16.0, 16, 48, 48])
    said = answers(box.expand(len(cells), 4), 0, cells)
    owner, quality, spared = assign(said, decode(said, cells), targets([box.tolist()], [0], [False]), cells)
    assert (owner == -1).all()
    assert quality.sum() == 0
    assert spared.sum() == 16 + 4  # cells of strides 8 and 16 with their centres inside; of stride 32 none


def test_a_perfect_answer_costs_next_to_nothing_and_a_wrong_one_more():
    cells = grid(64, 64)
    truth = torch.tensor([16.0, 16, 48, 48])
    said = answers(truth.expand(len(cells), 4), 0, cells)
    owner, _, _ = assign(said, decode(said, cells), targets([truth.tolist()], [0]), cells)
    said[..., 4] = torch.where(owner >= 0, 12.0, -12.0)
    logits = torch.full((1, 6, 16, 16), -12.0)
    logits[:, 0] = 12.0
    good, parts = loss(said, logits, targets([truth.tolist()], [0]), cells)
    assert good < 0.1
    assert parts["box"] == pytest.approx(0.0, abs=1e-5)
    bad, _ = loss(said, -logits, targets([truth.tolist()], [3]), cells)
    assert bad > good + 1.0


def test_an_image_without_objects_has_a_loss():
    cells = grid(64, 64)
    network = MultiTask()
    said, logits = network(torch.zeros(1, 3, 64, 64))
    none = Targets(
        torch.zeros(1, 1, 4),
        torch.zeros(1, 1, dtype=torch.int64),
        torch.zeros(1, 1, dtype=torch.bool),
        torch.zeros(1, 1, dtype=torch.bool),
        torch.full((1, 16, 16), 255),
    )
    whole, _ = loss(said, logits[..., :16, :16], none, cells)
    whole = torch.nan_to_num(whole)
    whole.backward()
    assert torch.isfinite(whole)


def test_the_exported_scores_are_probabilities():
    said, segments = Exported(MultiTask().eval())(torch.zeros(1, 3, 64, 96))
    assert said.shape == (1, 96 + 24 + 6, 11)
    assert segments.shape == (1, 6, 16, 24)
    assert ((said[..., 4:] >= 0) & (said[..., 4:] <= 1)).all()
