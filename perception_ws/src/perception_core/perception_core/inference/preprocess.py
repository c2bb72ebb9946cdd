"""From an image of any size to a network's input tensor, without allocating."""

from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.inference.model_card import InputSpec


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an image of some size lies in the network's input: ``network = source * scale + offset``.

    Coordinates are edges: pixel i covers [i, i + 1), as in ``cv2.resize``.

    Attributes:
        width, height: size of the resized image in pixels of the network.
        offset: (x, y) of its corner in pixels of the network.
        scale: (x, y) pixels of the network a source pixel; the two differ by the rounding of the size.
    """

    width: int
    height: int
    offset: tuple[int, int]
    scale: tuple[float, float]

    def to_source(self, boxes: NDArray[np.float32]) -> NDArray[np.float64]:
        """Move boxes (K, 4) from pixels of the network to pixels of the source image, as float64."""
        offset = np.array(self.offset * 2, np.float64)
        scale = np.array(self.scale * 2, np.float64)
        moved: NDArray[np.float64] = (boxes - offset) / scale
        return moved


def place(spec: InputSpec, width: int, height: int) -> Placement:
    """Return where an image of ``width`` x ``height`` pixels goes."""
    if spec.letterbox == "stretch":
        new_width, new_height = spec.width, spec.height
    else:
        ratio = min(spec.width / width, spec.height / height)
        new_width = min(spec.width, max(1, round(width * ratio)))
        new_height = min(spec.height, max(1, round(height * ratio)))
    offset = (0, 0)
    if spec.letterbox == "centre":
        offset = ((spec.width - new_width) // 2, (spec.height - new_height) // 2)
    return Placement(new_width, new_height, offset, (new_width / width, new_height / height))


class Preprocessor:
    """Resizes, letterboxes, reorders and scales images into one buffer that it owns."""

    def __init__(self, spec: InputSpec) -> None:
        """Allocate the tensor for ``spec``."""
        self._spec = spec
        mean, std = np.array(spec.mean), np.array(spec.std)
        self._gain = (spec.scale / std).astype(np.float32)
        self._bias = (-mean / std).astype(np.float32)
        self._channels = np.array([0, 1, 2] if spec.colour == "bgr" else [2, 1, 0])
        self._tensor = np.empty((1, 3, spec.height, spec.width), np.float32)
        self._placement: Placement | None = None
        self._resized = np.empty((0, 0, 3), np.uint8)

    def __call__(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], Placement]:
        """Return the network's input for an image uint8 (H, W, 3) BGR, and where the image lies in it.

        The tensor float32 (1, 3, height, width) is overwritten by the next call.
        """
        placement = place(self._spec, pixels.shape[1], pixels.shape[0])
        if placement != self._placement:
            self._prepare(placement)
        cv2.resize(pixels, (placement.width, placement.height), dst=self._resized, interpolation=cv2.INTER_LINEAR)
        _fill(self._resized, self._channels, self._gain, self._bias, placement.offset, self._tensor[0])
        return self._tensor, placement

    def _prepare(self, placement: Placement) -> None:
        """Paint the padding, which stays until an image of another size comes."""
        padding = self._spec.pad * self._gain + self._bias
        self._tensor[0] = padding[:, np.newaxis, np.newaxis]
        self._resized = np.empty((placement.height, placement.width, 3), np.uint8)
        self._placement = placement


def warm_up() -> None:
    """Compile, or load from the cache, so that no image has to wait."""
    Preprocessor(InputSpec(width=2, height=2))(np.zeros((2, 2, 3), np.uint8))


@njit(cache=True)
def _fill(
    pixels: NDArray[np.uint8],
    channels: NDArray[np.int64],
    gain: NDArray[np.float32],
    bias: NDArray[np.float32],
    offset: tuple[int, int],
    tensor: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    height, width, _ = pixels.shape
    for out in range(3):
        source, factor, constant = channels[out], gain[out], bias[out]
        for y in range(height):
            for x in range(width):
                tensor[out, y + offset[1], x + offset[0]] = np.float32(pixels[y, x, source]) * factor + constant
