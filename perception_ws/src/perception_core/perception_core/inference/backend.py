"""The one protocol behind which every inference engine stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.image_runner import ImageRunner, Preprocessing
from perception_core.inference.progress import Progress

Tensors = dict[str, NDArray[Any]]

ANY_INPUT = ""
"""Where shapes are given by name, in the place of a name: every input that is not named."""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One input or output of a network.

    Attributes:
        name: as the file names it.
        shape: one entry a dimension, None where the file leaves it open.
        dtype: NumPy dtype.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        """Return ``images float32 [1, 3, ?, ?]``."""
        dims = ", ".join("?" if n is None else str(n) for n in self.shape)
        return f"{self.name} {self.dtype} [{dims}]"


class Backend(Protocol):
    """A loaded network that can be run; not thread-safe, one owner each.

    Attributes:
        name: the engine, for people: ``onnxruntime (CPU, 2 threads)``.
        reason: why this engine and not another.
        progress: how far a better engine is that is being built beside, for diagnostics.
        preprocessing: where images are prepared, for people and diagnostics.
        images: prepares images on the device and runs the network on them; None where they have to come prepared.
        path: the file it was loaded from.
        inputs: what :meth:`run` wants.
        outputs: what :meth:`run` returns.
    """

    @property
    def name(self) -> str:
        """Engine and device, for people."""
        ...

    @property
    def reason(self) -> str:
        """Why this engine and not another, in one line; empty where it was asked for by name."""
        ...

    @property
    def progress(self) -> Progress | None:
        """How far a better engine is that is being built beside; None where none is."""
        ...

    @property
    def preprocessing(self) -> Preprocessing:
        """Where images are prepared, and why not on the GPU where that was to be expected."""
        ...

    @property
    def images(self) -> ImageRunner | None:
        """What prepares images on the device for the next run; None where they have to come prepared."""
        ...

    @property
    def path(self) -> str:
        """File the network was loaded from."""
        ...

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """Inputs in the order of the file."""
        ...

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """Outputs in the order of the file."""
        ...

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Tensors:
        """Run the network once; the arrays returned are the caller's.

        Raises:
            ModelError: a missing input, a wrong shape or dtype, or a failure of the engine.
        """
        ...

    def close(self) -> None:
        """Free what the engine holds; running afterwards is a ModelError."""
        ...


def check_inputs(path: str, wanted: tuple[TensorInfo, ...], given: Mapping[str, NDArray[Any]]) -> None:
    """Check names, dtypes and shapes of the inputs of a run, for engines that would read past the end of an array.

    Raises:
        ModelError: naming the file, the input, what was given and what is wanted.
    """
    if set(given) != {info.name for info in wanted}:
        listed = ", ".join(sorted(given)) or "none"
        raise ModelError(f"{path}: expected the inputs {', '.join(info.name for info in wanted)}, got {listed}")
    for info in wanted:
        array = given[info.name]
        fits = len(array.shape) == len(info.shape) and all(
            have == want or (want is None and have > 0) for have, want in zip(array.shape, info.shape, strict=True)
        )
        if not fits or array.dtype != info.dtype:
            raise ModelError(f"{path}: expected {info}, got {array.dtype} {list(array.shape)}")
