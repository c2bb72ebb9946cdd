"""Train: ``python -m perception_training.train --data DATA --out RUN [--resume] [--epochs 84]``.

CPU or CUDA. The seed decides everything; each epoch leaves ``RUN/last.pt``, from which ``--resume`` goes on, also with
another number of epochs. Figures go to TensorBoard's files in RUN.
"""

import argparse
import copy
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from perception_training.data import Sample, batch, load_shards
from perception_training.losses import Targets, loss
from perception_training.network import MultiTask, grid

_WEIGHT_DECAY = 0.03
_WARM_UP = 200
_LEAST_RATE = 0.02


@dataclass
class State:
    """Everything a stopped run needs to go on."""

    network: MultiTask
    average: MultiTask
    optimiser: torch.optim.Optimizer
    epoch: int = 0
    step: int = 0


def main() -> None:
    """Train from the start or from the last checkpoint."""
    given = _arguments()
    torch.manual_seed(given.seed)
    torch.set_num_threads(given.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    state = _fresh(device, given.rate)
    given.out.mkdir(parents=True, exist_ok=True)
    if given.resume and (given.out / "last.pt").exists():
        _restore(state, given.out / "last.pt")
    writer = SummaryWriter(str(given.out), purge_step=state.step)
    known: set[Path] = set()
    samples: list[Sample] = []
    while state.epoch < given.epochs:
        samples += load_shards(given.data, known)
        start = time.monotonic()
        mean = _epoch(state, samples, given, device, writer)
        state.epoch += 1
        _save(state, given.out / "last.pt")
        shown = ", ".join(f"{name} {value:.3f}" for name, value in mean.items())
        print(f"epoch {state.epoch}/{given.epochs}: {len(samples)} images, {time.monotonic() - start:.0f} s: {shown}",
              flush=True)  # fmt: skip
    writer.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--epochs", type=int, default=84)
    parser.add_argument("--batches", type=int, default=100, help="batches an epoch")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def _fresh(device: torch.device, rate: float) -> State:
    network = MultiTask().to(device, memory_format=torch.channels_last)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    free = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": _WEIGHT_DECAY}, {"params": free, "weight_decay": 0.0}]
    return State(network, copy.deepcopy(network).eval(), torch.optim.AdamW(groups, lr=rate))


def _restore(state: State, path: Path) -> None:
    kept = torch.load(path, weights_only=True)
    state.network.load_state_dict(kept["network"])
    state.average.load_state_dict(kept["average"])
    state.optimiser.load_state_dict(kept["optimiser"])
    state.epoch, state.step = kept["epoch"], kept["step"]


def _save(state: State, path: Path) -> None:
    content = {"epoch": state.epoch, "step": state.step, "optimiser": state.optimiser.state_dict()}
    partial = path.with_suffix(".part")
    torch.save({**content, "network": state.network.state_dict(), "average": state.average.state_dict()}, partial)
    partial.replace(path)


def _epoch(
    state: State, samples: list[Sample], given: argparse.Namespace, device: torch.device, writer: SummaryWriter
) -> dict[str, float]:
    rng = np.random.default_rng([given.seed, state.epoch])
    order = np.concatenate(
        [rng.permutation(len(samples)) for _ in range(1 + given.batches * given.batch // len(samples))]
    )
    cells = grid(samples[0].image.shape[1], samples[0].image.shape[0]).to(device)
    state.network.train()
    sums: dict[str, float] = {}
    for i in range(given.batches):
        chosen = [samples[k] for k in order[i * given.batch : (i + 1) * given.batch]]
        images, targets = batch(chosen, rng)
        rate = given.rate * rate_factor(state.step, given.epochs * given.batches)
        for group in state.optimiser.param_groups:
            group["lr"] = rate
        parts = _step(state, images.to(device), _moved(targets, device), cells)
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + value / given.batches
        if state.step % 20 == 0:
            for name, value in {**parts, "rate": rate}.items():
                writer.add_scalar(f"training/{name}", value, state.step)
    return sums


def _step(state: State, images: Tensor, targets: Targets, cells: Tensor) -> dict[str, float]:
    images = images.contiguous(memory_format=torch.channels_last)
    with torch.autocast(images.device.type, dtype=torch.bfloat16):
        answers, logits = state.network(images)
    whole, parts = loss(answers, logits, targets, cells)
    state.optimiser.zero_grad(set_to_none=True)
    whole.backward()
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), 5.0)
    state.optimiser.step()
    state.step += 1
    _follow(state)
    return parts


@torch.no_grad()
def _follow(state: State) -> None:
    """Move the average of the weights, faster in the beginning."""
    share = 1.0 - min(0.998, (1.0 + state.step) / (20.0 + state.step))
    new = state.network.state_dict()
    for name, value in state.average.state_dict().items():
        if value.dtype.is_floating_point:
            value.lerp_(new[name], share)
        else:
            value.copy_(new[name])


def _moved(targets: Targets, device: torch.device) -> Targets:
    columns = (targets.boxes, targets.classes, targets.valid, targets.ignored, targets.segments)
    return Targets(*(column.to(device) for column in columns))


def rate_factor(step: int, steps: int) -> float:
    """Return the share of the learning rate: up in a straight line, down along a cosine."""
    if step < _WARM_UP:
        return (step + 1) / _WARM_UP
    done = min(1.0, (step - _WARM_UP) / max(1, steps - _WARM_UP))
    return _LEAST_RATE + (1.0 - _LEAST_RATE) * 0.5 * (1.0 + math.cos(math.pi * done))


if __name__ == "__main__":
    main()
