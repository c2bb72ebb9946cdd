"""Export: ``python -m perception_training.export RUN/last.pt MODEL.onnx``, checked against torch by ONNX Runtime.

Writes the averaged weights with an image of fixed size and an open batch, batch normalisation folded into the
convolutions.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from perception_training.network import Exported, MultiTask
from perception_training.task import HEIGHT, WIDTH

OPSET = 17
_TOLERANCE = 1e-4
_MOST_BYTES = 3_000_000


def main() -> None:
    """Export a checkpoint, compare both on noise, and print size and sha256 for the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("model", type=Path)
    given = parser.parse_args()
    network = MultiTask()
    kept = torch.load(given.checkpoint, weights_only=True, map_location="cpu")
    network.load_state_dict(kept["average"])
    exported = Exported(network.eval()).eval()
    example = torch.from_numpy(np.random.default_rng(0).normal(0.0, 1.0, (1, 3, HEIGHT, WIDTH)).astype(np.float32))
    torch.onnx.export(
        exported, (example,), str(given.model), opset_version=OPSET, dynamo=False,
        input_names=["images"], output_names=["boxes", "segments"],
        dynamic_axes={name: {0: "batch"} for name in ("images", "boxes", "segments")},
    )  # fmt: skip
    _state_shapes(given.model, [tuple(output.shape[1:]) for output in exported(example)])
    pair = torch.cat([example, example.flip(3)])
    difference = max(_difference(exported, given.model, images) for images in (example, pair))
    content = given.model.read_bytes()
    print(f"epoch {kept['epoch']}, largest difference to torch {difference:.1e}")
    print(f"size: {len(content)}\nsha256: {hashlib.sha256(content).hexdigest()}")
    if difference > _TOLERANCE or len(content) > _MOST_BYTES:
        raise SystemExit(f"not usable: difference {difference:.1e} > {_TOLERANCE} or {len(content)} > {_MOST_BYTES} B")


def _state_shapes(path: Path, shapes: list[tuple[int, ...]]) -> None:
    """Write the outputs' sizes, but for the batch, into the file: the exporter only names some of them."""
    model = onnx.load(path)
    for output, shape in zip(model.graph.output, shapes, strict=True):
        for dim, size in zip(output.type.tensor_type.shape.dim[1:], shape, strict=True):
            dim.dim_value = size
    onnx.save(model, path)


def _difference(exported: Exported, path: Path, example: torch.Tensor) -> float:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    theirs = session.run(None, {"images": example.numpy()})
    with torch.no_grad():
        ours = exported(example)
    return max(float(np.abs(a.numpy() - b).max()) for a, b in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    main()
