"""Picking outputs by name or rank, and saying what is wrong with their shapes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo

Shape = tuple[int | None, ...]
Outputs = Mapping[str, NDArray[Any]]

BOX = 4
"""Numbers that make a box."""


def only_output(model: str, family: str, outputs: tuple[TensorInfo, ...]) -> TensorInfo:
    """Return the one output of a family that has one.

    Raises:
        ModelError: none or several.
    """
    if len(outputs) != 1:
        raise ModelError(f"{model}: {family} has one output, got {len(outputs)}: {listed(outputs)}")
    return outputs[0]


def first_output(outputs: Outputs) -> tuple[str, NDArray[Any]]:
    """Return name and array of the first output."""
    return next(iter(outputs.items()))


def shape_fits(shape: Shape, wanted: Shape) -> bool:
    """Return whether two shapes agree where both are known; None is any length."""
    return len(shape) == len(wanted) and all(None in (a, b) or a == b for a, b in zip(shape, wanted, strict=True))


def entry_of(model: str, name: str, output: NDArray[Any], entry: int) -> NDArray[np.float32]:
    """Return one image's part of an output as contiguous float32.

    Raises:
        ModelError: the batch has no such entry.
    """
    if not 0 <= entry < len(output):
        raise ModelError(f"{model}: output {name} {list(output.shape)} has no image {entry} of the batch")
    return np.ascontiguousarray(output[entry], dtype=np.float32)


def listed(outputs: tuple[TensorInfo, ...]) -> str:
    """Return the outputs with their shapes, for messages."""
    return "; ".join(str(o) for o in outputs)


def infos(outputs: Outputs) -> tuple[TensorInfo, ...]:
    """Return what is known of arrays that have come."""
    return tuple(TensorInfo(name, array.shape, array.dtype) for name, array in outputs.items())
