"""From images of any size to a network's input tensor, without allocating."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.inference.layout import Placement, lay_out
from perception_core.inference.model_card import InputSpec


class Preprocessor:
    """Resizes, letterboxes, reorders and scales images into one buffer that it owns."""

    def __init__(self, spec: InputSpec, split_wide: bool = False, tensor: NDArray[np.float32] | None = None) -> None:
        """Allocate the tensor for ``spec``, or write into ``tensor`` float32 (1, 3, height, width).

        ``split_wide`` is as in :func:`perception_core.inference.layout.lay_out`.
        """
        self._spec = spec
        self._split_wide = split_wide
        self._gain, self._bias = gain_and_bias(spec)
        self._blue_first = spec.colour == "bgr"
        self._tensor = np.empty((1, 3, spec.height, spec.width), np.float32) if tensor is None else tensor
        self._size = (0, 0)
        self._placements: tuple[Placement, ...] = ()
        self._parts: list[_Part] = []

    def __call__(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], tuple[Placement, ...]]:
        """Return the network's input for an image uint8 (H, W, 3) BGR, and where its parts lie in it.

        The tensor float32 (1, 3, height, width) is overwritten by the next call.
        """
        height, width = pixels.shape[:2]
        if (width, height) != self._size:
            self._prepare(width, height)
        for placement, part in zip(self._placements, self._parts, strict=True):
            window = pixels[:, placement.left : placement.left + placement.columns]
            size = (placement.width, placement.height)
            cv2.resize(window, size, dst=part.resized, interpolation=cv2.INTER_LINEAR)
            cv2.split(part.resized, part.blue_green_red)
            _fill(part.planes, self._gain, self._bias, placement.offset, self._tensor[0])
        return self._tensor, self._placements

    def _prepare(self, width: int, height: int) -> None:
        """Paint the padding, which stays until an image of another size comes."""
        padding = self._spec.pad * self._gain + self._bias
        self._tensor[0] = padding[:, np.newaxis, np.newaxis]
        self._placements = lay_out(self._spec, width, height, self._split_wide)
        self._parts = [_part(p, self._blue_first) for p in self._placements]
        self._size = (width, height)


class BatchPreprocessor:
    """Several images side by side in one tensor, each with its own size and placements."""

    def __init__(self, spec: InputSpec, split_wide: bool = False) -> None:
        """Start without a tensor; it grows to the largest batch that comes."""
        self._spec = spec
        self._split_wide = split_wide
        self._tensor = np.empty((0, 3, spec.height, spec.width), np.float32)
        self._slots: list[Preprocessor] = []

    def __call__(
        self, images: Sequence[NDArray[np.uint8]], batch: int
    ) -> tuple[NDArray[np.float32], list[tuple[Placement, ...]]]:
        """Return the tensor float32 (batch, 3, height, width), and where the parts of each image lie in it.

        Where there are fewer images than ``batch``, the rest keeps what was there. The tensor is overwritten by the
        next call.
        """
        if batch > len(self._slots):
            self._tensor = np.zeros((batch, 3, self._spec.height, self._spec.width), np.float32)
            self._slots = [Preprocessor(self._spec, self._split_wide, self._tensor[i : i + 1]) for i in range(batch)]
        placements = [slot(pixels)[1] for slot, pixels in zip(self._slots, images, strict=False)]
        return self._tensor[:batch], placements


def warm_up() -> None:
    """Compile, or load from the cache, so that no image has to wait."""
    Preprocessor(InputSpec(width=2, height=2))(np.zeros((2, 2, 3), np.uint8))


def gain_and_bias(spec: InputSpec) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return float32 (3,) each: a value of 0..255 becomes ``value * gain + bias``, in the order of the channels."""
    mean, std = np.array(spec.mean), np.array(spec.std)
    return (spec.scale / std).astype(np.float32), (-mean / std).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Part:
    """Buffers of one placement: the resized window, and its colours apart in the network's order."""

    resized: NDArray[np.uint8]
    planes: NDArray[np.uint8]
    blue_green_red: list[NDArray[np.uint8]]


def _part(placement: Placement, blue_first: bool) -> _Part:
    planes = np.empty((3, placement.height, placement.width), np.uint8)
    order = (0, 1, 2) if blue_first else (2, 1, 0)
    resized = np.empty((placement.height, placement.width, 3), np.uint8)
    return _Part(resized, planes, [planes[i] for i in order])


@njit(cache=True)
def _fill(
    planes: NDArray[np.uint8],
    gain: NDArray[np.float32],
    bias: NDArray[np.float32],
    offset: tuple[int, int],
    tensor: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    """Scale planes (3, h, w) into the tensor; rows of neighbouring values, so that the compiler can use SIMD."""
    _, height, width = planes.shape
    left, top = offset
    for channel in range(3):
        factor, constant = gain[channel], bias[channel]
        for y in range(height):
            row = planes[channel, y]
            out = tensor[channel, top + y, left : left + width]
            for x in range(width):
                out[x] = np.float32(row[x]) * factor + constant
