"""What a network wants to be fed besides pixels: layout, number type, batch, and inputs that state the image's size."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import Backend, TensorInfo
from perception_core.inference.model_card import InputSpec

_IMAGE_DTYPES = (np.float32, np.float16, np.uint8)

_SIZE_INPUTS = ("orig_target_sizes",)
"""Inputs (B, 2) of whole numbers: width and height of the image that the boxes shall be in. RT-DETR's export has it."""


@dataclass(frozen=True, slots=True)
class NetworkInput:
    """The inputs of a network that looks at colour images.

    Attributes:
        image: the image input.
        size_inputs: inputs that are told the size of the network's image.
        spec: the card's conventions.
        batch: images a run, None where any number will do.
    """

    image: TensorInfo
    size_inputs: tuple[TensorInfo, ...]
    spec: InputSpec
    batch: int | None

    def feed(self, tensor: NDArray[np.float32]) -> Mapping[str, NDArray[Any]]:
        """Return the arrays to run the network with, of a tensor float32 (B, 3, H, W)."""
        pixels: NDArray[Any] = tensor
        if self.image.dtype == np.uint8:
            pixels = np.clip(np.rint(pixels), 0, 255)
        if self.spec.layout == "nhwc":
            pixels = pixels.transpose(0, 2, 3, 1)
        return {self.image.name: np.ascontiguousarray(pixels, dtype=self.image.dtype), **self.sizes(len(tensor))}

    def sizes(self, batch: int) -> Mapping[str, NDArray[Any]]:
        """Return the arrays of all inputs but the image's, for ``batch`` images."""
        size = [[self.spec.width, self.spec.height]] * batch
        return {info.name: np.array(size, info.dtype) for info in self.size_inputs}


def network_input(backend: Backend, spec: InputSpec) -> NetworkInput:
    """Return the inputs of a loaded network, checked against its card.

    Raises:
        ModelError: no or several image inputs, inputs nobody knows what to put into, or a shape or type that does not
            fit the card.
    """
    size_inputs = tuple(i for i in backend.inputs if i.name in _SIZE_INPUTS and len(i.shape) == 2)
    images = [i for i in backend.inputs if i not in size_inputs]
    if len(images) != 1:
        listed = "; ".join(str(i) for i in backend.inputs)
        raise ModelError(f"expected one image input, got {len(images)}: {listed}")
    info = images[0]
    last = spec.layout == "nhwc"
    shown = "[B, H, W, 3]" if last else "[1, 3, H, W]"
    if len(info.shape) != 4 or info.shape[3 if last else 1] not in (3, None) or info.dtype.type not in _IMAGE_DTYPES:
        raise ModelError(f"expected an input float32 {shown}, got {info}")
    rows_and_columns = info.shape[1:3] if last else info.shape[2:]
    wanted = (spec.height, spec.width)
    if any(have not in (want, None) for have, want in zip(rows_and_columns, wanted, strict=True)):
        raise ModelError(f"the card says {spec.width}x{spec.height} (width x height), the file {info}")
    return NetworkInput(info, size_inputs, spec, info.shape[0])
