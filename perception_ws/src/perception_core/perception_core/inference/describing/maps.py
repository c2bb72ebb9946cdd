"""Outputs with a class, or scores of classes, for each pixel."""

from collections.abc import Sequence

from perception_core.inference.backend import TensorInfo
from perception_core.inference.describing.clues import Clues, Guess
from perception_core.inference.description import certain, likely


def tell_class_map(clues: Clues, output: TensorInfo) -> Guess | None:
    """Tell a class, or a score of each class, for every pixel."""
    whole = output.dtype.kind in "iu"
    task = certain if whole else likely
    shape = output.shape[1:]
    if len(shape) == 3 and 1 in (shape[0], shape[2]):
        shape = shape[1:] if shape[0] == 1 else shape[:2]
    if len(shape) == 2 and (whole or _is_grid_of(clues, shape)):
        kind = f"{output.name} has a number for each pixel"
        return Guess(task("class_map", kind), task("segmentation", kind))
    if len(shape) != 3 or whole or clues.width is None:
        return None
    scores, grid = (shape[0], shape[1:]) if _is_grid_of(clues, shape[1:]) else (shape[2], shape[:2])
    if scores is None or not _is_grid_of(clues, grid):
        return None
    kind = f"{output.name} has {scores} scores for each pixel"
    return Guess(likely("class_map", kind), likely("segmentation", kind), segment_count=scores)


def _is_grid_of(clues: Clues, shape: Sequence[int | None]) -> bool:
    """Return whether rows and columns are the input's, or a half, a quarter or an eighth of them."""
    if clues.width is None or clues.height is None:
        return False
    return any(tuple(shape) == (-(-clues.height // k), -(-clues.width // k)) for k in (1, 2, 4, 8))
