"""Preparing images on the GPU: the kernel, and the numbers that tell it what to do.

The same as :mod:`perception_core.inference.preprocess` does with OpenCV: each pixel of the network's input is drawn
from the four pixels of the image around it (bilinear, centres at a half, edges repeated), is padding where no image
lies, and is scaled. Positions and weights are whole numbers, 11 bits as in OpenCV, and what a value 0..255 becomes
stands in a table made here: no rounding is left to the compiler, so every GPU gives the same bits, and so does a host
that compiles the same text. Both differ from OpenCV by at most one of 255 steps, where its SIMD code rounds in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.inference.layout import MOST_TILES, Placement
from perception_core.inference.model_card import InputSpec
from perception_core.inference.preprocess import gain_and_bias

KERNEL_NAME = "prepare_image"

BLOCK = (32, 8)
"""Threads of a block: columns, rows."""

ELEMENT = "ELEMENT"
"""The macro that has to name an unsigned type of as many bytes as an element of the network's input has."""

KERNEL_SOURCE = r"""
/* One thread a pixel of the network's input. `plan`: see _PLAN_FIELDS, then six numbers a window; `table`: what the
   values 0..255 become, channel by channel of the network, then its three values of padding. */

struct Sample { int first, second, weight; };  /* the second counts `weight` of 2048, the first the rest */

static __device__ Sample sampled(int at, int drawn, int taken)
{
    /* The centre of pixel `at` of `drawn`, in pixels of `taken` and counted from the centre of the first. */
    const long long unit = 2LL * drawn;
    const long long position = (2LL * at + 1) * taken - drawn;
    Sample sample = {0, 0, 0};
    if (position <= 0) return sample;
    sample.first = sample.second = (int)(position / unit);
    if (sample.first >= taken - 1) { sample.first = sample.second = taken - 1; return sample; }
    sample.second = sample.first + 1;
    sample.weight = (int)(((position % unit) * 2048 + drawn) / unit);
    return sample;
}

extern "C" __global__ void prepare_image(
    const unsigned char *pixels, const int *plan, const ELEMENT *table, ELEMENT *input)
{
    const int x = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    const int y = (int)(blockIdx.y * blockDim.y + threadIdx.y);
    const int width = plan[0], height = plan[1];
    if (x >= width || y >= height) return;
    const long long out = (long long)y * plan[3] + (long long)x * plan[4];
    const long long row_bytes = 3LL * plan[5];
    for (int i = 0; i < plan[8]; ++i) {
        const int *window = plan + 9 + 6 * i;  /* first column and columns in the image, size and corner in the input */
        const int column = x - window[4], row = y - window[5];
        if (column < 0 || row < 0 || column >= window[2] || row >= window[3]) continue;
        const Sample across = sampled(column, window[2], window[1]);
        const Sample down = sampled(row, window[3], plan[6]);
        const unsigned char *above = pixels + down.first * row_bytes + 3LL * window[0];
        const unsigned char *below = pixels + down.second * row_bytes + 3LL * window[0];
        for (int channel = 0; channel < 3; ++channel) {
            const int colour = plan[7] ? channel : 2 - channel;
            const int left = 3 * across.first + colour, right = 3 * across.second + colour;
            const int top = above[left] * (2048 - across.weight) + above[right] * across.weight;
            const int bottom = below[left] * (2048 - across.weight) + below[right] * across.weight;
            const int value = (top * (2048 - down.weight) + bottom * down.weight + (1 << 21)) >> 22;
            input[out + (long long)channel * plan[2]] = table[256 * channel + value];
        }
        return;
    }
    for (int channel = 0; channel < 3; ++channel)
        input[out + (long long)channel * plan[2]] = table[768 + channel];
}
"""

_PLAN_FIELDS = 9
"""Width and height of the input; its strides from channel to channel, row to row and column to column, in elements;
columns and rows of the image; 1 where blue comes first; number of windows."""

PLAN_SIZE = _PLAN_FIELDS + 6 * MOST_TILES


@dataclass(frozen=True, slots=True)
class ImageTable:
    """What values become: elements (771,) of the network's input as it stores them, for one card."""

    spec: InputSpec
    elements: NDArray[Any]

    @classmethod
    def of(cls, spec: InputSpec, dtype: np.dtype[Any]) -> "ImageTable":
        """Work the table out for an input of ``dtype``, as the CPU would: in float32, then rounded to whole numbers."""
        gain, bias = (each[:, np.newaxis] for each in gain_and_bias(spec))
        values = np.arange(256, dtype=np.float32) * gain + bias
        padding = np.float32(spec.pad) * gain + bias
        elements = np.concatenate([values.ravel(), padding.ravel()])
        if dtype.kind == "u":
            elements = np.clip(np.rint(elements), 0, 255)
        return cls(spec, elements.astype(dtype))


def image_plan(spec: InputSpec, shape: tuple[int, ...], windows: Sequence[Placement]) -> NDArray[np.int32]:
    """Return int32 (PLAN_SIZE,) for an image of ``shape`` (rows, columns, 3) whose ``windows`` are drawn."""
    plan = np.zeros(PLAN_SIZE, np.int32)
    last = spec.layout == "nhwc"
    strides = (1, 3 * spec.width, 3) if last else (spec.width * spec.height, spec.width, 1)
    blue_first = spec.colour == "bgr"
    plan[:_PLAN_FIELDS] = (spec.width, spec.height, *strides, shape[1], shape[0], blue_first, len(windows))
    for i, window in enumerate(windows):
        first = _PLAN_FIELDS + 6 * i
        plan[first : first + 6] = (window.left, window.columns, window.width, window.height, *window.offset)
    return plan


def blocks(spec: InputSpec) -> tuple[int, int]:
    """Return how many blocks of threads cover the network's input, across and down."""
    return -(-spec.width // BLOCK[0]), -(-spec.height // BLOCK[1])
